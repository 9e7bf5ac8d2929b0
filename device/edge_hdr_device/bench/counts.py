"""Instructions and cycles of a call, where the kernel lets us count them."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Callable
from contextlib import ExitStack
from statistics import median

CALLS, ROUNDS = 20, 7
# Source: perf_event_open(2) and include/uapi/linux/perf_event.h.
SYSCALL = {("x86_64", 64): 298, ("aarch64", 64): 241, ("aarch64", 32): 364, ("arm", 32): 364}
HARDWARE, CYCLES, INSTRUCTIONS = 0, 0, 1
ATTRIBUTES_BYTES = 64  # PERF_ATTR_SIZE_VER0, which every kernel takes
TIMES = 0b11  # the time that it was enabled, and that it really counted
DISABLED, NO_KERNEL, NO_HYPERVISOR = 1 << 0, 1 << 5, 1 << 6
ENABLE, DISABLE, RESET = 0x2400, 0x2401, 0x2403
READ_BYTES = 24
_NONE = "the kernel sees no such counter of the processor, as in a virtual machine"
_FORBIDDEN = "the kernel forbids it, see /proc/sys/kernel/perf_event_paranoid"
WHY_NOT = {
    **dict.fromkeys((errno.ENOENT, errno.ENODEV, errno.EOPNOTSUPP, errno.ENOSYS), _NONE),
    **dict.fromkeys((errno.EACCES, errno.EPERM), _FORBIDDEN),
}


class Counter:
    """Count one kind of event of this thread.

    Args:
        event: `INSTRUCTIONS` or `CYCLES`, or another of another kind.
        kind: of events, those of the processor.

    Raises:
        OSError: the kernel has no such counter here, or does not let us.
    """

    def __init__(self, event: int, kind: int = HARDWARE) -> None:
        attributes = struct.pack(
            "=IIQQQQQIIQ",
            *(kind, ATTRIBUTES_BYTES, event, 0, 0, TIMES),
            *(DISABLED | NO_KERNEL | NO_HYPERVISOR, 0, 0, 0),
        )
        this_thread, any_core, no_group, no_flags = 0, -1, -1, 0
        libc = ctypes.CDLL(None, use_errno=True)
        libc.syscall.restype = ctypes.c_long
        found = libc.syscall(
            ctypes.c_long(_number()),
            attributes,
            *map(ctypes.c_long, (this_thread, any_core, no_group, no_flags)),
        )
        if found < 0:
            number = ctypes.get_errno()
            raise OSError(number, WHY_NOT.get(number) or os.strerror(number))
        self._file = int(found)

    def __enter__(self) -> Counter:
        """Give itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the counter."""
        os.close(self._file)

    def of(self, call: Callable[[], object], times: int) -> float:
        """Count while something is called so often; gives the whole, calling included."""
        import fcntl

        fcntl.ioctl(self._file, RESET, 0)
        before = self._read()
        fcntl.ioctl(self._file, ENABLE, 0)
        for _ in range(times):
            call()
        fcntl.ioctl(self._file, DISABLE, 0)
        after = self._read()
        value, enabled, running = after[0], after[1] - before[1], after[2] - before[2]
        return value * enabled / running if running else 0.0  # counters may take turns

    def _read(self) -> tuple[int, int, int]:
        value, enabled, running = struct.unpack("=QQQ", os.read(self._file, READ_BYTES))
        return value, enabled, running


def count(call: Callable[[], object]) -> dict[str, int | None]:
    """Count what a call in this thread takes in user space, the median of several rounds.

    Returns:
        "per_call", instructions, and "cycles_per_call", None where cycles cannot be counted.

    Raises:
        OSError: the kernel does not let us; the text says why.
    """
    with ExitStack() as stack:
        instructions = _per_call(stack.enter_context(Counter(INSTRUCTIONS)), call)
        if instructions <= 0:
            raise OSError(errno.ENODATA, "the counter of instructions stands still")
        try:
            cycles = _per_call(stack.enter_context(Counter(CYCLES)), call)
        except OSError:
            cycles = 0
    return {"per_call": instructions, "cycles_per_call": cycles if cycles > 0 else None}


def _per_call(counter: Counter, call: Callable[[], object]) -> int:
    """Give a call's share, less what a call of nothing takes."""
    more = (counter.of(call, CALLS) - counter.of(_nothing, CALLS) for _ in range(ROUNDS))
    return round(median(more) / CALLS)


def _number() -> int:
    """Give the system call's number, which a 32-bit program has of its own on a 64-bit kernel."""
    machine, bits = platform.machine(), 64 if sys.maxsize > 2**32 else 32
    number = SYSCALL.get(("arm" if machine.startswith("arm") else machine, bits))
    if number is None or sys.platform != "linux":
        raise OSError(errno.ENOSYS, f"no counter is known on {sys.platform} {machine}")
    return number


def _nothing() -> None:
    return None
