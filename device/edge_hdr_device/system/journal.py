"""The log as lines for the journal or a terminal: one an event, without secrets, not repeated."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import threading
import time
from collections import OrderedDict
from types import TracebackType

logger = logging.getLogger("edge_hdr.journal")

OURS = "edge_hdr"
WINDOW_S = 60.0
TIMES_EVENT, TIMES_WARNING = 10, 1  # so often the same line is written within the window
REMEMBERED = 256
PRIORITIES = (  # Source: sd-daemon(3)
    (logging.CRITICAL, 2),
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, 6),
)
LEVELS = {2: "critical", 3: "error", 4: "warning", 6: "info", 7: "debug"}
SECRETS = (
    (re.compile(r"(\w://)[^/\s]*@"), r"\1***@"),  # rtsp://user:password@camera
    (re.compile(r"(?i)\b((?:authorization|password)[\"']?\s*:\s*)(bearer |basic )?\S+"), r"\1***"),
    (re.compile(r"(?i)\b((?:token|password|passwd|secret|api_key)[\"']?=)[^\s&]+"), r"\1***"),
)
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), 127)}
_CONTROL |= {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}


def start_logging(*, verbose: bool = False) -> None:
    """Write the log of this process to stderr; called again it starts anew.

    Args:
        verbose: what is done and why, not only events.
    """
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if isinstance(handler, LineHandler)]:
        root.removeHandler(old)
        old.close()
    journal = is_journal(2)
    root.addHandler(LineHandler(2, journal=journal))
    logging.getLogger(OURS).setLevel(logging.DEBUG if verbose else logging.INFO)
    logging.captureWarnings(True)
    threading.excepthook = _log_thread_death
    if journal:  # a person reads a traceback better as it is
        sys.excepthook = _log_death


def is_journal(fd: int, stream: str | None = None) -> bool:
    """Tell whether a file descriptor leads to the journal.

    Args:
        fd: the descriptor.
        stream: "device:inode" of the journal's stream; None takes the environment's.

    Source: systemd.exec(5), JOURNAL_STREAM.
    """
    stream = os.environ.get("JOURNAL_STREAM", "") if stream is None else stream
    with contextlib.suppress(OSError):
        status = os.fstat(fd)
        return stream == f"{status.st_dev}:{status.st_ino}"
    return False


def one_line(text: str) -> str:
    """Escape what would break a line, and mask passwords and tokens.

    Args:
        text: may have line ends and control characters.
    """
    for pattern, masked in SECRETS:
        text = pattern.sub(masked, text)
    return text.translate(_CONTROL)


class Repeats:
    """Count how often the same line came, to pass over most of its repetitions."""

    def __init__(self) -> None:
        self._lines: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def admit(self, line: str, *, times: int, now_s: float) -> int | None:
        """Decide on a line.

        Args:
            line: what would be written.
            times: so often it may be written within a minute.
            now_s: `time.monotonic()`.

        Returns:
            None to pass over it, else how many of its kind were passed over in the last minute.
        """
        start_s, count = self._lines.pop(line, (now_s, 0))
        swallowed = 0
        if now_s - start_s >= WINDOW_S:
            swallowed, start_s, count = max(0, count - times), now_s, 0
        self._lines[line] = (start_s, count + 1)
        if len(self._lines) > REMEMBERED:
            self._lines.popitem(last=False)
        return swallowed if count < times else None


class LineHandler(logging.Handler):
    """Write each record as one line, in one go, to a file descriptor of its own.

    The descriptor is copied, so that a line is not lost while native output is hidden.

    Args:
        fd: where to write.
        journal: begin lines with the journal's priority in place of a word.
    """

    def __init__(self, fd: int, *, journal: bool) -> None:
        super().__init__()
        self._fd = os.dup(fd)
        self._journal = journal
        self._repeats = Repeats()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, unless it only repeats another one."""
        try:
            line = self._line(record)
        except Exception:  # a message that does not fit its arguments
            self.handleError(record)
            return
        with contextlib.suppress(OSError):  # there is no other place to tell it
            os.write(self._fd, line.encode(errors="backslashreplace"))

    def close(self) -> None:
        """Let go of the descriptor."""
        with contextlib.suppress(OSError):
            os.close(self._fd)
        super().close()

    def _line(self, record: logging.LogRecord) -> str:
        text = one_line(self.format(record))
        if not record.name.startswith(OURS):
            text = f"{record.name}: {text}"
        times = TIMES_WARNING if record.levelno >= logging.WARNING else TIMES_EVENT
        swallowed = self._repeats.admit(text, times=times, now_s=time.monotonic())
        if swallowed is None:
            return ""
        more = f" ({swallowed} times more in the last minute)" if swallowed else ""
        priority = next((value for least, value in PRIORITIES if record.levelno >= least), 7)
        start = f"<{priority}>" if self._journal else f"{LEVELS[priority]}: "
        return f"{start}{text}{more}\n"


def _log_thread_death(failure: threading.ExceptHookArgs) -> None:
    """Log what ended a thread, as one line."""
    if failure.exc_type is SystemExit or failure.exc_value is None:
        return
    name = failure.thread.name if failure.thread else "a thread"
    logger.critical("%s died", name, exc_info=failure.exc_value)


def _log_death(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Log what ended the process, as one line."""
    logger.critical("the program died", exc_info=(kind, error, trace))
