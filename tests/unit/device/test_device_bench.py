"""The board's figures are measured in turns and tell what spoilt them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_hdr_device.bench import LEAST_ROUNDS, Bench, Times, bench, frame
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.pipeline import Reader
from edge_hdr_device.released import find
from edge_hdr_device.system.board import Condition

FINE = Condition(45.0, (), (), True, 1500, 1500, "performance")


@pytest.fixture(scope="module")
def found(tiny_int8: Path, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return bench(tiny_int8, seconds=0.1, state=tmp_path_factory.mktemp("state"))


def test_the_frame_has_ten_digits_that_can_be_read() -> None:
    image = frame()
    assert (image.shape, image.dtype) == ((480, 640), np.uint8)
    reading = Reader(Classifier(find("ds-cnn-small-int8"))).read(image)
    assert len(reading.digits) == 10
    assert "?" not in "".join(reading.lines)
    assert len("".join(reading.lines)) == 10


def test_percentiles_are_those_of_the_times() -> None:
    times = Times.of("x", [float(ms) for ms in range(1, 101)])
    # between the 50th and 51st, at 0.9 × 99 = 89.1 and 0.99 × 99 = 98.01 past the first
    assert (times.n, times.p50_ms, times.p90_ms, times.p99_ms) == (100, 50.5, 90.1, 99.01)
    assert times.windows_p50_ms == (10.5, 30.5, 50.5, 70.5, 90.5)
    assert Times.of("x", [2.0]).windows_p50_ms == (2.0,)


def test_each_way_is_measured_as_often_as_the_others(found: Bench) -> None:
    assert [times.name for times in found.times] == [
        *("1 digit", "10 digits", "frame"),
        *("frame: locate", "frame: normalize", "frame: classify"),
    ]
    assert len({times.n for times in found.times}) == 1
    assert found.times[0].n >= LEAST_ROUNDS
    assert all(0 < times.p50_ms <= times.p90_ms <= times.p99_ms for times in found.times)
    one, ten, whole = found.times[:3]
    assert max(one.p50_ms, ten.p50_ms) < whole.p50_ms
    stages = sum(times.p50_ms for times in found.times[3:])
    assert stages == pytest.approx(whole.p50_ms, rel=0.5)


def test_it_measures_for_as_long_as_told(tiny_int8: Path) -> None:
    start_s = time.monotonic()
    found = bench(tiny_int8, seconds=1.0)
    assert 1.0 <= found.seconds <= time.monotonic() - start_s


def test_the_document_says_what_was_measured_on_what(found: Bench) -> None:
    data = json.loads(json.dumps(found.to_dict()))
    assert data["frame"] == "640×480 grey, 10 digits"
    assert data["delegate"] in {"xnnpack", "none"}
    assert data["threads"] >= 1
    assert data["interpreter"] != "none"
    assert data["cores"] == os.cpu_count()
    assert {"temperature_c", "throttled", "governor"} <= set(data["before"])
    assert data["times"][0]["n"] == len(found.times[0].windows_p50_ms) or data["times"][0]["n"] > 5


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"after": replace(FINE, now=("throttled",))}, "held back: throttled now"),
        ({"before": replace(FINE, now=("under-voltage",))}, "held back: under-voltage now"),
        ({"after": replace(FINE, temperature_c=84.0)}, "84 °C"),
        ({"after": replace(FINE, governor="powersave")}, "governor powersave"),
        ({"load": 0.8}, "others were at work before .load 0.8 a core."),
        (
            {"times": (Times("1 digit", 9, 1.0, 1.0, 1.0, (1.0, 1.3)),)},
            "not steady: .* 1 to 1.3 ms",
        ),
    ],
)
def test_what_spoilt_the_figures_is_told(
    found: Bench, changes: dict[str, object], note: str
) -> None:
    steady = (Times("1 digit", 9, 1.0, 1.0, 1.0, (1.0, 1.1)),)
    sound = replace(found, times=steady, before=FINE, after=FINE, load=0.1)
    assert sound.notes == ()
    (told,) = replace(sound, **changes).notes  # type: ignore[arg-type]
    assert re.search(note, told)


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command by its module, whatever the list of commands says of it."""
    code = (
        "import sys; from edge_hdr_device.cli import app; "
        "app.COMMANDS = tuple(dict.fromkeys((*app.COMMANDS, 'bench'))); app.main()"
    )
    return subprocess.run(
        [sys.executable, "-c", code, "bench", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        timeout=60,
    )


def test_the_command_shows_a_table_or_one_document(tmp_path: Path, tiny_int8: Path) -> None:
    flags = ("--model", str(tiny_int8), "--seconds", "0.1")
    table = run(tmp_path, *flags)
    assert table.returncode == 0, table.stderr
    assert re.search(r"^10 digits +[\d.]+ +[\d.]+ +[\d.]+ +\d+$", table.stdout, re.MULTILINE)
    document = json.loads(run(tmp_path, *flags, "--json").stdout)
    assert (document["ok"], document["command"]) == (True, "bench")
    assert run(tmp_path, "--seconds", "0").returncode == 2
    assert run(tmp_path, "--model", "no-such").returncode == 3
