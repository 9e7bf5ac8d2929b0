import sys
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from edge_hdr_device.errors import DependencyError
from edge_hdr_device.live import Live, Part
from edge_hdr_device.metrics import Metrics
from edge_hdr_device.pipeline import Digit
from edge_hdr_device.results import Event, FrameResult, Standing

PARTS = (
    Part("camera", "ok", "streaming", "", {"dropped": 7, "corrupt": 1, "reconnects": 2}),
    Part(
        "model", "degraded", "on the processor", "no such library",
        {"model": "/somewhere/model.tflite", "delegate": "none", "threads": 2, "fallback": "no"},
    ),
    Part("mqtt", "degraded", "down", "refused", {"sent": 5, "dropped": 3, "waiting": 1}),
    Part("file", "ok", "up", "", {"sent": 9, "dropped": 0, "waiting": 0}),
    Part("board", "ok", "fine", "", {"temperature_c": 51.5, "throttled": ["throttled"]}),
)  # fmt: skip


def scrape(metrics: Metrics, *parts: Part) -> dict[str, float]:
    """Give each sample by its name and labels."""
    live = Live({"model": "small 1.0", "runtime": "litert 2", "version": "0.1"}, lambda: [*parts])
    families = text_string_to_metric_families(metrics.text(live).decode())
    return {
        sample.name + "".join(f",{name}={value}" for name, value in sorted(sample.labels.items())):
            sample.value
        for family in families
        for sample in family.samples
    }  # fmt: skip


def result(*digits: Digit, changed: bool = True, **stages_ms: float) -> FrameResult:
    return FrameResult(1, time.time(), 640, 480, changed, (), digits, (), stages_ms)


def test_frames_and_digits_are_counted() -> None:
    metrics = Metrics()
    good, bad = Digit("1", 0.99, (0, 0, 9, 9)), Digit("7", 0.2, (9, 0, 9, 9), "low confidence")
    metrics.observe(result(good, good, bad))
    metrics.observe(result(good, good, bad, changed=False))
    found = scrape(metrics)
    assert found["edge_hdr_frames_total"] == 2
    assert found["edge_hdr_frames_unchanged_total"] == 1
    assert found["edge_hdr_digits_total,accepted=true"] == 2
    assert found["edge_hdr_digits_total,accepted=false"] == 1
    assert found["edge_hdr_rejects_total,reason=low confidence"] == 1


def test_stages_are_histograms_in_seconds() -> None:
    metrics = Metrics()
    metrics.observe(result(gate=0.2, locate=4.0))
    metrics.observe(result(gate=2000.0))
    found = scrape(metrics)
    assert found["edge_hdr_stage_seconds_count,stage=gate"] == 2
    assert found["edge_hdr_stage_seconds_sum,stage=gate"] == pytest.approx(2.0002)
    assert found["edge_hdr_stage_seconds_bucket,le=0.0001,stage=gate"] == 0
    assert found["edge_hdr_stage_seconds_bucket,le=0.00025,stage=gate"] == 1
    assert found["edge_hdr_stage_seconds_bucket,le=1.0,stage=gate"] == 1
    assert found["edge_hdr_stage_seconds_bucket,le=0.005,stage=locate"] == 1


def test_readings_are_counted_by_region_and_change() -> None:
    metrics = Metrics()
    standing = Standing("meter", ("123",), 0.9, time.time(), 1)
    for change in ("announced", "changed", "changed"):
        metrics.count(Event(change, standing, "", time.time(), 1))  # type: ignore[arg-type]
    found = scrape(metrics)
    assert found["edge_hdr_readings_total,change=announced,region=meter"] == 1
    assert found["edge_hdr_readings_total,change=changed,region=meter"] == 2


def test_what_changes_slowly_is_asked_for_at_each_scrape() -> None:
    found = scrape(Metrics(), *PARTS)
    assert found["edge_hdr_camera_up"] == 1
    assert found["edge_hdr_dropped_frames_total"] == 7
    assert found["edge_hdr_corrupt_frames_total"] == 1
    assert found["edge_hdr_camera_reconnects_total"] == 2
    assert found["edge_hdr_output_up,output=mqtt"] == 0
    assert found["edge_hdr_output_up,output=file"] == 1
    assert found["edge_hdr_output_sent_total,output=mqtt"] == 5
    assert found["edge_hdr_output_dropped_total,output=mqtt"] == 3
    assert found["edge_hdr_delegate_info,delegate=none,threads=2"] == 1
    assert found["edge_hdr_delegate_fallback"] == 1
    assert found["edge_hdr_temperature_celsius"] == 51.5
    assert found["edge_hdr_throttled,kind=throttled"] == 1
    assert found["edge_hdr_throttled,kind=under-voltage"] == 0
    assert found["edge_hdr_model_info,model=small 1.0,runtime=litert 2,version=0.1"] == 1


def test_what_the_board_cannot_tell_is_left_out() -> None:
    board = Part("board", "ok", "fine", "", {"temperature_c": None, "throttled": None})
    away = Part("camera", "failing", "waiting")
    found = scrape(Metrics(), board, away)
    assert not [name for name in found if "temperature" in name or "throttled" in name]
    assert found["edge_hdr_camera_up"] == 0


def test_two_runtimes_in_one_process_count_for_themselves() -> None:
    first, second = Metrics(), Metrics()
    first.observe(result())
    assert scrape(first)["edge_hdr_frames_total"] == 1
    assert scrape(second)["edge_hdr_frames_total"] == 0


def test_without_the_package_nothing_is_counted_and_nothing_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    metrics = Metrics()
    assert not metrics.available
    metrics.observe(result(gate=1.0))
    metrics.count(Event("announced", Standing("", (), 0, 0, 0), "", 0, 0))
    with pytest.raises(DependencyError) as caught:
        metrics.text(Live())
    assert "pip install prometheus-client" in caught.value.hint
