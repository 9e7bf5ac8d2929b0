"""A deployment that is killed or cut at any step leaves what ran before running, and no rests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from board_access import Access
from deployments import (
    Installer,
    archive,
    files,
    make,
    state,
    wait_until_runs,
    with_runtime,
)
from real_boards import SystemBoard

from edge_hdr_device.install.steps import STEPS

pytestmark = pytest.mark.slow

KEPT = {"commit", "prune"}  # from here on the new release is the one that is kept


class Running:
    """A board that runs a release, and payloads of others."""

    def __init__(self, board: SystemBoard, access: Access, folder: Path) -> None:
        self.board = board
        self.installer = Installer(board, access)
        self.folder = folder
        self.count = 0

    def payload(self, *, runtime: bool = False) -> tuple[str, bytes]:
        """Give a payload that the board has not seen, and its id.

        Args:
            runtime: whether its device package is new there, too, not the model alone.
        """
        self.count += 1
        made = make(self.folder, f"m{self.count}")
        made = with_runtime(made, f"0.0.{self.count}") if runtime else made
        return made.index.id, archive(made)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("interrupted")
    access = Access(folder / "access")
    with SystemBoard(folder / "boards", access, packages=True) as board:
        found = Running(board, access, folder)
        assert found.installer.run(found.payload()[1]).data["changed"]
        yield found


@pytest.mark.parametrize("how", [Installer.kill, Installer.cut])
@pytest.mark.parametrize("step", STEPS)
def test_it_ends_at_this_step(running: Running, step: str, how: object) -> None:
    board = running.board
    release, content = running.payload(runtime=step in {"unpack", "environment"})
    old, before = state(board).current, files(board)
    # before the window ends, the end of a connection comes through
    window_s = 0.5 if step in KEPT else 5
    done = running.installer.run(content, "--keep", "2", at=step, then=how, window_s=window_s)
    assert done.code != 0
    assert f"begin {step}" in done.events
    kept = release if step in KEPT and state(board).current == release else old
    wait_until_runs(board, kept)
    left = files(board)
    if kept == old:
        assert {path: left.get(path) for path in before} == before
    again = running.installer.run(content, "--keep", "2")
    assert again.data["changed"] == (kept == old)
    after = wait_until_runs(board, release)
    assert set(after.releases) == {old, release}
    assert not [path for path in files(board) if path.endswith(".part")]
