"""Removing a deployment: all of it goes but what its user collected and wrote."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from small_board import start
from small_payload import make_current, make_release

from edge_hdr_device.install import links
from edge_hdr_device.install.layout import Layout
from edge_hdr_device.install.removal import uninstall

BROUGHT = b'[camera]\nsource = "synthetic"\n'


@pytest.fixture
def board(tmp_path: Path) -> Layout:
    """Give a board with a release whose settings came with it."""
    layout = Layout.user(tmp_path / "home")
    release = make_release(layout, "aaaaaaaaaaaa", {**CONTENT, "device.toml": BROUGHT})
    (release / "kept").touch()
    make_current(layout, "aaaaaaaaaaaa")
    links.put_link(layout.command, layout.program)
    links.put_link(layout.unit, layout.current / "edge-hdr-device.service")
    for path, content in (
        (layout.config, BROUGHT),
        (layout.trusted, b""),
        (layout.history, b"{}\n"),
        (layout.state / "web-token", b"sha256"),
        (layout.state / "delegates.json", b"{}"),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return layout


CONTENT = {"runtime.zip": b"runtime", "model.tflite": b"model", "canary.json": b"{}"}


def left(layout: Layout) -> list[str]:
    home = layout.base.parents[2]
    return sorted(str(path.relative_to(home)) for path in home.rglob("*") if not path.is_dir())


def test_nothing_is_left_of_a_deployment(board: Layout) -> None:
    found = uninstall(board)
    assert left(board) == []
    assert not board.base.exists() and not board.etc.exists() and not board.state.exists()
    assert str(board.command) in found.removed and str(board.unit) in found.removed
    assert found.kept == []


def test_what_was_collected_and_written_stays_and_is_named(board: Layout, tmp_path: Path) -> None:
    samples, readings = board.state / "samples", tmp_path / "out/readings.jsonl"
    own = f'[samples]\nfolder = "{samples}"\n[output]\nfile = "{readings}"\n'
    board.config.write_text(own)
    for path in (samples / "1.png", readings, readings.with_name("readings.jsonl.1")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("kept")
    found = uninstall(board)
    assert left(board) == [
        ".config/edge-hdr/device.toml",
        ".local/state/edge-hdr-device/samples/1.png",
    ]
    assert found.kept == [
        f"{samples} (samples)",
        f"{readings} (readings)",
        f"{readings}.1 (readings)",
        f"{board.config} (settings)",
    ]


def test_samples_that_the_settings_do_not_name_are_named_alike(board: Layout) -> None:
    sample = board.state / "samples/1.png"
    sample.parent.mkdir()
    sample.write_text("kept")
    assert uninstall(board).kept == [f"{sample.parent} (samples)"]


def test_no_empty_folder_is_left_of_a_users(board: Layout) -> None:
    wants = board.unit.parent / "default.target.wants"
    wants.mkdir()
    found = uninstall(board)
    for place in (wants, board.unit.parent, board.etc, board.state, board.base):
        assert not place.exists()
        assert str(place) in found.removed


def test_a_folder_of_units_that_is_used_stays(board: Layout) -> None:
    (board.unit.parent / "other.service").write_text("mine")
    uninstall(board)
    assert left(board) == [".config/systemd/user/other.service"]


def test_a_purge_leaves_nothing(board: Layout, tmp_path: Path) -> None:
    readings = tmp_path / "out/readings.jsonl"
    board.config.write_text(f'[output]\nfile = "{readings}"\n')
    for path in (board.state / "samples/1.png", readings, tmp_path / "out/other"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    uninstall(board, purge=True)
    assert left(board) == []
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["other"]


def test_what_is_somebody_elses_stays(board: Layout, tmp_path: Path) -> None:
    for link in (board.command, board.unit):
        link.unlink()
        link.write_text("mine")
    (board.base / "notes").write_text("mine")
    found = uninstall(board)
    assert board.command.read_text() == board.unit.read_text() == "mine"
    assert found.kept == [f"{board.base / 'notes'} (not ours)"]


def test_nothing_deployed_is_nothing_to_do(tmp_path: Path) -> None:
    layout = Layout.user(tmp_path)
    found = uninstall(layout)
    assert found.removed == found.kept == []
    assert not any(tmp_path.iterdir())


KILLER = """
import os, signal, sys
from edge_hdr_device.install import removal
from edge_hdr_device.install.layout import Layout
count, real = int(sys.argv[1]), removal._remove
def remove(path, found):
    global count
    count -= 1
    if count == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    real(path, found)
removal._remove = remove
removal.uninstall(Layout.user())
"""


@pytest.mark.parametrize("at", [1, 4, 6, 9, 12])
def test_killed_and_run_again_it_ends_the_same(board: Layout, tmp_path: Path, at: int) -> None:
    samples = board.state / "samples/1.png"
    samples.parent.mkdir()
    samples.write_text("kept")
    with start(tmp_path / "home", "-c", KILLER, str(at)) as process:
        assert process.wait(20) == -signal.SIGKILL
    uninstall(board)
    assert left(board) == [".local/state/edge-hdr-device/samples/1.png"]
    assert not board.base.exists()


def test_the_command_tells_what_it_removed(board: Layout, tmp_path: Path) -> None:
    with start(tmp_path / "home", "-m", "edge_hdr_device", "uninstall", "--user") as process:
        assert process.stdout
        told = process.stdout.read()
    assert f"removed  {board.command}\n" in told
    assert process.returncode == 0
