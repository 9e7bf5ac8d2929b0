"""One output on a thread of its own: a bounded buffer that never holds up reading."""

from __future__ import annotations

import logging
import random
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence

from edge_hdr_device.errors import EdgeHdrError
from edge_hdr_device.publish.message import Kind, Message, OutletStatus, State, reason_of

__all__ = ["Kind", "Message", "Outlet", "OutletStatus", "State", "stop_all"]

logger = logging.getLogger("edge_hdr.publish")

CAPACITY = 256
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 60.0
STEADY_S = 10.0  # an output that stayed up for so long is tried again soon when it fails
CLOSING_SHARE = 0.2  # of the time to stop: kept for closing
LOST_FIRST = ("frame", "health", "reading")  # what a full buffer gives up, dearest last


class EndedError(Exception):
    """Nobody takes messages any more, which is no fault: the output stops by itself."""


class Outlet(ABC):
    """An output with its buffer and thread.

    `offer` is called by the frame loop and returns at once. The thread opens the output, sends, and
    opens it again with growing pauses when it fails. A message that could not be sent goes first
    when the output is back. Nothing that the output does, even to block for ever, holds up `offer`
    or `stop`.

    Args:
        name: for health and metrics.
        wants: the kinds of message that it takes; others are passed over.
        capacity: messages kept while the output is down or slow, besides the one being sent. When
            it is full the oldest goes, of frames first, then of health, then of readings.
        first_wait_s: pause after the first failure; it doubles up to a minute.

    Attributes:
        keeps_last: what was said last shall stand after the run, as of a single frame.
    """

    def __init__(
        self,
        name: str,
        *,
        wants: frozenset[Kind],
        capacity: int = CAPACITY,
        first_wait_s: float = FIRST_WAIT_S,
    ) -> None:
        self.name = name
        self.wants = wants
        self.keeps_last = False
        self._capacity = capacity
        self._first_wait_s = first_wait_s
        self._buffer: deque[Message] = deque()
        self._sending: Message | None = None
        self._fault: EdgeHdrError | OSError | None = None
        self._changed = threading.Condition()
        self._stopping = False
        self._deadline_s = self._end_s = float("inf")
        self._state: State = "starting"
        self._error = self._refusal = ""
        self._sent = self._dropped = 0
        self._thread = threading.Thread(target=self._run, name=f"publish-{name}", daemon=True)

    @abstractmethod
    def _open(self) -> None:
        """Take hold of the output; raises EdgeHdrError or OSError when it is down."""

    @abstractmethod
    def _send(self, message: Message) -> None:
        """Give one message away.

        Raises:
            EdgeHdrError, OSError: the output is down; the message is kept.
            EndedError: it is over; every message is lost from now on, and counted.
            Exception: any other says that this message can never be sent; it is dropped.
        """

    @abstractmethod
    def _close(self) -> None:
        """Let go of the output; also when it is not open."""

    def _farewell(self, end_s: float) -> None:  # noqa: B027, as above
        """Say in time, by `time.monotonic()`, that the run has ended; while the output is up."""

    def _gone_by(self, message: Message) -> None:  # noqa: B027, an output may have nothing to do
        """Note a message that was sent, or lost to a newer one; under the lock, so at once."""

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def offer(self, message: Message) -> None:
        """Take a message; never waits. The least dear, oldest one is dropped when it is full."""
        if message.kind not in self.wants:
            return
        with self._changed:
            if self._stopping:
                self._dropped += 1
                return
            self._buffer.append(message)
            self._keep_to_capacity()
            self._changed.notify_all()

    def wait_for_room(self, timeout_s: float) -> bool:
        """Wait while the output is slow, so that a source that can wait loses nothing.

        Args:
            timeout_s: wait no longer.

        Returns:
            False when the next message would cost another one. An output that is down or stopped
            is not waited for.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: len(self._buffer) < self._capacity or self._state in {"down", "stopped"},
                timeout=timeout_s,
            )
            return len(self._buffer) < self._capacity

    def stop(self, timeout_s: float = 1.0) -> None:
        """Send what waits, as far as the time allows, and close."""
        self._finish(timeout_s)
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(min(timeout_s, threading.TIMEOUT_MAX))
        if lost := self._give_up():
            logger.warning("%s: stopped with %d messages unsent", self.name, lost)

    @property
    def status(self) -> OutletStatus:
        """Tell how the output does."""
        with self._changed:
            waiting = len(self._buffer) + (self._sending is not None)
            return OutletStatus(
                self.name, self._state, self._error, self._sent, self._dropped, waiting
            )

    def _lost(self, error: EdgeHdrError | OSError) -> None:
        """Tell, from any thread, that the output went away while nothing was being sent."""
        with self._changed:
            self._fault = error
            self._changed.notify_all()

    def _finish(self, timeout_s: float) -> None:
        """Let the thread send what waits until shortly before the time is over."""
        with self._changed:
            if not self._stopping:
                self._stopping, self._end_s = True, time.monotonic() + timeout_s
                self._deadline_s = time.monotonic() + timeout_s * (1 - CLOSING_SHARE)
                self._changed.notify_all()

    def _give_up(self, reason: str = "") -> int:
        """Be stopped from now on; gives the number of messages that are lost by it."""
        with self._changed:
            lost = len(self._buffer) + (self._sending is not None)
            self._dropped += lost
            self._buffer.clear()
            self._sending, self._stopping = None, True
            if self._state != "stopped":
                self._state, self._error = "stopped", reason
            self._changed.notify_all()
            return lost

    def _run(self) -> None:
        wait_s = self._first_wait_s
        while not self._is_over():
            opened_s = float("inf")
            try:
                self._fault = None
                self._open()
                opened_s = time.monotonic()
                self._send_all()
                if not self.keeps_last:
                    self._farewell(self._end_s)
            except EndedError as error:
                self._give_up(str(error))
            except Exception as error:
                self._is(state="down", error=reason_of(error))
                self._close_quietly()
                if time.monotonic() - opened_s >= STEADY_S:
                    wait_s = self._first_wait_s
                self._pause(wait_s * random.uniform(0.8, 1.2))
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
        self._close_quietly()

    def _send_all(self) -> None:
        """Send until the output is stopped or fails; what failed goes back to the front."""
        if not self.status.waiting:
            self._is(state="up")  # otherwise only a message that got through tells
        while (message := self._next()) is not None:
            try:
                self._send(message)
            except (EdgeHdrError, OSError, EndedError):
                self._done(message, back=True)
                raise
            except Exception as error:
                self._done(message)
                self._is(state="up")
                self._refused(message, error)
            else:
                self._done(message, sent=True)
                self._is(state="up")

    def _next(self) -> Message | None:
        """Wait for a message and take it out of the buffer; None when it is time to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._buffer or self._stopping or self._fault)
            fault, self._fault = self._fault, None
            if fault is not None:
                raise fault
            if not self._buffer or time.monotonic() >= self._deadline_s:
                return None
            self._sending = self._buffer.popleft()
            self._changed.notify_all()
            return self._sending

    def _done(self, message: Message, *, sent: bool = False, back: bool = False) -> None:
        """Count a message; one that `stop` has given up meanwhile was counted there."""
        with self._changed:
            if self._sending is not message:
                return
            self._sending = None
            if back:
                self._buffer.appendleft(message)
                self._keep_to_capacity()
                return
            self._sent += sent
            self._dropped += not sent
            if sent:
                self._gone_by(message)

    def _keep_to_capacity(self) -> None:
        if len(self._buffer) <= self._capacity:
            return
        places = {message.kind: -at for at, message in enumerate(reversed(self._buffer), 1)}
        index = next(places[kind] for kind in LOST_FIRST if kind in places)
        self._gone_by(self._buffer[index])
        del self._buffer[index]
        self._dropped += 1

    def _is_over(self) -> bool:
        with self._changed:
            late = time.monotonic() >= self._deadline_s
            return self._stopping and (late or not self._buffer)

    def _pause(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopping, timeout=seconds)
            if self._stopping:
                self._deadline_s = 0.0  # it is down: nothing more can be sent

    def _refused(self, message: Message, error: Exception) -> None:
        """Note why a message cannot be sent; the same reason is one line in the log."""
        reason = f"a {message.kind} cannot be sent: {reason_of(error)}"
        with self._changed:
            is_new = reason != self._refusal
            self._error = self._refusal = reason
        if is_new:
            logger.warning("%s: %s", self.name, reason)

    def _is(self, *, state: State, error: str = "") -> None:
        """Note the state; a change is one line in the log."""
        with self._changed:
            if self._state == "stopped":
                return
            changed = state != self._state
            self._state, self._error = state, error
            if changed:
                self._changed.notify_all()
        if changed and state == "down":
            logger.warning("%s is down: %s", self.name, error)
        elif changed:
            logger.info("%s is up", self.name)

    def _close_quietly(self) -> None:
        try:
            self._close()
        except Exception as error:
            logger.debug("%s: closing failed: %s", self.name, error)


def stop_all(outlets: Sequence[Outlet], timeout_s: float = 1.0) -> None:
    """Stop several outputs side by side, all of them within the time that one has."""
    end_s = time.monotonic() + timeout_s
    for outlet in outlets:
        outlet._finish(timeout_s)
    for outlet in outlets:
        outlet.stop(max(end_s - time.monotonic(), 0.0))
