from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_hdr_device.errors import ImageError
from edge_hdr_device.images import MAX_PIXELS, read_image


def encoded(suffix: str, image: np.ndarray | None = None) -> bytes:
    if image is None:
        image = np.random.default_rng(0).integers(0, 255, (60, 90, 3)).astype(np.uint8)
    return bytes(cv2.imencode(suffix, image)[1])


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tiff", ".webp", ".ppm"])
def test_colour_pictures_are_read_from_files_and_bytes(tmp_path: Path, suffix: str) -> None:
    data = encoded(suffix)
    path = tmp_path / f"picture{suffix}"
    path.write_bytes(data)
    image = read_image(path)
    assert image.shape == (60, 90, 3)
    assert image.dtype == np.uint8
    assert np.array_equal(image, read_image(data))


def test_grey_pictures_stay_grey() -> None:
    assert read_image(encoded(".png", np.full((5, 7), 9, np.uint8))).shape == (5, 7)


def test_sixteen_bits_become_eight() -> None:
    image = read_image(encoded(".png", np.full((5, 7), 200 * 256, np.uint16)))
    assert image.dtype == np.uint8
    assert (image == 200).all()


@pytest.mark.parametrize(("ink", "paper"), [(0, 255), (255, 0)])
def test_transparent_pixels_are_opposite_to_the_ink(ink: int, paper: int) -> None:
    image = np.zeros((20, 20, 4), np.uint8)
    image[8:12, 4:16] = (ink, ink, ink, 255)
    read = read_image(encoded(".png", image))
    assert (read[8:12, 4:16] == ink).all()
    assert (read[:8] == paper).all()


def with_orientation(jpeg: bytes, orientation: int) -> bytes:
    """Put an EXIF segment with one entry, the orientation, behind a JPEG's first marker."""
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = b"MM\x00\x2a" + struct.pack(">IH", 8, 1) + entry + struct.pack(">I", 0)
    body = b"Exif\x00\x00" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def test_exif_orientation_turns_the_picture_upright() -> None:
    image = np.zeros((40, 80), np.uint8)
    image[:, :20] = 255  # a bright left edge
    turned = read_image(with_orientation(encoded(".jpg", image), 6))  # to be turned clockwise
    assert turned.shape[:2] == (80, 40)
    assert turned[5, 20].mean() > 200  # the left edge came to the top
    assert turned[75, 20].mean() < 50


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"no such image: .*nothing\.png"):
        read_image(tmp_path / "nothing.png")


def test_a_folder_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="cannot read"):
        read_image(tmp_path)


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "empty.jpg"
    path.touch()
    with pytest.raises(ImageError, match=r"empty\.jpg is empty") as caught:
        read_image(path)
    assert caught.value.hint


@pytest.mark.parametrize("data", [b"x", b"not an image at all" * 10, b"\xff\xd8\xff", b"GIF89a"])
def test_bytes_that_are_no_image_say_what_to_give(data: bytes) -> None:
    with pytest.raises(ImageError, match=r"^scan 3 is") as caught:
        read_image(data, name="scan 3")
    assert caught.value.hint


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_picture_is_refused(suffix: str, share: float) -> None:
    data = encoded(suffix)
    with pytest.raises(ImageError, match="is truncated"):
        read_image(data[: int(share * len(data))])


def test_a_thumbnail_does_not_hide_a_truncated_jpeg() -> None:
    data, thumbnail = encoded(".jpg"), encoded(".jpg", np.zeros((8, 8), np.uint8))
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    whole = data[:2] + segment + data[2:]
    assert read_image(whole).shape[:2] == (60, 90)
    with pytest.raises(ImageError, match="is truncated"):
        read_image(whole[:-40])


def png_header(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + bytes(20)


def test_too_many_pixels_are_refused_before_decoding() -> None:
    side = int(MAX_PIXELS**0.5) + 1
    with pytest.raises(ImageError, match=f"{side}×{side} pixels, more than 100 million"):
        read_image(png_header(side, side))


def test_a_jpeg_of_too_many_pixels_is_refused_before_decoding() -> None:
    frame = b"\xff\xc0" + struct.pack(">HBHH", 17, 8, 65000, 65000) + bytes(12)
    with pytest.raises(ImageError, match="65000×65000 pixels"):
        read_image(b"\xff\xd8" + frame)


def test_a_picture_without_pixels_is_refused() -> None:
    with pytest.raises(ImageError, match="has no pixels"):
        read_image(png_header(0, 5))


@pytest.mark.parametrize("full", [4095, 65535])
def test_sixteen_bit_pictures_keep_their_range(full: int, tmp_path: Path) -> None:
    deep = np.full((40, 40), full, np.uint16)
    deep[10:20] = full // 5
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    image = read_image(tmp_path / "deep.png")
    assert image.dtype == np.uint8
    assert image[0, 0] == 255
    assert image[15, 15] == 255 // 5
