"""The page of photos, the worst first."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from html_page import Page
from read_photos import box, digit, line, reading

from edge_hdr.photos import page
from edge_hdr.photos.document import Asked, document
from edge_hdr.photos.labels import LABELS, Truth
from edge_hdr.photos.score import PhotoScore, score
from edge_hdr_device.classifier import Classifier

NAMES = ("fine.png", "<b>bad.png", "empty.png")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("photos")
    for name in NAMES:
        cv2.imwrite(str(made / name), np.full((100, 200, 3), 255, np.uint8))
    (made / LABELS).write_text("[]")
    return made


def scores() -> list[PhotoScore]:
    bad = Truth(NAMES[1], ("123", "4"), ("ruled",), boxes=(box(0), box(1), box(2), box(0, 1)))
    read = reading(
        digit("1"), digit("7", place=1), digit("5", 0.4, place=3, accepted=False),
        digit("4", line=1), digit("6", place=1, line=1),
    )  # fmt: skip
    return [
        score(Truth(NAMES[0], ("12",)), line("12")),
        score(bad, read),
        score(Truth(NAMES[2], ()), reading()),
    ]


@pytest.fixture(scope="module")
def text(folder: Path, tiny_int8: Path) -> str:
    asked = Asked(tiny_int8, folder, None, 1, "edge-hdr evaluate --photos x")
    found = scores()
    return page.render_photos(document(asked, Classifier(tiny_int8), found), found, folder)


def test_nothing_is_fetched_and_text_from_outside_is_escaped(text: str) -> None:
    found = Page(text)
    assert len(found.fetched) == len(NAMES)
    assert all(item.startswith("data:image/jpeg;base64,") for item in found.fetched)
    assert "script" not in found.tags
    assert "<b>bad" not in text
    assert not re.search(r"@import|url\(", text)


def test_the_worst_photo_comes_first(text: str) -> None:
    places = [text.index(f"<h3>{name}") for name in ("&lt;b&gt;bad.png", "fine.png", "empty.png")]
    assert places[0] == min(places)


def test_headlines_and_provenance(text: str) -> None:
    words = " ".join(" ".join(Page(text).words).split())
    # missed 3, 7 for 2, invented 6, of 2 + 4 + 0 written
    assert f"{100 * 3 / 6:.1f} %" in words
    assert "1 missed, 1 invented, 1 confused of 6 digits" in words
    assert "6 digits are few" in words
    for part in (
        "tiny-int8",
        "edge-hdr evaluate --photos x",
        "threshold",
        "nothing · read nothing",
    ):
        assert part in words


def test_what_is_written_and_read_stand_in_columns() -> None:
    columns = page.aligned(scores()[1])
    rows = ["".join(column[key] for column in columns) for key in ("written", "read")]
    assert rows == ["1234·", "1·746"]
    kinds = [column["kind"] for column in columns]
    assert kinds == ["right", "missed", "confused", "right", "invented"]


def test_every_box_is_drawn_with_what_became_of_it(text: str) -> None:
    for kind, count in {"right": 4, "confused": 1, "invented": 1, "rejected": 1}.items():
        assert len(re.findall(rf'<span class="{kind}(?: low)?" title=', text)) == count
    assert len(re.findall(r'<span class="missed" style=', text)) == 1  # the 3, where nothing was


def test_long_galleries_are_cut(monkeypatch, folder: Path, tiny_int8: Path) -> None:
    monkeypatch.setattr(page, "SHOWN", 1)
    asked = Asked(tiny_int8, folder, 1, 1, "x")
    found = scores()
    cut = page.render_photos(document(asked, Classifier(tiny_int8), found), found, folder)
    assert len(Page(cut).fetched) == 1
    assert "2 more photos" in cut
    assert "half 1 of the sources" in cut
