"""Start a payload: `python3 FILE` installs it. This text is its `__main__.py`, for Python >= 3.6.

The device package is read from the payload into memory, and its hash is that of the index; a thin
payload uses the one that is installed. Nothing is left on the disk, however this ends. What Python
cannot open at all, as a file that was cut, it refuses itself: "can't find '__main__' module".

Whoever runs `python3 FILE` runs what FILE says. Where a board trusts keys and has edge-hdr, the
installed package looks at the signature before anything else of the payload runs, so one that is
unsigned or another's is refused; but a forger can leave this text out. Against forgers,
`edge-hdr-device install FILE` runs nothing of a payload before its signature was checked, and
`python3 -P -m edge_hdr_device.install.vouching FILE`, with the installed package, checks this text.
"""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

LEAST = (3, 11)
BLOCK_BYTES = 1 << 18
PLACES = (  # base and settings of root's installation, and of a user's
    ("/opt/edge-hdr", "/etc/edge-hdr"),
    ("~/.local/share/edge-hdr", "~/.config/edge-hdr"),
)
AGAIN = "copy or bundle it again"


class Refused(Exception):  # noqa: N818 - it ends this program, nobody handles it
    """Carry what the person is told, and the exit code.

    Args:
        message: what is wrong.
        hint: what to do.
        code: the error's name and its exit code, as in `edge_hdr_device.errors`.
    """

    def __init__(self, message: str, hint: str, code: "tuple[str, int]" = ("payload", 3)) -> None:
        super().__init__(message)
        self.message, self.hint, self.code = message, hint, code


def main() -> None:
    """Start what the payload brings, with the arguments; without a command, install it."""
    try:
        prepare()
    except Refused as refused:
        tell(refused)
        sys.exit(refused.code[1])
    except KeyboardInterrupt:
        sys.exit(130)
    from edge_hdr_device.cli.app import main as run

    run()


def prepare() -> None:
    """Find the device package and let Python import it; complete the arguments.

    Raises:
        Refused: this Python is too old, or the payload cannot be used.
    """
    check_python(sys.version_info[:3])
    payload = Path(sys.argv[0]).absolute()
    sys.argv[1:] = arguments(str(payload), sys.argv[1:])
    words = [Path(word).absolute() for word in sys.argv[2:] if zipfile.is_zipfile(word)]
    payloads = [payload] + [path for path in words if path != payload]
    vouch(payloads)
    sys.path[0] = find_package(payloads)


def check_python(version: "tuple[int, ...]") -> None:
    """Refuse a Python that is too old for what follows."""
    if version[:2] < LEAST:
        raise Refused(
            f"this is Python {dotted(version)}, and edge-hdr needs {dotted(LEAST)} or later",
            "Raspberry Pi OS Bookworm or later has a newer one: write that to the card",
            ("check-failed", 6),
        )


def dotted(version: "tuple[int, ...]") -> str:
    """Write a version."""
    return ".".join(map(str, version))


def arguments(payload: str, words: "list[str]") -> "list[str]":
    """Give the arguments of `edge-hdr-device`; without a command word it is `install PAYLOAD`."""
    asks = words[:1] in (["-h"], ["--help"], ["--version"])
    if asks or (words and not words[0].startswith("-")):
        return words
    return ["install", payload, *words]


def place_here() -> "tuple[Path, Path]":
    """Give base and settings of the installation that this is for."""
    is_roots = os.geteuid() == 0 and "--user" not in sys.argv
    base, etc = PLACES[0 if is_roots else 1]
    return Path(base).expanduser(), Path(etc).expanduser()


def vouch(payloads: "list[Path]") -> None:
    """Let the installed package look at the signature, where there are keys; it says what is wrong.

    Without an installed package the payload's installer does the same later on.
    """
    base, etc = place_here()
    keys, runtime = etc / "trusted-keys", base / "current/runtime"
    if not (keys.is_symlink() or keys.exists()) or not is_ours(runtime):
        return
    words = [sys.executable, "-P", "-m", "edge_hdr_device.install.vouching", "--keys", str(keys)]
    words += ["--json"] if "--json" in sys.argv else []
    environment = dict(os.environ, PYTHONPATH=str(runtime), PYTHONDONTWRITEBYTECODE="1")
    words += [str(path) for path in payloads]
    done = subprocess.run(words, env=environment, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def find_package(payloads: "list[Path]") -> str:
    """Give what Python imports the device package from.

    Raises:
        Refused: the payload is damaged, or neither it nor this board has the package.
    """
    try:
        member = read_index(payloads)["members"]["runtime.zip"]
        digest, size = member["sha256"], member["bytes"]
        for path in payloads:
            with zipfile.ZipFile(path) as archive:
                if "members/runtime.zip" in archive.namelist():
                    return in_memory(archive, digest, size)
    except Refused:
        raise
    except Exception as error:  # whatever a damaged file makes zipfile, zlib and json raise
        raise Refused(f"{payloads[0]} is damaged: {error!r}", AGAIN) from error
    for base, _ in PLACES:
        folder = Path(base).expanduser() / "runtimes" / digest[:12]
        if is_ours(folder):
            return str(folder)
    raise Refused(
        "the payload lacks runtime.zip, and this board does not have it",
        "give the whole payload, or all its parts at once",
    )


def read_index(payloads: "list[Path]") -> "dict[str, dict[str, dict[str, str]]]":
    """Read the first index."""
    for path in payloads:
        with zipfile.ZipFile(path) as archive:
            if "payload.json" in archive.namelist():
                return dict(json.loads(archive.read("payload.json").decode()))
    raise Refused(f"{payloads[0]} has no index: it is a part of a payload", "name all its parts")


def in_memory(archive: zipfile.ZipFile, digest: str, size: str) -> str:
    """Copy the package to memory that lives as long as this process; give it as a path."""
    descriptor, found = os.memfd_create("edge-hdr-runtime"), hashlib.sha256()
    to = os.fdopen(descriptor, "wb", closefd=False)
    with archive.open("members/runtime.zip") as entry:
        for block in iter(lambda: entry.read(BLOCK_BYTES), b""):
            found.update(block)
            to.write(block)
            if to.tell() > int(size):
                break
    to.close()
    if found.hexdigest() != digest:
        raise Refused("the payload's runtime.zip is not what its index says", AGAIN)
    return f"/proc/self/fd/{descriptor}"


def is_ours(folder: Path) -> bool:
    """Tell whether a folder has the package, and nobody but root and this user could write it."""
    try:
        owner = (folder / "edge_hdr_device/__init__.py").stat().st_uid
    except OSError:
        return False
    return owner in (0, os.geteuid())


def tell(refused: Refused) -> None:
    """Say why, on standard error, and as the JSON document where that is asked for."""
    if "--json" in sys.argv:
        name, code = refused.code
        error = {"code": name, "message": refused.message, "hint": refused.hint, "exit_code": code}
        document = {"schema": 1, "command": "install", "ok": False, "data": None, "error": error}
        os.write(1, (json.dumps(document) + "\n").encode())
    lines = f"error: {refused.message}\nhint: {refused.hint}\n"
    os.write(2, lines.encode("utf-8", "backslashreplace"))


if __name__ == "__main__":
    main()
