"""What the runtime counts for Prometheus; nothing, where prometheus-client is not installed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from edge_hdr_device.errors import DependencyError
from edge_hdr_device.live import Live, Part
from edge_hdr_device.results import Event, FrameResult
from edge_hdr_device.system.board import FLAGS

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

BUCKETS_S = (1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1.0)
CAMERA = {  # counter of a camera's part of health: name and help of the metric
    "dropped": ("edge_hdr_dropped_frames", "Frames that a newer one replaced before it was read."),
    "corrupt": ("edge_hdr_corrupt_frames", "Frames that could not be decoded."),
    "reconnects": ("edge_hdr_camera_reconnects", "Times that the camera was opened again."),
}
OUTPUT = {
    "sent": ("edge_hdr_output_sent", "Messages that the output took."),
    "dropped": ("edge_hdr_output_dropped", "Messages that were lost."),
}


class Metrics:
    """Counters and histograms in a registry of their own.

    The frame loop calls `observe` and `count`, which take microseconds. What changes slowly is
    asked of `Live` when somebody scrapes.
    """

    def __init__(self) -> None:
        self._registry: Any = None
        try:
            import prometheus_client
        except ImportError:
            return
        # a second gauge for each counter, which nobody reads; not every version has them
        getattr(prometheus_client, "disable_created_metrics", lambda: None)()
        registry = self._registry = prometheus_client.CollectorRegistry()
        self._slow = _Slow()
        registry.register(self._slow)

        def counter(name: str, text: str, *labels: str) -> Any:
            return prometheus_client.Counter(f"edge_hdr_{name}", text, labels, registry=registry)

        self._frames = counter("frames", "Frames seen.")
        self._unchanged = counter("frames_unchanged", "Frames passed over, equal to the last read.")
        self._readings = counter("readings", "Changes of what is announced.", "region", "change")
        self._digits = counter("digits", "Digits located.", "accepted")
        self._rejects = counter("rejects", "Digits rejected.", "reason")
        stages = prometheus_client.Histogram(
            "edge_hdr_stage_seconds",
            "Time of a stage in one frame.",
            ("stage",),
            buckets=BUCKETS_S,
            registry=registry,
        )
        self._stages = stages
        self._stage: dict[str, Any] = {}  # by name: finding a child costs more than observing

    @property
    def available(self) -> bool:
        """Tell whether anything is counted."""
        return self._registry is not None

    def observe(self, result: FrameResult) -> None:
        """Count a frame, its digits and the time of its stages."""
        if self._registry is None:
            return
        self._frames.inc()
        for name, value_ms in result.stages_ms.items():
            if name not in self._stage:
                self._stage[name] = self._stages.labels(name)
            self._stage[name].observe(value_ms / 1e3)
        if not result.changed:
            self._unchanged.inc()
            return
        for reason, number in Counter(digit.reason for digit in result.digits).items():
            self._digits.labels("false" if reason else "true").inc(number)
            if reason:
                self._rejects.labels(reason).inc(number)

    def count(self, event: Event) -> None:
        """Count a change of what is announced."""
        if self._registry is not None:
            self._readings.labels(event.standing.region, event.change).inc()

    def text(self, live: Live) -> bytes:
        """Write everything in Prometheus' text format.

        Args:
            live: asked for what changes slowly: camera, outputs, model, board.

        Raises:
            DependencyError: prometheus-client is not installed.
        """
        if self._registry is None:
            raise DependencyError(
                "metrics want the package prometheus-client",
                hint="pip install prometheus-client, then restart the service",
            )
        from prometheus_client import generate_latest

        self._slow.live = live
        return generate_latest(self._registry)


class _Slow:
    """Collect what the parts of health say at the moment of a scrape."""

    def __init__(self) -> None:
        self.live: Live | None = None

    def collect(self) -> Iterator[Metric]:
        if self.live is None:
            return
        parts = {part.name: part for part in self.live.parts}
        yield from _camera(parts.pop("camera", None))
        yield from _model(parts.pop("model", None), self.live.facts)
        yield from _board(parts.pop("board", None))
        yield from _outputs([part for part in parts.values() if "sent" in part.facts])


def _camera(part: Part | None) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily

    if part is None:
        return
    yield _gauge("camera_up", "Whether the camera gives frames.", part.state == "streaming")
    for fact, (name, text) in CAMERA.items():
        yield CounterMetricFamily(name, text, value=part.facts.get(fact) or 0)


def _model(part: Part | None, facts: dict[str, Any]) -> Iterator[Metric]:
    from prometheus_client.core import InfoMetricFamily

    if part is None:
        return
    known = {**part.facts, **facts}  # the part names the file, which is nobody's business
    model = {name: str(known[name]) for name in ("model", "version", "runtime") if known.get(name)}
    yield InfoMetricFamily("edge_hdr_model", "The model in use.", value=model)
    delegate = {name: str(part.facts.get(name, "")) for name in ("delegate", "threads")}
    yield InfoMetricFamily("edge_hdr_delegate", "What runs the model.", value=delegate)
    fallback = bool(part.facts.get("fallback"))
    yield _gauge("delegate_fallback", "Whether the delegate asked for could not load.", fallback)


def _board(part: Part | None) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    facts = part.facts if part else {}
    if facts.get("temperature_c") is not None:
        yield _gauge("temperature_celsius", "Of the processor.", facts["temperature_c"])
    if facts.get("throttled") is not None:
        text = "Why the board runs slower than it could."
        family = GaugeMetricFamily("edge_hdr_throttled", text, labels=("kind",))
        for kind, _ in FLAGS.values():
            family.add_metric((kind,), float(kind in facts["throttled"]))
        yield family


def _outputs(parts: list[Part]) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    up = GaugeMetricFamily("edge_hdr_output_up", "Whether the output works.", labels=("output",))
    for part in parts:
        up.add_metric((part.name,), float(part.state == "up"))
    yield up
    for fact, (name, text) in OUTPUT.items():
        family = CounterMetricFamily(name, text, labels=("output",))
        for part in parts:
            family.add_metric((part.name,), part.facts.get(fact) or 0)
        yield family


def _gauge(name: str, text: str, value: float) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    return GaugeMetricFamily(f"edge_hdr_{name}", text, value=float(value))
