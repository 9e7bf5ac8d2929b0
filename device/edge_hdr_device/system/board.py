"""The board that this runs on: its model, memory, temperature, clock, and whether power fails."""

from __future__ import annotations

import contextlib
import os
import platform
import threading
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from edge_hdr_device.live import Part

HOT_C = 80.0  # from here on a Raspberry Pi slows itself down
FRESH_S = 2.0  # the kernel asks the firmware as often
# What the firmware reports, now and (16 bits higher) since the last question of the kernel.
# Source: Raspberry Pi documentation, vcgencmd get_throttled.
FLAGS = {
    0: ("under-voltage", "use the power supply made for this board and a short cable"),
    1: ("clock capped", "power or cooling is short"),
    2: ("throttled", "power or cooling is short"),
    3: ("soft temperature limit", "cool the board"),
}
EVER = 16


@dataclass(frozen=True)
class Condition:
    """How a board does at one moment; None is what it cannot tell.

    Attributes:
        temperature_c: of the processor.
        now: what the firmware complains about, words of `FLAGS`.
        before: what it complained about since this process or the board started, and not now.
        power_known: whether the firmware says anything about power and throttling.
        clock_mhz: of the first core, now.
        clock_max_mhz: the highest that it could have.
        governor: rule by which the clock changes, as "ondemand".
    """

    temperature_c: float | None
    now: tuple[str, ...]
    before: tuple[str, ...]
    power_known: bool
    clock_mhz: int | None
    clock_max_mhz: int | None
    governor: str | None

    @property
    def complaint(self) -> str:
        """Say in one line what is wrong with the board and what helps; empty when nothing is."""
        hints = dict(FLAGS.values())
        if self.now:
            return f"{', '.join(self.now)} now: {hints[self.now[0]]}"
        if self.temperature_c is not None and self.temperature_c > HOT_C:
            return f"the processor has {self.temperature_c:.0f} °C: cool the board"
        if self.before:
            return f"{', '.join(self.before)} since the start: {hints[self.before[0]]}"
        return ""

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON-ready values."""
        return {
            "temperature_c": self.temperature_c,
            "throttled": list(self.now) if self.power_known else None,
            "throttled_before": list(self.before) if self.power_known else None,
            "clock_mhz": self.clock_mhz,
            "clock_max_mhz": self.clock_max_mhz,
            "governor": self.governor,
        }


class Board:
    """Ask the kernel about the board; only files are read, no program is run.

    Args:
        root: where `sys` and `proc` are.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._ever = 0
        self._last: Condition | None = None
        self._asked_s = 0.0

    @cached_property
    def model(self) -> str:
        """Name the board, as "Raspberry Pi 4 Model B Rev 1.4"."""
        tree = self._text("sys/firmware/devicetree/base/model", "proc/device-tree/model")
        maker = self._text("sys/class/dmi/id/sys_vendor") or ""
        product = self._text("sys/class/dmi/id/product_name") or ""
        return tree or f"{maker} {product}".strip() or f"{platform.machine()} machine"

    @cached_property
    def memory_bytes(self) -> int | None:
        """Give the memory that the system has; None where it does not tell."""
        for line in (self._text("proc/meminfo") or "").splitlines():
            name, _, value = line.partition(":")
            if name == "MemTotal":
                return int(value.split()[0]) * 1024
        return None

    @property
    def condition(self) -> Condition:
        """Tell how the board does, at most two seconds old."""
        with self._lock:
            now_s = time.monotonic()
            if self._last is None or now_s - self._asked_s >= FRESH_S:
                self._last, self._asked_s = self._ask(), now_s
            return self._last

    @property
    def part(self) -> Part:
        """Tell how the board does as a part of the runtime's health."""
        condition = self.condition
        facts = {
            "model": self.model,
            "memory_bytes": self.memory_bytes,
            "cores": os.cpu_count(),
            **condition.to_dict(),
        }
        complaint = condition.complaint
        state = "hot" if not (condition.now or condition.before) else "throttled"
        if not complaint:
            return Part("board", "ok", "fine", "", facts)
        return Part("board", "degraded", state, complaint, facts)

    def _ask(self) -> Condition:
        flags = self._flags()
        # The kernel resets the firmware's memory whenever it asks, so we keep our own.
        self._ever |= (flags or 0) | (flags or 0) >> EVER
        clock = "sys/devices/system/cpu/cpu0/cpufreq"
        return Condition(
            temperature_c=self._temperature_c(),
            now=tuple(word for bit, (word, _) in FLAGS.items() if (flags or 0) >> bit & 1),
            before=tuple(
                word
                for bit, (word, _) in FLAGS.items()
                if self._ever >> bit & 1 and not (flags or 0) >> bit & 1
            ),
            power_known=flags is not None,
            clock_mhz=_mega(self._number(f"{clock}/scaling_cur_freq")),
            clock_max_mhz=_mega(self._number(f"{clock}/cpuinfo_max_freq")),
            governor=self._text(f"{clock}/scaling_governor"),
        )

    def _flags(self) -> int | None:
        """Read the sensor of under-voltage, or the firmware's flags where there is none.

        The flags say more, but to read them puts a warning with a stack trace into the kernel's
        log; what they say besides comes of heat, which the temperature tells.
        Source: raspberrypi/linux#2706, drivers/firmware/raspberrypi.c.
        """
        for sensor in self._find("sys/class/hwmon", "hwmon*"):
            place = sensor.relative_to(self._root)
            if self._text(f"{place}/name") == "rpi_volt":
                return self._number(f"{place}/in0_lcrit_alarm")
        for file in self._find("sys/devices/platform", "soc*/*firmware/get_throttled"):
            with contextlib.suppress(OSError, ValueError):
                return int(file.read_text(), 16)
        return None

    def _temperature_c(self) -> float | None:
        """Read the processor's zone, or the hottest where none has its name."""
        zones: dict[str, float] = {}
        for zone in self._find("sys/class/thermal", "thermal_zone*"):
            place = zone.relative_to(self._root)
            value = self._number(f"{place}/temp")
            if value is not None:
                zones[self._text(f"{place}/type") or zone.name] = value / 1000
        of_cpu = [value for name, value in zones.items() if "cpu" in name or "pkg" in name]
        return round(max(of_cpu or zones.values()), 1) if zones else None

    def _find(self, folder: str, pattern: str) -> list[Path]:
        with contextlib.suppress(OSError):
            return sorted((self._root / folder).glob(pattern))
        return []

    def _text(self, *names: str) -> str | None:
        """Read the first of some small files that can be read."""
        for name in names:
            with contextlib.suppress(OSError):
                text = (self._root / name).read_text(encoding="utf-8", errors="replace")
                return text.strip("\0\n ")
        return None

    def _number(self, name: str) -> int | None:
        with contextlib.suppress(ValueError):
            text = self._text(name)
            return int(text) if text else None
        return None


def _mega(kilo: int | None) -> int | None:
    return None if kilo is None else round(kilo / 1000)
