"""A trial with a service: the switch is real, what systemd does is acted by a stand-in.

The real systemd is met in tests/integration.
"""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest
from small_payload import make_current, make_release

from edge_hdr_device.errors import DeviceStepError
from edge_hdr_device.install import history, links, rollback, switch
from edge_hdr_device.install.layout import Layout
from edge_hdr_device.install.life import Life, StoppedError
from edge_hdr_device.install.steps import Progress
from edge_hdr_device.install.systemd import Systemd, UnitState
from edge_hdr_device.install.telling import Teller
from edge_hdr_device.install.trial import ASIDE, Trial

OFF = b"[web]\nenabled = false\n"
OLD, NEW = "aaaaaaaaaaaa", "bbbbbbbbbbbb"
UP = UnitState(active="active", sub="running", pid=7, text="camera streaming", loaded=True)


class Acted(Systemd):
    """A service manager that notes what it is asked, and whose service of NEW ends if told so."""

    def __init__(self, layout: Layout, *, runs: bool, bad: str = "") -> None:
        super().__init__("user")
        self.layout, self.bad = layout, bad
        self.done: list[str] = []
        self.started = switch.current_id(layout) or "somebody's" if runs else ""
        self.is_on = False

    def is_there(self) -> bool:
        return True

    def daemon_reload(self) -> None:
        self.done.append("reload")

    def is_enabled(self) -> bool:
        return self.is_on

    def enable(self) -> None:
        wants = self.layout.unit.parent / "default.target.wants" / self.layout.unit.name
        wants.parent.mkdir(parents=True, exist_ok=True)
        wants.symlink_to(self.layout.releases / NEW / "edge-hdr-device.service")
        self.done.append("enable")
        self.is_on = True

    def disable(self) -> None:
        self.done.append("disable")
        if self.layout.unit.is_symlink():  # as systemd does with a linked unit
            self.layout.unit.unlink()

    def restart(self) -> None:
        self.started = switch.current_id(self.layout) or "somebody's"
        self.done.append(f"restart {self.started}")
        if self.started == NEW and self.bad == "start":
            raise DeviceStepError("the service does not come up: failed (exit-code)")

    def stop(self) -> None:
        self.done.append("stop")
        self.started = ""

    def forget_failure(self) -> None:
        pass

    def show(self) -> UnitState:
        if not self.started:
            return UnitState()
        if self.started == NEW and self.bad == "end" and "restart " + NEW in self.done:
            self.bad = "ended"
            return UP
        if self.started == NEW and self.bad == "ended":
            return replace(UP, active="failed", result="watchdog", pid=0)
        return UP

    def journal_lines(self, lines: int = 15, *, since_s: float = 0.0, but: str = "") -> list[str]:
        return ["Traceback", "its last word"]


@pytest.fixture
def board(tmp_path: Path) -> Layout:
    layout = Layout.user(tmp_path)
    make_release(layout, OLD)
    make_release(layout, NEW)
    layout.config.parent.mkdir(parents=True)
    layout.config.write_bytes(OFF)
    return layout


def running(layout: Layout) -> None:
    """Let OLD be what is current, with its links."""
    make_current(layout, OLD)
    links.put_link(layout.unit, layout.current / "edge-hdr-device.service")
    links.put_link(layout.command, layout.program)


def trial(layout: Layout, systemd: Systemd, life: Life | None = None, **wanted: object) -> Trial:
    told: list[Progress] = []
    life = life or Life()
    return Trial(layout, systemd, life, Teller(told.append), 0.1, **wanted)  # type: ignore[arg-type]


def test_a_release_that_does_well_is_kept(board: Layout) -> None:
    systemd = Acted(board, runs=False)
    one = trial(board, systemd)
    one.attempt(NEW, OFF + b"\n")
    assert one.ready
    assert (switch.current_id(board), switch.in_trial(board)) == (NEW, False)
    assert systemd.done == ["reload", "enable", f"restart {NEW}"]
    assert board.unit.readlink() == board.current / "edge-hdr-device.service"
    (wants,) = board.unit.parent.glob("*.wants/*")
    assert str(wants.readlink()) == "../edge-hdr-device.service"  # no release, which may go
    assert board.config.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("bad", ["start", "end"])
def test_one_that_does_not_gives_way_to_the_one_before(board: Layout, bad: str) -> None:
    running(board)
    systemd = Acted(board, runs=True, bad=bad)
    with pytest.raises(DeviceStepError, match=f"{OLD} runs again") as caught:
        trial(board, systemd, fresh=True).attempt(NEW, b"[web]\nport = 0\n")
    data = caught.value.data  # type: ignore[attr-defined]
    assert data["journal"] == ["Traceback", "its last word"]
    assert data["step"] == ("restart" if bad == "start" else "health")
    assert systemd.started == switch.current_id(board) == OLD
    assert board.config.read_bytes() == OFF
    assert not (board.releases / NEW).exists()
    assert not switch.in_trial(board)


def test_a_first_one_that_does_not_leaves_nothing_behind(board: Layout) -> None:
    systemd = Acted(board, runs=False, bad="end")
    with pytest.raises(DeviceStepError, match="nothing runs, as before"):
        trial(board, systemd).attempt(NEW, None)
    assert systemd.started == ""
    for link in (board.unit, board.command, board.current, board.fallback):
        assert not link.is_symlink()


def test_a_unit_of_somebody_elses_is_back_after_a_failure(board: Layout) -> None:
    board.unit.parent.mkdir(parents=True)
    board.unit.write_text("[Service]\n")
    systemd = Acted(board, runs=True, bad="end")
    with pytest.raises(DeviceStepError, match="what ran before runs again"):
        trial(board, systemd).attempt(NEW, None)
    assert board.unit.read_text() == "[Service]\n"
    assert not board.unit.with_name(board.unit.name + ASIDE).exists()
    assert systemd.started == "somebody's"


def test_a_stop_while_it_is_watched_goes_back(board: Layout) -> None:
    running(board)
    life, systemd = Life(), Acted(board, runs=True)
    one = trial(board, systemd, life)
    told = one.tell._tell

    def stop(progress: Progress) -> None:
        told(progress)
        if (progress.step, progress.state) == ("health", "begin"):
            life.stop("by SIGTERM")

    one.tell = Teller(stop)
    with pytest.raises(StoppedError, match=f"stopped by SIGTERM; {OLD} runs again"):
        one.attempt(NEW, None)
    assert systemd.started == switch.current_id(board) == OLD


def test_one_that_is_current_is_only_started(board: Layout) -> None:
    running(board)
    systemd = Acted(board, runs=False)
    trial(board, systemd).start_only()
    assert systemd.done == [f"restart {OLD}"]


def test_a_full_disk_keeps_no_service_from_its_restart(
    board: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    running(board)
    systemd = Acted(board, runs=True)
    board.settle.write_text("#!/bin/sh\n# of another version\n")
    board.settle.chmod(0o755)
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    asked: list[str] = []

    def refuse(*words: object, **_: object) -> None:
        asked.append(str(words[0]))
        raise full

    made = Path.mkdir

    def make(path: Path, *words: int, **wanted: bool) -> None:
        refuse(path) if path == board.work else made(path, *words, **wanted)

    monkeypatch.setattr(rollback, "choose_service", lambda *_, **__: systemd)
    monkeypatch.setattr(os, "pwrite", refuse)
    monkeypatch.setattr("tempfile.mkstemp", lambda *_, **__: refuse("settle"))
    monkeypatch.setattr(Path, "mkdir", make)
    outcome = rollback.restart(board, rollback.Wanted(window_s=0.1), lambda _: None)
    assert systemd.done == [f"restart {OLD}"]
    assert (outcome.id, outcome.previous) == (OLD, None)
    assert {"settle", str(board.work)} < set(asked)
    assert not (board.releases / NEW).exists()  # it never ran through, and takes room
    make_release(board, "cccccccccccc")
    switch.begin(board, "cccccccccccc")  # its links are made without the folder, too
    switch.commit(board)
    assert switch.current_id(board) == "cccccccccccc" and not board.work.exists()
    monkeypatch.setattr(os, "write", refuse)
    assert not history.add(board, action="rollback")
