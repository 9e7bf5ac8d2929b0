"""The health of the whole: what each part of the runtime says, in one list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from edge_hdr_device.live import Level, Part

if TYPE_CHECKING:
    from edge_hdr_device.camera.status import CaptureStatus
    from edge_hdr_device.delegates import Chosen
    from edge_hdr_device.publish.outlet import OutletStatus

CAMERA_LEVELS: dict[str, Level] = {  # without pictures nothing can be read
    "opening": "degraded",
    "streaming": "ok",
    "ended": "ok",
    "waiting": "failing",
    "stuck": "failing",
}


def collect_parts(
    *,
    capture: CaptureStatus,
    chosen: Chosen,
    outlets: Iterable[OutletStatus],
    samples: Part,
    clock: Part,
    board: Part,
) -> list[Part]:
    """Tell how every part does, the camera first."""
    return [
        camera_part(capture),
        model_part(chosen),
        *map(outlet_part, outlets),
        samples,
        clock,
        board,
    ]


def camera_part(status: CaptureStatus) -> Part:
    """Tell how the camera does."""
    detail = f"{status.error}: {status.hint}" if status.error and status.hint else status.error
    facts = {
        name: value
        for name, value in status.to_dict().items()
        if name not in {"state", "error", "hint"}
    }
    return Part("camera", CAMERA_LEVELS[status.state], status.state, detail, facts)


def model_part(chosen: Chosen) -> Part:
    """Tell what runs the model; degraded where it is not what was asked for."""
    level: Level = "degraded" if chosen.fallback else "ok"
    state = "on the processor" if chosen.fallback else "in use"
    return Part("model", level, state, chosen.fallback, chosen.to_dict())


def outlet_part(status: OutletStatus) -> Part:
    """Tell how an output does; reading goes on without it."""
    facts = {
        name: value
        for name, value in status.to_dict().items()
        if name not in {"name", "state", "error"}
    }
    level: Level = "degraded" if status.state == "down" else "ok"
    return Part(status.name, level, status.state, status.error, facts)
