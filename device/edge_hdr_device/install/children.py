"""Programs that an installation runs: none of them outlives it, and each has a limit."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from edge_hdr_device.errors import DeviceStepError

LIMIT_S = 60.0
_PR_SET_PDEATHSIG = 1  # prctl(2)


class TookTooLongError(DeviceStepError, subprocess.TimeoutExpired):
    """A program did not end within its time; it and all of its group were killed."""

    def __init__(self, argv: Sequence[str], expired: subprocess.TimeoutExpired, said: str) -> None:
        subprocess.TimeoutExpired.__init__(self, list(argv), expired.timeout, expired.output, said)
        last = next((line for line in reversed(said.splitlines()) if line.strip()), "")
        self.message = f"{argv[0]} did not end within {expired.timeout:g} s"
        self.message += f"; it last said: {last.strip()}" if last else ""
        self.hint = "see what it waits for, or whether the board is overloaded"

    def __str__(self) -> str:
        return self.message


def run(
    argv: Sequence[str | Path],
    *,
    timeout_s: float = LIMIT_S,
    text: str | None = None,
    **options: Any,
) -> subprocess.CompletedProcess[str]:
    """Run a program that dies with this process, and give its code and what it wrote.

    It is the leader of a group of its own, which is killed as a whole when the time is up, when
    this process is told to stop (SIGTERM) or when an exception passes. Where this process is killed
    the program is, too. Call it from the main thread: the kernel binds a child's life to the thread
    that started it.

    Args:
        argv: program and arguments.
        timeout_s: it must end within.
        text: what it reads; None is nothing.
        options: of `subprocess.Popen`: env, cwd, user and the like.

    Raises:
        OSError: there is no such program.
        TookTooLongError: it did not end in time; a subprocess.TimeoutExpired, too.
    """
    words = [str(word) for word in argv]
    child = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL if text is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
        preexec_fn=_bound_to_this_process(),  # noqa: PLW1509 - one call of prctl(2), no locks
        **options,
    )
    with child, _killed_by_sigterm(child):
        try:
            out, err = child.communicate(text, timeout=timeout_s)
        except subprocess.TimeoutExpired as expired:
            _kill(child)
            raise TookTooLongError(words, expired, child.communicate()[1]) from expired
        except BaseException:
            _kill(child)
            raise
    return subprocess.CompletedProcess(words, child.returncode, out, err)


def _bound_to_this_process() -> Callable[[], None]:
    """Give what the new process does before it becomes the program."""
    prctl, parent = ctypes.CDLL(None, use_errno=True).prctl, os.getpid()

    def bind() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:  # it died before the kernel knew
            os._exit(1)

    return bind


@contextlib.contextmanager
def _killed_by_sigterm(child: subprocess.Popen[str]) -> Iterator[None]:
    """Kill the child's group where SIGTERM would end this process at once."""
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        _kill(child)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _kill(child: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
