"""The frame loop: capture, observe, publish; with signals, health and reload around it."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from edge_hdr_device.camera.source import Frame
from edge_hdr_device.errors import DeviceStepError, EdgeHdrError
from edge_hdr_device.live import FRESH_S, Level, Live, Part
from edge_hdr_device.publish.outlet import Message
from edge_hdr_device.results import Event, FrameResult
from edge_hdr_device.rig import Rig
from edge_hdr_device.settings import RunConfig
from edge_hdr_device.system.notify import Watchdog

logger = logging.getLogger("edge_hdr.runtime")

TICK_S = 0.25  # longest wait for a frame; signals, watchdog and reload are seen to in between
HEALTH_S = 60.0  # health is published at least so often
SWITCH_S = 0.001  # a thread that computes lets the frame loop go on after so long


class Runtime:
    """Read a camera until told to stop.

    Args:
        config: all settings.
        state: folder of what is remembered.
        reread: reads the settings again, for SIGHUP; None where they cannot change.
        frames: stop after so many frames; 0 is never.

    Raises:
        ConfigError, ModelError, DependencyError: it cannot start with these settings.
    """

    def __init__(
        self,
        config: RunConfig,
        *,
        state: Path,
        reread: Callable[[], RunConfig] | None = None,
        frames: int = 0,
    ) -> None:
        self._reread = reread
        self._frames = frames
        self._stopping = threading.Event()
        self._reloading = threading.Event()
        self._away = True  # until the first frame
        self._level: Level = "ok"
        self._health_s, self._due_s = -HEALTH_S, 0.0
        self._config_part = Part("config", "ok", "in force")
        pause_s = 1 / config.read.fps if config.read.fps else 0.0
        self.live = Live(parts=self._parts, fresh_s=max(FRESH_S, 3 * pause_s))
        self.rig = Rig(config, state=state, live=self.live, on_closed=self.stop)
        self._watchdog = Watchdog()

    @property
    def page_url(self) -> str:
        """Give the address of the live page; empty when it is off."""
        return self.rig.page_url

    def run(self) -> None:
        """Run until `stop`, a signal, the end of a file, or the number of frames asked for.

        Raises:
            DeviceStepError: the camera's driver hangs, and only a new process can free it.
        """
        sys.setswitchinterval(SWITCH_S)
        with _Signals(self.stop, self._reloading.set):
            try:
                self.rig.start()
                self._watchdog.ready(self._status())
                logger.info("reading from %s", self.rig.capture.description)
                while not self._stopping.is_set():
                    self._turn()
            finally:
                self._watchdog.stopping()
                self.rig.stop()

    def stop(self) -> None:
        """End the run soon; callable from any thread and from a signal handler."""
        self._stopping.set()

    def _turn(self) -> None:
        """Go once around the loop."""
        self.live.beat()
        self._watchdog.feed()
        if self._reloading.is_set():
            self._reload()
        self._tell_health()
        early_s = self._due_s - time.monotonic()
        if early_s > 0:
            self._stopping.wait(min(early_s, TICK_S))
            return
        frame = self.rig.capture.next(TICK_S)
        if frame is None:
            self._look_after_camera()
            return
        fps = self.rig.config.read.fps
        self._due_s = time.monotonic() + 1 / fps if fps else 0.0
        self._take(frame)

    def _take(self, frame: Frame) -> None:
        if self._away:
            self._away = False
            self.rig.tell_facts()
            self._watchdog.status(self._status())
        self.rig.clock.check(frame.time_s, frame.monotonic_s)
        result, events = self.rig.observer.observe(frame)
        self.live.show(frame, result, events)
        self._publish(frame, result, events)
        if self._frames and self.live.frames >= self._frames:
            self.stop()

    def _publish(self, frame: Frame, result: FrameResult, events: tuple[Event, ...]) -> None:
        self.rig.metrics.observe(result)
        if result.changed:
            self.rig.samples.offer(frame.image, result)
        if self.rig.wants_frames:
            self._offer(Message("frame", result.to_dict()))
        self._tell(events)

    def _offer(self, message: Message) -> None:
        """Give a message to all outputs; a source that can wait waits for slow ones."""
        for outlet in self.rig.outlets:
            while not (self.rig.capture.live or self._stopping.is_set()):
                if outlet.wait_for_room(TICK_S) or outlet.status.state in {"down", "stopped"}:
                    break
                self.live.beat()
                self._watchdog.feed()
            outlet.offer(message)

    def _tell(self, events: tuple[Event, ...]) -> None:
        for event in events:
            self.rig.metrics.count(event)
            logger.info("%s %s: %s", event.standing.region, event.change, event.standing.text)
            self._offer(Message("reading", event.to_dict()))

    def _look_after_camera(self) -> None:
        """Drop what stands when the camera is away, end at the end, give up when it hangs."""
        status = self.rig.capture.status
        self._watchdog.status(self._status())
        if status.state == "ended":
            self.stop()
        elif status.state == "stuck":
            raise DeviceStepError(
                f"the camera's driver hangs: {status.error}",
                hint="a new process frees it; the service manager starts one",
            )
        elif status.state != "streaming" and not self._away:
            self._away = True
            events = self.rig.observer.lose(time.time(), self.live.frames)
            self.live.clear(events)
            self._tell(events)

    def _tell_health(self) -> None:
        """Publish health at a change of level, and once a minute; give reasons to the log."""
        now_s = time.monotonic()
        if now_s - self._health_s < 1.0:
            return
        level = self.live.level
        if level == self._level and now_s - self._health_s < HEALTH_S:
            return
        self._level, self._health_s = level, now_s
        self._offer(Message("health", {"type": "health", **self.live.health()}))

    def _reload(self) -> None:
        """Take the settings anew; bad ones leave everything as it is."""
        self._reloading.clear()
        if self._reread is None:
            return
        self._watchdog.reloading()
        try:
            self._tell(self.rig.change(self._reread()))
            self._health_s = -HEALTH_S  # other outputs have not heard of it
            self._config_part = Part("config", "ok", "reloaded")
            logger.info("configuration reloaded")
        except EdgeHdrError as error:
            reason = f"{error.message} ({error.hint})" if error.hint else error.message
            self._config_part = Part("config", "degraded", "old one kept", reason)
            logger.error("configuration not taken, the old one stays: %s", reason)
        self._watchdog.ready(self._status())

    def _status(self) -> str:
        status = self.rig.capture.status
        reason = f": {status.error}" if status.error else ""
        return f"camera {status.state}{reason}"

    def _parts(self) -> list[Part]:
        return [self._config_part, *self.rig.parts()]


class _Signals:
    """Handle SIGTERM, SIGINT and SIGHUP for the body, where this is the main thread."""

    def __init__(self, stop: Callable[[], None], reload: Callable[[], None]) -> None:
        self._actions = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: reload}
        self._before: dict[int, object] = {}

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for number, action in self._actions.items():
                self._before[number] = signal.signal(number, self._handler(action))

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    @staticmethod
    def _handler(action: Callable[[], None]) -> Callable[[int, FrameType | None], None]:
        return lambda number, frame: action()
