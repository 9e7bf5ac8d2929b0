"""Try a release: switch to it, start it, watch it, keep it, or go back to what ran before."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edge_hdr_device.errors import DeviceStepError, EdgeHdrError
from edge_hdr_device.install import configuration, links, switch
from edge_hdr_device.install import release as folder
from edge_hdr_device.install.explaining import with_data
from edge_hdr_device.install.layout import Layout
from edge_hdr_device.install.life import Life, Stopped, StoppedError
from edge_hdr_device.install.systemd import Systemd, UnitState
from edge_hdr_device.install.telling import Teller
from edge_hdr_device.install.watch import Page, is_ready, watch
from edge_hdr_device.storage import storage_error

ASIDE = ".before-edge-hdr"  # added to the name of somebody's own unit; systemd does not read it


@dataclass
class Trial:
    """A switch to a release and all that can come of it.

    Attributes:
        layout: where it happens.
        systemd: None where no service is wanted or possible.
        life: who may end it.
        tell: who is told.
        window_s: how long the service must stay up.
        fresh: the release's folder was made for this trial and goes if it fails.
        keep: what else belongs to keeping it, while there is still a way back.
        undo: what else belongs to going back, before anything is started again.
    """

    layout: Layout
    systemd: Systemd | None
    life: Life
    tell: Teller
    window_s: float
    fresh: bool = False
    keep: Callable[[], None] | None = None
    undo: Callable[[], None] | None = None
    before: UnitState = field(default_factory=UnitState)
    was_ready: bool = False
    was_enabled: bool = False
    ready: bool | None = None
    started_s: float = 0.0
    aside: Path | None = None
    made: list[Path] = field(default_factory=list)

    def attempt(self, release_id: str, config: bytes | None) -> None:
        """Switch, start, watch and keep.

        Args:
            release_id: of a finished release.
            config: settings that take the place of those there; None leaves them.

        Raises:
            DeviceStepError: it failed, and what ran before runs again.
            StoppedError: it was told to stop, and what ran before runs again.
        """
        previous = switch.current_id(self.layout)
        self._look_before()
        try:
            with self.tell.step("switch") as step:
                self._switch(release_id, config)
                step.detail = f"{previous or 'nothing'} → {release_id}"
            self._start_and_watch()
            self.life.stand_firm()
            with self.tell.step("commit"):
                if self.keep:
                    self.keep()
                switch.commit(self.layout)
        except BaseException as error:
            with self.life.shield():
                told = self._undone(error, release_id, previous)
            if told is error:
                raise
            raise told from error

    def start_only(self) -> None:
        """Start what is current and watch it; there is nothing to go back to.

        Raises:
            DeviceStepError: it does not stay up.
        """
        self._look_before()
        try:
            self._start_and_watch()
        except (EdgeHdrError, Stopped) as error:
            raise self._explained(error, "") from error

    def _look_before(self) -> None:
        if self.systemd:
            self.before = self.systemd.show()
            page = Page.of(self.layout.config)
            self.was_enabled = self.systemd.is_enabled()
            self.was_ready = self.before.runs and is_ready(self.before, page)

    def _switch(self, release_id: str, config: bytes | None) -> None:
        switch.begin(self.layout, release_id, config)
        if config is not None:
            configuration.give_to_service(self.layout)
        if not links.leads_to(self.layout.command, self.layout.base):
            if self.layout.command.is_symlink() or self.layout.command.exists():
                self.tell.warn(f"{self.layout.command} is somebody's own and stays as it is")
            else:
                links.put_link(self.layout.command, self.layout.program)
                self.made.append(self.layout.command)
        if self.systemd:
            self._link_unit(self.systemd)

    def _link_unit(self, systemd: Systemd) -> None:
        unit = self.layout.unit
        if not links.leads_to(unit, self.layout.base):
            if unit.is_symlink() or unit.exists():
                self.aside = unit.with_name(unit.name + ASIDE)
                unit.replace(self.aside)
                self.tell.warn(f"the unit that was there is kept as {self.aside}")
            links.put_link(unit, self.layout.current / folder.UNIT)
            self.made.append(unit)
        systemd.daemon_reload()
        if unit in self.made or not self.was_enabled:
            systemd.enable()
            links.steady_wants(unit)

    def _start_and_watch(self) -> None:
        if self.systemd is None:
            for name in ("restart", "health"):
                self.tell.skip(name, "no service")
            return
        with self.tell.step("restart") as step:
            self.started_s = time.time()
            self.systemd.restart()
            step.detail = f"up after {time.time() - self.started_s:.1f} s"
        with self.tell.step("health") as step:
            page = Page.of(self.layout.config)
            seen = watch(
                self.systemd,
                page,
                window_s=self.window_s,
                frames_needed=self.was_ready,
                note=step.note,
            )
            self.ready = seen.ready
            if seen.warning:
                self.tell.warn(seen.warning)
            step.detail = "frames come" if seen.ready else f"up for {self.window_s:g} s"

    def _undone(self, error: BaseException, release_id: str, previous: str | None) -> BaseException:
        """Go back, and give the error that tells of both."""
        journal = self._journal()
        try:
            now = self._go_back(release_id, previous)
        except EdgeHdrError as worse:
            now = f"going back failed as well: {worse.message}"
        if isinstance(error, EdgeHdrError | Stopped):
            return self._explained(error, now, journal)
        if isinstance(error, OSError):
            return self._explained(storage_error(self.layout.base, error), now, journal)
        return error

    def _go_back(self, release_id: str, previous: str | None) -> str:
        """Bring back what was before; say what runs now."""
        if self.systemd and self.layout.unit in self.made:
            if previous is None:
                self.systemd.stop()
            self.systemd.disable()  # while its unit is there
        if switch.in_trial(self.layout):
            switch.go_back(self.layout)
        if self.undo:
            self.undo()
        for link in self.made:
            links.remove_link(link, self.layout.base)
        if self.aside and self.aside.exists():
            self.aside.replace(self.layout.unit)
        if self.systemd and self.aside and self.was_enabled:
            self.systemd.enable()
        now = self._start_before(self.systemd, previous) if self.systemd else "all is as before"
        if self.fresh and release_id != previous:
            folder.discard(self.layout, release_id)
        return now

    def _start_before(self, systemd: Systemd, previous: str | None) -> str:
        systemd.daemon_reload()
        if not self.before.runs:
            systemd.stop()
            systemd.forget_failure()
            return "nothing runs, as before" if previous is None else f"{previous} is back, stopped"
        systemd.restart()
        return f"{previous or 'what ran before'} runs again"

    def _journal(self) -> list[str]:
        if self.systemd is None or not self.started_s:
            return []
        return self.systemd.journal_lines(since_s=self.started_s, but=self.before.invocation)

    def _explained(
        self, error: EdgeHdrError | Stopped, now: str, journal: list[str] | None = None
    ) -> EdgeHdrError:
        lines = self._journal() if journal is None else journal
        end = f"; {now}" if now else ""
        if isinstance(error, Stopped):
            told: EdgeHdrError = StoppedError(f"stopped {error.reason}{end}")
        else:
            hint = "the journal's last lines say why" if lines else error.hint
            told = DeviceStepError(f"{error.message}{end}", hint=hint)
        return with_data(told, step=self.tell.current, journal=lines)
