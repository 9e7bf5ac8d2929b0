"""The thread that captures: the newest frame wins, and a camera that fails is opened again."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Self

from edge_hdr_device.camera.life import Life
from edge_hdr_device.camera.pace import patience_s
from edge_hdr_device.camera.source import Frame, Picture, Source
from edge_hdr_device.camera.spec import parse
from edge_hdr_device.camera.status import (
    FIRST_WAIT_S,
    LONGEST_WAIT_S,
    CaptureStatus,
    Course,
)
from edge_hdr_device.camera.upright import upright
from edge_hdr_device.errors import CameraError, EdgeHdrError, ImageError, InputError
from edge_hdr_device.settings import CameraConfig

logger = logging.getLogger("edge_hdr.camera")

OPEN_S = 20.0  # a camera that takes longer to open hangs
STOP_S, GRACE_S = 1.0, 0.3  # of all stopping, and of that for the thread to come back by itself
SLACK = 1.25  # on that, as a source that can stop waiting by itself says better what is wrong
MOST_CORRUPT = 30  # pictures in a row, then the camera is opened again
MOST_BLOCKED, LONGEST_BLOCKED_S = 3, 60.0  # threads that hang in the driver, and for how long


class Capture:
    """Capture on a thread of its own, and watch over it on another.

    Args:
        config: the source, its rotation, and after how long it is taken for silent.
        make: makes the source; by default as the settings say.
        first_wait_s: before a camera that failed is opened again; doubles with each failure.
        longest_wait_s: limit of the doubling.

    Raises:
        ConfigError: the settings name no source.
    """

    def __init__(
        self,
        config: CameraConfig,
        *,
        make: Callable[[], Source] | None = None,
        first_wait_s: float = FIRST_WAIT_S,
        longest_wait_s: float = LONGEST_WAIT_S,
    ) -> None:
        self._make = make or parse(config)
        self._rotate = config.rotate
        self._stall_s = patience_s(config)
        example = self._make()
        self.settle_s, self.live = example.settle_s, example.live
        self._course = Course(
            example.description, first_wait_s=first_wait_s, longest_wait_s=longest_wait_s
        )
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._failure: EdgeHdrError | None = None
        self._over = False
        self._life: Life | None = None
        self._blocked: list[tuple[float, Life]] = []
        self._stopped = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="camera-watch", daemon=True)

    @property
    def description(self) -> str:
        """Name the camera, as far as it is known."""
        return self._course.description

    @property
    def status(self) -> CaptureStatus:
        """Tell how the camera does."""
        with self._changed:
            return self._course.status

    def start(self) -> None:
        """Start capturing; returns at once."""
        with self._changed:
            self._begin()
        self._watcher.start()

    def next(self, timeout_s: float) -> Frame | None:
        """Wait for a frame newer than the last one given.

        Returns:
            None when the time is up, or no frame will come any more.

        Raises:
            InputError: the source could never be opened, and waiting does not help: a file that
                cannot be read, a package that is not installed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._frame or self._over, timeout=timeout_s)
            frame, self._frame = self._frame, None
            if frame is None and self._failure:
                raise self._failure
            self._changed.notify_all()
            return frame

    def stop(self) -> None:
        """Stop within a second and let go of the camera, also when it hangs."""
        end_s = time.monotonic() + STOP_S
        with self._changed:
            life, self._life = self._life, None
            self._over = True
            self._drop()
            self._course.end()
            self._changed.notify_all()
        self._stopped.set()
        if life:
            life.join(GRACE_S)
            if life.hangs:
                life.close_aside()
                life.join(end_s - time.monotonic())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def _begin(self, *, pause: bool = False) -> None:
        """Start a thread, which from now on is the one that counts."""
        self._life = life = Life()
        life.start(lambda: self._live(life, pause))

    def _live(self, life: Life, pause: bool) -> None:
        """Open, read and close until it is over or another thread counts."""
        if pause:
            self._pause(life)
        while self._counts(life):
            try:
                with life.limited(max(OPEN_S, SLACK * self._stall_s)):
                    life.source, life.skipped = self._make(), 0
                    life.source.open()
                self._read(life, life.source)
                self._finish(life)
            except Exception as error:  # a thread that dies of a bug would end all reading
                self._fail(life, error)
            finally:
                with life.limited(self._stall_s):
                    life.close()
            self._pause(life)

    def _read(self, life: Life, source: Source) -> None:
        """Read until the source ends or another thread counts."""
        corrupt = 0
        while self._counts(life):
            try:
                with life.limited(SLACK * self._stall_s):
                    picture = source.read()
                if picture is None:
                    return
                self._put(life, source, upright(picture, self._rotate))
                corrupt = 0
            except ImageError as error:
                corrupt += 1
                with self._changed:
                    self._course.corrupt += 1
                logger.log(logging.DEBUG if source.live else logging.WARNING, "%s", error.message)
                if source.live and corrupt >= MOST_CORRUPT:
                    raise CameraError(
                        f"{corrupt} pictures in a row cannot be read: {error.message}",
                        hint=error.hint,
                    ) from error

    def _put(self, life: Life, source: Source, picture: Picture) -> None:
        """Make a picture the newest frame; a source that is not live waits its turn first."""
        now_s, wall_s = time.monotonic(), time.time()
        with self._changed:
            if not source.live:
                self._changed.wait_for(lambda: not self._frame or not self._counts(life))
            if not self._counts(life):
                return
            self._drop()
            self._course.stream(source.description)
            skipped, life.skipped = source.skipped - life.skipped, source.skipped
            self._course.frames += 1 + skipped
            self._course.dropped += skipped
            self._frame = Frame(picture, self._course.frames, wall_s, now_s)
            self._changed.notify_all()

    def _finish(self, life: Life) -> None:
        """Note the end of a source that has one."""
        with self._changed:
            if self._counts(life):
                self._over = True
                self._course.end()
                logger.info("the source has ended after %d frames", self._course.frames)
                self._changed.notify_all()

    def _fail(self, life: Life, error: Exception) -> None:
        """Note why there are no frames; for good where waiting does not help."""
        if not isinstance(error, EdgeHdrError):
            logger.debug("unexpected error in a camera", exc_info=error)
            error = CameraError(f"the camera failed: {type(error).__name__}: {error}")
        with self._changed:
            if not self._counts(life):
                return
            if isinstance(error, InputError) and not self._course.frames:
                self._failure, self._over = error, True
                self._course.end(error)
            else:
                self._drop(life.source)
                self._course.lose(error)
            self._changed.notify_all()

    def _pause(self, life: Life) -> None:
        with self._changed:
            if self._counts(life):
                self._changed.wait_for(
                    lambda: not self._counts(life), timeout=self._course.next_wait_s()
                )

    def _drop(self, source: Source | None = None) -> None:
        """Count a frame that nobody took; a picture of a file waits on."""
        if self._frame and (source is None or source.live):
            self._frame = None
            self._course.dropped += 1

    def _counts(self, life: Life) -> bool:
        return self._life is life and not self._over

    def _watch(self) -> None:
        """Leave a thread behind that hangs, and give up when too many do."""
        while not self._stopped.wait(min(0.5, self._stall_s / 4)):
            with self._changed:
                now_s = time.monotonic()
                if self._life and not self._over and now_s > self._life.deadline_s:
                    self._leave(self._life, now_s)
                self._blocked = [(s, life) for s, life in self._blocked if life.hangs]
                away = self._course.state != "streaming"
                oldest_s = self._blocked[0][0] if self._blocked else now_s
                hopeless = away and now_s - oldest_s > LONGEST_BLOCKED_S
                if not self._over and (len(self._blocked) >= MOST_BLOCKED or hopeless):
                    self._life, self._over = None, True
                    self._course.hang()
                    self._changed.notify_all()

    def _leave(self, life: Life, now_s: float) -> None:
        """Go on without a thread that hangs: what it still gives is not taken."""
        self._blocked.append((now_s, life))
        self._drop(life.source)
        self._course.lose(
            CameraError(
                f"{self._course.description} is silent: it hangs for {self._stall_s:g} s",
                hint="check cable and power; it is opened again by itself",
            )
        )
        life.close_aside()
        self._begin(pause=True)
