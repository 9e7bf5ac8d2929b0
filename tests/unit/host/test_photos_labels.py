"""labels.json of a folder of photos."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge_hdr.errors import DataError
from edge_hdr.photos.labels import Truth, load_truths, one_half, unlabelled


def folder_of(tmp_path: Path, entries: Any) -> Path:
    (tmp_path / "labels.json").write_text(
        entries if isinstance(entries, str) else json.dumps(entries)
    )
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"never opened here")
    return tmp_path


def test_pictures_without_an_entry_are_counted(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, [{"file": "./a.png", "digits": "1"}])
    for name in ("gallery.png", ".hidden.png", "notes.txt"):
        (folder / name).write_bytes(b"")
    assert unlabelled(folder) == (2, 3)  # b.png and gallery.png, which is a photo here
    scene = {"file": "0000.png", "digits": "1", "severity": "hard", "factors": {}, "seed": 0,
             "boxes": [], "clutter": []}  # fmt: skip
    (folder / "0000.png").write_bytes(b"")
    folder_of(tmp_path, [scene])
    assert unlabelled(folder) == (2, 3)  # a.png and b.png


def test_lines_boxes_and_flags_are_read_and_other_keys_left_alone(tmp_path: Path) -> None:
    box = {"label": "7", "x": 1, "y": 2, "width": 3.5, "height": 4, "line": 0}
    folder = folder_of(
        tmp_path,
        [
            {
                "file": "a.png",
                "digits": "1 2/34",
                "flags": ["ruled"],
                "source_repo": "x",
                "note": 1,
            },
            {"file": "b.png", "digits": "7", "boxes": [box], "severity": "hard"},
        ],
    )
    first, second = load_truths(folder)
    assert (first.lines, first.text, first.digits) == (("12", "34"), "12/34", "1234")
    assert (first.flags, first.source, first.boxes) == (("ruled",), "x", ())
    assert (second.source, second.boxes) == ("b.png", ((1, 2, 3.5, 4),))


def test_a_photo_may_have_no_digits(tmp_path: Path) -> None:
    (only,) = load_truths(folder_of(tmp_path, [{"file": "a.png", "digits": ""}]))
    assert (only.lines, only.text) == ((), "")


ONE = {"file": "a.png", "digits": "1"}
BOX = {"label": "1", "x": 0, "y": 0, "width": 1, "height": 1}


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ("", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ({"a.png": "1"}, "holds no list"),
        ([], "names no photo"),
        (["a.png"], "entry 1: it is no object"),
        ([ONE, {"digits": "1"}], 'entry 2: no "file"'),
        ([{"file": "a.png"}], 'a.png has no "digits"'),
        ([{"file": "a.png", "digits": 12}], 'a.png has no "digits"'),
        ([{"file": "a.png", "digits": "1+2"}], "a.png hold '+'"),
        ([{**ONE, "flags": "ruled"}], '"flags" of a.png'),
        ([{**ONE, "source_repo": 7}], '"source_repo" of a.png'),
        ([{**ONE, "boxes": [{"label": "1", "x": 0}]}], '"boxes" of a.png need'),
        ([{**ONE, "boxes": [{**BOX, "x": float("nan")}]}], '"boxes" of a.png need'),
        ([{**ONE, "boxes": [{**BOX, "label": "2"}]}], "not labelled as"),
        ([{**ONE, "boxes": [BOX, BOX]}], "not labelled as"),
        ([ONE, ONE], "a.png twice"),
        ([ONE, {"file": "c.png", "digits": "1"}], "c.png, which is not there"),
    ],
)
def test_wrong_labels_are_one_clear_line(tmp_path: Path, entries: Any, message: str) -> None:
    with pytest.raises(DataError) as caught:
        load_truths(folder_of(tmp_path, entries))
    assert message in caught.value.message
    assert "labels.json" in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_missing_labels_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no labels: .*labels\.json is missing"):
        load_truths(tmp_path)


def test_no_source_is_in_both_halves() -> None:
    truths = [Truth(f"{n}.png", ("1",), source=f"source {n // 3}") for n in range(21)]
    halves = [one_half(truths, half) for half in (0, 1)]
    first, second = ({truth.source for truth in half} for half in halves)
    assert not first & second
    assert (len(first), len(second)) == (4, 3)  # of seven sources
    assert sorted(map(str, halves[0] + halves[1])) == sorted(map(str, truths))


def test_an_empty_half_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no photo in half 1"):
        load_truths(folder_of(tmp_path, [ONE]), 1)
