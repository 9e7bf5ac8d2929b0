"""The kernel's answers as bytes: no driver can be had here, so a stand-in for its ioctl answers."""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_hdr_device.camera import v4l2
from edge_hdr_device.camera.v4l2 import VideoDevice, VideoFormat

CAPTURE, PLANES, M2M, STREAMING, META, DEVICE_CAPS = 1, 0x1000, 0x8000, 1 << 26, 1 << 23, 1 << 31
YUYV, MJPG = b"YUYV", b"MJPG"
Sizes = dict[bytes, list[tuple[int, ...]]]


def kernel(
    *,
    capabilities: int = CAPTURE | STREAMING,
    own: int | None = None,
    driver: bytes = b"uvcvideo",
    formats: Sizes | None = None,
) -> Callable[[int, int, bytearray], None]:
    """Answer as a driver does, writing each field where videodev2.h has it."""
    known = formats or {}

    def ioctl(handle: int, request: int, buffer: bytearray) -> None:
        index, key = struct.unpack_from("=II", buffer, 0)
        if request == 0x80685600:  # VIDIOC_QUERYCAP
            assert len(buffer) == 104
            buffer[0 : len(driver)] = driver
            buffer[16:26] = b"HD Camera\0"
            buffer[48:60] = b"usb-xhci-1.3"
            device_caps = DEVICE_CAPS if own is not None else 0
            struct.pack_into("=II", buffer, 84, capabilities | device_caps, own or 0)
        elif request == 0xC0405602:  # VIDIOC_ENUM_FMT
            assert (len(buffer), key) == (64, 1)
            if index >= len(known):
                raise OSError(errno.EINVAL, "end of the list")
            buffer[44:48] = list(known)[index]
        elif request == 0xC02C564A:  # VIDIOC_ENUM_FRAMESIZES
            assert len(buffer) == 44
            sizes = known[struct.pack("=I", key)]
            if index >= len(sizes):
                raise OSError(errno.EINVAL, "end of the list")
            struct.pack_into(f"={len(sizes[index])}I", buffer, 8, *sizes[index])
        else:
            raise OSError(errno.ENOTTY, f"{request:#x}")

    return ioctl


def test_requests_have_the_kernels_numbers() -> None:
    """As a C compiler prints them from linux/videodev2.h."""
    assert v4l2.QUERYCAP == 0x80685600
    assert v4l2.ENUM_FMT == 0xC0405602
    assert v4l2.REQBUFS == 0xC0145608
    assert v4l2.ENUM_FRAMESIZES == 0xC02C564A


def test_a_camera_is_described_with_formats_and_sizes() -> None:
    formats: Sizes = {
        MJPG: [(1, 640, 480), (1, 1920, 1080)],
        YUYV: [(3, 160, 1280, 16, 120, 720, 8)],  # from 160×120 to 1280×720
    }
    device = v4l2.ask("/dev/video0", 3, kernel(formats=formats))
    assert device == VideoDevice(
        path="/dev/video0",
        name="HD Camera",
        driver="uvcvideo",
        bus="usb-xhci-1.3",
        captures=True,
        formats=(
            VideoFormat("MJPG", ((1920, 1080), (640, 480))),
            VideoFormat("YUYV", ((1280, 720), (160, 120))),
        ),
    )
    assert device.is_camera
    assert device.is_usb


def test_the_node_counts_and_not_its_siblings() -> None:
    """A UVC camera has a node for metadata, whose device as a whole captures."""
    metadata = kernel(capabilities=CAPTURE | STREAMING | META, own=META | STREAMING)
    assert not v4l2.ask("/dev/video1", 3, metadata).captures


@pytest.mark.parametrize(
    ("capabilities", "captures"),
    [
        (CAPTURE | STREAMING, True),
        (PLANES | STREAMING, True),
        (CAPTURE, False),
        (STREAMING, False),
        (CAPTURE | M2M | STREAMING, False),
        (PLANES | 0x4000 | STREAMING, False),
    ],
)
def test_what_captures_is_told_from_codecs(capabilities: int, captures: bool) -> None:
    assert v4l2.ask("/dev/video9", 3, kernel(capabilities=capabilities)).captures is captures


@pytest.mark.parametrize(
    "driver",
    ["bcm2835-codec", "bcm2835-isp", "unicam", "pispbe", "rp1-cfe", "rpivid", "rpi-hevc-dec"],
)
def test_the_boards_own_pipeline_is_no_camera_to_choose(driver: str) -> None:
    device = v4l2.ask("/dev/video10", 3, kernel(driver=driver.encode()))
    assert device.captures
    assert not device.is_camera


def test_a_driver_whose_list_never_ends_does_no_harm() -> None:
    real = kernel(formats={YUYV: []})

    def endless(handle: int, request: int, buffer: bytearray) -> None:
        if request == v4l2.ENUM_FMT:
            buffer[0:4] = bytes(4)
        real(handle, request, buffer)

    assert len(v4l2.ask("/dev/video0", 3, endless).formats) == 64


def test_a_big_endian_flag_does_not_spoil_a_formats_name() -> None:
    assert v4l2.four_characters(int.from_bytes(b"YUYV", "little")) == "YUYV"
    assert v4l2.four_characters(int.from_bytes(b"Y16 ", "little")) == "Y16"
    assert v4l2.four_characters(int.from_bytes(b"Y16 ", "little") | 1 << 31) == "Y16"


def test_nodes_are_listed_by_number(tmp_path: Path) -> None:
    for name in ("video10", "video2", "video0", "video-x", "videoconference", "media0"):
        (tmp_path / name).touch()
    assert v4l2.device_paths(tmp_path) == [str(tmp_path / f"video{n}") for n in (0, 2, 10)]


def test_files_that_are_no_devices_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "video0").touch()
    assert v4l2.list_devices(tmp_path) == []


def test_the_real_kernel_refuses_what_is_no_camera(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="ioctl"):
        v4l2.describe("/dev/null")
    assert not v4l2.is_busy("/dev/null")
    with pytest.raises(FileNotFoundError):
        v4l2.describe(str(tmp_path / "video0"))
