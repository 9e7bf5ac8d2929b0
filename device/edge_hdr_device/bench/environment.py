"""On what it was measured, and what else ran meanwhile."""

from __future__ import annotations

import contextlib
import os
import platform
from pathlib import Path
from typing import Any

from edge_hdr_device.system.board import HOT_C, Board, Condition

BUSY = 0.1  # share of the processors that others may take before figures are not to be compared
# Instructions that TFLite's kernels or XNNPACK's choose by, as the kernel names them.
FEATURES = (
    *("sse4_1", "avx", "f16c", "fma", "avx2", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni"),
    *("avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16"),
    *("neon", "vfpv4", "asimd", "fphp", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2"),
)
# Source: Arm's Main ID registers, as in the kernel's arch/arm64/include/asm/cputype.h.
ARM_PARTS = {
    0xB76: "ARM1176", 0xC07: "Cortex-A7", 0xC08: "Cortex-A8", 0xC09: "Cortex-A9",
    0xC0F: "Cortex-A15", 0xC0E: "Cortex-A17", 0xD03: "Cortex-A53", 0xD04: "Cortex-A35",
    0xD05: "Cortex-A55", 0xD07: "Cortex-A57", 0xD08: "Cortex-A72", 0xD09: "Cortex-A73",
    0xD0A: "Cortex-A75", 0xD0B: "Cortex-A76", 0xD0C: "Neoverse N1", 0xD0D: "Cortex-A77",
    0xD40: "Neoverse V1", 0xD41: "Cortex-A78", 0xD49: "Neoverse N2", 0xD4F: "Neoverse V2",
}  # fmt: skip
ARM = "0x41"


def environment(root: Path = Path("/")) -> dict[str, Any]:
    """Tell on what is measured, JSON-ready; None is what the system does not tell.

    Args:
        root: where its `proc` and `sys` are.
    """
    board = Board(root)
    condition = board.condition
    processor, features = _processor(root)
    return {
        "board": board.model,  # from the device tree, else the maker's name
        "machine": platform.machine(),
        "processor": processor,
        "features": features,
        "cores": cores(),  # that this process may use
        "memory_bytes": board.memory_bytes,
        "kernel": platform.release(),
        "governor": condition.governor,
        "clock_max_mhz": condition.clock_max_mhz,
        "system": _system(),
    }


class Others:
    """How much of the machine's processor time other processes take, from the making on.

    Args:
        root: where `proc` is.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._stat = root / "proc" / "stat"
        self._start = self._now()

    def share(self) -> float | None:
        """Give it in [0, 1] of all processors; None where the kernel does not show them.

        Time that a hypervisor took counts as others'.
        """
        now = self._now()
        if self._start is None or now is None:
            return None
        total, busy, own = (end - begin for begin, end in zip(self._start, now, strict=True))
        slack = 0.02 * total + 0.05  # the counters step by hundredths of a second
        if total <= 0 or busy + slack < own:  # a container's view, not the machine's
            return None
        return round(min(max(busy - own, 0.0) / total, 1.0), 4)

    def _now(self) -> tuple[float, float, float] | None:
        """Read seconds of all processors: in all, busy, and our own and our children's."""
        try:
            words = self._stat.read_text(encoding="ascii").splitlines()[0].split()
            ticks = [int(word) for word in words[1:9]]
        except (OSError, ValueError, IndexError):
            return None
        if words[0] != "cpu" or len(ticks) < 4:
            return None
        idle = sum(ticks[3:5])  # waiting for a disk is idle too
        own = sum(os.times()[:4])
        hertz = os.sysconf("SC_CLK_TCK")
        return sum(ticks) / hertz, (sum(ticks) - idle) / hertz, own


def cores() -> int:
    """Count the cores that this process may use."""
    with contextlib.suppress(AttributeError, OSError):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def condition() -> tuple[Condition, dict[str, Any]]:
    """Ask the board how it does; the dictionary tells the load of the last minute a core, too."""
    found, load = Board().condition, None
    with contextlib.suppress(OSError):
        load = round(os.getloadavg()[0] / (os.cpu_count() or 1), 2)
    return found, {**found.to_dict(), "load": load}


def marks(before: Condition, after: Condition, busy: float | None) -> tuple[list[str], list[str]]:
    """Tell what makes a measurement not comparable with others.

    Args:
        before: the board's condition before.
        after: the condition after, by a `Board` made then: what it complained about "before" was
            while we measured.
        busy: share of the processors that others took.

    Returns:
        Marks for programs, each of which forbids a comparison, and the same in sentences.
    """
    found, notes = [], []
    held = [*before.now, *after.now, *after.before]
    if held:
        found.append("throttled")
        notes.append(f"the machine was held back: {', '.join(dict.fromkeys(held))}")
    hottest = max(before.temperature_c or 0.0, after.temperature_c or 0.0)
    if hottest > HOT_C:
        found.append("hot")
        notes.append(f"the processor had {hottest:.0f} °C: cool it")
    if busy is not None and busy > BUSY:
        found.append("busy")
        notes.append(f"other processes took {busy:.0%} of the processors: stop them first")
    return found, notes


def _processor(root: Path) -> tuple[str, list[str]]:
    """Give the processor's name and the features of it that matter."""
    fields: dict[str, str] = {}
    with contextlib.suppress(OSError):
        text = (root / "proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
        for line in text.splitlines():
            key, _, value = line.partition(":")
            fields.setdefault(key.strip().lower(), value.strip())
    has = set((fields.get("flags") or fields.get("features") or "").split())
    name = fields.get("model name", "")
    if fields.get("cpu implementer") == ARM and fields.get("cpu part"):
        part = int(fields["cpu part"], 16)
        name = ARM_PARTS.get(part, name or f"Arm part {part:#05x}")
    return name or platform.machine(), [word for word in FEATURES if word in has]


def _system() -> str | None:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME")
    except OSError:
        return None
