"""Debian packages of any release and architecture, unpacked into a folder; needs no root rights.

apt runs with a state of its own, so this machine's packages are neither read nor changed. The
mirror is the one that this machine is configured for.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from boards import EMULATORS, Board
from cached import cached

from edge_hdr.errors import DependencyError, UnreachableError

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PACKAGES = ("python3-venv", "libstdc++6", "ca-certificates", "dash", "coreutils", "mount")
# Bookworm's own emulator crashes in ai-edge-litert; this one is linked statically, so it runs here.
EMULATOR_SUITE = "trixie"


def root(board: Board) -> Path:
    """Give a board's userland: Python and what it needs, unpacked and not configured."""
    wanted = [*PACKAGES, *(package for package, _ in board.debian)]
    kind = "-".join([board.suite, board.arch, *(["opencv"] if board.debian else [])])

    def make(folder: Path) -> None:
        unpack(wanted, suite=board.suite, arch=board.arch, folder=folder)
        _name_users(folder)
        _gather_certificates(folder)
        _link_alternatives(folder)

    return cached(f"root-{kind}", f"{wanted}\n{Path(__file__).read_text()}", make)


def emulator(board: Board) -> Path:
    """Give the program of QEMU that runs the board's programs."""
    names = sorted(set(EMULATORS.values()))

    def make(folder: Path) -> None:
        members = [f"./usr/bin/{name}" for name in names]
        unpack(["qemu-user"], suite=EMULATOR_SUITE, arch="amd64", folder=folder, members=members)

    folder = cached("qemu", f"{EMULATOR_SUITE} {names}", make)
    return folder / "usr/bin" / EMULATORS[board.machine]


def unpack(
    packages: Sequence[str], *, suite: str, arch: str, folder: Path, members: Sequence[str] = ()
) -> None:
    """Fetch packages with all that they depend on and unpack them into a folder.

    Args:
        packages: Debian's names.
        suite: of Debian.
        arch: Debian's name of the architecture.
        folder: is filled; `bin`, `lib` and `sbin` lead into its `usr`, as on any Debian.
        members: unpack these files alone; all when empty.

    Raises:
        DependencyError: this machine has no apt, or not Debian's keys.
        UnreachableError: the mirror does not answer or lacks a package.
    """
    _require()
    for name in ("bin", "lib", "sbin"):
        (folder / "usr" / name).mkdir(parents=True)
        (folder / name).symlink_to(f"usr/{name}")
    with tempfile.TemporaryDirectory(prefix="edge-hdr-apt-") as state:
        _prepare(Path(state), suite, arch)
        _apt(Path(state), "update")
        _apt(Path(state), "install", "--yes", "--download-only", *packages)
        for archive in sorted(Path(state, "cache", "archives").glob("*.deb")):
            _extract(archive, folder, members)


def _require() -> None:
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise DependencyError(
            f"ARM is emulated on x86-64 Linux; this is {sys.platform} on {platform.machine()}",
            hint="on a board, `make test` itself is the proof",
        )
    probe = subprocess.run(
        ["sh", "-c", "command -v apt-get && command -v dpkg-deb"], capture_output=True, check=False
    )
    if probe.returncode or not KEYRING.exists():
        raise DependencyError(
            "a userland is unpacked from Debian's packages, and apt or Debian's keys are not here",
            hint="run it on Debian, or install apt, dpkg and debian-archive-keyring",
        )


def _mirror() -> str:
    """Read this machine's own mirror of Debian from its configuration."""
    if configured := os.environ.get("EDGE_HDR_DEBIAN_MIRROR"):
        return configured.rstrip("/")
    listing = subprocess.run(
        ["apt-get", "update", "--print-uris"], capture_output=True, text=True, check=False
    ).stdout
    found = re.search(r"'(\S+/debian)/+dists/\w+/InRelease'", listing)
    if not found:
        raise DependencyError(
            "this machine's apt has no mirror of Debian",
            hint="name one: EDGE_HDR_DEBIAN_MIRROR=ADDRESS",
        )
    return found[1]


def _prepare(state: Path, suite: str, arch: str) -> None:
    """Lay out an apt of its own: sources, lists, cache, and a status that knows no package."""
    for name in ("sources", "lists/partial", "cache/archives/partial", "preferences"):
        (state / name).mkdir(parents=True)
    (state / "status").touch()
    (state / "sources/debian.sources").write_text(
        f"Types: deb\nURIs: {_mirror()}\nSuites: {suite}\nComponents: main\nSigned-By: {KEYRING}\n"
    )
    options = {
        "Dir::Etc::SourceList": "/dev/null",
        "Dir::Etc::SourceParts": state / "sources",
        "Dir::Etc::Preferences": "/dev/null",
        "Dir::Etc::PreferencesParts": state / "preferences",
        "Dir::State::Lists": state / "lists",
        "Dir::State::Status": state / "status",
        "Dir::Cache": state / "cache",
        "APT::Architecture": arch,
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Acquire::Retries": 3,
    }
    lines = [f'{key} "{value}";' for key, value in options.items()]
    lines.append(f'APT::Architectures {{ "{arch}"; }};')
    (state / "apt.conf").write_text("\n".join(lines) + "\n")


def _apt(state: Path, *arguments: str) -> None:
    done = subprocess.run(
        ["apt-get", "-qq", *arguments],
        env={**os.environ, "APT_CONFIG": str(state / "apt.conf"), "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UnreachableError(
            f"apt-get {arguments[0]} failed: {reason}", hint="check the network and the mirror"
        )


def _extract(archive: Path, folder: Path, members: Sequence[str]) -> None:
    """Unpack one package without replacing the links of a merged /usr by folders."""
    tar = ["tar", "-x", "--keep-directory-symlink", "--no-same-owner", "-C", str(folder)]
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE) as part:
        done = subprocess.run([*tar, *members], stdin=part.stdout, check=False)
        if part.stdout:
            part.stdout.close()  # a reader that stopped early must not leave the writer waiting
    if done.returncode:
        raise UnreachableError(f"{archive.name} cannot be unpacked", hint="try again")


# What the packages' own set-up would do, which does not run here.


def _name_users(folder: Path) -> None:
    (folder / "etc/passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"
    )
    (folder / "etc/group").write_text("root:x:0:\nnogroup:x:65534:\n")


def _gather_certificates(folder: Path) -> None:
    """Join all authorities in one file, which pip wants to read even off the network."""
    authorities = sorted(folder.glob("usr/share/ca-certificates/mozilla/*.crt"))
    (folder / "etc/ssl/certs").mkdir(parents=True, exist_ok=True)
    (folder / "etc/ssl/certs/ca-certificates.crt").write_bytes(
        b"".join(path.read_bytes() for path in authorities)
    )


def _link_alternatives(folder: Path) -> None:
    """Link BLAS and LAPACK, which Debian's numpy needs."""
    for name in ("blas", "lapack"):
        for library in folder.glob(f"usr/lib/*/{name}/lib{name}.so.3"):
            (library.parents[1] / library.name).symlink_to(f"{name}/{library.name}")
