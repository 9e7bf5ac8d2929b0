"""What the kernel's video devices are, asked of them by ioctl: name, formats, sizes, busy or not.

Source: the kernel's include/uapi/linux/videodev2.h, whose structures have the same layout on every
processor with four-byte `unsigned int`.
"""

from __future__ import annotations

import errno
import os
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_CAPABILITY = struct.Struct("16s32s32s6I")  # driver, card, bus, version, capabilities, device's own
_FORMAT = struct.Struct("3I32s5I")  # index, type, flags, description, pixel format
_SIZE = struct.Struct("11I")  # index, pixel format, kind, then width and height or their ranges
_BUFFERS = struct.Struct("5I")  # count, type, memory, capabilities, flags

_CAPTURE, _CAPTURE_PLANES, _MEMORY_TO_MEMORY = 0x1, 0x1000, 0x8000 | 0x4000
_STREAMING, _HAS_DEVICE_CAPS = 0x04000000, 0x80000000
_TYPE_CAPTURE, _MEMORY_MMAP, _DISCRETE = 1, 1, 1
_MOST = 64  # formats or sizes asked for, should a driver never end its list

# Nodes of a Raspberry Pi's own camera system and codecs: a CSI camera is used through picamera2.
BOARD_DRIVERS = ("bcm2835", "bm2835", "pispbe", "rp1-cfe", "rpi-", "rpivid", "unicam")


def _request(direction: int, number: int, layout: struct.Struct) -> int:
    """Number a request as the kernel's `_IOR` (direction 2) and `_IOWR` (3) do."""
    return direction << 30 | layout.size << 16 | ord("V") << 8 | number


QUERYCAP = _request(2, 0, _CAPABILITY)
ENUM_FMT = _request(3, 2, _FORMAT)
REQBUFS = _request(3, 8, _BUFFERS)
ENUM_FRAMESIZES = _request(3, 74, _SIZE)

Ioctl = Callable[[int, int, bytearray], object]


@dataclass(frozen=True)
class VideoFormat:
    """A format of a video device.

    Attributes:
        code: four characters, as "MJPG".
        sizes: (width, height) in px, largest first; a range is given by its ends.
    """

    code: str
    sizes: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class VideoDevice:
    """A video device of the kernel.

    Attributes:
        path: of its node, as "/dev/video0".
        name: as its maker calls it.
        driver: of the kernel, as "uvcvideo".
        bus: where it is plugged in, as "usb-0000:01:00.0-1.3".
        captures: whether it gives pictures; a codec or a node of metadata does not.
        formats: that it gives them in.
    """

    path: str
    name: str
    driver: str
    bus: str
    captures: bool
    formats: tuple[VideoFormat, ...] = ()

    @property
    def is_camera(self) -> bool:
        """Tell whether it gives pictures of its own, and is no part of the board's pipeline."""
        return self.captures and not self.driver.startswith(BOARD_DRIVERS)

    @property
    def is_usb(self) -> bool:
        """Tell whether it is plugged into USB."""
        return self.bus.startswith("usb")


def device_paths(folder: Path = Path("/dev")) -> list[str]:
    """List the nodes video0, video1, … in the order of their numbers."""
    numbers = (re.fullmatch(r"video(\d+)", path.name) for path in folder.glob("video*"))
    return [str(folder / f"video{n}") for n in sorted(int(match[1]) for match in numbers if match)]


def list_devices(folder: Path = Path("/dev")) -> list[VideoDevice]:
    """Describe the video devices that can be opened; others are passed over."""
    devices = []
    for path in device_paths(folder):
        try:
            devices.append(describe(path))
        except OSError:
            continue
    return devices


def describe(path: str) -> VideoDevice:
    """Ask a video device what it is.

    Raises:
        OSError: it cannot be opened (ENOENT, EACCES, ENODEV), or is no video device (ENOTTY).
    """
    handle = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        return ask(path, handle, _kernel())
    finally:
        os.close(handle)


def is_busy(path: str) -> bool:
    """Tell whether another program has the device's buffers.

    Raises:
        OSError: it cannot be opened.
    """
    handle = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        # asking for no buffers changes nothing, and is refused while another program has some
        _kernel()(handle, REQBUFS, bytearray(_BUFFERS.pack(0, _TYPE_CAPTURE, _MEMORY_MMAP, 0, 0)))
    except OSError as error:
        return error.errno == errno.EBUSY
    finally:
        os.close(handle)
    return False


def ask(path: str, handle: int, ioctl: Ioctl) -> VideoDevice:
    """Describe an open device.

    Args:
        path: of its node.
        handle: its file descriptor.
        ioctl: takes handle, request and a buffer that it fills; raises OSError where it is refused.
    """
    buffer = bytearray(_CAPABILITY.size)
    ioctl(handle, QUERYCAP, buffer)
    driver, card, bus, _, capabilities, own, *_ = _CAPABILITY.unpack(buffer)
    if capabilities & _HAS_DEVICE_CAPS:
        capabilities = own  # of this node, not of all nodes of the device together
    captures = bool(
        capabilities & (_CAPTURE | _CAPTURE_PLANES)
        and capabilities & _STREAMING
        and not capabilities & _MEMORY_TO_MEMORY
    )
    formats = tuple(_formats(handle, ioctl)) if captures and capabilities & _CAPTURE else ()
    return VideoDevice(path, _text(card), _text(driver), _text(bus), captures, formats)


def _formats(handle: int, ioctl: Ioctl) -> Iterator[VideoFormat]:
    for entry in _entries(handle, ioctl, ENUM_FMT, _FORMAT, _TYPE_CAPTURE):
        code = int(entry[4])
        sizes: set[tuple[int, int]] = set()
        for size in _entries(handle, ioctl, ENUM_FRAMESIZES, _SIZE, code):
            kind, first, second, _, low, high = size[2:8]  # or a range: widths, step, heights
            sizes |= {(first, second)} if kind == _DISCRETE else {(first, low), (second, high)}
        yield VideoFormat(four_characters(code), tuple(sorted(sizes, reverse=True)))


def _entries(
    handle: int, ioctl: Ioctl, request: int, layout: struct.Struct, of: int
) -> Iterator[tuple[int, ...]]:
    """Go through one of the kernel's lists; an entry begins with its index and the list's key."""
    for index in range(_MOST):
        buffer = bytearray(layout.size)
        struct.pack_into("2I", buffer, 0, index, of)
        try:
            ioctl(handle, request, buffer)
        except OSError:  # EINVAL at the end of the list, ENOTTY where there is none
            return
        yield layout.unpack(buffer)


def four_characters(code: int) -> str:
    """Spell a pixel format, as "YUYV"; its first character is in the lowest byte."""
    return struct.pack("<I", code & 0x7FFFFFFF).decode("ascii", "replace").rstrip()


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "replace").strip()


def _kernel() -> Ioctl:
    import fcntl

    return fcntl.ioctl
