"""Who is held back, what counts as right, and when an adapted model may replace the old one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_hdr.adaptation import judgement, record
from edge_hdr.adaptation.calibrate import calibrated
from edge_hdr.adaptation.judgement import folds, judge, right
from edge_hdr.adaptation.rehearsal import Rehearsal
from edge_hdr.adaptation.run import Adapted
from edge_hdr.adaptation.samples import Samples
from edge_hdr.data.dataset import Split, joined
from edge_hdr.data.strokes import make_split
from edge_hdr.errors import CheckFailedError
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.manifest import read_model

TINY = Path(__file__).parents[2] / "data" / "tiny-int8.tflite"
NOTHING_LOST = ("drawn validation", 5000, 20, 20)


def verdict(old_wrong, new_wrong, rehearsed=NOTHING_LOST, n=100):
    """Judge from the places of the errors."""
    places = np.arange(n)
    marks = (~np.isin(places, old_wrong), ~np.isin(places, new_wrong))
    return judge(*marks, rehearsed, in_turn=True)


@pytest.mark.parametrize(("n", "parts"), [(2, 2), (3, 3), (100, 3), (399, 3), (400, 1)])
def test_few_samples_are_held_back_in_turn_and_of_many_one_part(n, parts):
    labels = np.arange(n) % 10
    held = folds(labels, seed=1)
    assert len(held) == parts
    if parts > 1:
        assert np.array_equal(np.sum(held, axis=0), np.ones(n))
    else:
        assert held[0].sum() == 400 // judgement.HELD_SHARE


def test_each_part_has_its_share_of_each_class():
    labels = np.repeat([0, 4, -1], [9, 6, 3])
    for mask in folds(labels, seed=3):
        assert [int(mask[labels == name].sum()) for name in (0, 4, -1)] == [3, 2, 1]


def test_the_seed_decides_who_is_held_back():
    labels = np.zeros(30, np.int64)
    first, again, other = (folds(labels, seed=seed)[0] for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_digit_is_right_by_its_name_and_a_non_digit_by_being_refused():
    _, manifest = read_model(TINY)
    manifest = replace(manifest, temperature=1.0, threshold=0.5)
    logits = np.zeros((4, 10), np.float32)
    logits[[0, 1, 2], [3, 3, 3]] = 9  # sure of a 3; the last is sure of nothing: 0.1 each
    split = Split(np.zeros((4, 28, 28), np.uint8), np.array([3, 4, -1, -1]))
    assert right(logits, split, manifest).tolist() == [True, False, False, True]


def test_fewer_errors_and_nothing_forgotten_is_better():
    found = verdict([1, 2, 3, 4, 5, 6, 7, 8, 9], [9])
    assert (found.old_errors, found.new_errors) == (9, 1)
    assert (found.only_old_wrong, found.only_new_wrong) == (8, 0)
    assert found.p_value == 2 / 2**8  # eight of eight discordant ones, both tails
    assert found.is_better
    assert found.words == (
        "better: 1 errors on 100 samples that were held back, 9 before (p = 0.0078)"
    )


def test_a_difference_that_may_be_chance_is_called_so():
    found = verdict([1, 2], [1])
    assert found.is_better
    assert found.p_value == 1.0
    assert found.words.endswith("more samples would tell whether that is chance")


@pytest.mark.parametrize(
    ("old_wrong", "new_wrong", "rehearsed", "words"),
    [
        ([1], [2, 3], NOTHING_LOST, "no better: 2 errors on 100 samples"),
        ([1], [2], NOTHING_LOST, "no better: 1 errors on 100 samples"),
        ([], [], NOTHING_LOST, "already reads all 100 samples"),
        ([1, 2, 3], [], ("x", 5000, 20, 26), "has forgotten: 26 errors on x, 20 before"),
    ],
)
def test_what_is_no_better_is_refused(old_wrong, new_wrong, rehearsed, words):
    found = verdict(old_wrong, new_wrong, rehearsed)
    assert not found.is_better
    assert words in found.complaint
    assert found.words == found.complaint


def test_a_tenth_of_a_point_is_forgiven():
    assert verdict([1, 2, 3], [], ("x", 9000, 20, 29)).is_better  # 9 / 9000 = 0.1 %
    assert not verdict([1, 2, 3], [], ("x", 9000, 20, 30)).is_better


def test_a_few_errors_in_a_small_split_are_chance():
    assert verdict([1, 2, 3], [], ("x", 100, 4, 4 + judgement.LEAST_LOST)).is_better


@pytest.fixture(scope="module")
def adapted():
    """Give what an adaptation would, both models the same small file."""
    flatbuffer, manifest = read_model(TINY)
    manifest = replace(manifest, threshold=0.3)
    classifier = Classifier(TINY)
    train, validation, mine = (make_split(60, seed=seed, workers=1) for seed in (1, 2, 3))
    noise = np.random.default_rng(0).integers(0, 256, (20, 28, 28)).astype(np.uint8)
    others = Split(noise, np.full(20, -1))
    rehearsal = Rehearsal(joined(train, others), validation, others, "drawn validation", "drawn")
    pair = (classifier.logits(validation.images), classifier.logits(others.images))
    checked = calibrated(manifest, rehearsal, pair, pair)
    logits = classifier.logits(mine.images)
    old = logits.argmax(axis=1) == mine.labels
    new = np.ones(60, bool)
    return Adapted(
        manifest=replace(manifest, name="tiny-adapted"),
        flatbuffer=flatbuffer,
        parent=manifest,
        samples=Samples("mine", mine, ("a.png",) * 60, ("left out x.png: empty",)),
        rehearsal=rehearsal,
        judgement=judge(old, new, ("drawn validation", 60, checked.errors, checked.errors),
                        in_turn=True),
        held=(mine, logits, logits),
        checked=checked,
        history=[],
        seconds={"data": 1.0},
    )  # fmt: skip


def test_the_same_answers_keep_temperature_and_doubt(adapted):
    checked = adapted.checked
    assert checked.temperature == pytest.approx(adapted.parent.temperature, abs=1e-4)
    assert checked.errors == checked.old_errors
    assert checked.selective_accuracy >= checked.old_selective_accuracy
    assert checked.coverage >= checked.old_coverage
    assert checked.mixed_n == 60 + 20


def test_a_hotter_model_gets_a_higher_temperature(adapted):
    rehearsal, classifier = adapted.rehearsal, Classifier(TINY)
    old = (
        classifier.logits(rehearsal.validation.images),
        classifier.logits(rehearsal.scenes.images),
    )
    hot = (3 * old[0], 3 * old[1])
    found = calibrated(adapted.parent, rehearsal, old, hot)
    assert found.temperature == pytest.approx(3 * adapted.parent.temperature, rel=0.02)


def test_the_folder_says_what_was_adapted_from_what(adapted, tmp_path):
    metrics = record.write(adapted, tmp_path, command="edge-hdr adapt --samples mine")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "MODEL_CARD.md", "manifest.json", "metrics.json", "model.tflite",
    ]  # fmt: skip
    _, manifest = read_model(tmp_path / "model.tflite")
    told = manifest.data["adaptation"]
    assert told["from"]["sha256"] == adapted.parent.sha256
    assert told["from"]["name"] == adapted.parent.name
    assert told["samples"]["n"] == 60
    assert told["samples"]["by_class"] == {str(digit): 6 for digit in range(10)}
    assert told["samples"]["sha256"] == adapted.samples.split.sha256()
    assert told["rehearsal"]["others"] == 20
    assert told["held_back"]["new_errors"] == 0
    assert manifest.data["warnings"][-1] == "left out x.png: empty"
    assert manifest.name == "tiny-adapted"
    assert "test" not in manifest.metrics  # the old model's figure is not this one's
    assert json.loads((tmp_path / "metrics.json").read_text()) == json.loads(json.dumps(metrics))
    card = (tmp_path / "MODEL_CARD.md").read_text()
    assert "## Adaptation" in card
    assert f"From `{adapted.parent.name}`" in card
    assert f"0 errors on 60, {adapted.judgement.old_errors} before" in card


def test_no_better_model_replaces_an_old_one(adapted, tmp_path):
    (tmp_path / "model.tflite").write_bytes(b"the old one")
    worse = replace(adapted, judgement=verdict([1], [1, 2]))
    with pytest.raises(CheckFailedError, match="no better") as caught:
        record.write(worse, tmp_path, command="")
    assert (tmp_path / "model.tflite").read_bytes() == b"the old one"
    assert str(tmp_path / "rejected.tflite") in caught.value.hint
    _, manifest = read_model(tmp_path / "rejected.tflite")
    assert manifest.data["adaptation"]["held_back"]["is_better"] is False
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.tflite", "rejected.tflite"]
