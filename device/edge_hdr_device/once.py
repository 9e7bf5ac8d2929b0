"""What ends at once: reading a single frame, and checking settings."""

from __future__ import annotations

import time
from pathlib import Path

from edge_hdr_device.camera.capture import Capture
from edge_hdr_device.camera.source import Frame
from edge_hdr_device.errors import CameraError, ConfigError, UnreachableError
from edge_hdr_device.publish.choose import build_outlets
from edge_hdr_device.publish.message import Message
from edge_hdr_device.publish.outlet import Outlet, stop_all
from edge_hdr_device.results import Event, FrameResult
from edge_hdr_device.rig import load_reading, make_capture
from edge_hdr_device.settings import RunConfig
from edge_hdr_device.writable import check_places

FRAME_S = 15.0  # a frame must come within this
SEND_S = 10.0  # and an output take it within this
TICK_S = 0.05


def read_once(config: RunConfig, *, state: Path) -> FrameResult:
    """Read one frame, after the camera's exposure has settled, and give it to file and MQTT.

    Raises:
        CameraError: no picture came; the message is the camera's own.
        ImageError: the only picture cannot be read.
        ConfigError: a region lies outside the frame.
        UnreachableError: an output did not take what was read.
    """
    observer, chosen = load_reading(config, state=state, unrelated=True)
    outlets = [
        outlet
        for outlet in build_outlets(config, regions=observer.regions, model=chosen.model_id)
        if outlet.name != "stdout"
    ]
    with make_capture(config.camera) as capture:
        result, events = observer.observe(_settled_frame(capture))
    if observer.complaints:
        raise ConfigError(observer.complaints[0], hint="give --roi inside the frame")
    _publish(outlets, result, events)
    return result


def check(config: RunConfig, *, state: Path) -> None:
    """Make every part that can be made beside a reader that runs.

    Raises:
        EdgeHdrError: a reader could not run with these settings, or could not write.
    """
    make_capture(config.camera)
    observer, chosen = load_reading(config, state=state)
    build_outlets(config, regions=observer.regions, model=chosen.model_id)
    check_places(config)
    if config.web.enabled:
        from edge_hdr_device.web.token import find_hash

        find_hash(config.web, state)


def _settled_frame(capture: Capture) -> Frame:
    end_s = time.monotonic() + FRAME_S
    first_s: float | None = None
    while time.monotonic() < end_s:
        frame = capture.next(TICK_S)
        if frame is not None:
            first_s = frame.monotonic_s if first_s is None else first_s
            if frame.monotonic_s >= first_s + capture.settle_s:
                return frame
        status = capture.status
        if frame is None and status.state in {"waiting", "ended", "stuck"}:
            raise CameraError(status.error or "the source is empty", hint=status.hint)
    raise CameraError(
        f"no picture from {capture.description} in {FRAME_S:g} s",
        hint="edge-hdr-device cameras says what is there",
    )


def _publish(outlets: list[Outlet], result: FrameResult, events: tuple[Event, ...]) -> None:
    """Give what was read to the outputs and wait until all have it."""
    for outlet in outlets:
        outlet.keeps_last = True  # a reading once an hour stands until the next
        outlet.offer(Message("frame", result.to_dict()))
        for event in events:
            outlet.offer(Message("reading", event.to_dict()))
        outlet.start()
    end_s = time.monotonic() + SEND_S
    try:
        for outlet in outlets:
            while (status := outlet.status).waiting and time.monotonic() < end_s:
                if status.state == "down":
                    break
                time.sleep(TICK_S)
            if status.waiting:
                reason = status.error or f"it takes nothing for {SEND_S:g} s"
                raise UnreachableError(
                    f"{outlet.name} did not take the reading: {reason}",
                    hint="the frame was read; check the output and read again",
                )
    finally:
        stop_all(outlets)
