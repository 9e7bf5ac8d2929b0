"""`edge-hdr doctor` against a real sshd, against this machine, and under Pythons of long ago."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sshd import Sshd

from edge_hdr import inspection
from edge_hdr.cli.app import main
from edge_hdr.transport import CONFIG_VARIABLE, connect
from edge_hdr_device.install import probe

INSTALL = Path(probe.__file__).parent
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Give a user's home on the board, whose pip uses no index."""
    home = tmp_path / "home"
    (home / ".config/pip").mkdir(parents=True)
    (home / ".config/pip/pip.conf").write_text("[global]\nno-index = true\n")
    return home


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """Give a folder of programs that the board finds first."""
    tools = tmp_path / "tools"
    tools.mkdir()
    return tools


@pytest.fixture
def board(
    tmp_path: Path, home: Path, tools: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Sshd]:
    folder = tmp_path / "sshd"
    folder.mkdir()
    path = f"{tools}:/usr/local/bin:/usr/bin:/bin"
    with Sshd(folder, f'SetEnv HOME="{home}" PATH="{path}"') as server:
        monkeypatch.setenv(CONFIG_VARIABLE, str(server.config))
        monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
        yield server


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the command line; give exit code, stdout and stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["edge-hdr", *map(str, arguments)])
        code: object = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        out, err = capfd.readouterr()
        return int(str(code)), out, err

    return call


def target(server: Sshd) -> str:
    return f"{server.user}@127.0.0.1:{server.port}"


def install(home: Path, number: int = probe.PROBE) -> Path:
    """Lay the runtime out as a release of this user has it; give its probe."""
    base = home / ".local/share/edge-hdr"
    package = base / "runtimes/r/edge_hdr_device"
    (package / "install").mkdir(parents=True)
    for file in [INSTALL.parent / "__init__.py", INSTALL / "__init__.py", *INSTALL.glob("probe*")]:
        if file.is_file():
            shutil.copy(file, package / file.relative_to(INSTALL.parent))
    (base / "releases/one").mkdir(parents=True)
    (base / "releases/one/runtime").symlink_to("../../runtimes/r")
    (base / "current").symlink_to("releases/one")
    place = package / "install/probe.py"
    place.write_text(place.read_text().replace(f"PROBE = {probe.PROBE}", f"PROBE = {number}"))
    return place


def listing(folder: Path) -> dict[str, tuple[int, float]]:
    return {
        str(path): (path.lstat().st_size, path.lstat().st_mtime)
        for path in [folder, *folder.rglob("*")]
    }


def document(out: str) -> dict:
    assert out.count("\n") == 1
    return json.loads(out)


def test_a_board_behind_sshd(board: Sshd, home: Path, run: Run) -> None:
    before = listing(home)
    code, out, _err = run("doctor", target(board), "--json")
    found = document(out)
    data = found["data"]
    assert (code, found["ok"], found["command"]) == (0, True, "doctor")
    assert data["facts"]["home"] == str(home)
    assert data["facts"]["edge_hdr"] is None
    assert data["mode"] == ("system" if os.geteuid() == 0 else "user")
    assert data["interpreter"].startswith("ai-edge-litert 2.")
    assert {row["what"] for row in data["rows"]} >= {"Python", "disk", "cameras", "edge-hdr"}
    assert listing(home) == before


def test_this_machine_in_a_table(
    home: Path, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(home))
    before = listing(tmp_path)
    code, out, err = run("doctor", "local:")
    assert (code, err) == (0, "")
    assert "interpreter" in out
    assert out.splitlines()[-1].startswith("a deployment can go ahead: ai-edge-litert 2.")
    assert listing(tmp_path) == before


def test_a_probe_that_is_there_is_used(board: Sshd, home: Path, run: Run) -> None:
    place = install(home)
    place.write_text(place.read_text().replace('"host": ', '"host": "its own " + '))
    before = listing(home)
    with connect(board.target, interactive=False) as connection:
        facts = inspection.ask(connection)
        assert connection.sent_bytes == 0
    assert facts["host"].startswith("its own ")
    assert facts["edge_hdr"]["current"] == "one"
    assert facts["edge_hdr"]["base"] == str(home / ".local/share/edge-hdr")
    assert listing(home) == before  # no compiled modules either


@pytest.mark.parametrize("how", ["another number", "broken"])
def test_a_probe_that_will_not_do_is_passed_over(board: Sshd, home: Path, how: str) -> None:
    place = install(home, probe.PROBE + (how == "another number"))
    if how == "broken":
        place.write_text(place.read_text() + "\n)\n")
    with connect(board.target, interactive=False) as connection:
        facts = inspection.ask(connection)
        assert connection.sent_bytes == len(inspection.script())
    assert facts["edge_hdr"]["current"] == "one"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("exit 1", "cannot tell what it has: exit code 1"),
        ("echo 'python3: error while loading shared libraries' >&2; exit 127", "shared libraries"),
        ("kill -SEGV $$", "cannot tell what it has"),
    ],
)
def test_a_python_that_is_broken(
    board: Sshd, tools: Path, run: Run, script: str, message: str
) -> None:
    (tools / "python3").write_text(f"#!/bin/sh\n{script}\n")
    (tools / "python3").chmod(0o755)
    code, _out, err = run("doctor", target(board))
    assert code == 5
    assert message in err
    assert "apt install --reinstall" in err


def test_a_board_without_python(
    tmp_path: Path, home: Path, tools: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("sh", "grep"):
        (tools / name).symlink_to(str(shutil.which(name)))
    folder = tmp_path / "sshd"
    folder.mkdir()
    with Sshd(folder, f'SetEnv HOME="{home}" PATH="{tools}"') as server:
        monkeypatch.setenv(CONFIG_VARIABLE, str(server.config))
        code, _out, err = run("doctor", target(server))
    assert code == 5
    assert "has no python3" in err
    assert "hint: on the board: sudo apt install -y python3 python3-venv" in err


def old_python(version: str) -> str | None:
    """Find a Python that runs; the names of a version manager may lead to none."""
    root = os.environ.get("PYENV_ROOT", "~/.pyenv")
    places = sorted(Path(root).expanduser().glob(f"versions/{version}.*/bin/python3"))
    for found in (*map(str, places), shutil.which(f"python{version}")):
        if (
            found
            and not subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode
        ):
            return found
    return None


@pytest.mark.parametrize("version", ["3.6", "3.7", "3.8", "3.9", "3.10"])
def test_a_board_with_an_old_python_is_told_so(
    board: Sshd, tools: Path, run: Run, version: str
) -> None:
    python = old_python(version)
    if python is None:
        pytest.skip(f"there is no Python {version} here")
    (tools / "python3").write_text(f'#!/bin/sh\nexec {python} -W error "$@"\n')
    (tools / "python3").chmod(0o755)
    code, out, err = run("doctor", target(board), "--json")
    assert code == 6, err
    found = document(out)
    assert found["error"]["code"] == "check-failed"
    assert f"Python is {version}," in found["error"]["message"]
    assert found["data"]["forbids"] is True
    assert found["data"]["facts"]["python"]["version"].startswith(f"{version}.")
    assert found["data"]["interpreter"] is None


def test_what_forbids_is_shown_with_its_repair(board: Sshd, tools: Path, run: Run) -> None:
    python = old_python("3.9")
    if python is None:
        pytest.skip("there is no Python 3.9 here")
    (tools / "python3").write_text(f'#!/bin/sh\nexec {python} "$@"\n')
    (tools / "python3").chmod(0o755)
    code, out, err = run("doctor", target(board))
    assert code == 6
    assert "none for this system" in out
    assert "forbidden: interpreter: the system's Python is 3.9" in out
    assert err.startswith(f"error: {target(board)}: interpreter: the system's Python is 3.9")
    assert "hint: " in err


def test_a_board_that_is_off(board: Sshd, run: Run) -> None:
    board.stop()
    code, out, _err = run("doctor", target(board), "--json")
    assert code == 4
    assert document(out)["error"]["code"] == "unreachable"
