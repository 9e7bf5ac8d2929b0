"""Which samples are learnt from, and what is said of the others."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from edge_hdr.adaptation import samples as module
from edge_hdr.adaptation.samples import read_samples
from edge_hdr.data.dataset import DIGITS
from edge_hdr.data.strokes import make_split
from edge_hdr.errors import DataError

DRAWN = make_split(40, seed=5, workers=1)


@pytest.fixture
def few(monkeypatch):
    """Let a test do with one sample."""
    monkeypatch.setattr(module, "LEAST", 1)


def write(path, number):
    """Write a digit of `DRAWN`, dark on white; gives its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), 255 - DRAWN.images[number])
    return path


def board_name(number):
    return f"{number:010d}-20260101T120000.000Z.png"


@pytest.fixture
def board(tmp_path):
    """Make what `samples pull` brings: three guesses, each in the folder of its guess."""
    places = ["unsure/3", "unsure/7", "accepted/1"]
    lines = []
    for number, place in enumerate(places):
        path = write(tmp_path / place / board_name(number), number)
        lines.append(json.dumps({"file": f"{place}/{path.name}", "label": place[-1]}))
    write(tmp_path / "frames" / board_name(9), 9)
    (tmp_path / "index.jsonl").write_text("\n".join([*lines, '{"file": "torn']) + "\n")
    return tmp_path


def test_each_sub_folder_is_a_class_and_none_is_no_digit(tmp_path, few):
    for number, place in enumerate(["0", "0", "7", "7", "none"]):
        write(tmp_path / place / f"{number}.png", number)
    write(tmp_path / ".thumbnails" / "x.png", 5)
    found = read_samples(tmp_path, DIGITS)
    assert found.split.labels.tolist() == [0, 0, 7, 7, -1]
    assert found.split.images.shape == (5, 28, 28)
    assert found.files == ("0/0.png", "0/1.png", "7/2.png", "7/3.png", "none/4.png")
    assert found.facts(DIGITS)["by_class"] == {"0": 2, "7": 2, "none": 1}
    assert found.warnings == (
        "no samples of 1, 2, 3, 4, 5, 6, 8, 9: nothing is learnt about these 8",
    )


def test_ten_digits_are_enough_and_each_class_is_heard(tmp_path):
    for digit in range(10):
        write(tmp_path / str(digit) / "a.png", digit)
    assert read_samples(tmp_path, DIGITS).warnings == ()
    (tmp_path / "4" / "a.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"9 labelled digits \(left out 4/a.png: .*\); at least 10"):
        read_samples(tmp_path, DIGITS)


def test_an_empty_folder_of_a_class_is_no_fault(tmp_path, few):
    write(tmp_path / "2" / "a.png", 0)
    write(tmp_path / "2" / "b.png", 1)
    (tmp_path / "5").mkdir()
    assert len(read_samples(tmp_path, DIGITS)) == 2


def test_tables_of_the_label_page_count_alone(board, few):
    (board / "labels.csv").write_text(
        f"file,label\nunsure/3/{board_name(0)},5\nunsure/7/{board_name(1)},7\n"
    )
    (board / "non-digits.csv").write_text(f"file,label\naccepted/1/{board_name(2)},none\n")
    assert read_samples(board, DIGITS).split.labels.tolist() == [5, 7, -1]


def test_what_only_a_model_has_labelled_is_not_learnt(board):
    with pytest.raises(DataError, match="no person has labelled the 3 samples") as caught:
        read_samples(board, DIGITS)
    assert caught.value.hint == f"label them: edge-hdr label {board}"


@pytest.mark.parametrize("part", ["", "unsure"])
def test_what_a_person_moved_to_another_class_is_learnt(board, part, few):
    (board / "unsure" / "5").mkdir()
    for number, guess in enumerate((3, 7)):
        old = board / "unsure" / str(guess) / board_name(number)
        old.rename(board / "unsure" / "5" / old.name)
    found = read_samples(board / part, DIGITS)
    assert found.split.labels.tolist() == [5, 5]
    left = [line for line in found.warnings if "only a model" in line]
    assert bool(left) == (part == "")  # the third lies in accepted/


def test_unreadable_files_are_left_out_and_named(tmp_path, few):
    for number in range(3):
        write(tmp_path / "4" / f"{number}.png", number)
    (tmp_path / "4" / "notes.txt").write_text("not a picture")
    (tmp_path / "4" / "empty.png").write_bytes(b"")
    found = read_samples(tmp_path, DIGITS)
    assert len(found) == 3
    assert [line.partition(":")[0] for line in found.warnings[:-1]] == [
        "left out 4/empty.png",
        "left out 4/notes.txt",
    ]


def test_more_unreadable_files_are_counted(tmp_path, few):
    for number in range(2):
        write(tmp_path / "4" / f"{number}.png", number)
    for number in range(module.LISTED + 3):
        (tmp_path / "4" / f"x{number}.png").write_bytes(b"")
    assert read_samples(tmp_path, DIGITS).warnings[-2] == (
        "left out 3 more files that cannot be read"
    )


def test_a_picture_that_is_there_twice_is_learnt_once_or_not_at_all(tmp_path, few):
    for place in ("1", "1", "2", "3"):
        write(tmp_path / place / f"{place}.png", int(place))
    write(tmp_path / "1" / "copy.png", 1)
    write(tmp_path / "9" / "odd.png", 3)  # the same picture is labelled 3
    found = read_samples(tmp_path, DIGITS)
    assert found.split.labels.tolist() == [1, 2]
    assert found.warnings[0] == (
        "left out 3 files that are there more than once; 3.png is labelled in two ways"
    )


@pytest.mark.parametrize(
    ("places", "message"),
    [
        ([], "has no labelled samples"),
        (["seven/a.png", "7/a.png"], "samples of 'seven', which the model does not know"),
        (["7/a.png"], "^1 labelled digit; at least 10 are needed$"),
        (
            [*(f"none/{n}.png" for n in range(9)), "7/a.png", "7/b.png", "1/c.png"],
            "^3 labelled digits; at least 10 are needed$",
        ),
    ],
)
def test_what_cannot_be_learnt_from_is_refused_in_one_line(tmp_path, places, message):
    for number, place in enumerate(places):
        write(tmp_path / place, number)
    with pytest.raises(DataError, match=message) as caught:
        read_samples(tmp_path, DIGITS)
    assert "\n" not in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("kind", ["missing", "file"])
def test_a_folder_is_wanted(tmp_path, kind):
    path = tmp_path / kind
    if kind == "file":
        path.write_text("")
    with pytest.raises(DataError, match=r"does not exist|is no folder"):
        read_samples(path, DIGITS)


def test_so_many_that_a_build_is_better_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST", 2)
    for number in range(3):
        write(tmp_path / "0" / f"{number}.png", number)
    with pytest.raises(DataError, match="3 samples, more than the 2"):
        read_samples(tmp_path, DIGITS)


def test_progress_is_told(tmp_path, few):
    told = []
    for number in range(3):
        write(tmp_path / "0" / f"{number}.png", number)
    read_samples(tmp_path, DIGITS, lambda *words: told.append(words))
    assert told == [("reading samples", count, 3) for count in (1, 2, 3)]


def test_the_digest_tells_labels_apart(tmp_path, few):
    write(tmp_path / "a" / "0" / "x.png", 0)
    write(tmp_path / "a" / "0" / "y.png", 1)
    write(tmp_path / "b" / "0" / "x.png", 0)
    write(tmp_path / "b" / "1" / "y.png", 1)
    first, second = (read_samples(tmp_path / name, DIGITS) for name in ("a", "b"))
    assert np.array_equal(first.split.images, second.split.images)
    assert first.facts(DIGITS)["sha256"] != second.facts(DIGITS)["sha256"]
