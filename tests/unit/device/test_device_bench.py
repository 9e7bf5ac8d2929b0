"""Models are measured in turns, and the document says how and how steadily."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_hdr_device.bench.frame import frame
from edge_hdr_device.bench.measure import Plan, answers, measure
from edge_hdr_device.bench.subject import Subject, TfliteSubject
from edge_hdr_device.bench.sweep import BATCHES, best, sweep
from edge_hdr_device.bench.times import MOST_WINDOWS, Times
from edge_hdr_device.bench.turns import LEAST_ROUNDS, MOST_CALLS, Way, take_turns, warm_up
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.errors import UsageError
from edge_hdr_device.pipeline import Reader
from edge_hdr_device.released import find

QUICK = Plan(seconds=0.1, cold=0)


class Sleeper:
    """A model of another kind that answers 0 after a while and writes down who was called."""

    kind = "sleeper"

    def __init__(self, name: str, log: list[str], seconds: float = 0.0) -> None:
        self.name, self._log, self._seconds = name, log, seconds

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        self._log.append(f"{self.name} {len(images)}")
        time.sleep(self._seconds)
        return np.zeros((len(images), 10), np.float32)

    def invoke(self) -> None:
        self._log.append(f"{self.name} kernels")
        assert not gc.isenabled()

    def reader(self) -> None:
        return None

    def reopened(self, threads: int, delegate: str) -> None:
        return None

    def cold_argv(self) -> None:
        return None


@pytest.fixture(scope="module")
def found(tiny_int8: Path, tiny_float: Path) -> dict[str, Any]:
    subjects = [TfliteSubject(tiny_int8, name="int8"), TfliteSubject(tiny_float, name="float")]
    result = measure(subjects, Plan(seconds=0.1, cold=1))
    document: dict[str, Any] = json.loads(json.dumps(result))
    return document


def test_the_frame_has_ten_digits_that_can_be_read() -> None:
    image = frame()
    assert (image.shape, str(image.dtype)) == ((480, 640), "uint8")
    reading = Reader(Classifier(find("ds-cnn-small-int8"))).read(image)
    assert len(reading.digits) == 10
    assert "?" not in "".join(reading.lines)
    assert len("".join(reading.lines)) == 10


def test_percentiles_are_those_of_the_times() -> None:
    windows = [np.arange(first, first + 20.0) for first in (1, 21, 41, 61, 81)]  # 1 to 100 ms
    times = Times.of(windows)
    # at 0.9 × 99 = 89.1 and 0.99 × 99 = 98.01 past the first
    assert (times.n, times.p90_ms, times.p99_ms, times.min_ms) == (100, 90.1, 99.01, 1.0)
    assert times.windows_p50_ms == (10.5, 30.5, 50.5, 70.5, 90.5)
    assert times.p50_ms == 50.5
    assert times.spread == pytest.approx((90.5 - 10.5) / 50.5, abs=1e-4)


def test_one_disturbed_window_moves_the_median_little() -> None:
    times = Times.of([np.full(9, ms) for ms in (1.0, 1.01, 1.02, 1.03, 50.0)])
    assert (times.p50_ms, times.p90_ms) == (1.02, 50.0)
    assert times.spread == pytest.approx((50 - 1) / 1.02, abs=1e-4)


def test_the_interval_is_student_s() -> None:
    times = Times.of([np.full(3, ms) for ms in (9.0, 9.5, 10.0, 10.5, 11.0)])
    # median 10, the windows' variance (1 + 0.25 + 0 + 0.25 + 1) / 4 = 0.625
    # and t of 4 degrees of freedom 2.776
    half = 2.776 * (0.625 / 5) ** 0.5
    assert (times.low_ms, times.high_ms) == pytest.approx((10 - half, 10 + half))
    many = Times.of([np.full(3, 1.0)] * MOST_WINDOWS)
    assert (many.low_ms, many.high_ms) == (1.0, 1.0)
    skew = Times.of([np.full(3, ms) for ms in (1.0, 1.0, 1.0, 1.0, 100.0)])
    assert 0 == skew.low_ms < skew.p50_ms < skew.high_ms


def test_every_call_is_in_the_histogram_and_stragglers_in_its_last_bar() -> None:
    quick = np.geomspace(1, 2, 999)
    times = Times.of([np.append(quick, 1000.0)])
    assert (len(times.edges_ms), len(times.counts)) == (61, 60)
    assert sum(times.counts) == times.n == 1000
    assert times.edges_ms[0] == times.min_ms == 1.0
    assert times.edges_ms[-1] == pytest.approx(2, rel=0.02)
    # log-spaced times fill log-spaced bins alike: 995 in 60, and 5 beyond the last edge
    assert min(times.counts) >= 15
    assert times.counts[-1] >= 16 + 5
    assert sum(Times.of([np.array([2.0])]).counts) == 1


def test_all_take_turns_in_an_order_that_changes() -> None:
    log: list[str] = []
    ways = [Way(name, "call", lambda name=name: log.append(name)) for name in "abc"]  # type: ignore[misc]
    seen: list[int] = []
    rounds = take_turns(ways, seconds=0, windows=2, tell=seen.append)
    assert (rounds, seen) == (2 * LEAST_ROUNDS, [1, 2])
    turns = [log[at] for at in range(0, len(log), 2)]  # each burst is a lead and one timed call
    by_round = ["".join(turns[at : at + 3]) for at in range(0, len(turns), 3)]
    assert {"".join(sorted(each)) for each in by_round} == {"abc"}
    assert len(set(by_round)) > 1
    assert [len(way.windows) for way in ways] == [2, 2, 2]
    assert [len(window) for way in ways for window in way.windows] == [LEAST_ROUNDS] * 6


class Clock:
    """A clock that only calls move, so that the other work of this machine does not count."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ns = 0
        monkeypatch.setattr("edge_hdr_device.bench.turns.time", self)

    def perf_counter_ns(self) -> int:
        return self.now_ns

    def monotonic(self) -> float:
        return self.now_ns / 1e9

    def call(self, milliseconds: float) -> Callable[[], None]:
        def take() -> None:
            self.now_ns += int(1e6 * milliseconds)

        return take


def test_the_burst_is_long_for_a_short_call_and_one_for_a_long_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)
    ways = [Way(f"{ms}", "call", clock.call(ms)) for ms in (10, 0.1, 0.0001)]
    took_s, agreed = warm_up(ways, seconds=1.0, windows=5)
    assert agreed
    assert 2 * 0.05 <= took_s < 0.5
    assert [way.calls for way in ways] == [1, 3 / 0.1, MOST_CALLS]  # of 3 ms each
    take_turns(ways, seconds=0.4, windows=1, tell=lambda number: None)
    assert [np.unique(way.windows[0]).tolist() for way in ways] == [[10], [0.1], [0.0001]]


def test_a_warm_up_that_never_settles_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    slower = (clock.call(ms)() for ms in count(1))
    took_s, agreed = warm_up([Way("a", "call", lambda: next(slower))], seconds=1.0, windows=5)
    assert not agreed
    assert 0.5 <= took_s < 1.0


def test_a_slow_call_takes_no_more_than_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    slow = Way("slow", "call", clock.call(20))
    others = [Way(name, "call", clock.call(1)) for name in "abc"]
    for way in others:
        way.calls = 9  # and three before: 12 ms a burst, where the slow one's takes 40
    rounds = take_turns([slow, *others], seconds=10, windows=1, tell=lambda number: None)
    assert len(slow.windows[0]) == pytest.approx(10 / 4 / 0.04, rel=0.1)  # a quarter of 10 s
    assert rounds == pytest.approx(10 * 3 / 4 / 0.036, rel=0.1)  # the others have the rest


def test_details_stay_beside_their_call() -> None:
    details: list[tuple[float, ...]] = []
    way = Way("x", "frame", lambda: details.append((1.0, len(details))), details=details)
    way.calls = 3
    way.burst()
    way.burst()
    way.close_window()
    assert way.columns == 3
    assert way.windows[0][:, 1:].tolist() == [[1, 1], [1, 2], [1, 3]] * 2  # the lead was 0
    assert details == []


def test_the_times_of_a_run_belong_together(found: dict[str, Any]) -> None:
    assert [model["name"] for model in found["models"]] == ["int8", "float"]
    for model in found["models"]:
        kinds = [model[kind] for kind in ("invoke", "call", "ten", "frame")]
        stages = list(model["stages"].values())
        assert list(model["stages"]) == ["locate", "normalize", "classify"]
        for times in (*kinds, *stages):
            assert 0 < times["min_ms"] <= times["p50_ms"] <= times["p90_ms"] <= times["p99_ms"]
            assert times["low_ms"] <= times["p50_ms"] <= times["high_ms"]
            assert len(times["windows_p50_ms"]) == 5
            assert times["n"] >= 5 * LEAST_ROUNDS
            assert sum(times["histogram"]["counts"]) == times["n"]
        invoke, _, ten, whole = (times["min_ms"] for times in kinds)
        assert invoke < ten < whole
        assert sum(times["min_ms"] for times in stages) <= whole
        assert {times["n"] for times in stages} == {model["frame"]["n"]}


def test_the_document_says_what_was_measured_on_what(
    found: dict[str, Any], tiny_int8: Path, tiny_float: Path
) -> None:
    assert (found["schema"], found["method"]["windows"]) == (2, 5)
    assert found["method"]["frame"] == "640×480 grey, 10 digits"
    assert found["method"]["threads"] == 1
    assert found["method"]["rounds"] >= 5 * LEAST_ROUNDS
    assert {"temperature_c", "throttled", "load"} <= set(found["conditions"]["before"])
    assert found["comparable"] is not bool({"throttled", "hot", "busy"} & set(found["marks"]))
    int8, other = found["models"]
    assert (int8["path"], other["path"]) == (str(tiny_int8), str(tiny_float))
    assert (int8["kind"], int8["delegate"], int8["threads"], int8["batch"]) == (
        *("tflite", "xnnpack"),
        *(1, 1),
    )
    assert int8["classes"] == [str(digit) for digit in range(10)]
    assert other["model_id"] == f"tiny-float@{other['sha256'][:12]}"
    assert (int8["sweep"], int8["best"]) == ([], None)
    counted = all(model["instructions"] for model in found["models"])
    assert counted is not any("instructions" in remark for remark in found["remarks"])
    assert not any("instructions" in note for note in found["notes"])  # nothing is wrong with it


def test_the_cold_start_is_that_of_fresh_processes(found: dict[str, Any]) -> None:
    for model in found["models"]:
        cold = model["cold"]
        assert cold["n"] == 1
        assert cold["start_ms"] > cold["open_ms"] > 0  # Python, numpy and the interpreter
        assert cold["first_ms"] > 0
        assert cold["resident_bytes"] >= cold["resident_base_bytes"] > 2**20


def test_any_kind_of_model_is_measured_beside_others(tiny_int8: Path) -> None:
    log: list[str] = []
    steps: list[tuple[str, int, int]] = []
    subjects: list[Subject] = [
        Sleeper("slow", log, 0.002),
        Sleeper("quick", log),
        TfliteSubject(tiny_int8),
    ]
    result = measure(subjects, QUICK, progress=lambda *step: steps.append(step))
    slow, quick, ours = result["models"]
    assert slow["call"]["p50_ms"] >= 2 > quick["call"]["p50_ms"]
    assert (slow["frame"], slow["stages"], slow["cold"], slow["path"]) == (None, {}, None, "")
    assert ours["frame"]["n"] > 0
    assert {"slow 1", "slow 10", "slow kernels", "quick kernels"} <= set(log)
    assert gc.isenabled()
    done = [count for _, count, _ in steps]
    assert done == sorted(done)
    assert steps[-1][1] == steps[-1][2] == 1 + 5


def test_a_cold_start_that_fails_is_told_and_costs_nothing_else(tmp_path: Path) -> None:
    subject = Sleeper("odd", [])
    subject.cold_argv = lambda: ("/bin/sh", "-c", "echo no luck >&2; exit 3")  # type: ignore[method-assign,assignment]
    result = measure([subject], Plan(seconds=0.05, cold=2, frame=False))
    assert result["models"][0]["cold"] is None
    assert [note for note in result["notes"] if "no luck" in note] == [
        "odd: the cold start could not be measured: no luck"
    ]


def test_the_given_images_are_those_that_are_classified(tiny_int8: Path) -> None:
    log: list[str] = []
    images = np.zeros((3, 28, 28), np.uint8)
    measure([Sleeper("a", log)], Plan(seconds=0.05, cold=0, frame=False, images=images))
    assert set(log) == {"a 1", "a 10", "a kernels"}  # three digits are repeated to ten
    subject = TfliteSubject(tiny_int8)
    given = answers([subject], np.arange(3 * 784, dtype=np.uint8).reshape(3, 28, 28))
    assert (given[subject.name].shape, str(given[subject.name].dtype)) == ((3, 10), "float32")


def test_many_images_are_classified_in_pieces_that_are_told() -> None:
    log: list[str] = []
    steps: list[tuple[str, int, int]] = []
    images = np.zeros((2050, 28, 28), np.uint8)
    given = answers([Sleeper("a", log)], images, progress=lambda *step: steps.append(step))
    assert given["a"].shape == (2050, 10)
    assert log == ["a 1024", "a 1024", "a 2"]
    assert steps == [("a reads", done, 2050) for done in (1024, 2048, 2050)]


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(UsageError, match="two models are called 'a'"):
        measure([Sleeper("a", []), Sleeper("b", []), Sleeper("a", [])], QUICK)
    with pytest.raises(UsageError, match="4 windows"):
        measure([Sleeper("a", [])], Plan(windows=4))


def test_the_sweep_tries_every_way_once(tiny_int8: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_hdr_device.bench.sweep.cores", lambda: 3)
    monkeypatch.setattr("edge_hdr_device.bench.sweep.POINT_S", 0.0)
    points = sweep(TfliteSubject(tiny_int8, threads=2), np.zeros((5, 28, 28), np.uint8))
    ways = [("xnnpack", 2), ("xnnpack", 1), ("none", 1), ("none", 2)]
    assert [(each["delegate"], each["threads"], each["batch"]) for each in points] == [
        (*way, batch) for way in ways for batch in BATCHES
    ]
    for each in points:
        assert each["images_per_second"] == pytest.approx(
            1000 * each["batch"] / each["p50_ms"], rel=1e-3
        )
    most = max(each["images_per_second"] for each in points)
    chosen = best(points)
    assert chosen is not None
    assert chosen["images_per_second"] == most
    assert "p50_ms" not in chosen
    assert best([]) is None


def test_a_model_that_runs_in_one_way_is_swept_over_batches() -> None:
    points = sweep(Sleeper("a", [], 0.0001), np.zeros((1, 28, 28), np.uint8))
    assert [each["batch"] for each in points] == list(BATCHES)
