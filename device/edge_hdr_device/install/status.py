"""What is deployed on this board, and how it does."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from edge_hdr_device.errors import EdgeHdrError
from edge_hdr_device.install import history, holding, release, switch, trust
from edge_hdr_device.install.layout import Layout
from edge_hdr_device.install.placing import find_layout
from edge_hdr_device.install.systemd import Systemd
from edge_hdr_device.install.watch import Page, is_ready

__all__ = ["find_layout", "status"]

SHOWN = 5  # entries of the history


def status(layout: Layout) -> dict[str, Any]:
    """Look at a deployment; nothing is changed.

    Returns:
        JSON-ready: mode, base, current, releases, trial, held, service, alive, ready, page, config,
        trusted, history.
    """
    running = release.current(layout)
    listed = release.releases(layout)
    found = [*([running] if running and running.id not in _ids(listed) else []), *listed]
    page = Page.of(layout.config)
    return {
        "mode": layout.mode,
        "base": str(layout.base),
        "current": running.to_dict() if running else None,
        "releases": [one.to_dict() for one in found],
        "trial": switch.in_trial(layout),
        "held": holding.holder(layout),
        **_service(layout, page),
        "page": page.url if page else None,
        "config": str(layout.config),
        "trusted": _trusted(layout.trusted),
        "history": history.read(layout, last=SHOWN),
    }


def _ids(releases: list[release.Release]) -> list[str]:
    return [one.id for one in releases]


def _service(layout: Layout, page: Page | None) -> dict[str, Any]:
    systemd = Systemd(layout.mode)
    state = systemd.show() if layout.unit.is_symlink() and systemd.is_there() else None
    if state is None or not state.loaded:
        return {"service": None, "alive": None, "ready": None}
    if not state.runs:
        return {"service": state.to_dict(), "alive": False, "ready": False}
    alive = bool(page.alive()) if page else None
    return {"service": state.to_dict(), "alive": alive, "ready": is_ready(state, page)}


def _trusted(path: Path) -> list[str]:
    with contextlib.suppress(EdgeHdrError, OSError):
        return [key.fingerprint for key in trust.load(path)]
    return []
