"""Run commands on a board, or on this machine by the same words."""

from __future__ import annotations

import shlex
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import IO, Self

from edge_hdr.child import Ended, Exchange, Limits, TooLongError, talk
from edge_hdr.errors import DeviceStepError, UnreachableError
from edge_hdr.target import Target

COMMAND_LETTERS = 80  # of a command, in a message
LAST_LINES = 5
MAX_LINE_BYTES = 1 << 24
COPY_S = 600.0
IDLE_S = 120.0
TO_GO_BACK_S = 30.0  # for what we started here to undo what it did


@dataclass(frozen=True)
class Completed:
    """A command that has ended.

    Attributes:
        returncode: its exit code.
        stdout: what it wrote; empty where that was passed on while it ran.
        stderr: the last 64 KiB of what it said there.
    """

    returncode: int
    stdout: bytes
    stderr: str


class Connection(ABC):
    """A way to run commands on a target, one at a time; making one connects to nothing.

    Attributes:
        target: where the commands run.
        sent_bytes: written to their stdins so far.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.sent_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def run(
        self, argv: Sequence[str], *, send: bytes = b"", timeout_s: float = 60, check: bool = True
    ) -> Completed:
        """Run a short command and give what it wrote.

        Args:
            argv: the program and its arguments, each of which arrives as it is here.
            send: its stdin.
            timeout_s: it must end within.
            check: a non-zero exit code is an error.

        Raises:
            UnreachableError: there is no connection, it was lost, or the time was up.
            DeviceStepError: it failed, and `check` is given.
        """
        out = bytearray()
        ended = self._talk(argv, Exchange(out.extend, (send,), limits=self._limits(timeout_s)))
        if check:
            self._check(argv, ended)
        return Completed(ended.returncode, bytes(out), ended.stderr)

    def stream(
        self,
        argv: Sequence[str],
        *,
        send: Iterable[bytes] = (),
        send_bytes: int | None = None,
        on_line: Callable[[str], object],
        on_sent: Callable[[int], object] | None = None,
        keep_open: bool = True,
        idle_s: float | None = IDLE_S,
        timeout_s: float | None = None,
    ) -> Completed:
        """Run a long command: bytes go to it while its lines come back.

        Its stdin stays open until it ends, so that it takes the end of its stdin for a connection
        that was cut. That is also what it sees when this call is left by an exception or Ctrl-C.

        Args:
            argv: see `run`.
            send: what goes to its stdin, piece by piece.
            send_bytes: the size of all of that, for messages.
            on_line: gets each line of its stdout.
            on_sent: gets the bytes of `send` written so far.
            keep_open: False closes its stdin after `send`.
            idle_s: it must say or take something within.
            timeout_s: it must end within.

        Raises:
            UnreachableError: there is no connection, it was lost, or a limit was passed.
        """
        lines = Lines(on_line)
        limits = self._limits(timeout_s, idle_s)
        exchange = Exchange(lines.take, send, send_bytes, keep_open, on_sent, limits)
        ended = self._talk(argv, exchange)
        lines.finish()
        return Completed(ended.returncode, b"", ended.stderr)

    def copy(
        self,
        argv: Sequence[str],
        to: IO[bytes],
        *,
        send: bytes = b"",
        timeout_s: float = COPY_S,
        check: bool = True,
    ) -> int:
        """Write a command's stdout to a file as it comes.

        Args:
            argv: see `run`.
            to: takes the bytes; it has those that came before an error, too.
            send: its stdin.
            timeout_s: it must end within.
            check: a non-zero exit code is an error.

        Returns:
            How many bytes there were.

        Raises:
            UnreachableError: see `run`.
            DeviceStepError: the command failed.
        """
        count = 0

        def take(data: bytes) -> None:
            nonlocal count
            to.write(data)
            count += len(data)

        limits = self._limits(timeout_s, IDLE_S)
        ended = self._talk(argv, Exchange(take, (send,), limits=limits))
        if check:
            self._check(argv, ended)
        return count

    def follow(
        self, argv: Sequence[str], on_line: Callable[[str], object], *, check: bool = True
    ) -> int:
        """Pass on a command's lines until it ends or Ctrl-C is pressed, which is no error.

        Returns:
            The command's exit code; 0 after Ctrl-C.

        Raises:
            UnreachableError: there is no connection, or it was lost.
            DeviceStepError: the command failed, and `check` is given.
        """
        lines = Lines(on_line)
        try:
            ended = self._talk(argv, Exchange(lines.take, keep_open=True))
        except KeyboardInterrupt:
            return 0
        lines.finish()
        if check:
            self._check(argv, ended)
        return ended.returncode

    def close(self) -> None:  # noqa: B027 - a connection may have nothing to end
        """End the connection; whatever runs there sees the end of its stdin."""

    @abstractmethod
    def _talk(self, argv: Sequence[str], exchange: Exchange) -> Ended:
        """Run a command by `_hold`, with the words that bring it there."""

    def _hold(self, argv: Sequence[str], words: Sequence[str], exchange: Exchange) -> Ended:
        before, on_sent = self.sent_bytes, exchange.on_sent

        def sent(count: int) -> None:
            self.sent_bytes = before + count
            if on_sent is not None:
                on_sent(count)

        try:
            return talk(words, replace(exchange, on_sent=sent))
        except TooLongError as error:
            what = "said nothing" if error.idle else "was not done"
            amount = sent_text(error.sent_bytes, exchange.send_bytes)
            raise UnreachableError(
                f"{self.target}: {in_words(argv)} {what} for {error.limit_s:g} s{amount}"
                + last_line(error.stderr),
                hint="look whether the board is alive and not overloaded, then run it again",
            ) from error

    def _limits(self, total_s: float | None, idle_s: float | None = None) -> Limits:
        return Limits(total_s, idle_s)

    def _check(self, argv: Sequence[str], ended: Ended) -> None:
        code = ended.returncode
        if not code:
            return
        said = "; ".join(ended.stderr.strip().splitlines()[-LAST_LINES:])
        killed = " or a signal" if code == 255 else ""
        raise DeviceStepError(
            f"{self.target}: {in_words(argv)} failed with code {code}{killed}"
            + (f": {said}" if said else ""),
            hint="try the command there by hand",
        )


class LocalConnection(Connection):
    """Runs commands on this machine, without a shell between."""

    def _talk(self, argv: Sequence[str], exchange: Exchange) -> Ended:
        try:
            return self._hold(argv, argv, exchange)
        except (FileNotFoundError, PermissionError) as error:
            if error.filename != argv[0]:
                raise
            code = 127 if isinstance(error, FileNotFoundError) else 126  # as a shell has it
            return Ended(code, f"{argv[0]}: {error.strerror}", 0, 0.0)

    def _limits(self, total_s: float | None, idle_s: float | None = None) -> Limits:
        return Limits(total_s, idle_s, leave_s=TO_GO_BACK_S)


class Lines:
    """Cut bytes into lines of text; the last one may lack its end."""

    def __init__(self, on_line: Callable[[str], object]) -> None:
        self._on_line = on_line
        self._rest = b""

    def take(self, data: bytes) -> None:
        """Take a piece, and give the lines that it completes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._give(line)
        if len(self._rest) > MAX_LINE_BYTES:
            self.finish()

    def finish(self) -> None:
        """Give what is left."""
        rest, self._rest = self._rest, b""
        if rest:
            self._give(rest)

    def _give(self, line: bytes) -> None:
        self._on_line(line.removesuffix(b"\r").decode(errors="replace"))


def in_words(argv: Sequence[str]) -> str:
    """Show a command on one line of a message, cut where it is long."""
    text = " ".join(shlex.join(argv).split())
    return text if len(text) <= COMMAND_LETTERS else f"{text[: COMMAND_LETTERS - 1]}…"


def sent_text(sent: int, total: int | None) -> str:
    """Say how much had been sent; nothing where there was nothing to send."""
    if not sent and not total:
        return ""
    of_all = f" of {total:,}" if total else ""
    return f", {sent:,}{of_all} bytes were sent"


def last_line(text: str) -> str:
    """Give ": " and the last line of a text; nothing where there is none."""
    lines = text.strip().splitlines()
    return f": {lines[-1].strip()}" if lines else ""
