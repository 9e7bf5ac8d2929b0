"""What the runtime shows of itself while it runs: newest frame, readings, stage times, health."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from edge_hdr_device.camera.source import Frame
from edge_hdr_device.results import Event, FrameResult, Standing

HISTORY = 100  # events kept for the page
WINDOW = 300  # frames over which times are summed up
FRESH_S = 10.0  # an older frame is not shown any more, whoever forgot to clear it
ALIVE_S = 10.0  # a frame loop that has not beaten for so long is stuck

Level = Literal["ok", "degraded", "failing"]


@dataclass(frozen=True)
class Part:
    """How one part of the runtime does.

    Attributes:
        name: camera, model, config, samples, clock, board, or that of an output.
        level: ok, degraded (reading goes on with less) or failing (nothing can be read).
        state: in a word, as "streaming", "waiting", "down".
        detail: why, one line; empty when there is nothing to say.
        facts: counts and values of the part, JSON-ready.
    """

    name: str
    level: Level
    state: str
    detail: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON-ready values."""
        return {
            "level": self.level,
            "state": self.state,
            "detail": self.detail or None,
            **self.facts,
        }


@dataclass(frozen=True)
class View:
    """One moment of the runtime, consistent in itself.

    Attributes:
        frame: the newest frame that was read; None while there is no fresh one.
        result: its result, or None.
        standing: what stands announced; empty while the camera is away.
        history: events, newest first.
        events: how many there were since the start.
        reads: how many frames were read since the start, unchanged ones left out.
    """

    frame: Frame | None
    result: FrameResult | None
    standing: tuple[Standing, ...]
    history: tuple[Event, ...]
    events: int = 0
    reads: int = 0


class Live:
    """The newest state, written by the frame loop and read by the page from other threads.

    Args:
        facts: what does not change while the process runs: model, runtime, version, camera …
        parts: called for the health of every part.
        fresh_s: age up to which a frame is shown; more than the pause between two.
    """

    def __init__(
        self,
        facts: dict[str, Any] | None = None,
        parts: Callable[[], list[Part]] = lambda: [],
        *,
        fresh_s: float = FRESH_S,
    ) -> None:
        self.facts = dict(facts or {})
        self.started_s = self._beat_s = time.monotonic()
        self._fresh_s = fresh_s
        self._parts = parts
        self._changed = threading.Condition()
        self._view = View(None, None, (), ())
        self._history: deque[Event] = deque(maxlen=HISTORY)
        self._frames = self._reads = self._events = 0
        self._stages: deque[dict[str, float]] = deque(maxlen=WINDOW)
        self._times: deque[float] = deque(maxlen=WINDOW)

    def show(self, frame: Frame, result: FrameResult, events: tuple[Event, ...]) -> None:
        """Take the result of a frame and what it changed; called by the frame loop."""
        with self._changed:
            self._frames += 1
            self._times.append(frame.monotonic_s)
            if result.changed:
                self._reads += 1
                self._stages.append(result.stages_ms)
            self._turn(frame, result, result.standing, events)

    def clear(self, events: tuple[Event, ...]) -> None:
        """Forget what stands, as the camera is away: nothing stale is shown as fresh."""
        with self._changed:
            self._times.clear()
            self._turn(None, None, (), events)

    def _turn(
        self,
        frame: Frame | None,
        result: FrameResult | None,
        standing: tuple[Standing, ...],
        events: tuple[Event, ...],
    ) -> None:
        self._beat_s = time.monotonic()
        self._events += len(events)
        if events:
            self._history.extendleft(events)
        history = tuple(self._history) if events else self._view.history
        self._view = View(frame, result, standing, history, self._events, self._reads)
        self._changed.notify_all()

    def beat(self) -> None:
        """Say that the frame loop lives; called by it when there is nothing to show."""
        self._beat_s = time.monotonic()

    @property
    def alive(self) -> bool:
        """Tell whether the frame loop has beaten of late."""
        return time.monotonic() - self._beat_s < ALIVE_S

    @property
    def view(self) -> View:
        """Give the newest moment, without a frame or reading that has grown stale."""
        with self._changed:
            return self._fresh()

    def _fresh(self) -> View:
        view = self._view
        if view.frame and time.monotonic() - view.frame.monotonic_s > self._fresh_s:
            return replace(view, frame=None, result=None, standing=())
        return view

    def wait(self, after: int, timeout_s: float) -> View:
        """Wait for a frame with another number than `after`; gives the newest moment anyway."""

        def is_new() -> bool:
            frame = self._view.frame
            return frame is not None and frame.number != after

        with self._changed:
            self._changed.wait_for(is_new, timeout=timeout_s)
            return self._fresh()

    @property
    def parts(self) -> list[Part]:
        """Give the health of every part."""
        return self._parts()

    @property
    def level(self) -> Level:
        """Give the health of the whole: that of its worst part."""
        return worst(self.parts)

    @property
    def frames(self) -> int:
        """Give the number of frames shown since the start."""
        with self._changed:
            return self._frames

    @property
    def fps(self) -> float:
        """Give the frames a second over the last frames; 0 when none came for two seconds."""
        with self._changed:
            times = list(self._times)
        if len(times) < 2 or time.monotonic() - times[-1] > 2:
            return 0.0
        return (len(times) - 1) / max(times[-1] - times[0], 1e-6)

    def stage_times(self) -> dict[str, dict[str, float]]:
        """Give p50 and p99 in ms by stage, and of "total", over the last frames that were read."""
        with self._changed:
            stages = list(self._stages)
        if not stages:
            return {}
        names = list(stages[-1])
        columns = {name: [row.get(name, 0.0) for row in stages] for name in names}
        columns["total"] = [sum(row.values()) for row in stages]
        return {
            name: {
                "p50_ms": round(float(np.percentile(values, 50)), 3),
                "p99_ms": round(float(np.percentile(values, 99)), 3),
            }
            for name, values in columns.items()
        }

    def health(self) -> dict[str, Any]:
        """Give the health of the whole and of every part as JSON-ready values."""
        parts = self.parts
        return {"level": worst(parts), "parts": {part.name: part.to_dict() for part in parts}}

    def status(self) -> dict[str, Any]:
        """Give what changes slowly as JSON-ready values: facts, frame rate, times, health."""
        return {
            "facts": self.facts,
            "uptime_s": round(time.monotonic() - self.started_s, 1),
            "fps": round(self.fps, 1),
            "stages": self.stage_times(),
            "health": self.health(),
        }

    def to_dict(
        self, view: View | None = None, status: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Give everything but the picture and the history as JSON-ready values.

        Args:
            view: the moment; the newest by default.
            status: what `status` gave a moment ago; asked anew by default.
        """
        view = view or self.view
        return {
            "reading": [standing.to_dict() for standing in view.standing],
            "frame": view.result.to_dict() if view.result else None,
            "events": view.events,
            **(self.status() if status is None else status),
        }


def worst(parts: list[Part]) -> Level:
    """Give the level of the whole: that of its worst part."""
    levels = {part.level for part in parts}
    return next((level for level in ("failing", "degraded") if level in levels), "ok")
