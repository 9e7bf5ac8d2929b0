"""Several photos of one page: each box counts once where they show the same paper.

A page may be printed twice and written on by two people, so its code alone does not say that two
photos show the same digits. The digits do: a box of the same paper looks most like itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge_hdr.form.photo import Photo, normalized

Ink = NDArray[np.float32]  # (boxes, 784)

LEAST_BOXES = 20  # in both photos, of digits that other boxes ask for as well: fewer say nothing
MATCH_SHARE = 0.4  # of boxes that are most like themselves, beyond those that are so by chance


def once(photos: Sequence[Photo]) -> tuple[list[Photo], list[str]]:
    """Set the state "repeated" where an earlier photo of the same paper has the box written.

    Args:
        photos: in the order given.

    Returns:
        The photos, and what is to be said of pages that are shown again, a sentence each.
    """
    codes = [photo.found.layout.code for photo in photos]
    times = Counter(codes)
    inks = {index: _ink(photo) for index, photo in enumerate(photos) if times[codes[index]] > 1}
    counted: list[Photo] = []
    said: list[str] = []
    anew: Counter[str] = Counter()
    for number, photo in enumerate(photos):
        before = [index for index in range(number) if codes[index] == codes[number]]
        shared = {index: _both(photos[index], photo) for index in before}
        same = {
            index: _is_same(photo, inks[index], inks[number], boxes)
            for index, boxes in shared.items()
        }
        papers = [index for index in before if same[index]]
        open_ones = [index for index in before if same[index] is None and shared[index]]
        repeated = {box for index in papers for box in shared[index]}
        if repeated:
            said.append(
                f"{photo.name} shows {photo.title} again, the same paper as "
                f"{photos[papers[0]].name}: {len(repeated)} boxes count once"
            )
        elif open_ones:
            said.append(
                f"{photo.name} shows {photo.title} again, as {photos[open_ones[0]].name}, with "
                "too little written to tell whether it is the same paper: if it is, boxes count "
                "twice and the interval is too narrow"
            )
        elif any(shared.values()):
            anew[photo.title] += 1
        counted.append(_marked(photo, repeated))
    said += [f"{title} was written on {n + 1} papers: each counts" for title, n in anew.items()]
    return counted, said


def _marked(photo: Photo, repeated: Set[int]) -> Photo:
    boxes = (
        replace(box, state="repeated") if index in repeated else box
        for index, box in enumerate(photo.boxes)
    )
    return replace(photo, boxes=tuple(boxes))


def _both(one: Photo, other: Photo) -> list[int]:
    """Give the boxes that are written in both photos."""
    pairs = zip(one.boxes, other.boxes, strict=True)
    return [index for index, pair in enumerate(pairs) if {box.state for box in pair} == {"written"}]


def _is_same(page: Photo, one: Ink, other: Ink, boxes: Sequence[int]) -> bool | None:
    """Tell whether two photos of a page show the same digits; None where too few are in both.

    Of the boxes that ask for the same digit, the one most like a box of the other photo is that
    box itself, if it is the same ink.
    """
    asked = np.array([page.boxes[index].box.digit for index in boxes])
    alike = np.where(asked[:, None] == asked, one[boxes] @ other[boxes].T, -np.inf)
    choices = np.isfinite(alike).sum(axis=1)
    several = choices > 1
    if several.sum() < LEAST_BOXES:
        return None
    hits = (alike.argmax(axis=1) == np.arange(len(boxes)))[several].mean()
    chance = (1 / choices[several]).mean()
    return bool(hits > chance + MATCH_SHARE * (1 - chance))


def _ink(photo: Photo) -> Ink:
    """Give what is written in each box, of mean 0 and length 1; zeros where nothing is."""
    ink = np.zeros((len(photo.boxes), 28 * 28), np.float32)
    for index, box in enumerate(photo.boxes):
        if box.state == "written":
            ink[index] = normalized(box.image).ravel()
    ink -= ink.mean(axis=1, keepdims=True)
    return np.asarray(ink / np.maximum(np.linalg.norm(ink, axis=1, keepdims=True), 1e-6))
