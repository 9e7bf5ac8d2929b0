"""The headline figures of a page: of the one digit, or of the weakest of several."""

from __future__ import annotations

from edge_hdr.explain import words
from edge_hdr.explain.explanation import Explanation
from edge_hdr.explain.least_change import LARGEST_PX
from edge_hdr.explain.scene import Naming, Scene
from edge_hdr.report.tables import Tile


def tiles(scene: Scene) -> list[Tile]:
    """Give the headline figures of a scene."""
    found, naming = scene.found, scene.naming
    unsure = min(found, key=lambda one: one.scores[one.label])
    close = min(found, key=lambda one: one.lead_nats)
    frail = min(found, key=lambda one: one.change.size_px if one.change else LARGEST_PX + 1)
    if len(found) == 1:
        (one,) = found
        return [
            Tile("Read", naming.labels[one.label], _outcome(one), lead=True),
            Tile("Confidence", words.share(one.probabilities[one.label]), words.limit(naming)),
            Tile("Runner-up", naming.labels[one.runner_up], words.lead(one)),
            Tile("Least change that flips it", _size(one), _deed(one, naming)),
        ]
    rejected = sum(not one.case.digit.accepted for one in found)
    which = {id(one): f"digit {one.case.number}, {naming.labels[one.label]}" for one in found}
    return [
        Tile("Read", f"{len(found)} digits", f"{rejected} of them rejected", lead=True),
        Tile(
            "Least confidence",
            words.share(unsure.probabilities[unsure.label]),
            f"{which[id(unsure)]}; {words.limit(naming)}",
        ),
        Tile(
            "Closest runner-up",
            naming.labels[close.runner_up],
            f"{which[id(close)]}; {words.lead(close)}",
        ),
        Tile(
            "Least change that flips one",
            _size(frail),
            f"{which[id(frail)]}; {_deed(frail, naming)}" if frail.change else _deed(frail, naming),
        ),
    ]


def _outcome(found: Explanation) -> str:
    return "accepted" if found.case.digit.accepted else "rejected"


def _size(found: Explanation) -> str:
    return f"{found.change.size_px}×{found.change.size_px} px" if found.change else "none"


def _deed(found: Explanation, naming: Naming) -> str:
    if found.change is None:
        return f"up to {LARGEST_PX}×{LARGEST_PX} px"
    return f"{found.change.fill}, it becomes {naming.labels[found.change.label]}"
