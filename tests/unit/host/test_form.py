"""The printed sheet: what its marks say, where its boxes lie, and the PDF's size."""

from __future__ import annotations

import json
import re
from collections import Counter

import cv2
import numpy as np
import pytest

from edge_hdr.cli.evaluate_sheet import evaluate_sheet
from edge_hdr.cli.sheet import sheet
from edge_hdr.errors import ImageError, StorageError, UsageError
from edge_hdr.form import surface
from edge_hdr.form.aruco import mark_pattern
from edge_hdr.form.cut import _erase, cut
from edge_hdr.form.doubts import cut_off
from edge_hdr.form.draw import pdf
from edge_hdr.form.find import FoundPage
from edge_hdr.form.flat import flatten
from edge_hdr.form.layout import MARGIN_MM, MARK_MM, SIZES_MM, Layout, prompts
from edge_hdr.form.marks import MAX_PAGES, MAX_SEED, PAPERS, ROWS, PageCode, code_of, numbers_of

CODES = [
    PageCode(paper, rows, page, seed)
    for paper in PAPERS
    for rows in (ROWS[0], ROWS[-1])
    for page in (1, MAX_PAGES)
    for seed in (0, 7, MAX_SEED)
]


@pytest.mark.parametrize("code", CODES, ids=str)
def test_a_page_is_known_by_its_marks_also_when_two_opposite_ones_are_hidden(code):
    numbers = dict(enumerate(numbers_of(code)))
    assert all(0 <= number < 1000 for number in numbers.values())
    assert [number % 8 for number in numbers.values()] == list(range(8))
    assert code_of(numbers) == code
    for hidden in range(4):
        left = {at: number for at, number in numbers.items() if at % 4 != hidden}
        assert code_of(left) == code
        # one more away, but not its opposite: all of the code is still there
        assert code_of({at: left[at] for at in left if at != (hidden + 1) % 8}) == code
    assert code_of({at: numbers[at] for at in (0, 4, 1, 5)}) is None  # two pieces of four


def test_marks_that_contradict_each_other_are_no_page():
    numbers = dict(enumerate(numbers_of(PageCode("a4", 12, 1, 7))))
    assert code_of({**numbers, 2: numbers[2] + 8}) is None  # not what the opposite one says
    both = {**numbers, 2: numbers[2] + 8, 6: numbers[6] + 8}
    assert code_of(both) is None  # the sum is wrong


def test_all_marks_look_different_and_are_black_around():
    patterns = [mark_pattern(number) for number in numbers_of(PageCode("letter", 10, 3, 5))]
    assert all(pattern.shape == (7, 7) for pattern in patterns)
    assert len({pattern.tobytes() for pattern in patterns}) == 8
    for pattern in patterns:
        assert pattern[[0, -1]].all()
        assert pattern[:, [0, -1]].all()
        assert not pattern[1:-1, 1:-1].all()


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("rows", [ROWS[0], ROWS[-1]])
def test_boxes_lie_apart_between_the_marks(paper, rows):
    layout = Layout(PageCode(paper, rows, 1, 0))
    boxes, (width, height) = layout.boxes, SIZES_MM[paper]
    assert len(boxes) == 10 * rows >= 100
    inner = MARGIN_MM + MARK_MM
    assert min(box.x for box in boxes) > inner
    assert min(box.y for box in boxes) > inner + 3  # room for the prompt
    assert max(box.x + box.width for box in boxes) < width - inner
    assert max(box.y + box.height for box in boxes) < height - inner
    first, second, below = boxes[0], boxes[1], boxes[10]
    assert second.x - (first.x + first.width) == pytest.approx(3.4)
    assert below.y - (first.y + first.height) == pytest.approx(5.0)
    assert min(first.width, first.height) > 8


def test_every_digit_is_asked_for_equally_often_in_an_order_that_never_changes():
    asked = prompts(PageCode("a4", 12, 1, 0))
    assert Counter(asked) == dict.fromkeys("0123456789", 12)
    # printed sheets must be read by every later version: these are fixed for ever
    assert "".join(asked[:20]) == "58936029537571225605"
    assert asked != prompts(PageCode("a4", 12, 2, 0))
    assert asked != prompts(PageCode("a4", 12, 1, 1))


def test_the_pdf_has_the_size_of_the_paper_and_is_the_same_each_time():
    pages = [Layout(PageCode("a4", 12, page, 0)) for page in (1, 2)]
    content = pdf(pages)
    found = re.findall(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+) ?\]", content)
    points = 72 / 25.4  # in a millimetre
    assert len(found) == 2
    for size in found:
        assert [float(side) for side in size] == pytest.approx([210 * points, 297 * points])
    assert pdf(pages) == content


def test_a_bent_page_is_followed_between_its_marks():
    size = (210.0, 297.0)
    edge = np.linspace(0, 1, 3)
    page = np.array([[x * 210, y * 297] for x in edge for y in edge if (x, y) != (0.5, 0.5)])
    page = np.concatenate([page, page + 2.0])

    def photo(points):
        u, v = points.T
        return np.column_stack([4 * u + 0.3 * v, 4 * v + 20 * (v / 297) * (1 - v / 297)])

    fitted = surface.fit(page, photo(page), size)
    inside = np.array([[50.0, 80.0], [105.0, 148.5], [180.0, 200.0]])
    # the bend is 20 px · ¼ = 5 px in the middle; less than a tenth of it is left
    assert np.abs(fitted.at(inside) - photo(inside)).max() < 0.5
    # 1 mm is 4 px to the right, and 4 px down, where the bend is level
    assert fitted.px_per_mm == pytest.approx(4.0, abs=0.05)


def test_a_printed_line_is_taken_out_and_strokes_on_it_stay():
    crop = np.full((40, 30), 200, np.float32)
    crop[:, 9:11] -= 60  # the line, 2 px wide
    crop[5:9, 3:20] = 50  # a stroke across it
    crop[20:30, 8:12] = 50  # a stroke along it
    _erase(crop, 9.5, 3.0, (0, 39))
    paper = np.r_[0:5, 9:20, 30:40]
    assert np.abs(crop[paper] - 200).max() < 1
    assert crop[5:9, 3:20].max() < 120
    assert crop[20:30, 8:12].max() < 120


def drawn(code):
    """Draw the frames of a page alone at 4 px per mm, and say how it lies."""
    layout = Layout(code)
    image = np.full([round(4 * side) for side in layout.size[::-1]], 230, np.uint8)
    for box in layout.boxes:
        corners = np.rint(4 * np.array([[box.x, box.y], [box.x + box.width, box.y + box.height]]))
        cv2.rectangle(image, *corners.astype(int).tolist(), 120, 1)
    flat = surface.Surface(np.diag([4.0, 4.0, 1.0]), np.zeros((8, 2)), layout.size)
    return image, FoundPage(layout, flat, marks=8)


def test_a_box_that_is_not_wholly_in_the_photo_is_neither_read_nor_empty():
    image, found = drawn(PageCode("a4", 12, 1, 0))
    assert {box.state for box in cut(flatten(image, found))} == {"empty"}
    last = found.layout.boxes[60]
    edge = last.y + last.height / 2  # of the photo: through the seventh row
    seen = cut(flatten(image[: round(4 * edge)], found))
    assert [box.state for box in seen] == ["empty"] * 60 + ["outside"] * 60
    assert all(box.image.size == 0 for box in seen[60:])
    assert {box.state for box in cut(flatten(image[:80], found))} == {"outside"}  # none of 12


def test_boxes_that_are_cut_off_are_told_by_row_or_column():
    boxes = Layout(PageCode("a4", 12, 1, 0)).boxes
    assert cut_off(boxes[70:], 12) == "rows 8 to 12 are not in the photo: 50 boxes left out"
    assert cut_off(boxes[110:], 12) == "row 12 is not in the photo: 10 boxes left out"
    assert cut_off(boxes[119:], 12) == "parts of row 12 are not in the photo: 1 box left out"
    outer = [box for box in boxes if box.column in (0, 9)]
    assert cut_off(outer, 12) == "columns 1 and 10 are not in the photo: 24 boxes left out"


def test_what_is_no_photo_says_what_to_give_instead(tmp_path):
    photo, other, plan = (tmp_path / name for name in ("a.jpg", "b.JPG", "sheet.pdf"))

    def evaluate(*sheets, model=None):
        evaluate_sheet(model, sheets, None, None, force=False, json=False)

    with pytest.raises(UsageError, match=r"b\.JPG is a picture") as shell:
        evaluate(photo, model=str(other))
    assert f"--sheet {photo} --sheet {other}" in shell.value.hint
    with pytest.raises(ImageError, match="no pictures in the folder"):
        evaluate(tmp_path)
    plan.write_bytes(b"%PDF-1.4")
    with pytest.raises(ImageError, match=r"sheet\.pdf is the PDF") as printable:
        evaluate(plan)
    assert "print it" in printable.value.hint


def test_the_command_writes_a_sheet_and_overwrites_nothing(tmp_path, capsys):
    out = tmp_path / "sheet.pdf"
    options = {"paper": "A4", "rows": 12, "pages": 1, "seed": 3, "force": False, "json": True}
    sheet(out=out, **options)
    told = json.loads(capsys.readouterr().out)
    assert told["data"]["boxes"] == 120
    assert told["data"]["prompts"][0][0] == "".join(prompts(PageCode("a4", 12, 1, 3))[:10])
    assert out.read_bytes().startswith(b"%PDF")
    with pytest.raises(StorageError, match="exists"):
        sheet(out=out, **options)
    with pytest.raises(UsageError, match="a5") as unknown:
        sheet(out=tmp_path / "b.pdf", **{**options, "paper": "a5"})
    assert "a4" in unknown.value.hint
    with pytest.raises(UsageError, match=r"x\.png"):
        sheet(out=tmp_path / "x.png", **options)
