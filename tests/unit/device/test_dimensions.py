import struct

import cv2
import numpy as np
import pytest

from edge_hdr_device.dimensions import declared_size

IMAGE = np.random.default_rng(0).integers(0, 255, (90, 120, 3)).astype(np.uint8)
GREY = IMAGE[:, :, 0].copy()
FORMATS = [".png", ".jpg", ".webp", ".bmp", ".tiff", ".ppm", ".pgm", ".pbm", ".jp2"]


def encoded(suffix: str, *options: int) -> bytes:
    image = GREY if suffix in {".pgm", ".pbm"} else IMAGE
    return bytes(cv2.imencode(suffix, image, options)[1])


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_size_is_told_before_anything_is_decoded(suffix: str) -> None:
    assert declared_size(encoded(suffix)) == (120, 90)


def test_a_webp_tells_its_size_in_each_of_its_forms() -> None:
    lossy = encoded(".webp", cv2.IMWRITE_WEBP_QUALITY, 50)
    assert lossy[8:16] == b"WEBPVP8 "
    assert declared_size(lossy) == (120, 90)
    lossless = encoded(".webp", cv2.IMWRITE_WEBP_QUALITY, 101)
    assert lossless[8:16] == b"WEBPVP8L"
    assert declared_size(lossless) == (120, 90)
    extended = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\x77\0\0" + b"\x59\0\0"
    assert declared_size(extended) == (0x77 + 1, 0x59 + 1)


def test_other_headers_are_read_as_their_formats_say() -> None:
    assert declared_size(b"GIF89a" + struct.pack("<HH", 300, 200)) == (300, 200)
    upside_down = b"BM" + bytes(12) + struct.pack("<Iii", 40, 300, -200)
    assert declared_size(upside_down) == (300, 200)
    old = b"BM" + bytes(12) + struct.pack("<IHH", 12, 300, 200)
    assert declared_size(old) == (300, 200)
    assert declared_size(b"P6 # by hand\n300\t200\n255\n") == (300, 200)
    assert declared_size(b"P7\nWIDTH 300\nHEIGHT 200\nDEPTH 3\n") == (300, 200)


def test_a_tiff_of_either_byte_order_is_read() -> None:
    for mark, order in ((b"II*\0", "<"), (b"MM\0*", ">")):
        width = struct.pack(f"{order}HHIHH", 256, 3, 1, 300, 0)
        height = struct.pack(f"{order}HHII", 257, 4, 1, 70_000)
        directory = struct.pack(f"{order}H", 2) + width + height
        assert declared_size(mark + struct.pack(f"{order}I", 8) + directory) == (300, 70_000)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_header_that_is_cut_off_is_no_size(suffix: str) -> None:
    data = encoded(suffix)
    sizes = {declared_size(data[:length]) for length in range(min(len(data), 700))}
    assert sizes <= {None, (120, 90)}
    assert declared_size(data[:12]) is None or suffix in {".ppm", ".pgm", ".pbm"}


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"\xff\xd8\xff" * 100, b"RIFF", b"II*\0" + b"\xff" * 9]
)
def test_what_is_no_picture_has_no_size(data: bytes) -> None:
    assert declared_size(data) is None
