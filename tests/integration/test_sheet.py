"""A printed sheet, written on, photographed and read, from the command line to the crops."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from sheet_photos import filled, photographed, printed

from edge_hdr.cli.app import main
from edge_hdr.cli.evaluate_sheet import evaluate_sheet
from edge_hdr.data.load import load
from edge_hdr.errors import DataError, ImageError, StorageError
from edge_hdr.form.again import once
from edge_hdr.form.cut import cut
from edge_hdr.form.doubts import doubts
from edge_hdr.form.find import find_page
from edge_hdr.form.flat import flatten
from edge_hdr.form.layout import Layout
from edge_hdr.form.marks import PageCode
from edge_hdr.form.photo import normalized, see
from edge_hdr.form.read import read_sheet
from edge_hdr_device import released
from edge_hdr_device.classifier import Classifier

A4 = PageCode("a4", 12, 2, 345)
OTHER = PageCode("a4", 12, 1, 345)
LETTER = PageCode("letter", 10, 1, 7)
EMPTY, BLACK = (0, 17, 119), (40, 77)
LEFT_OUT = {"empty": EMPTY, "blackened": BLACK, "outside": (), "repeated": ()}
SMALL, UPRIGHT, ACROSS = (800, 600), (1000, 750), (750, 1000)


@pytest.fixture(scope="module")
def page():
    """Give a page of A4 with three boxes left empty and two blackened."""
    return filled(A4, empty=EMPTY, black=BLACK)


@pytest.fixture(scope="module")
def small(page):
    """Give the same page at 3.6 px per mm."""
    return reduced(page)


def reduced(page):
    return cv2.resize(page, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="module")
def classifier():
    return Classifier(released.find())


def told(boxes):
    """Give the numbers of the boxes that are left out, by why."""
    return {
        state: tuple(index for index, box in enumerate(boxes) if box.state == state)
        for state in ("empty", "blackened", "outside", "repeated")
    }


@pytest.mark.parametrize(
    ("size", "turn", "levels"),
    [
        (SMALL, 0, {"noise": 0.1, "jpeg": 0.3}),
        (UPRIGHT, 180, {"shadow": 0.6, "noise": 0.2, "gradient": 0.4}),
        (ACROSS, 90, {"perspective": 0.66, "noise": 0.2}),  # 30° of tilt
        (SMALL[::-1], 270, {"rotation": 1.0, "curl": 0.3, "focus": 0.1}),
        (SMALL, 0, {"curl": 0.7, "shadow": 0.4, "motion": 0.1}),
    ],
    ids=["small", "shadow", "tilt", "turned", "curled"],
)
def test_a_page_is_found_and_read_however_it_is_photographed(page, classifier, size, turn, levels):
    image = photographed(page, size, turn=turn, seed=3, **levels)
    reading = read_sheet([("photo", lambda: image)], classifier)
    assert reading.photos[0].found.layout.code == A4
    assert told(reading.photos[0].boxes) == LEFT_OUT
    assert reading.photos[0].found.others == 0
    assert reading.evaluation.n == 12 * 10 - len(EMPTY) - len(BLACK)
    # strokes are read right at 93 % or so; where boxes are cut wrong it is far less
    assert reading.evaluation.accuracy > 0.88


def test_the_crops_are_those_of_the_page_itself(page, small):
    """Compare what a photo gives, box by box, with the printed page cut where it is known to be."""
    image = photographed(page, UPRIGHT, turn=180, seed=5, perspective=0.3, noise=0.1)
    seen = cut(flatten(image, find_page(image, name="photo")))
    truth = cut(flatten(small, find_page(small, name="page")))
    alike = [
        np.corrcoef(normalized(one.image).ravel(), normalized(other.image).ravel())[0, 1]
        for one, other in zip(seen, truth, strict=True)
        if other.state == "written"
    ]
    assert np.median(alike) > 0.97
    assert min(alike) > 0.6


def test_letter_paper_a_mirrored_photo_and_a_hidden_mark_are_read():
    page = filled(LETTER)
    image = np.ascontiguousarray(photographed(page, SMALL, seed=1)[:, ::-1])
    found = find_page(image, name="photo")
    assert found.layout.code == LETTER
    assert found.mirrored
    upright = page[::2, ::2].copy()
    upright[: 30 * 3, : 30 * 3] = 255  # a corner with its mark torn off
    torn = find_page(upright, name="page")
    assert torn.marks == 7
    assert torn.layout.code == LETTER


def test_boxes_that_the_photo_does_not_show_are_left_out_and_told(small, classifier):
    """The seventh row ends at 31 + 5 + 6 · 19.6 + 14.6 = 168 mm, the eighth begins at 173 mm."""
    seen = small[: round(3.6 * 175)]
    reading = read_sheet([("x.jpg", lambda: seen)], classifier)
    inside = {state: tuple(i for i in boxes if i < 70) for state, boxes in LEFT_OUT.items()}
    assert told(reading.photos[0].boxes) == {**inside, "outside": tuple(range(70, 120))}
    assert reading.evaluation.n == 70 - 2 - 1
    assert {box.cut.box.row for box in reading.boxes} == set(range(7))
    assert reading.warnings == (
        "x.jpg: rows 8 to 12 are not in the photo: 50 boxes left out",
        "x.jpg: 5 of 8 marks seen; where the others are, boxes may be cut less exactly",
    )
    # cut in the third column: 31 + 2 · (11.74 + 3.4) + 6 = 67 mm
    left = see("x.jpg", small[:, round(3.6 * 67) :])
    assert {box.box.column for box in left.boxes if box.state == "outside"} == {0, 1, 2}


def test_another_page_in_view_is_told_and_one_is_read(small):
    other = reduced(printed(OTHER))
    photo = see("two.jpg", np.concatenate([small, other], axis=1))
    assert photo.found.marks == photo.found.others == 8
    assert doubts([photo]) == [
        "two.jpg: 8 marks of another page are in view; only "
        f"{photo.title} was read: photograph each page alone"
    ]
    assert find_page(np.concatenate([small, small], axis=1), name="copy").others == 8


def test_a_curled_page_is_told(page):
    curled = photographed(page, SMALL, seed=0, curl=1.0)
    assert any("curled" in doubt for doubt in doubts([see("x.jpg", curled)]))


def test_another_paper_of_the_same_page_counts_for_itself(small):
    again = np.ascontiguousarray(np.rot90(small, 2))
    anew = reduced(filled(A4, seed=5))
    photos, said = once([see("a", small), see("b", anew), see("c", again)])
    assert [photo.count("repeated") for photo in photos] == [0, 0, 115]
    assert photos[1].count("written") == 120
    assert said == [
        "c shows sheet 345 page 2 again, the same paper as a: 115 boxes count once",
        "sheet 345 page 2 was written on 2 papers: each counts",
    ]


def test_fit_to_page_and_another_shape_of_pixels_change_nothing():
    small = cv2.resize(printed(A4), None, fx=0.55, fy=0.6, interpolation=cv2.INTER_AREA)
    image = cv2.copyMakeBorder(small, 60, 90, 40, 70, cv2.BORDER_CONSTANT, value=255)
    found = find_page(image, name="photo")
    assert found.layout.code == A4
    assert len(told(cut(flatten(image, found)))["empty"]) == 120


def test_an_overshooting_stroke_goes_on_and_the_frame_is_gone():
    page = printed(A4)
    box = Layout(A4).boxes[55]
    x, y = round(6 * (box.x + box.width / 2)), round(6 * (box.y + box.height))
    cv2.line(page, (x, y - 60), (x, y + 5), 40, 6)  # ends 5 px = 0.8 mm below the frame
    crop = cut(flatten(page, find_page(page, name="page")))[55]
    assert crop.state == "written"
    dark = crop.image < 150
    rows = np.flatnonzero(dark.any(axis=1))
    assert np.ptp(rows) >= 60 + 3  # across the frame
    assert dark[:, : dark.shape[1] // 3].sum() == 0  # nothing is left of its left edge


def test_what_is_no_sheet_says_what_to_do(page):
    with pytest.raises(ImageError, match=r"x\.jpg: no marks") as blank:
        find_page(np.full((300, 300), 200, np.uint8), name="x.jpg")
    assert "edge-hdr sheet" in blank.value.hint
    cut_off = page[: page.shape[0] // 3]
    with pytest.raises(ImageError, match=r"3 of the page's 8 marks found, 4 are needed"):
        find_page(cut_off, name="x.jpg")
    other = printed(OTHER)
    mixed = page.copy()
    mixed[:, page.shape[1] // 2 :] = other[:, page.shape[1] // 2 :]
    with pytest.raises(ImageError, match="do not make up one page") as unclear:
        find_page(mixed, name="x.jpg")
    assert "blurred" in unclear.value.hint


def test_an_empty_page_is_refused(classifier):
    with pytest.raises(DataError, match="all boxes are empty"):
        read_sheet([("a.png", lambda: reduced(printed(A4)))], classifier)


@pytest.fixture
def run(monkeypatch, capfd, tmp_path):
    """Run a command in an empty folder; give exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["edge-hdr", *map(str, words)])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        out, err = capfd.readouterr()
        return code, out, err

    return call


def test_evaluate_writes_page_metrics_and_crops_that_data_takes(run, page, small):
    cv2.imwrite("one.png", small)
    cv2.imwrite("two.jpg", photographed(page, SMALL, seed=2))
    words = ["evaluate", "--sheet", "one.png", "--sheet", "two.jpg", "--crops", "crops"]
    code, out, err = run(*words, "--out", "result", "--json")
    assert code == 0, err
    data = json.loads(out)["data"]
    assert [photo["empty"] for photo in data["photos"]] == [3, 3]
    assert [photo["repeated"] for photo in data["photos"]] == [0, 115]
    assert data["test"]["n"] == data["crops"]["n"] == 120 - 3 - 2 == len(data["digits"])
    assert any("the same paper as one.png" in line for line in data["warnings"])
    assert sorted(path.name for path in Path("result").iterdir()) == ["metrics.json", "sheet.html"]
    text = Path("result/sheet.html").read_text()
    assert text.count("<figure class=") == 115
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert sorted(path.name for path in Path("crops").iterdir()) == list("0123456789")
    first = Layout(A4).boxes[1]
    assert Path(f"crops/{first.digit}/one-r01-c02.png").is_file()
    taken = load("crops", data_dir=None, seed=0)
    assert len(taken.train) + len(taken.test) == 115
    code, _, err = run(*words)
    assert code == 3
    assert "crops exists" in err
    assert "--force" in err


def test_a_wrong_photo_in_a_folder_is_named_and_the_others_are_read(run, small):
    Path("photos").mkdir()
    cv2.imwrite("photos/a.png", small)
    Path("photos/b.png").write_bytes(Path("photos/a.png").read_bytes())
    Path("photos/c.jpg").write_bytes(b"no picture")
    code, out, err = run("evaluate", "--sheet", "photos", "--crops", "crops", "--json")
    assert code == 3
    assert "error: photos/c.jpg is no image" in err
    assert "1 of 3 images could not be read" in err
    data = json.loads(out)["data"]
    assert data["test"]["n"] == data["crops"]["n"] == 115
    assert [failed["file"] for failed in data["failed"]] == ["photos/c.jpg"]
    assert data["warnings"] == ["photos/b.png is the same picture as photos/a.png: it counts once"]
    Path("photos/a.png").unlink()
    Path("photos/b.png").write_bytes(b"nor this")
    code, _, err = run("evaluate", "--sheet", "photos", "--crops", "other")
    assert code == 3
    assert "none of 2 photos shows a page" in err
    assert not Path("other").exists()


def test_nothing_is_left_behind_by_a_photo_that_is_none(run):
    Path("x.jpg").write_bytes(b"no picture")
    code, _, err = run("evaluate", "--sheet", "x.jpg", "--out", "a/b", "--crops", "c")
    assert code == 3
    assert "x.jpg" in err
    assert [path.name for path in Path().iterdir()] == ["x.jpg"]
    with pytest.raises(StorageError, match=r"x\.jpg is a file"):
        evaluate_sheet(None, [Path("x.jpg")], Path("x.jpg"), None, False, False)
