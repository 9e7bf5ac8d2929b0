from __future__ import annotations

import numpy as np
import pytest

from edge_hdr_device.errors import ConfigError
from edge_hdr_device.pipeline import Digit
from edge_hdr_device.tracking.roi import SMALLEST_PX, Roi, parse_rois, place


@pytest.mark.parametrize(
    ("text", "roi"),
    [
        ("10,20,300,40", Roi("roi1", 10, 20, 300, 40, relative=False)),
        ("meter=10,20,300,40", Roi("meter", 10, 20, 300, 40, relative=False)),
        (" gas-1 = 0 , 0 , 640 , 480 ", Roi("gas-1", 0, 0, 640, 480, relative=False)),
        ("10,20.0,300,40", Roi("roi1", 10, 20, 300, 40, relative=False)),
        ("0.1,0.2,0.5,.25", Roi("roi1", 0.1, 0.2, 0.5, 0.25)),
        ("a_b=0,0.5,1,0.5", Roi("a_b", 0, 0.5, 1, 0.5)),
        ("0,0,1,1", Roi("roi1", 0, 0, 1, 1)),
        ("0,0,1.,1.0", Roi("roi1", 0, 0, 1, 1)),
    ],
)
def test_a_region_is_read_in_px_or_in_shares(text: str, roi: Roi) -> None:
    assert parse_rois([text]) == (roi,)


def test_without_a_region_the_whole_frame_is_taken() -> None:
    (roi,) = parse_rois([])
    assert roi.name == "frame"
    assert roi.box(640, 480) == (0, 0, 640, 480)


def test_regions_without_a_name_are_called_by_their_place() -> None:
    rois = parse_rois(["0,0,50,50", "b=0,0,50,50", "0,0,50,50"])
    assert [roi.name for roi in rois] == ["roi1", "b", "roi3"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "not four numbers"),
        ("1,2,3", "not four numbers"),
        ("1,2,3,4,5", "not four numbers"),
        ("1,2,3,four", "not four numbers"),
        ("-1,2,3,4", "not four numbers"),
        ("nan,0,1,1", "not four numbers"),
        ("1e3,0,1,1", "not four numbers"),
        ("0.5,0,320,240", "mixes px with shares"),
        ("10.5,0,320,240", "mixes px with shares"),
        ("10,10,0,40", "is empty"),
        ("0.1,0.1,0.0,0.5", "is empty"),
        ("1,0,1,1", "outside of the frame"),
        ("a b=1,2,30,40", "'a b' is no name"),
        ("=1,2,30,40", "'' is no name"),
        ("zähler=1,2,30,40", "'zähler' is no name"),
        ("a=b=1,2,30,40", "more than one ="),
    ],
)
def test_a_region_that_cannot_be_understood_is_refused(text: str, wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong) as caught:
        parse_rois([text])
    assert repr(text) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("texts", [["a=0,0,9,9", "a=1,1,9,9"], ["0,0,9,9", "roi1=0,0,9,9"]])
def test_two_regions_of_one_name_are_refused(texts: list[str]) -> None:
    with pytest.raises(ConfigError, match="two regions"):
        parse_rois(texts)


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("10,20,300,40", (10, 20, 300, 40)),
        ("600,400,300,300", (600, 400, 40, 80)),
        ("0.25,0.5,0.5,0.25", (160, 240, 320, 120)),
        ("0.5,0.5,1,1", (320, 240, 320, 240)),
        ("0.333,0,0.333,1", (213, 0, 213, 480)),
    ],
)
def test_a_region_is_clipped_to_the_frame(text: str, box: tuple[int, ...]) -> None:
    (roi,) = parse_rois([text])
    assert roi.box(640, 480) == box


@pytest.mark.parametrize("text", ["640,0,50,50", "0,480,50,50", "9999,9999,50,50", "630,0,50,50"])
def test_a_region_outside_of_the_frame_is_refused_by_its_name(text: str) -> None:
    (roi,) = parse_rois([f"meter={text}"])
    with pytest.raises(ConfigError, match=r"meter.*640×480"):
        roi.cut(np.zeros((480, 640), np.uint8))


def test_a_region_too_small_for_a_digit_is_refused() -> None:
    with pytest.raises(ConfigError, match=f"100×{SMALLEST_PX - 1}"):
        parse_rois([f"0,0,100,{SMALLEST_PX - 1}"])[0].box(640, 480)
    assert parse_rois([f"0,0,100,{SMALLEST_PX}"])[0].box(640, 480)


def test_a_tiny_frame_is_taken_whole() -> None:
    assert Roi().box(8, 5) == (0, 0, 8, 5)


@pytest.mark.parametrize("shape", [(480, 640), (480, 640, 3)])
def test_cutting_copies_nothing(shape: tuple[int, ...]) -> None:
    image = np.zeros(shape, np.uint8)
    view, corner = parse_rois(["100,50,30,20"])[0].cut(image)
    assert view.shape[:2] == (20, 30)
    assert corner == (100, 50)
    image[50, 100] = 255
    assert (view[0, 0] == 255).all()
    assert np.shares_memory(view, image)


def test_digits_come_back_in_px_of_the_frame() -> None:
    digits = (Digit("1", 0.9, (3, 4, 10, 20), line=1), Digit("2", 0.9, (30, 40, 10, 20)))
    back = place(digits, (100, 50))
    assert [digit.box for digit in back] == [(103, 54, 10, 20), (130, 90, 10, 20)]
    assert [(digit.label, digit.line) for digit in back] == [("1", 1), ("2", 0)]
    assert place(digits, (0, 0)) == digits
