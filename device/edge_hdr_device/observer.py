"""Read frame after frame: gate, locate, normalize, classify, follow; no thread and no output."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.camera.source import Frame
from edge_hdr_device.errors import ConfigError
from edge_hdr_device.pipeline import Digit, Reader, text_lines
from edge_hdr_device.results import Event, FrameResult, Standing
from edge_hdr_device.settings import ReadConfig
from edge_hdr_device.tracking.gate import Gate
from edge_hdr_device.tracking.roi import parse_rois, place
from edge_hdr_device.tracking.watch import Watch, make_rules

logger = logging.getLogger("edge_hdr.observer")


@dataclass
class _Region:
    """A region of interest, what was read of it last, and why it cannot be read, if so."""

    watch: Watch
    gate: Gate | None
    digits: tuple[Digit, ...] = ()
    complaint: str = ""

    def is_due(self, view: NDArray[np.uint8], monotonic_s: float) -> bool:
        """Tell whether it must be read: it changed, or something in it waits for agreement."""
        if self.gate is None:
            return True
        return self.gate.decide(view, settled=self.watch.settled, monotonic_s=monotonic_s)


@dataclass
class _Seen:
    """What one frame gave, over all regions."""

    digits: list[Digit] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    stages_ms: dict[str, float] = field(default_factory=lambda: {"gate": 0.0})
    changed: bool = False

    def add(self, digits: tuple[Digit, ...]) -> None:
        """Add a region's digits below those that are there."""
        first = 1 + max((digit.line for digit in self.digits), default=-1)
        self.digits += [dataclasses.replace(digit, line=digit.line + first) for digit in digits]

    def add_ms(self, **stages: float) -> None:
        """Add the times of a region's stages."""
        for name, value in stages.items():
            self.stages_ms[name] = self.stages_ms.get(name, 0.0) + value


class Observer:
    """Turn frames into results and events.

    Args:
        reader: reads one picture.
        config: gate, regions, consensus, expected pattern, plausibility.
        unrelated: frames show different things: nothing is followed, each is announced alone.

    Raises:
        ConfigError: a region or a pattern that cannot be used.
    """

    def __init__(self, reader: Reader, config: ReadConfig, *, unrelated: bool = False) -> None:
        self._reader = reader
        self._unrelated = unrelated
        if unrelated:
            config = dataclasses.replace(config, agree=1, gate=False, still=False)
        rules, numbers = make_rules(config), itertools.count(1)
        self._regions = [
            _Region(
                Watch(roi, rules, numbers=numbers),
                Gate(config.gate_level, config.refresh_s, still=config.still)
                if config.gate
                else None,
            )
            for roi in parse_rois(config.roi)
        ]

    @property
    def regions(self) -> tuple[str, ...]:
        """Name the regions of interest."""
        return tuple(region.watch.roi.name for region in self._regions)

    @property
    def complaints(self) -> tuple[str, ...]:
        """Tell why regions are not read; empty when all are."""
        return tuple(region.complaint for region in self._regions if region.complaint)

    @property
    def standing(self) -> tuple[Standing, ...]:
        """Give what stands announced, one a region that has a reading."""
        found = (region.watch.standing for region in self._regions)
        return tuple(standing for standing in found if standing is not None)

    def observe(self, frame: Frame) -> tuple[FrameResult, tuple[Event, ...]]:
        """Read what changed in a frame since it was last read.

        Returns:
            Its result and what it changed of the announced readings.
        """
        dropped = self.lose(frame.time_s, frame.number) if self._unrelated else ()
        seen = _Seen()
        for region in self._regions:
            self._look(region, frame, seen)
            seen.add(region.digits)
        name, events = frame.picture.name, tuple(seen.events) or dropped
        named = tuple(dataclasses.replace(event, name=name) for event in events)
        return self._result(frame, seen), named

    def lose(self, time_s: float, frame: int) -> tuple[Event, ...]:
        """Drop what stands, as the camera is away; gives an event for each reading dropped."""
        events: list[Event] = []
        for region in self._regions:
            region.digits = ()
            if region.gate is not None:
                region.gate.reset()
            events += region.watch.reset(time_s=time_s, frame=frame)
        return tuple(events)

    def _look(self, region: _Region, frame: Frame, seen: _Seen) -> None:
        """Read a region if it must be, and follow what is in it."""
        start = time.perf_counter()
        try:
            view, corner = region.watch.roi.cut(frame.image)
        except ConfigError as error:
            if error.message != region.complaint:
                logger.error("%s", error.message)
            region.complaint, region.digits = error.message, ()
            return
        region.complaint = ""
        due = region.is_due(view, frame.monotonic_s)
        seen.add_ms(gate=1e3 * (time.perf_counter() - start))
        if not due:
            seen.events += region.watch.pass_over(
                frame=frame.number, time_s=frame.time_s, monotonic_s=frame.monotonic_s
            )
            return
        seen.changed = True
        reading = self._reader.read(view)
        start = time.perf_counter()
        digits, events = region.watch.update(
            reading.digits,
            frame=frame.number,
            time_s=frame.time_s,
            monotonic_s=frame.monotonic_s,
        )
        region.digits = place(digits, corner)
        seen.events += events
        seen.add_ms(
            locate=reading.locate_ms,
            normalize=reading.normalize_ms,
            classify=reading.classify_ms,
            track=1e3 * (time.perf_counter() - start),
        )

    def _result(self, frame: Frame, seen: _Seen) -> FrameResult:
        return FrameResult(
            frame=frame.number,
            time_s=frame.time_s,
            width=frame.image.shape[1],
            height=frame.image.shape[0],
            changed=seen.changed,
            lines=text_lines(seen.digits),
            digits=tuple(seen.digits),
            standing=self.standing,
            stages_ms=seen.stages_ms,
            name=frame.picture.name,
        )
