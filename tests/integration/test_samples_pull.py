"""Samples and logs of a board, by a real sshd; its home and its journal are stand-ins."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from mosquitto import wait_for
from sshd import Sshd

from edge_hdr import remote, samples_pull
from edge_hdr.cli import logs, samples
from edge_hdr.errors import ConfigError, DeviceStepError, StorageError, UnreachableError, UsageError
from edge_hdr.samples_pull import INDEX, Pulled, pull
from edge_hdr.transport import CONFIG_VARIABLE, Connection, connect

NAMES = [
    "unsure/3/0000000001-20260102T030405.678Z.png",
    "unsure/%2E/0000000002-20260102T030405.679Z.png",
    "accepted/7/0000000003-20260102T030405.680Z.png",
    "frames/0000000004-20260102T030405.681Z.png",
    "notes/-dash 'quote' $HOME;\n\\back ½.txt",
]
JOURNAL = """\
#!/bin/sh
printf '%s\\n' "$*" "colours $SYSTEMD_COLORS" "bell \007 and \033[31mred"
case "$*" in *--follow*) exec cat ;; esac
"""


@dataclass
class Board:
    """A user's installation that only looks like one, and how to reach it."""

    server: Sshd
    home: Path
    samples: Path

    def add(self, *names: str) -> None:
        with (self.samples / INDEX).open("a") as index:
            for name in names:
                path = self.samples / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(name.encode() * 100)
                os.utime(path, (1_700_000_000, 1_700_000_000))
                index.write(json.dumps({"file": name, "label": "3"}) + "\n")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    folder = tmp_path_factory.mktemp("sshd")
    home, programs = folder / "home", folder / "bin"
    launcher = home / ".local/share/edge-hdr/current/bin/edge-hdr-device"
    launcher.parent.mkdir(parents=True)
    launcher.touch(0o755)
    programs.mkdir()
    (programs / "journalctl").write_text(JOURNAL)
    (programs / "journalctl").chmod(0o755)
    path = f"{programs}:/usr/sbin:/usr/bin:/sbin:/bin"
    with Sshd(folder, f"SetEnv HOME={home} PATH={path} SHLVL=2") as running:
        yield running


@pytest.fixture
def board(server: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Board:
    monkeypatch.setenv(CONFIG_VARIABLE, str(server.config))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    home, folder = server.folder / "home", tmp_path / "board samples"
    folder.mkdir()
    config = home / ".config/edge-hdr/device.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(f"[samples]\nfolder = {json.dumps(str(folder))}\n")
    made = Board(server, home, folder)
    made.add(*NAMES)
    return made


@pytest.fixture
def connection(board: Board) -> Iterator[Connection]:
    with connect(board.server.target, interactive=False) as made:
        yield made


def fetch(connection: Connection, board: Board, out: Path) -> Pulled:
    return pull(connection, str(board.samples), out)


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_all_come_and_then_only_what_is_new(
    connection: Connection, board: Board, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = fetch(connection, board, out)
    assert files(out) == files(board.samples)
    assert (first.fetched, first.present, first.conflicts) == (5, 0, [])
    assert (out / NAMES[0]).stat().st_mtime == 1_700_000_000
    again = fetch(connection, board, out)
    assert (again.fetched, again.present) == (0, 5)
    (board.samples / NAMES[0]).unlink()  # the ring makes room
    (board.samples / INDEX).write_text("")
    new = "unsure/3/0000000005-20260102T030405.682Z.png"
    board.add(new)
    third = fetch(connection, board, out)
    assert (third.fetched, third.present) == (1, 4)
    lines = [json.loads(line)["file"] for line in (out / INDEX).read_text().splitlines()]
    assert lines == [*NAMES, new]
    assert (out / NAMES[0]).exists()


def test_what_a_person_moved_or_wrote_stays_as_it_is(
    connection: Connection, board: Board, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    fetch(connection, board, out)
    moved = out / "unsure/8" / Path(NAMES[0]).name
    moved.parent.mkdir()
    (out / NAMES[0]).rename(moved)
    (out / NAMES[4]).write_text("mine")
    again = fetch(connection, board, out)
    assert (again.fetched, again.present, again.conflicts) == (0, 4, [NAMES[4]])
    assert not (out / NAMES[0]).exists()
    assert (out / NAMES[4]).read_text() == "mine"


def test_a_pull_that_was_cut_goes_on(
    connection: Connection, board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples_pull, "BATCH_FILES", 2)
    out = tmp_path / "out"

    def cut(name: str, done: int, total: int | None) -> None:
        board.server.signal_sessions(signal.SIGKILL)
        wait_for(lambda: not board.server.sessions(), "the session's end")
        monkeypatch.setenv(CONFIG_VARIABLE, str(tmp_path / "none"))  # it cannot come back

    with pytest.raises((UnreachableError, ConfigError)):
        pull(connection, str(board.samples), out, progress=cut)
    assert len(files(out)) == 2
    monkeypatch.setenv(CONFIG_VARIABLE, str(board.server.config))
    seen: list[tuple[int, int | None]] = []
    result = pull(connection, str(board.samples), out, progress=lambda _, *rest: seen.append(rest))
    assert (result.fetched, result.present) == (3, 2)
    assert files(out) == files(board.samples)
    assert seen[-1] == (result.fetched_bytes, result.fetched_bytes)


def test_a_file_that_goes_meanwhile_is_counted(
    connection: Connection, board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = samples_pull._missing

    def then_one_goes(there: dict[str, int], result: Pulled) -> dict[str, int]:
        (board.samples / NAMES[0]).unlink()
        return real(there, result)

    monkeypatch.setattr(samples_pull, "_missing", then_one_goes)
    result = fetch(connection, board, tmp_path / "out")
    assert (result.fetched, result.gone) == (4, 1)


def test_half_made_files_and_an_empty_folder(
    connection: Connection, board: Board, tmp_path: Path
) -> None:
    (board.samples / ".index.jsonl.abc.part").write_text("half")
    fetch(connection, board, tmp_path / "out")
    assert not list((tmp_path / "out").glob(".*"))
    empty = tmp_path / "empty"
    empty.mkdir()
    result = pull(connection, str(empty), tmp_path / "nothing")
    assert (result.fetched, result.present) == (0, 0)


def test_places_that_cannot_be(connection: Connection, board: Board, tmp_path: Path) -> None:
    with pytest.raises(DeviceStepError, match=r"has no folder .*/none"):
        pull(connection, str(tmp_path / "none"), tmp_path / "out")
    with pytest.raises(UsageError, match="not absolute"):
        pull(connection, "relative", tmp_path / "out")
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="is a file"):
        fetch(connection, board, tmp_path / "file")


def test_the_folder_is_what_the_boards_settings_say(connection: Connection, board: Board) -> None:
    installed = remote.find(connection)
    assert samples_pull.board_folder(connection, installed) == str(board.samples)
    config = board.home / ".config/edge-hdr/device.toml"
    config.write_text("[samples]\n")
    with pytest.raises(DeviceStepError, match="keeps no samples") as caught:
        samples_pull.board_folder(connection, installed)
    assert str(config) in caught.value.hint
    config.unlink()
    with pytest.raises(DeviceStepError, match="keeps no samples"):
        samples_pull.board_folder(connection, installed)
    config.write_text("[samples\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        samples_pull.board_folder(connection, installed)


def test_the_command_pulls_and_gives_one_document(
    board: Board,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    options = {"out": None, "folder": None, "accept_new_host_key": False}
    samples.pull(str(board.server.target), json=True, **options)
    document = json.loads(capsys.readouterr().out)
    assert document["command"] == "samples pull"
    assert document["data"]["fetched"] == 5
    assert files(tmp_path / "samples/127.0.0.1") == files(board.samples)
    samples.pull(str(board.server.target), json=False, **options)
    assert "5 were here" in capsys.readouterr().out


def test_logs_shows_the_units_journal(board: Board, capsys: pytest.CaptureFixture[str]) -> None:
    options = {"follow": False, "lines": 7, "accept_new_host_key": False}
    logs.logs(str(board.server.target), json=False, **options)
    shown = capsys.readouterr().out.splitlines()
    assert "--user-unit=edge-hdr-device --lines=7" in shown[0]
    assert shown[1:] == ["colours 0", "bell � and �[31mred"]
    logs.logs(str(board.server.target), json=True, **options)
    document = json.loads(capsys.readouterr().out)
    assert document["data"]["lines"][1] == "colours 0"
    with pytest.raises(UsageError, match="no end"):
        logs.logs(str(board.server.target), json=True, **(options | {"follow": True}))


def test_logs_of_roots_service_are_read_with_its_rights() -> None:
    installed = remote.Installed("/opt/edge-hdr", "system", ("sudo", "-n", "--"), True)
    assert logs.command(installed, 1)[:4] == ("sudo", "-n", "--", "env")
    assert "--unit=edge-hdr-device" in logs.command(installed, 1)
    without = remote.Installed("/opt/edge-hdr", "system", ("sudo", "-n", "--"), False)
    assert logs.command(without, 1)[0] == "env"


def test_following_logs_ends_with_ctrl_c_as_success(board: Board) -> None:
    program = (
        "import sys\nfrom edge_hdr.cli import logs\n"
        "logs.logs(sys.argv[1], follow=True, lines=1, accept_new_host_key=False, json=False)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(board.server.target)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    assert process.stdout is not None
    assert "--follow" in process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    _, complaints = process.communicate(timeout=20)
    assert (process.returncode, complaints) == (0, "")
    wait_for(lambda: not board.server.sessions(), "the end of all there")
