from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_hdr.context.card import Made, card
from edge_hdr.context.gather import Sights, gather, scene_of, verdicts
from edge_hdr.context.keep import kept
from edge_hdr.context.material import Material, nothing, together
from edge_hdr.context.threshold import Share, auroc, shares, threshold
from edge_hdr.scenes.folder import digits_of
from edge_hdr.scenes.scene import Scene, Written
from edge_hdr_device.context import Context, path

STROKES = Sights(digits_of("strokes", "train"), seed=4, cluttered=True)


def page(*places: tuple[int, int, int, int]) -> Scene:
    written = tuple(Written("3", place, 0) for place in places)
    return Scene(np.zeros((300, 300, 3), np.uint8), written, (), {})


def material(digit: list[int], accepted: list[int], severity: list[int]) -> Material:
    seen = np.zeros((len(digit), 32, 32, 2), np.int8)
    return Material(
        seen, np.array(digit, bool), np.array(accepted, bool), np.array(severity, np.int64)
    )


def test_digits_and_several_together_are_kept_and_nothing_else() -> None:
    scene = page((100, 100, 40, 60), (145, 100, 40, 60))
    found = np.array(
        [
            (101, 99, 40, 60),  # a digit
            (100, 100, 85, 60),  # both
            (10, 10, 40, 60),  # none
            (100, 100, 40, 20),  # a third of one
            (100, 100, 40, 32),  # half of one: neither clearly
        ],
        float,
    )
    assert verdicts(found, scene).tolist() == [1, 1, 0, 0, -1]


def test_a_page_without_digits_has_nothing_to_keep() -> None:
    assert verdicts(np.array([[10.0, 10, 40, 60]]), page()).tolist() == [0]


def test_every_second_scene_has_clutter_for_certain() -> None:
    plain = Sights(STROKES.digits, seed=4, cluttered=False)
    even, odd = scene_of(STROKES, 2), scene_of(STROKES, 3)
    assert even.factors == scene_of(plain, 2).factors
    assert len(scene_of(plain, 3).factors) <= len(odd.factors)
    assert odd.factors != scene_of(plain, 3).factors


def test_the_released_net_tells_digits_from_others_of_scenes_it_never_saw() -> None:
    found = gather(STROKES, 12, workers=1)
    again = gather(STROKES, 12, workers=1)
    assert (found.seen == again.seen).all()
    assert set(found.severity.tolist()) == {0, 1, 2}
    assert found.digit.sum() > 20
    assert (~found.digit).sum() > 5
    scores = Context(path().read_bytes()).scores(found.seen)
    assert auroc(scores, found.digit) > 0.8
    assert (scores[found.digit & found.accepted] < 0).mean() < 0.1


def test_the_threshold_costs_no_more_than_it_may() -> None:
    scores = np.arange(100, dtype=np.float32)
    half = material([1] * 100, [0, 1] * 50, [0] * 100)  # accepted: 1, 3, 5 to 99
    assert threshold(scores, half, loss=0.0) == 1
    assert threshold(scores, half, loss=0.04) == 5  # 2 of 50 lie below
    assert (scores[half.accepted] < threshold(scores, half, loss=0.1)).sum() == 5
    assert threshold(scores, material([0] * 100, [1] * 100, [0] * 100)) == 0


def test_auroc_counts_pairs() -> None:
    digit = np.array([True, True, False, False])
    # 4 pairs: 3 > 1, 3 > 2, 2 > 1, and 2 against 2 counts half
    assert auroc(np.array([3, 2, 1, 2], np.float32), digit) == 3.5 / 4
    assert auroc(np.array([3, 2], np.float32), np.array([True, True])) == 0.5


def test_shares_are_counted_by_severity() -> None:
    counted = shares(
        np.array([True, False, True, False]), material([1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 1])
    )
    assert counted["digits"] == Share(1, 2)
    assert counted["accepted others"] == Share(1, 1)
    assert counted["digits, hard"] == Share(0, 1)
    assert counted["digits, mild"] == Share(0, 0)


def test_the_card_states_seeds_numbers_and_intervals() -> None:
    counted = {"digits": Share(1, 4), "digits, mild": Share(0, 0)}
    text = card(Made("python x.py", (3000, 11), (800, 12), 5, 2345, 678, 0.96804, 0.97, counted))
    for part in (
        "    python x.py\n", "2,345 regions, 678 of them no digits", "3,000 scenes (seed 11)",
        "800 scenes (seed 12)", "training: 5", "others: 0.9680, before\nquantization 0.9700",
        "| digits | 1 | 4 | 25.00 % | 4.6–69.9 % |",  # Wilson's interval
        "| digits, mild | 0 | 0 | – | – |",
    ):  # fmt: skip
        assert part in text


def test_material_is_gathered_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made = []

    def make() -> Material:
        made.append(1)
        return material([1, 0], [1, 0], [0, 2])

    first, second = kept(make, "some"), kept(make, "some")
    assert (first.digit == second.digit).all()
    assert len(made) == 1
    kept(make, "others")
    assert len(made) == 2
    for file in tmp_path.rglob("*.npz"):
        file.write_bytes(b"broken")
    assert len(kept(make, "some")) == 2
    assert len(made) == 3


def test_nothing_and_something_is_something() -> None:
    assert len(together([])) == len(nothing()) == 0
    assert together([nothing(), material([1], [0], [2])]).severity.tolist() == [2]
