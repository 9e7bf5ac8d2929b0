from __future__ import annotations

import ast
import base64
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from small_payload import CONTENT, index_of, packed

import edge_hdr_device
from edge_hdr_device.install import bootstrap
from edge_hdr_device.install.layout import Layout

PACKAGE = Path(edge_hdr_device.__file__).parent
PROGRAM = Path(bootstrap.__file__).read_bytes()
STAND_IN = b"""
import json, sys
def main():
    print(json.dumps({"argv": sys.argv[1:], "from": __file__, "path": sys.path[0]}))
    sys.exit(7)
"""


def package(app: bytes = STAND_IN, program: bytes = PROGRAM) -> bytes:
    """Pack a device package that only says how it was started."""
    names = {"__init__.py": b"", "cli/__init__.py": b"", "cli/app.py": app}
    names["install/bootstrap.py"] = program
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in names.items():
            archive.writestr(f"edge_hdr_device/{name}", data)
    return file.getvalue()


MEMBERS = {**CONTENT, "runtime.zip": package()}
INDEX = index_of(MEMBERS)


def payload(
    path: Path,
    members: Mapping[str, bytes] = MEMBERS,
    *,
    signature: str | None = None,
    extra: Mapping[str, bytes] | None = None,
) -> Path:
    program = {"__main__.py": PROGRAM} | dict(extra or {})
    path.write_bytes(packed(members, index=INDEX, signature=signature, extra=program))
    return path


def start(
    path: Path, *words: str | Path, python: str = sys.executable
) -> subprocess.CompletedProcess[str]:
    home = path.parent / "home"
    home.mkdir(exist_ok=True)
    (path.parent / "tmp").mkdir(exist_ok=True)
    return subprocess.run(
        [python, path.name, *map(str, words)],
        cwd=path.parent,
        env={"HOME": str(home), "PATH": os.environ["PATH"], "TMPDIR": str(path.parent / "tmp")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_text_is_for_old_pythons_too() -> None:
    ast.parse(PROGRAM, feature_version=(3, 6))
    assert b"__future__" not in PROGRAM  # annotations of the future are 3.7


@pytest.mark.parametrize("version", [(3, 6, 15), (3, 9, 2), (3, 10, 0)])
def test_an_old_python_is_named(version: tuple[int, ...]) -> None:
    with pytest.raises(bootstrap.Refused, match=r"this is Python 3\.\d+\.\d+, .* needs 3\.11") as e:
        bootstrap.check_python(version)
    assert "Bookworm" in e.value.hint
    assert e.value.code == ("check-failed", 6)
    bootstrap.check_python((3, 11, 0))
    bootstrap.check_python((4, 0, 0))


@pytest.mark.parametrize("name", ["python3.6", "python3.8", "python3.9", "python3.10"])
def test_an_old_python_says_so_itself(tmp_path: Path, name: str) -> None:
    python = shutil.which(name)
    if python is None or subprocess.run([python, "-V"], check=False).returncode:
        pytest.skip(f"there is no {name} here")
    done = start(payload(tmp_path / "x.pyz"), "--json", python=python)
    assert done.returncode == 6
    assert done.stderr.startswith("error: this is Python 3.")
    assert json.loads(done.stdout)["error"]["exit_code"] == 6


def test_the_places_are_those_of_the_layouts() -> None:
    system, user = Layout.system(), Layout.user()
    expanded = [tuple(Path(place).expanduser() for place in pair) for pair in bootstrap.PLACES]
    assert expanded == [(system.base, system.etc), (user.base, user.etc)]
    assert (system.trusted, user.trusted) == tuple(etc / "trusted-keys" for _, etc in expanded)


def test_a_payload_alone_is_installed_from_memory(tmp_path: Path) -> None:
    done = start(payload(tmp_path / "x.pyz"))
    said = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (7, "")
    assert said["argv"] == ["install", str(tmp_path / "x.pyz")]
    assert said["path"].startswith("/proc/self/fd/")
    assert said["from"] == f"{said['path']}/edge_hdr_device/cli/app.py"
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "argv"),
    [
        (["--user", "--keep", "2"], ["install", "{}", "--user", "--keep", "2"]),
        (["install", "other.pyz", "--user"], ["install", "other.pyz", "--user"]),
        (["status", "--json"], ["status", "--json"]),
        (["--help"], ["--help"]),
        (["--version"], ["--version"]),
    ],
)
def test_arguments_are_passed_on(tmp_path: Path, words: list[str], argv: list[str]) -> None:
    done = start(payload(tmp_path / "x.pyz"), *words)
    assert json.loads(done.stdout)["argv"] == [word.format(tmp_path / "x.pyz") for word in argv], (
        done.stderr
    )


def test_the_real_package_runs_from_a_payload(tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path in PACKAGE.rglob("*.*"):
            if path.is_file() and path.suffix in {".py", ".sh"}:
                archive.write(path, path.relative_to(PACKAGE.parent))
    members = {**CONTENT, "runtime.zip": file.getvalue()}
    content = packed(members, index=index_of(members), extra={"__main__.py": PROGRAM})
    (tmp_path / "x.pyz").write_bytes(content)
    done = start(tmp_path / "x.pyz", "--version")
    assert done.stdout == f"edge-hdr-device {edge_hdr_device.__version__}\n", done.stderr


def test_a_thin_payload_uses_what_is_installed(tmp_path: Path) -> None:
    thin = {name: data for name, data in MEMBERS.items() if name != "runtime.zip"}
    path = payload(tmp_path / "x.pyz", thin)
    lacking = start(path, "--json")
    assert lacking.returncode == 3
    assert "error: the payload lacks runtime.zip, and this board does not have it" in lacking.stderr
    assert json.loads(lacking.stdout)["error"]["code"] == "payload"

    (tmp_path / "rest.zip").write_bytes(packed({"runtime.zip": MEMBERS["runtime.zip"]}))
    parts = start(path, "install", path, "rest.zip")
    assert json.loads(parts.stdout)["path"].startswith("/proc/self/fd/")

    folder = Layout.user(tmp_path / "home").runtimes / INDEX.runtime
    with zipfile.ZipFile(io.BytesIO(MEMBERS["runtime.zip"])) as archive:
        archive.extractall(folder)
    assert json.loads(start(path).stdout)["path"] == str(folder)
    if os.geteuid() == 0:  # what a third person could have written is not run
        os.chown(folder / "edge_hdr_device/__init__.py", 12345, -1)
        assert start(path).returncode == 3


def test_a_damaged_payload_is_refused(tmp_path: Path) -> None:
    other = {**MEMBERS, "runtime.zip": package(STAND_IN + b"# changed")}
    done = start(payload(tmp_path / "x.pyz", other))
    assert (done.returncode, done.stdout) == (3, "")
    assert (
        done.stderr.splitlines()[0] == "error: the payload's runtime.zip is not what its index says"
    )

    path = payload(tmp_path / "y.pyz")
    content = path.read_bytes()
    place = content.index(b"members/runtime.zip") + 60
    path.write_bytes(content[:place] + b"\x55" * 9 + content[place + 9 :])
    done = start(path)
    assert done.returncode == 3
    assert "y.pyz is damaged" in done.stderr
    assert "Traceback" not in done.stderr

    path.write_bytes(content[: len(content) // 2])  # Python itself finds no zip there
    done = start(path)
    assert done.returncode == 1
    assert done.stdout == ""


def test_an_archive_without_an_index_is_no_payload(tmp_path: Path) -> None:
    (tmp_path / "x.pyz").write_bytes(packed({}, extra={"__main__.py": PROGRAM}))
    done = start(tmp_path / "x.pyz")
    assert done.returncode == 3
    assert "has no index" in done.stderr


@pytest.fixture
def board(tmp_path: Path) -> Layout:
    """Give a board that has edge-hdr and trusts a key, and the line that this key signs with."""
    keys = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    private = keys.Ed25519PrivateKey.from_private_bytes(b"s" * 32)
    blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + private.public_key().public_bytes_raw()
    public = f"ssh-ed25519 {base64.b64encode(blob).decode()}"
    seal = base64.b64encode(private.sign(INDEX.to_bytes())).decode()
    layout = Layout.user(tmp_path / "home")
    (layout.releases / "old").mkdir(parents=True)
    layout.current.symlink_to("releases/old")
    (layout.current / "runtime").symlink_to(PACKAGE.parent)
    layout.etc.mkdir(parents=True)
    layout.trusted.write_text(f"{public} test\n")
    (tmp_path / "signature").write_text(f"{public} {seal}\n")
    return layout


def test_a_board_with_keys_looks_before_it_runs(board: Layout, tmp_path: Path) -> None:
    signature = (tmp_path / "signature").read_text()
    good = start(payload(tmp_path / "good.pyz", signature=signature), "--user")
    assert (good.returncode, good.stderr) == (7, "")
    unsigned = start(payload(tmp_path / "bad.pyz"), "--user", "--json")
    assert unsigned.returncode == 3
    assert "error: the payload is not signed" in unsigned.stderr
    assert json.loads(unsigned.stdout)["error"]["code"] == "payload"
    board.trusted.write_text("rubbish\n")
    assert "trusted-keys, line 1" in start(tmp_path / "good.pyz", "--user").stderr


@pytest.mark.parametrize(
    ("entry", "said"),
    [("__main__.pyc", "an entry '__main__.pyc'"), ("json.py", "an entry 'json.py'")],
)
def test_nothing_else_may_be_in_a_payload(
    board: Layout, tmp_path: Path, entry: str, said: str
) -> None:
    signature = (tmp_path / "signature").read_text()
    path = payload(tmp_path / "x.pyz", signature=signature, extra={entry: b""})
    done = vouching(board, path)
    assert done.returncode == 3
    assert said in done.stderr


def test_a_program_that_was_not_signed_is_found(board: Layout, tmp_path: Path) -> None:
    signature = (tmp_path / "signature").read_text()
    path = payload(tmp_path / "x.pyz", signature=signature)
    assert vouching(board, path).returncode == 0
    evil = {"__main__.py": PROGRAM + b"\n"}
    done = vouching(board, payload(path, signature=signature, extra=evil))
    assert done.returncode == 3
    assert "starts with a program that was not signed" in done.stderr
    thin = {name: data for name, data in MEMBERS.items() if name != "runtime.zip"}
    assert vouching(board, payload(path, thin, signature=signature)).returncode == 0


def vouching(layout: Layout, path: Path) -> subprocess.CompletedProcess[str]:
    words = ["-P", "-m", "edge_hdr_device.install.vouching", "--keys", layout.trusted, path]
    return subprocess.run(
        [sys.executable, *words],
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
