"""Go back to an earlier release, or start the one that is current anew; both are watched."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from edge_hdr_device.errors import DeviceStepError, EdgeHdrError, InputError, StorageError, nearest
from edge_hdr_device.install import configuration, history, holding, release, switch, unit
from edge_hdr_device.install.explaining import explained
from edge_hdr_device.install.installer import Outcome
from edge_hdr_device.install.layout import Layout
from edge_hdr_device.install.life import Life
from edge_hdr_device.install.recovery import recover
from edge_hdr_device.install.release import Release
from edge_hdr_device.install.room import is_full
from edge_hdr_device.install.service_choice import choose_service
from edge_hdr_device.install.steps import Tell
from edge_hdr_device.install.systemd import Systemd
from edge_hdr_device.install.telling import Teller
from edge_hdr_device.install.trial import Trial


@dataclass(frozen=True)
class Wanted:
    """How to go back, or to start anew.

    Attributes:
        window_s: how long the service must stay up.
        by: who does it.
        service: whether a service is to run.
    """

    window_s: float = 10.0
    by: str = ""
    service: bool = True


def rollback(
    layout: Layout,
    release_id: str | None,
    wanted: Wanted,
    tell: Tell,
    *,
    life: Life | None = None,
) -> Outcome:
    """Switch to an earlier release that is still on this board.

    Args:
        layout: of the deployment.
        release_id: of the release, or the beginning of it; None is the one that ran before.
        wanted: how.
        tell: called for each step.
        life: who may stop it.

    Raises:
        InputError: there is no such release.
        DeviceStepError: it does not do well, and what ran before runs again.
    """
    start_s = time.monotonic()
    life, teller = life or Life(), Teller(tell)
    with _held(layout, wanted, teller, "rollback"):
        previous = switch.current_id(layout)
        with teller.step("verify") as step:
            target = find(layout, release_id)
            _check_whole(layout, target)
            step.detail = f"{target.id}, {target.index.model}"
        systemd = choose_service(layout, teller, wanted=wanted.service)
        config = configuration.choose(layout, target.config(left=True))
        before = configuration.present(layout) if config is not None else None
        arranged = _settle_settings(layout, target, config, systemd, teller)
        trial = Trial(layout, systemd, life, teller, wanted.window_s)
        if before is not None:
            trial.keep = partial(_keep_settings, layout, before, previous, target.id, teller)
        try:
            trial.attempt(target.id, config)
        except EdgeHdrError as error:
            arranged.forget()
            _write_down(layout, wanted, target, "failed", f"{teller.current}: {error.message}")
            raise
        with contextlib.suppress(EdgeHdrError):
            release.note_kept(layout, target.id, by=wanted.by, previous=previous)
        _write_down(layout, wanted, target, "ok", f"after {previous}")
        found = _outcome(layout, target, previous, trial, teller, start_s)
        return replace(found, token=arranged.token)


def restart(layout: Layout, wanted: Wanted, tell: Tell, *, life: Life | None = None) -> Outcome:
    """Start the service anew and watch it.

    Raises:
        DeviceStepError: there is no service, or it does not do well.
    """
    start_s = time.monotonic()
    life, teller = life or Life(), Teller(tell)
    with _held(layout, wanted, teller, "restart"):
        running = release.current(layout)
        systemd = choose_service(layout, teller, wanted=True) if running else None
        if running is None or systemd is None:
            raise DeviceStepError(
                "there is no service to restart: "
                + ("no systemd answers" if running else "nothing is deployed"),
                hint="edge-hdr-device status",
            )
        trial = Trial(layout, systemd, life, teller, wanted.window_s)
        trial.start_only()
        return _outcome(layout, running, switch.previous_id(layout), trial, teller, start_s)


def find(layout: Layout, release_id: str | None) -> Release:
    """Find a release to go back to.

    Args:
        layout: of the deployment.
        release_id: of it, or the beginning of it; None is the one that ran before.

    Raises:
        InputError: there is none.
    """
    known = {one.id: one for one in release.releases(layout)}
    if release_id is None:
        if previous := switch.previous_id(layout):
            return known[previous]
        raise InputError(
            "there is no earlier release on this board", hint="deploy one, or see its status"
        )
    found = [one for name, one in known.items() if name.startswith(release_id)]
    if len(found) == 1:
        return found[0]
    what = "several releases begin with" if found else "there is no release"
    raise InputError(f"{what} {release_id!r}", hint=nearest(release_id, known))


def _check_whole(layout: Layout, target: Release) -> None:
    """Refuse a release of which something is lost or damaged."""
    members = release.files(target.index).items()
    wrong = [name for name, member in members if not release.holds(target.folder / name, member)]
    for link in (release.RUNTIME_LINK, release.VENV_LINK):
        wrong += [] if (target.folder / link).is_dir() else [link]
    if wrong:
        raise InputError(
            f"the release {target.id} is damaged: {', '.join(wrong)}", hint="deploy it again"
        )


def _settle_settings(
    layout: Layout, target: Release, config: bytes | None, systemd: Systemd | None, tell: Teller
) -> unit.Arranged:
    """Let the release try its settings; where the disk is full the watching alone shows."""
    with tell.step("settings") as step:
        content = (configuration.present(layout) if config is None else config) or b""
        try:
            if systemd:
                return unit.arrange(layout, target.folder, content, tell.warn)
            configuration.check(layout, target.folder, content)
        except StorageError as error:
            if not is_full(error) or (systemd and not (target.folder / release.UNIT).is_file()):
                raise
            tell.warn("the disk is full: the settings were not tried beforehand")
            step.detail = "as they were left"
    return unit.Arranged()


@contextlib.contextmanager
def _held(layout: Layout, wanted: Wanted, tell: Teller, action: str) -> Iterator[None]:
    with explained(tell), contextlib.ExitStack() as held:
        with tell.step("lock"):
            by = wanted.by or f"edge-hdr-device {action}"
            held.enter_context(holding.hold(layout, by=by))
        with tell.step("recover") as step:
            step.detail = recover(layout)
        with contextlib.suppress(FileNotFoundError):  # on a full disk
            layout.work.chmod(0o711)  # the service's user tries the settings in there
        try:
            yield
        finally:
            shutil.rmtree(layout.work, ignore_errors=True)


def _keep_settings(
    layout: Layout, before: bytes, previous: str | None, release_id: str, tell: Teller
) -> None:
    for warning in configuration.replaced(layout, before, previous, release_id):
        tell.warn(warning)


def _write_down(layout: Layout, wanted: Wanted, of: Release, outcome: str, detail: str) -> None:
    entry = {"action": "rollback", "id": of.id, "model": of.index.model}
    history.add(layout, by=wanted.by, **entry, outcome=outcome, detail=detail)


def _outcome(
    layout: Layout,
    target: Release,
    previous: str | None,
    trial: Trial,
    tell: Teller,
    start_s: float,
) -> Outcome:
    return Outcome(
        id=target.id,
        version=target.index.version,
        model=target.index.model,
        previous=previous,
        mode=layout.mode,
        base=str(layout.base),
        changed=True,
        service=trial.systemd is not None,
        ready=trial.ready,
        environment=target.environment,
        warnings=tuple(tell.warnings),
        took_s=round(time.monotonic() - start_s, 2),
    )
