"""Hold a board's deployment: one installer at a time, and one that undoes what it left if it dies.

The guard is `settle guard`, a shell that waits at the other end of a pipe. When the installer ends
well it hears of that and goes. When the installer is killed the pipe closes, and the guard goes
back to the release that ran before. It is a session of its own with no terminal and no pipe of the
caller's, so it outlives the connection that the installation came through.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge_hdr_device.errors import DeviceStepError
from edge_hdr_device.install import switch
from edge_hdr_device.install.children import run
from edge_hdr_device.install.layout import Layout
from edge_hdr_device.install.room import unless_full
from edge_hdr_device.storage import storage_error

__all__ = ["hold", "holder", "run"]

UNDOING_S = 20.0  # a guard that undoes what a killed installer left is soon done
PAUSE_S = 0.05
_NOTE_BYTES = 4096
_DONE = b"done\n"
_DETACH = 'trap "" HUP INT; exec 3<&0; "$@" <&3 3<&- &'  # it ends at once; its child is nobody's


@contextlib.contextmanager
def hold(layout: Layout, *, by: str, guard: bool = True) -> Iterator[None]:
    """Keep other deployments out while the body runs.

    Args:
        layout: of the deployment; its base is made where there is none.
        by: who holds it, for a person who finds it held.
        guard: start a guard. One that finds a trial when the body is left goes back, too.

    Raises:
        DeviceStepError: another deployment holds it; the message says whose, and since when.
        StorageError: the base cannot be written.
    """
    descriptor = _take(layout)
    try:
        _sign(layout, descriptor, by)
        switch.write_settle(layout)
        line = _start_guard(layout) if guard else None
        try:
            yield
        finally:
            if line is not None:
                _dismiss(line, well=not switch.in_trial(layout))
    finally:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
        os.close(descriptor)


def holder(layout: Layout) -> dict[str, Any] | None:
    """Tell who holds the deployment now: {"by", "pid", "since"}; None when nobody does."""
    try:
        note = json.loads(layout.lock.read_bytes()[:_NOTE_BYTES])
        return note if _is_alive(int(note["pid"])) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _take(layout: Layout) -> int:
    """Get the lock's descriptor; a guard at work is waited for, an installer is not."""
    end_s = time.monotonic() + UNDOING_S
    while (descriptor := _try(layout)) is None:
        note = holder(layout)
        if note or time.monotonic() > end_s:
            by, since = (note or {}).get("by"), (note or {}).get("since")
            raise DeviceStepError(
                f"another deployment is at work: {by or 'unknown'}, since {since or 'unknown'}",
                hint="wait until it has ended, then run the same again",
            )
        time.sleep(PAUSE_S)
    return descriptor


def _try(layout: Layout) -> int | None:
    try:
        _make_folders(layout)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(layout.lock, flags, 0o600)  # who may open it may hold it
    except OSError as error:
        raise storage_error(layout.lock, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), layout.lock.stat()):
            return descriptor
    except OSError:  # it is held, or was removed meanwhile
        pass
    os.close(descriptor)
    return None


def _make_folders(layout: Layout) -> None:
    if not layout.base.is_dir():
        layout.base.mkdir(parents=True, exist_ok=True)
        layout.base.chmod(0o755)
    with unless_full():
        layout.work.mkdir(mode=0o700, exist_ok=True)


def _sign(layout: Layout, descriptor: int, by: str) -> None:
    """Write down who holds it; it is held without, so a full disk does not matter."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    note = json.dumps({"by": by, "pid": os.getpid(), "since": since}) + "\n"
    try:
        os.ftruncate(descriptor, 0)
        with unless_full():
            os.pwrite(descriptor, note.encode(), 0)
    except OSError as error:
        raise storage_error(layout.lock, error) from error


def _is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and was not waited for does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


def _start_guard(layout: Layout) -> int:
    """Start it, and give the end of the pipe whose closing it waits for."""
    reading, writing = os.pipe()  # neither is inherited, but the one as standard input
    try:
        script = str(layout.settle)
        subprocess.run(
            ["/bin/sh", "-c", _DETACH, "guard", "/bin/sh", script, "guard"],
            stdin=reading,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
            check=True,
            timeout=UNDOING_S,
        )
    except (OSError, subprocess.SubprocessError) as error:
        os.close(writing)
        raise DeviceStepError(
            f"cannot start the guard of the deployment: {error}", hint="see whether /bin/sh works"
        ) from error
    finally:
        os.close(reading)
    return writing


def _dismiss(line: int, *, well: bool) -> None:
    with contextlib.suppress(OSError):
        if well:
            os.write(line, _DONE)
    os.close(line)
