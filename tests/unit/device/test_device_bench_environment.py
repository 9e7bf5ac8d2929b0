"""What it was measured on, what spoilt it, and what the processor counted."""

from __future__ import annotations

import json
import mmap
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from edge_hdr_device.bench.counts import CALLS, INSTRUCTIONS, Counter, count
from edge_hdr_device.bench.environment import Others, environment, marks
from edge_hdr_device.system.board import Condition

FINE = Condition(45.0, (), (), True, 1500, 1500, "performance")
HERTZ = os.sysconf("SC_CLK_TCK")
PI_4 = """\
processor	: 0
BogoMIPS	: 108.00
Features	: fp asimd evtstrm crc32 cpuid
CPU implementer	: 0x41
CPU part	: 0xd08
"""
PI_5 = PI_4.replace("evtstrm", "asimdhp asimddp fphp evtstrm").replace("0xd08", "0xd0b")
PI_2 = """\
model name	: ARMv7 Processor rev 5 (v7l)
Features	: half thumb neon vfpv4
CPU implementer	: 0x41
CPU part	: 0xc07
"""
XEON = """\
model name	: Intel(R) Xeon(R) Platinum
flags		: fpu sse2 avx2 avx512f avx512_vnni amx_int8
"""


@pytest.mark.parametrize(
    ("cpuinfo", "name", "features"),
    [
        (PI_4, "Cortex-A72", ["asimd"]),
        (PI_5, "Cortex-A76", ["asimd", "fphp", "asimdhp", "asimddp"]),
        (PI_2, "Cortex-A7", ["neon", "vfpv4"]),
        (PI_4.replace("0xd08", "0xfff"), "Arm part 0xfff", ["asimd"]),
        (XEON, "Intel(R) Xeon(R) Platinum", ["avx2", "avx512f", "avx512_vnni", "amx_int8"]),
    ],
)
def test_the_processor_is_named_with_what_kernels_use(
    tmp_path: Path, cpuinfo: str, name: str, features: list[str]
) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text(cpuinfo)
    found = environment(tmp_path)
    assert (found["processor"], found["features"]) == (name, features)


def test_this_machine_is_described_whatever_it_hides(tmp_path: Path) -> None:
    for found in (environment(), environment(tmp_path)):
        assert found["processor"]
        assert found["board"]
        assert 1 <= found["cores"] <= (os.cpu_count() or 1)
        json.dumps(found)
    assert environment(tmp_path)["memory_bytes"] is None


def write_stat(root: Path, busy_s: float, idle_s: float, stolen_s: float = 0.0) -> None:
    (root / "proc").mkdir(exist_ok=True)
    user, idle, stolen = (int(HERTZ * seconds) for seconds in (busy_s, idle_s, stolen_s))
    text = f"cpu  {user} 0 0 {idle} 0 0 0 {stolen} 0 0\ncpu0 1 1 1 1\n"
    (root / "proc/stat").write_text(text)


def test_the_time_of_others_is_what_we_did_not_take(tmp_path: Path) -> None:
    write_stat(tmp_path, 100, 1000)
    others = Others(tmp_path)
    write_stat(tmp_path, 100 + 20, 1000 + 70, stolen_s=10)
    assert others.share() == pytest.approx((20 + 10) / 100, abs=0.005)  # we took next to nothing
    write_stat(tmp_path, 100 + 0, 1000 + 100)
    assert others.share() == pytest.approx(0, abs=0.005)


def test_our_own_time_is_not_that_of_others(tmp_path: Path) -> None:
    write_stat(tmp_path, 100, 1000)
    others, end_s = Others(tmp_path), time.process_time() + 0.2
    while time.process_time() < end_s:
        pass
    write_stat(tmp_path, 100.2, 1000.2)  # 0.2 s of 0.4 s are ours
    share = others.share()
    assert share is not None
    assert share < 0.1


def test_a_view_without_the_machine_tells_nothing(tmp_path: Path) -> None:
    assert Others(tmp_path).share() is None
    write_stat(tmp_path, 100, 1000)
    others, end_s = Others(tmp_path), time.process_time() + 0.2
    assert others.share() is None  # no time has gone by
    while time.process_time() < end_s:
        pass
    write_stat(tmp_path, 100, 1001)  # we were at work, and it does not show
    assert others.share() is None
    (tmp_path / "proc/stat").write_text("cpu nonsense\n")
    assert Others(tmp_path).share() is None


@pytest.mark.parametrize(
    ("before", "after", "busy", "mark", "note"),
    [
        ({}, {"now": ("throttled",)}, 0.0, "throttled", "held back: throttled"),
        ({"now": ("under-voltage",)}, {}, 0.0, "throttled", "held back: under-voltage"),
        ({}, {"before": ("clock capped",)}, 0.0, "throttled", "held back: clock capped"),
        ({}, {"temperature_c": 84.0}, None, "hot", "84 °C"),
        ({}, {}, 0.4, "busy", "took 40%"),
    ],
)
def test_what_spoilt_the_figures_is_told(
    before: dict[str, object], after: dict[str, object], busy: float | None, mark: str, note: str
) -> None:
    sound: tuple[list[str], list[str]] = ([], [])
    assert marks(FINE, FINE, 0.05) == marks(FINE, FINE, None) == sound
    # what the firmware complained about before we began is no fault of this run
    assert marks(replace(FINE, before=("under-voltage",)), FINE, 0.0) == sound
    found, (told,) = marks(
        replace(FINE, **before),  # type: ignore[arg-type]
        replace(FINE, **after),  # type: ignore[arg-type]
        busy,
    )
    assert found == [mark]
    assert note in told


def test_a_counter_counts_what_the_kernel_counts() -> None:
    software, page_faults, pages = 1, 2, 64

    def touch() -> None:
        with mmap.mmap(-1, pages * mmap.PAGESIZE) as memory:
            for page in range(pages):
                memory[page * mmap.PAGESIZE] = 1

    try:
        counter = Counter(page_faults, software)
    except OSError as error:
        pytest.skip(f"the kernel lets us count nothing: {error}")
    with counter:
        assert counter.of(touch, 3) >= 3 * pages
        assert counter.of(lambda: None, 3) < pages


def test_instructions_are_counted_or_it_is_told_why_not() -> None:
    def work(size: int) -> None:
        sum(range(size))

    try:
        Counter(INSTRUCTIONS).__exit__()
        found, more = count(lambda: work(1000)), count(lambda: work(10_000))
    except OSError as error:
        assert error.strerror
        assert "No such file" not in error.strerror  # which says nothing of a processor
        return
    little, much = found["per_call"], more["per_call"]
    assert little is not None
    assert much is not None
    assert 1000 < little < much
    assert CALLS > 1
