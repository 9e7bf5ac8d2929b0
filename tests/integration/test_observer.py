"""Frames to results and events, with the real model."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_hdr.data.sheet import write_sheet
from edge_hdr_device import released
from edge_hdr_device.camera.source import Frame, Picture
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.images import read_image
from edge_hdr_device.observer import Observer
from edge_hdr_device.pipeline import Reader
from edge_hdr_device.settings import ReadConfig

SAMPLE = Path(__file__).parents[1] / "data" / "sample.jpg"


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(Classifier(released.find(None)))


@pytest.fixture(scope="module")
def pages() -> dict[str, NDArray[np.uint8]]:
    return {
        text: write_sheet([text], seed=seed, width_px=480, digit_px=48).image
        for seed, text in enumerate(("12345", "67890"), start=4)
    }


def frame(image: NDArray[np.uint8], number: int, name: str = "") -> Frame:
    return Frame(Picture(image, name), number, 1e9 + number / 30, time.monotonic())


def test_a_reading_is_announced_when_frames_agree_and_changed_by_new_agreement(
    reader: Reader, pages: dict[str, NDArray[np.uint8]]
) -> None:
    observer = Observer(reader, ReadConfig(agree=3, gate=False))
    changes = []
    for number in range(1, 13):
        image = pages["12345" if number <= 6 else "67890"]
        _, events = observer.observe(frame(image, number))
        changes += [(number, event.change, event.standing.text) for event in events]
    assert changes[0] == (3, "announced", "12345")
    assert changes[-1][2] == "67890"
    assert all(text in {"12345", "67890"} for _, _, text in changes)
    assert [standing.text for standing in observer.standing] == ["67890"]


def test_an_unchanged_frame_is_passed_over_once_the_reading_stands(
    reader: Reader, pages: dict[str, NDArray[np.uint8]]
) -> None:
    observer = Observer(reader, ReadConfig(agree=3))
    results = [observer.observe(frame(pages["12345"], number))[0] for number in range(1, 8)]
    assert [result.changed for result in results[:3]] == [True, True, True]
    assert not results[-1].changed
    assert list(results[-1].stages_ms) == ["gate"]
    assert results[-1].frame == 7
    assert results[-1].standing[0].text == "12345"


def test_regions_are_read_each_by_itself_in_px_of_the_frame(reader: Reader) -> None:
    sheet = write_sheet(["1234", "5678"], seed=3, width_px=480, digit_px=48)
    height = sheet.image.shape[0]
    half = height // 2
    rois = (f"above=0,0,480,{half}", f"below=0,{half},480,{height - half}")
    observer = Observer(reader, ReadConfig(agree=1, gate=False, roi=rois))
    result, events = observer.observe(frame(sheet.image, 1))
    assert {event.standing.region: event.standing.text for event in events} == {
        "above": "1234",
        "below": "5678",
    }
    assert result.lines == ("1234", "5678")
    centres = [digit.box[1] + digit.box[3] / 2 for digit in result.digits]
    assert all(centre < half for centre in centres[:4])
    assert all(centre > half for centre in centres[4:])
    assert len({digit.track for digit in result.digits}) == 8


def test_only_the_region_that_changes_is_read_again(reader: Reader) -> None:
    one = write_sheet(["1234"], seed=3, width_px=480, digit_px=48).image
    other = write_sheet(["5678"], seed=3, width_px=480, digit_px=48).image
    height = one.shape[0]
    rois = (f"above=0,0,480,{height}", f"below=0,{height},480,{height}")
    observer = Observer(reader, ReadConfig(agree=2, roi=rois, refresh_s=0))
    for number in range(1, 6):
        result, _ = observer.observe(frame(np.vstack([one, one]), number))
    assert not result.changed
    tracks = {digit.track for digit in result.digits[:4]}
    result, _ = observer.observe(frame(np.vstack([one, other]), 6))
    assert result.changed
    assert {digit.track for digit in result.digits[:4]} == tracks
    assert [digit.line for digit in result.digits[:4]] == [0] * 4
    for number in range(7, 12):
        result, _ = observer.observe(frame(np.vstack([one, other]), number))
    assert [standing.text for standing in result.standing] == ["1234", "5678"]


def test_a_region_outside_the_frame_is_told_once_and_the_others_go_on(
    reader: Reader, pages: dict[str, NDArray[np.uint8]], caplog: pytest.LogCaptureFixture
) -> None:
    rois = ("gone=900,0,100,100", "all=0,0,1,1")
    observer = Observer(reader, ReadConfig(agree=1, gate=False, roi=rois))
    for number in (1, 2):
        observer.observe(frame(pages["12345"], number))
    assert [standing.region for standing in observer.standing] == ["all"]
    assert len(observer.complaints) == 1
    assert "region gone" in observer.complaints[0]
    assert caplog.text.count("region gone") == 1


def test_what_stands_is_dropped_when_the_camera_goes(
    reader: Reader, pages: dict[str, NDArray[np.uint8]]
) -> None:
    observer = Observer(reader, ReadConfig(agree=1))
    observer.observe(frame(pages["12345"], 1))
    events = observer.lose(2e9, 1)
    assert [(event.change, event.standing.text) for event in events] == [("dropped", "12345")]
    assert observer.standing == ()
    result, _ = observer.observe(frame(pages["12345"], 2))
    assert result.changed


def test_unrelated_pictures_are_announced_each_alone(
    reader: Reader, pages: dict[str, NDArray[np.uint8]]
) -> None:
    observer = Observer(reader, ReadConfig(agree=5), unrelated=True)
    seen = []
    blank = np.full((100, 100), 230, np.uint8)
    for number, image in enumerate([pages["12345"], pages["12345"], blank], start=1):
        _, events = observer.observe(frame(image, number, name=f"{number}.png"))
        seen += [(event.name, event.change, event.standing.text) for event in events]
    assert seen == [
        ("1.png", "announced", "12345"),
        ("2.png", "announced", "12345"),
        ("3.png", "dropped", "12345"),
    ]


def test_the_expected_pattern_leaves_other_lines_out(reader: Reader) -> None:
    image = read_image(SAMPLE)
    lines = SAMPLE.with_suffix(".txt").read_text().split()
    wanted = [line for line in lines if len(line) == len(lines[0])]
    observer = Observer(reader, ReadConfig(agree=1, digits=len(lines[0])))
    _, events = observer.observe(frame(image, 1))
    assert list(events[0].standing.lines) == wanted
