"""Comparison of a run with a baseline: what counts as worse, and what is not judged."""

from __future__ import annotations

import json
from math import exp, log, sqrt

import pytest
from bench_runs import STEADY, N, model, run

from edge_hdr.bench.compare import compare, paired_interval, ratio_interval
from edge_hdr.errors import InputError

Z = 1.959963984540054
T_4 = 2.776  # 97.5th percentile of Student's t with 5 - 1 degrees of freedom
SLOWER = tuple(1.2 * time for time in STEADY)


def only(found):
    (entry,) = found["models"]
    return entry


def test_a_run_is_no_worse_than_itself():
    found = compare(run(), run(), 0.05, path="old.json")
    assert (found["regressions"], found["missing"], found["new"]) == ([], [], [])
    assert (found["comparable"], found["baseline"]) == (True, "old.json")
    assert only(found)["latency"]["ratio"] == pytest.approx(1)
    assert only(found)["accuracy"]["p_value"] == 1
    json.dumps(found)


def test_more_errors_on_the_same_examples_are_a_regression():
    # 2 of the old errors are gone and 14 are new: p = 2 · (1 + 16 + 120) / 2¹⁶
    before, after = model(wrong=range(20)), model(wrong=[*range(2, 20), *range(100, 114)])
    accuracy = only(compare(run(before), run(after), 0.05))["accuracy"]
    assert (accuracy["errors_before"], accuracy["errors_after"]) == (20, 18 + 14)
    assert accuracy["difference"] == pytest.approx((2 - 14) / N)
    assert accuracy["p_value"] == pytest.approx(2 * (1 + 16 + 120) / 2**16)
    assert accuracy["low"] < accuracy["difference"] < accuracy["high"] < 0
    assert accuracy["regression"]


def test_fewer_errors_are_none():
    before, after = model(wrong=range(40)), model(wrong=range(20))
    found = compare(run(before), run(after), 0.05)
    assert only(found)["accuracy"]["p_value"] == pytest.approx(2 / 2**20)
    assert found["regressions"] == []


def test_as_many_other_errors_are_none():
    before, after = model(wrong=range(20)), model(wrong=range(100, 120))
    accuracy = only(compare(run(before), run(after), 0.05))["accuracy"]
    assert (accuracy["difference"], accuracy["p_value"], accuracy["regression"]) == (0, 1, False)


def test_the_paired_interval_is_bonetts_and_prices():
    gained, lost = (2 + 1) / (N + 2), (14 + 1) / (N + 2)
    half = Z * sqrt((gained + lost - (gained - lost) ** 2) / (N + 2))
    expected = (gained - lost - half, gained - lost + half)
    assert paired_interval(2, 14, N) == pytest.approx(expected)


def test_two_runs_with_no_difference_still_have_an_interval():
    half = Z * sqrt(2 / (N + 2) / (N + 2))
    assert paired_interval(0, 0, N) == pytest.approx((-half, half))


def test_the_interval_of_a_ratio_is_welchs_on_logarithms():
    before, after = (1.0, 1.0, 2.0, 2.0, 1.5), (2.0, 2.0, 4.0, 4.0, 3.0)
    logs = [log(time) for time in before]
    mean = sum(logs) / 5
    variance = sum((value - mean) ** 2 for value in logs) / 4
    half = T_4 * sqrt(variance / 5 + variance / 5)
    ratio, low, high = ratio_interval(before, after)
    assert ratio == pytest.approx(2)
    assert (low, high) == (pytest.approx(2 * exp(-half)), pytest.approx(2 * exp(half)))


def test_one_window_proves_nothing():
    assert ratio_interval((1.0,), (2.0,)) == (pytest.approx(2), 0.0, float("inf"))


def test_a_slower_model_is_a_regression():
    found = compare(run(), run(model(windows=SLOWER)), 0.05)
    assert only(found)["latency"]["ratio"] == pytest.approx(1.2)
    assert len(found["regressions"]) == 1
    assert found["regressions"][0].startswith("ours: 1.20 × the time a call (95 % interval 1.1")


@pytest.mark.parametrize(
    ("windows", "tolerance"),
    [
        (SLOWER, 0.25),  # within the tolerance
        ((0.10, 0.18, 0.09, 0.17, 0.10), 0.05),  # 1.2 times as slow, but as noisy
        (tuple(time / 2 for time in STEADY), 0.05),
    ],
)
def test_noise_the_tolerance_and_a_gain_are_none(windows, tolerance):
    assert compare(run(), run(model(windows=windows)), tolerance)["regressions"] == []


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (
            {"comparable": False, "marks": ["hot"]},
            {},
            "baseline was measured on a machine that was",
        ),
        (
            {},
            {"comparable": False, "marks": ["busy"]},
            "run was measured on a machine that was busy",
        ),
        ({}, {"interpreter": "ai-edge-litert 2.4.0"}, "another interpreter: ai-edge-litert 2.3.0"),
        ({}, {"environment": {"processor": "A76", "machine": "aarch64"}}, "another processor"),
        ({}, {"environment": {"processor": "Cortex-A72", "machine": "armv7l"}}, "another machine"),
    ],
)
def test_times_of_other_conditions_are_not_judged(before, after, why):
    found = compare(run(**before), run(model(windows=SLOWER), **after), 0.05)
    assert why in found["why_not"]
    assert not found["comparable"]
    assert only(found)["latency"]["ratio"] is None
    assert found["regressions"] == []


def test_another_delegate_is_another_thing():
    after = model(windows=SLOWER, latency={"delegate": "none"})
    latency = only(compare(run(), run(after), 0.05))["latency"]
    assert (latency["ratio"], latency["why_not"]) == (None, "xnnpack×1 before, none×1 now")


def test_drift_that_the_first_model_shares_is_cancelled():
    first = [model("first", windows=windows) for windows in (STEADY, SLOWER)]
    before = run(first[0], model(windows=[3 * time for time in STEADY]))
    after = run(first[1], model(windows=[3 * time for time in SLOWER]))
    anchor, ours = compare(before, after, 0.05)["models"]
    assert (anchor["latency"]["relative_to"], anchor["latency"]["regression"]) == (None, False)
    assert anchor["latency"]["ratio"] == pytest.approx(1.2)
    assert ours["latency"]["relative_to"] == "first"
    assert ours["latency"]["ratio"] == pytest.approx(1)


def test_a_model_that_is_slower_beside_the_first_is_told():
    before = run(model("first"), model())
    found = compare(before, run(model("first"), model(windows=SLOWER)), 0.05)
    assert found["regressions"][0].startswith("ours: 1.20 × the time a call beside first")


def test_another_first_file_cancels_nothing():
    before = run(model("first"), model())
    after = run(model("first", sha256="bb", windows=SLOWER), model())
    first, ours = compare(before, after, 0.05)["models"]
    assert (first["latency"]["relative_to"], ours["latency"]["relative_to"]) == (None, None)
    assert (first["latency"]["regression"], ours["latency"]["regression"]) == (True, False)


def test_bytes_may_grow_by_the_tolerance():
    grown = [model(size=30_000 + more) for more in (1500, 1501)]
    verdicts = [compare(run(), run(entry), 0.05)["regressions"] for entry in grown]
    assert verdicts == [[], ["ours: 31,501 bytes instead of 30,000 (+5.0%, tolerance 5%)"]]


def test_instructions_are_judged_on_a_busy_board_too():
    before, after = (model(latency={"instructions": {"per_call": n}}) for n in (1000, 1100))
    found = compare(run(before), run(after, comparable=False, marks=["busy"]), 0.05)
    assert only(found)["instructions"] == {"before": 1000, "after": 1100, "regression": True}
    assert "1,100 instructions a call instead of 1,000" in found["regressions"][0]


def test_instructions_that_one_run_lacks_are_not_judged():
    after = model(latency={"instructions": {"per_call": 1100}})
    assert only(compare(run(), run(after), 0.05))["instructions"] is None


def test_a_size_that_is_not_known_is_not_judged():
    assert only(compare(run(), run(model(size=None)), 0.05))["bytes"] is None


def test_models_of_one_run_alone_are_named():
    assert compare(run(model("gone"), model()), run(), 0.05)["missing"] == ["gone"]
    found = compare(run(), run(model(), model("fresh")), 0.05)
    assert (found["missing"], found["new"]) == ([], ["fresh"])
    assert [entry["name"] for entry in found["models"]] == ["ours"]


def test_a_model_is_compared_with_its_partner_of_another_name():
    before = run(model("first"), model("nano", label="digits", wrong=range(20)))
    before["models"][1]["name"] = "digits"
    after = run(model("first"), model("digits", label="digits", wrong=range(200)))
    assert compare(before, after, 0.05)["regressions"][0].startswith("digits: 200 errors instead")
    after = run(model("first"), model("tiny", argument="x.tflite", wrong=range(200)))
    before["models"][1] |= {"name": "nano", "label": "", "argument": "x.tflite"}
    found = compare(before, after, 0.05)
    assert found["models"][1]["baseline_name"] == "nano"
    assert found["regressions"][0].startswith("tiny, nano in the baseline: 200 errors instead")


def test_a_replaced_model_never_passes_unseen():
    before = run(model("first"), model("nano", argument="before/digits.tflite"))
    after = run(model("first"), model("tiny", argument="digits.tflite", wrong=range(200)))
    with pytest.raises(InputError, match="nothing to compare tiny with; it has nano") as raised:
        compare(before, after, 0.05)
    assert "NAME=PATH" in raised.value.hint


def test_accuracy_on_other_examples_is_refused():
    with pytest.raises(InputError, match="other examples, MNIST test"):
        compare(run(), run(sha256="others"), 0.05)


def test_a_run_without_accuracy_is_compared_in_speed():
    after = {**run(model(test=None, windows=SLOWER)), "data": None}
    found = compare(run(), after, 0.05)
    assert only(found)["accuracy"] is None
    assert len(found["regressions"]) == 1


def test_runs_with_no_model_in_common_are_refused():
    with pytest.raises(InputError, match="nothing to compare theirs with; it has ours"):
        compare(run(), run(model("theirs")), 0.05)
    with pytest.raises(InputError, match="it has nothing"):
        compare({**run(), "models": []}, run(), 0.05)
