"""Talk with a child process: bytes to it while its answers come back, all within limits."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

PIECE_BYTES = 65536
KEPT_BYTES = 65536  # so much of what it says on stderr; the last is what matters
TICK_S = 0.2
AFTER_EXIT_S = 0.3  # for what is in its pipes while a child of its own holds them open
TO_DIE_S = 5.0


@dataclass(frozen=True)
class Limits:
    """How long a conversation may take.

    Attributes:
        total_s: from its begin to its end; None is for ever.
        idle_s: without a byte in either direction; None is for ever.
        leave_s: what the child is given to end by itself when we leave, once its stdin is closed.
    """

    total_s: float | None = None
    idle_s: float | None = None
    leave_s: float = 0.5


@dataclass(frozen=True)
class Ended:
    """A conversation that came to its end.

    Attributes:
        returncode: the child's; negative for a signal.
        stderr: the last of what it said there.
        sent_bytes: written to its stdin.
        took_s: from begin to end.
    """

    returncode: int
    stderr: str
    sent_bytes: int
    took_s: float


class TooLongError(Exception):
    """A limit was passed; the child has been ended."""

    def __init__(self, *, idle: bool, limit_s: float, sent_bytes: int, stderr: str) -> None:
        super().__init__(f"{'silent' if idle else 'not done'} for {limit_s:g} s")
        self.idle, self.limit_s = idle, limit_s
        self.sent_bytes, self.stderr = sent_bytes, stderr


@dataclass(frozen=True)
class Exchange:
    """What goes to a child and what is done with what comes.

    Attributes:
        on_bytes: gets its stdout piece by piece, in the thread that talks.
        send: what goes to its stdin, piece by piece.
        send_bytes: the size of all of that where it is known, for messages.
        keep_open: leave its stdin open after that, until it ends.
        on_sent: gets the number of bytes written so far.
        limits: to how long it takes.
    """

    on_bytes: Callable[[bytes], object]
    send: Iterable[bytes] = ()
    send_bytes: int | None = None
    keep_open: bool = False
    on_sent: Callable[[int], object] | None = None
    limits: Limits = Limits()


def talk(argv: Sequence[str], exchange: Exchange, *, own_stderr: bool = True) -> Ended:
    """Run a program, write to its stdin and take what it writes, both at once.

    Whatever is raised meanwhile, by a callback, by `send` or by Ctrl-C, closes its stdin first and
    ends it after that.

    Args:
        argv: the program and its arguments; no shell is between.
        exchange: what goes to it and what comes from it.
        own_stderr: take its stderr; else it is ours, for a program that speaks to a person.

    Raises:
        OSError: it cannot be started.
        TooLongError: a limit was passed.
    """
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        list(argv), stdin=pipe, stdout=pipe, stderr=pipe if own_stderr else None
    )
    conversation = _Conversation(process, exchange)
    try:
        conversation.hold()
        process.wait()
    except BaseException:
        conversation.leave()
        raise
    finally:
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
    return Ended(
        process.returncode, conversation.stderr, conversation.sent_bytes, conversation.took_s
    )


class _Conversation:
    """The state of `talk`."""

    def __init__(self, process: subprocess.Popen[bytes], exchange: Exchange) -> None:
        self._process, self._exchange = process, exchange
        self._pieces: Iterator[bytes] = iter(exchange.send)
        self._piece = memoryview(b"")
        self._stderr = bytearray()
        self._began = self._active = time.monotonic()
        self.sent_bytes = 0

    @property
    def stderr(self) -> str:
        return bytes(self._stderr).decode(errors="replace")

    @property
    def took_s(self) -> float:
        return time.monotonic() - self._began

    def hold(self) -> None:
        """Go on until the process has ended and its pipes are empty."""
        process = self._process
        takers = ((process.stdout, self._exchange.on_bytes), (process.stderr, self._keep))
        with selectors.DefaultSelector() as selector:
            if process.stdin is not None:
                os.set_blocking(process.stdin.fileno(), False)
                selector.register(process.stdin, selectors.EVENT_WRITE, self._write)
            for stream, take in takers:
                if stream is not None:
                    selector.register(stream, selectors.EVENT_READ, take)
            while not self._is_over(selector):
                for key, _ in selector.select(TICK_S) if selector.get_map() else ():
                    done = key.data() if key.data == self._write else self._read(key)
                    if done:
                        selector.unregister(key.fileobj)
                self._check_limits()

    def leave(self) -> None:
        """End the process: by the end of its stdin, else by SIGTERM, else by SIGKILL."""
        process, leave_s = self._process, self._exchange.limits.leave_s
        try:
            if process.stdin is not None and not process.stdin.closed:
                with contextlib.suppress(OSError):
                    process.stdin.close()
                self._drain(leave_s)
            if process.poll() is None:
                process.terminate()
                self._drain(TO_DIE_S)
        finally:  # also after a second Ctrl-C
            if process.poll() is None:
                process.kill()
                process.wait()

    def _drain(self, timeout_s: float) -> None:
        """Wait for its end; what it still says is read, so that it never hangs on that."""
        until = time.monotonic() + timeout_s
        with selectors.DefaultSelector() as selector:
            for stream in (self._process.stdout, self._process.stderr):
                if stream is not None:
                    selector.register(stream, selectors.EVENT_READ)
            while self._process.poll() is None and time.monotonic() < until:
                for key, _ in selector.select(TICK_S / 10):
                    if not os.read(key.fd, PIECE_BYTES):
                        selector.unregister(key.fileobj)
                if not selector.get_map():
                    time.sleep(TICK_S / 10)

    def _is_over(self, selector: selectors.BaseSelector) -> bool:
        streams = [self._process.stdout, self._process.stderr]
        mapping = selector.get_map()
        if any(stream in mapping for stream in streams if stream is not None):
            ended = self._process.poll() is not None
            return ended and time.monotonic() - self._active > AFTER_EXIT_S
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(0 if mapping else TICK_S)
        return self._process.poll() is not None

    def _read(self, key: selectors.SelectorKey) -> bool:
        """Take what is there; True at the end."""
        data = os.read(key.fd, PIECE_BYTES)
        self._active = time.monotonic()
        if data:
            key.data(data)
        return not data

    def _keep(self, data: bytes) -> None:
        self._stderr += data
        del self._stderr[:-KEPT_BYTES]

    def _write(self) -> bool:
        """Write what the pipe takes; True when there is no more to write, or nobody to read."""
        stdin = self._process.stdin
        if stdin is None:
            return True
        while not self._piece:
            piece = next(self._pieces, None)
            if piece is None:
                if not self._exchange.keep_open:
                    stdin.close()
                return True
            self._piece = memoryview(piece)
        try:
            count = os.write(stdin.fileno(), self._piece[:PIECE_BYTES])
        except BlockingIOError:
            return False
        except BrokenPipeError:
            return True
        self._piece = self._piece[count:]
        self.sent_bytes += count
        self._active = time.monotonic()
        if self._exchange.on_sent is not None:
            self._exchange.on_sent(self.sent_bytes)
        return False

    def _check_limits(self) -> None:
        now, limits = time.monotonic(), self._exchange.limits
        if limits.total_s is not None and now - self._began > limits.total_s:
            raise self._too_long(limits.total_s, idle=False)
        if limits.idle_s is not None and now - self._active > limits.idle_s:
            raise self._too_long(limits.idle_s, idle=True)

    def _too_long(self, limit_s: float, *, idle: bool) -> TooLongError:
        return TooLongError(
            idle=idle, limit_s=limit_s, sent_bytes=self.sent_bytes, stderr=self.stderr
        )
