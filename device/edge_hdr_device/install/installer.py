"""Install a payload on this board: verified, tried, switched, watched; or nothing has changed."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from edge_hdr_device.errors import EdgeHdrError
from edge_hdr_device.install import (
    configuration,
    history,
    holding,
    links,
    prune,
    release,
    switch,
    unit,
)
from edge_hdr_device.install.building import Building
from edge_hdr_device.install.explaining import explained
from edge_hdr_device.install.layout import Layout, Mode
from edge_hdr_device.install.life import Life, Stopped, StoppedError
from edge_hdr_device.install.placing import layout_of
from edge_hdr_device.install.recovery import recover
from edge_hdr_device.install.request import Request
from edge_hdr_device.install.service_choice import choose_service
from edge_hdr_device.install.steps import Tell
from edge_hdr_device.install.systemd import Systemd
from edge_hdr_device.install.telling import Teller
from edge_hdr_device.install.trial import Trial

READABLE = 0o022  # the umask: what is installed is for the service's user to read


@dataclass(frozen=True)
class Outcome:
    """What an installation came to.

    Attributes:
        id: of the release that runs now.
        version: of its device package.
        model: its model's id.
        previous: release that ran before this one; None for none.
        mode: whose deployment it is.
        base: its folder.
        changed: whether anything was switched.
        started: whether a service that was stopped was only started again.
        service: whether systemd runs it.
        ready: whether frames came within the window; None where nobody looked.
        environment: key of its virtual environment.
        warnings: what the reader should know, a sentence each.
        removed: old releases that were pruned.
        took_s: time that it took.
        token: that opens the page, if one was made; it cannot be had again.
    """

    id: str
    version: str
    model: str
    previous: str | None
    mode: Mode
    base: str
    changed: bool
    service: bool
    started: bool = False
    ready: bool | None = None
    environment: str = ""
    warnings: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    took_s: float = 0.0
    token: str | None = field(default=None, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON-ready values."""
        return asdict(self) | {"warnings": list(self.warnings), "removed": list(self.removed)}


def install(
    request: Request, tell: Tell, *, layout: Layout | None = None, life: Life | None = None
) -> Outcome:
    """Install a payload.

    Args:
        request: what and how.
        tell: called for each step.
        layout: where to; by the request's mode by default.
        life: who may stop it; nobody by default.

    Raises:
        EdgeHdrError: it failed, `data` names the step, and what ran before runs as before.
        StoppedError: it was told to stop.
    """
    layout = layout or layout_of(request.mode, next(iter(request.payloads), None))
    run = _Installation(request, layout, Teller(tell), life or Life())
    mask = os.umask(READABLE)
    try:
        with explained(run.tell):
            return run.run()
    finally:
        os.umask(mask)


class _Installation:
    """One installation, step by step."""

    def __init__(self, request: Request, layout: Layout, tell: Teller, life: Life) -> None:
        self.request, self.layout, self.tell, self.life = request, layout, tell, life
        self._start_s = time.monotonic()
        self.systemd: Systemd | None = None
        self._arranged = unit.Arranged()

    def run(self) -> Outcome:
        """Go through the steps."""
        with contextlib.ExitStack() as held:
            with self.tell.step("lock") as step:
                by = self.request.by or "edge-hdr-device install"
                held.enter_context(holding.hold(self.layout, by=by))
                step.detail = f"{self.layout.mode}, in {self.layout.base}"
            with Building(self.request, self.layout, self.tell) as building:
                try:
                    return self._run(building)
                except BaseException as error:
                    with self.life.shield():
                        self._forget(building, error)
                    raise

    def _run(self, building: Building) -> Outcome:
        with self.tell.step("recover") as step:
            step.detail = recover(self.layout, self.request.payloads)
        wanted, force = self.request.service, self.request.force
        self.systemd = choose_service(self.layout, self.tell, wanted=wanted, force=force)
        building.verify()
        previous = switch.current_id(self.layout)
        building.unpack()
        building.make_environment()
        config = configuration.choose(self.layout, building.wanted_config)
        if self._is_same(building, config):
            return self._same(building)
        building.try_model()
        self._settle_settings(building, config)
        place = building.finish()
        before = configuration.present(self.layout) if config is not None else None
        trial = self._trial(fresh=building.fresh, undo=building.restore)
        if before is not None:
            trial.keep = partial(self._keep_settings, before, previous, place.name)
        trial.attempt(place.name, config)
        return self._kept(building, trial, previous)

    def _is_same(self, building: Building, config: bytes | None) -> bool:
        has_unit = self.systemd is None or links.leads_to(self.layout.unit, self.layout.base)
        same = building.is_current and config is None and has_unit
        return same and not self.request.force

    def _same(self, building: Building) -> Outcome:
        """Nothing to do, but to start what does not run and remove what an earlier one left."""
        for name in ("canary", "settings", "switch"):
            self.tell.skip(name, "nothing has changed")
        trial = self._trial()
        started = self.systemd is not None and not self.systemd.show().runs
        if started:
            trial.start_only()
        else:
            for name in ("restart", "health"):
                self.tell.skip(name, "it runs" if self.systemd else "no service")
        self.tell.skip("commit", "nothing has changed")
        removed = self._prune()
        previous = switch.previous_id(self.layout)
        return self._outcome(building, trial, previous, started=started, removed=removed)

    def _settle_settings(self, building: Building, config: bytes | None) -> None:
        with self.tell.step("settings") as step:
            content = configuration.present(self.layout) if config is None else config
            content = content or b""
            if self.systemd is None:
                configuration.check(self.layout, building.folder, content)
            else:
                places = (self.layout, building.folder)
                self._arranged = unit.arrange(*places, content, self.tell.warn)
            step.detail = "as they were" if config is None else "new ones" if config else "none yet"

    def _trial(self, *, fresh: bool = False, undo: Callable[[], None] | None = None) -> Trial:
        return Trial(
            layout=self.layout,
            systemd=self.systemd,
            life=self.life,
            tell=self.tell,
            window_s=self.request.window_s,
            fresh=fresh,
            undo=undo,
        )

    def _keep_settings(self, before: bytes, previous: str | None, release_id: str) -> None:
        for warning in configuration.replaced(self.layout, before, previous, release_id):
            self.tell.warn(warning)

    def _kept(self, building: Building, trial: Trial, previous: str | None) -> Outcome:
        """Write down what was done, and make room; it is kept, whatever comes of that."""
        release_id = building.index.id
        if previous == release_id:  # it was only done again
            previous = switch.previous_id(self.layout)
        with self._only_warned():
            release.note_kept(self.layout, release_id, by=self.request.by, previous=previous)
        history.add(
            self.layout,
            by=self.request.by,
            action="install",
            id=release_id,
            model=building.index.model,
            outcome="ok",
            detail=f"after {previous}" if previous else "the first",
        )
        removed = self._prune()
        return self._outcome(building, trial, previous, changed=True, removed=removed)

    def _prune(self) -> tuple[str, ...]:
        removed: list[str] = []
        with self._only_warned(), self.tell.step("prune") as step:
            removed = prune.prune(self.layout, self.request.keep)
            step.detail = ", ".join(removed) or "nothing to remove"
        return tuple(removed)

    @contextlib.contextmanager
    def _only_warned(self) -> Iterator[None]:
        try:
            yield
        except EdgeHdrError as error:
            self.tell.warn(error.message)

    def _outcome(
        self,
        building: Building,
        trial: Trial,
        previous: str | None,
        *,
        changed: bool = False,
        started: bool = False,
        removed: tuple[str, ...] = (),
    ) -> Outcome:
        return Outcome(
            id=building.index.id,
            version=building.index.version,
            model=building.index.model,
            previous=previous,
            mode=self.layout.mode,
            base=str(self.layout.base),
            changed=changed,
            started=started,
            service=self.systemd is not None,
            ready=trial.ready,
            environment=building.environment,
            warnings=tuple(self.tell.warnings),
            removed=removed,
            took_s=round(time.monotonic() - self._start_s, 2),
            token=self._arranged.token,
        )

    def _forget(self, building: Building, error: BaseException) -> None:
        """Leave nothing of an installation that failed but its line in the history."""
        self._arranged.forget()
        building.restore()
        if self.tell.current in {"lock", "recover"}:
            return
        said = getattr(error, "message", None) or getattr(error, "reason", "") or repr(error)
        history.add(
            self.layout,
            by=self.request.by,
            action="install",
            id=building.known_id,
            model=building.known_model,
            outcome="stopped" if isinstance(error, Stopped | StoppedError) else "failed",
            detail=f"{self.tell.current}: {said}",
        )
