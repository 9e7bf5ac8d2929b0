"""List the cameras of this machine; where there is none, say why and what repairs it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge_hdr_device.camera import v4l2
from edge_hdr_device.camera.opencv import inspect
from edge_hdr_device.camera.picamera import acquire, csi_cameras, translate
from edge_hdr_device.camera.picamera2_module import load
from edge_hdr_device.errors import CameraError
from edge_hdr_device.system.board import Board

JOIN = "sudo usermod -aG video,render $USER"
NODES = ("video*", "media*", "dma_heap/vidbuf_cached", "dma_heap/linux,cma")  # as picamera2 needs


@dataclass(frozen=True)
class Camera:
    """A camera that was found.

    Attributes:
        source: what `--camera` takes for it, as "csi:0" or "/dev/video0".
        name: of the sensor or the product.
        formats: that it gives, a line each.
    """

    source: str
    name: str
    formats: tuple[str, ...] = ()


@dataclass(frozen=True)
class Problem:
    """Why a camera cannot be used.

    Attributes:
        message: what is wrong, one line.
        command: what repairs it or shows more; empty where no command does.
    """

    message: str
    command: str = ""


@dataclass(frozen=True)
class Discovery:
    """What was found.

    Attributes:
        cameras: that are there, the one first that `--camera auto` takes.
        problems: of those, and where there are none, why.
    """

    cameras: tuple[Camera, ...]
    problems: tuple[Problem, ...]

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON-ready values."""
        return {
            "cameras": [asdict(camera) for camera in self.cameras],
            "problems": [asdict(problem) for problem in self.problems],
        }


@dataclass(frozen=True)
class Facts:
    """What there is to know where no camera is found.

    Attributes:
        is_pi: this is a Raspberry Pi, which has a connector for a camera.
        picamera2: why it cannot be imported; None where it can.
        forbidden: device nodes that this user may not open, each with its group.
        member: groups that the user belongs to by the system's files.
        has_video: the kernel has any video device.
    """

    is_pi: bool
    picamera2: CameraError | None
    forbidden: tuple[tuple[str, str], ...]
    member: frozenset[str]
    has_video: bool


def find_cameras() -> Discovery:
    """List cameras on ribbon cables by picamera2, and the kernel's other ones."""
    found = [*_find_csi(), *_find_v4l2()]
    cameras = tuple(one for one in found if isinstance(one, Camera))
    problems = tuple(one for one in found if isinstance(one, Problem))
    return Discovery(cameras, problems if found else diagnose(gather()))


def gather(dev: Path = Path("/dev"), board: Board | None = None) -> Facts:
    """Collect what `diagnose` needs."""
    missing = None
    try:
        load()
    except CameraError as error:
        missing = error
    nodes = [path for pattern in NODES for path in sorted(dev.glob(pattern))]
    return Facts(
        is_pi="raspberry pi" in (board or Board()).model.lower(),
        picamera2=missing,
        forbidden=tuple(
            (str(path), _group(path)) for path in nodes if not os.access(path, os.R_OK | os.W_OK)
        ),
        member=frozenset(_member_of()),
        has_video=any(path.name.startswith("video") for path in nodes),
    )


def diagnose(facts: Facts) -> tuple[Problem, ...]:
    """Say why no camera is found, the likeliest reason first."""
    problems = []
    if facts.forbidden:
        path, group = facts.forbidden[0]
        if group in facts.member:
            why, command = f"until you log in again, as you are new in {group}", f"newgrp {group}"
        else:
            why, command = "to this user; log in again once this is done", JOIN
        problems.append(Problem(f"{path} is forbidden {why}", command))
    if facts.is_pi and facts.picamera2:
        problems.append(Problem(facts.picamera2.message, facts.picamera2.hint))
    if facts.is_pi and not problems:
        problems.append(
            Problem(
                "no camera answers on the ribbon cable: switch the board off, seat the cable at "
                "both ends with its contacts the right way round, and look again",
                "rpicam-hello --list-cameras",
            )
        )
    if not facts.has_video or not problems:
        problems.append(Problem("no camera is plugged into USB", "lsusb"))
    return tuple(problems)


def _find_csi() -> Iterator[Camera | Problem]:
    try:
        kind = load().Picamera2
        found = csi_cameras(kind.global_camera_info())
    except CameraError:
        return  # told by `diagnose` where nothing else is found
    except (RuntimeError, OSError) as error:
        yield _told(translate(error))
        return
    for number, (index, model) in enumerate(found):
        formats: tuple[str, ...] = ()
        try:
            camera = acquire(kind, index)
            try:
                formats = tuple(_mode(mode) for mode in camera.sensor_modes)
            finally:
                camera.close()
        except Exception as error:  # with little memory the modes cannot be listed: no harm
            problem = translate(error)
            if "in use" in problem.message:
                yield Problem(f"csi:{number}: {problem.message}", problem.hint)
        yield Camera(f"csi:{number}", model, formats)


def _find_v4l2() -> Iterator[Camera | Problem]:
    for device in v4l2.list_devices():
        if not device.is_camera:
            continue
        try:
            inspect(device.path)
        except CameraError as error:
            yield _told(error)
        formats = tuple(_format(one) for one in device.formats)
        yield Camera(device.path, device.name, formats)


def _told(error: CameraError) -> Problem:
    return Problem(error.message, error.hint)


def _mode(mode: dict[str, Any]) -> str:
    """Spell a sensor's mode, as "2304×1296, 10 bit, 56 fps"."""
    if "size" not in mode:
        return str(mode.get("format", ""))
    width, height = mode["size"]
    return f"{width}×{height}, {mode.get('bit_depth', '?')} bit, {mode.get('fps', 0):.0f} fps"


def _format(one: v4l2.VideoFormat) -> str:
    """Spell a format, as "MJPG 1920×1080 1280×720"."""
    return " ".join([one.code, *(f"{width}×{height}" for width, height in one.sizes)])


def _group(path: Path) -> str:
    with contextlib.suppress(OSError, KeyError):
        return path.group()
    return "video"


def _member_of() -> Iterator[str]:
    """Name the groups that the system's files put this user into."""
    import grp
    import pwd

    with contextlib.suppress(KeyError):
        name = pwd.getpwuid(os.getuid()).pw_name
        yield from (group.gr_name for group in grp.getgrall() if name in group.gr_mem)
