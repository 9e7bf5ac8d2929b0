"""Boards as small folders of what their kernels show."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_hdr_device.live import Part
from edge_hdr_device.system import board as module
from edge_hdr_device.system.board import Board

PI_4 = {
    "sys/firmware/devicetree/base/model": "Raspberry Pi 4 Model B Rev 1.4\0",
    "proc/meminfo": "MemTotal:        3884320 kB\nMemFree:          123456 kB\n",
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
    "sys/class/thermal/thermal_zone0/temp": "48686\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "0\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "600000\n",
    "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq": "1800000\n",
}
THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
TEMPERATURE = "sys/class/thermal/thermal_zone0/temp"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FRESH_S", 0.0)


def make(root: Path, *parts: dict[str, str]) -> Board:
    for files in parts:
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
    return Board(root)


def test_a_board_that_is_fine(tmp_path: Path) -> None:
    part = make(tmp_path, PI_4).part
    cores = part.facts.pop("cores")
    assert cores >= 1
    assert part == Part(
        "board",
        "ok",
        "fine",
        "",
        {
            "model": "Raspberry Pi 4 Model B Rev 1.4",
            "memory_bytes": 3884320 * 1024,
            "temperature_c": 48.7,
            "throttled": [],
            "throttled_before": [],
            "clock_mhz": 600,
            "clock_max_mhz": 1800,
            "governor": "ondemand",
        },
    )


@pytest.mark.parametrize(
    ("flags", "now", "before"),
    [
        ("50005", ["under-voltage", "throttled"], []),
        ("50000", [], ["under-voltage", "throttled"]),
        ("e0008", ["soft temperature limit"], ["clock capped", "throttled"]),
    ],
)
def test_the_firmwares_flags_are_told(
    tmp_path: Path, flags: str, now: list[str], before: list[str]
) -> None:
    part = make(tmp_path, PI_4, {THROTTLED: f"{flags}\n"}).part
    assert (part.level, part.state) == ("degraded", "throttled")
    assert part.facts["throttled"] == now
    assert part.facts["throttled_before"] == before
    assert (now or before)[0] in part.detail


def test_under_voltage_that_is_over_is_remembered(tmp_path: Path) -> None:
    """The kernel clears the firmware's memory of it, so the board keeps its own."""
    board = make(tmp_path, PI_4, {THROTTLED: "10001\n"})
    assert board.part.detail.startswith("under-voltage now: use the power supply")
    make(tmp_path, {THROTTLED: "0\n"})
    part = board.part
    assert part.level == "degraded"
    assert part.detail.startswith("under-voltage since the start")
    assert part.facts["throttled"] == []
    assert part.facts["throttled_before"] == ["under-voltage"]


def test_a_hot_board_is_degraded(tmp_path: Path) -> None:
    board = make(tmp_path, PI_4, {TEMPERATURE: "80000\n"})
    assert board.part.level == "ok"
    make(tmp_path, {TEMPERATURE: "80600\n"})
    part = board.part
    assert (part.level, part.state) == ("degraded", "hot")
    assert part.detail == "the processor has 81 °C: cool the board"


def test_a_pi_5_has_its_firmware_elsewhere(tmp_path: Path) -> None:
    file = "sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled"
    board = make(tmp_path, {**PI_4, file: "4\n"})
    (tmp_path / THROTTLED).unlink()
    assert board.condition.now == ("throttled",)


@pytest.mark.parametrize(("alarm", "now"), [("1", ("under-voltage",)), ("0", ())])
def test_the_sensor_of_under_voltage_comes_before_the_deprecated_flags(
    tmp_path: Path, alarm: str, now: tuple[str, ...]
) -> None:
    hwmon = "sys/class/hwmon/hwmon"
    board = make(
        tmp_path,
        {f"{hwmon}0/name": "cpu_thermal\n", f"{hwmon}1/name": "rpi_volt\n"},
        {f"{hwmon}1/in0_lcrit_alarm": f"{alarm}\n", THROTTLED: "4\n"},
    )
    assert board.condition.now == now
    assert board.condition.power_known


def test_a_machine_that_tells_nothing_is_fine(tmp_path: Path) -> None:
    part = make(tmp_path).part
    assert part.level == "ok"
    assert part.facts["temperature_c"] is None
    assert part.facts["throttled"] is None
    assert part.facts["memory_bytes"] is None
    assert str(part.facts["model"]).endswith("machine")


def test_a_pc_is_named_by_its_maker(tmp_path: Path) -> None:
    board = make(
        tmp_path,
        {"sys/class/dmi/id/sys_vendor": "LENOVO\n", "sys/class/dmi/id/product_name": "20XW\n"},
    )
    assert board.model == "LENOVO 20XW"


def test_the_processors_zone_is_taken_from_several(tmp_path: Path) -> None:
    zones = {}
    for number, (name, value) in enumerate(
        [("acpitz", "27800"), ("x86_pkg_temp", "61000"), ("iwlwifi_1", "90000")]
    ):
        zones[f"sys/class/thermal/thermal_zone{number}/type"] = f"{name}\n"
        zones[f"sys/class/thermal/thermal_zone{number}/temp"] = f"{value}\n"
    assert make(tmp_path, zones).condition.temperature_c == 61.0


def test_damaged_files_are_passed_over(tmp_path: Path) -> None:
    board = make(tmp_path, PI_4, {TEMPERATURE: "hot\n", THROTTLED: "\n"})
    assert board.condition.temperature_c is None
    assert not board.condition.power_known


def test_the_kernel_is_not_asked_more_often_than_it_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FRESH_S", 3600.0)
    board = make(tmp_path, PI_4)
    assert board.condition.temperature_c == 48.7
    make(tmp_path, {TEMPERATURE: "70000\n"})
    assert board.condition.temperature_c == 48.7


def test_this_machine_can_be_asked() -> None:
    board = Board()
    assert board.model
    assert board.part.name == "board"
