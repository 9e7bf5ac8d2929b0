"""The reader as a process: a camera in, readings out, signals, and trouble."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_hdr.data.sheet import write_sheet
from edge_hdr_device import released

SAMPLE = Path(__file__).parents[1] / "data" / "sample.jpg"
DEADLINE_S = 30.0


class Process:
    """A running reader, seen from outside."""

    def __init__(self, folder: Path, *arguments: str | Path) -> None:
        self.log = folder / "log"
        self.out = folder / "out"
        with self.out.open("wb") as out, self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "edge_hdr_device", "run", *map(str, arguments)],
                cwd=folder,
                env=environment(folder),
                stdout=out,
                stderr=log,
            )

    def wait_for(self, found: Callable[[], Any]) -> Any:
        """Wait until something is true; fails with the log."""
        end_s = time.monotonic() + DEADLINE_S
        while time.monotonic() < end_s and self.process.poll() is None:
            if value := found():
                return value
            time.sleep(0.05)
        raise AssertionError(f"exit {self.process.poll()}; log:\n{self.log.read_text()}")

    def lines(self) -> list[dict[str, Any]]:
        """Give the whole lines of its output so far."""
        whole = self.out.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def page(self) -> str:
        """Give the address of its page, once it is served."""
        text = self.wait_for(
            lambda: "live page on " in self.log.read_text() and self.log.read_text()
        )
        return str(text.split("live page on ")[1].split()[0]).rstrip("/")

    def get(self, path: str) -> dict[str, Any]:
        """Fetch JSON from its page."""
        with urllib.request.urlopen(self.page() + path, timeout=5) as answer:
            return dict(json.loads(answer.read()))

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait; gives the exit code."""
        self.process.send_signal(number)
        return self.process.wait(10)


def environment(folder: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("EDGE_HDR_")}
    return kept | {"EDGE_HDR_STATE": str(folder / "state"), "HOME": str(folder), "NO_COLOR": "1"}


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Start readers; what still runs at the end is killed."""
    started: list[Process] = []

    def start(*arguments: str | Path) -> Process:
        started.append(Process(tmp_path, *arguments))
        return started[-1]

    yield start
    for process in started:
        if process.process.poll() is None:
            process.process.kill()
        process.process.wait(10)


def finished(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command of the device to its end."""
    command = [sys.executable, "-m", "edge_hdr_device", *map(str, arguments)]
    return subprocess.run(
        command,
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_synthetic_camera_is_read_as_lines_of_json(run: Callable[..., Process]) -> None:
    reader = run("--camera", "synthetic:7", "--no-page")
    events = reader.wait_for(lambda: len(reader.lines()) >= 2 and reader.lines())
    assert events[0]["type"] == "reading"
    assert events[0]["change"] == "announced"
    assert events[0]["text"].replace(" ", "").isdigit()
    assert reader.end() == 0


def test_once_reads_one_frame_and_exits(tmp_path: Path) -> None:
    done = finished(tmp_path, "run", "--camera", SAMPLE, "--once")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["lines"] == SAMPLE.with_suffix(".txt").read_text().split()
    assert {"gate", "locate", "normalize", "classify", "track"} == set(result["stages_ms"])


def test_once_under_json_is_one_document(tmp_path: Path) -> None:
    done = finished(tmp_path, "run", "--camera", SAMPLE, "--once", "--json")
    document = json.loads(done.stdout)
    assert (document["ok"], document["command"]) == (True, "run")
    assert document["data"]["lines"]


def test_once_gives_its_frame_to_the_file_as_well(tmp_path: Path) -> None:
    arguments = ("--camera", SAMPLE, "--once", "--file", "out/readings.jsonl", "--stdout", "none")
    done = finished(tmp_path, "run", *arguments)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    (line,) = (tmp_path / "out" / "readings.jsonl").read_text().splitlines()
    assert json.loads(line)["lines"] == SAMPLE.with_suffix(".txt").read_text().split()


@pytest.mark.parametrize("output", [("--file", "/dev/full"), ("--mqtt", "127.0.0.1:9")])
def test_once_fails_where_an_output_does_not_take_the_reading(
    tmp_path: Path, output: tuple[str, str]
) -> None:
    done = finished(tmp_path, "run", "--camera", SAMPLE, "--once", *output)
    assert done.returncode == 4, done.stderr
    assert "did not take the reading" in done.stderr


def test_a_closed_standard_output_is_no_crash(tmp_path: Path) -> None:
    for command in ("run --camera synthetic --frames 5 --no-page", f"recognize {SAMPLE}"):
        done = subprocess.run(
            ["bash", "-c", f"{sys.executable} -m edge_hdr_device {command} >&-"],
            cwd=tmp_path,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr


def test_a_folder_is_read_picture_by_picture_and_ends(tmp_path: Path) -> None:
    import cv2

    folder = tmp_path / "pictures"
    folder.mkdir()
    for seed, text in enumerate(("12345", "67890"), start=4):
        image = write_sheet([text], seed=seed, width_px=480, digit_px=48).image
        cv2.imwrite(str(folder / f"{seed}.png"), image)
    (folder / "broken.png").write_bytes(b"no picture")
    done = finished(tmp_path, "run", "--camera", folder, "--no-page", "--stdout", "frames")
    assert done.returncode == 0, done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [result["lines"] for result in results] == [["12345"], ["67890"]]
    assert [Path(result["name"]).name for result in results] == ["4.png", "5.png"]
    assert "broken.png" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_within_two_seconds(run: Callable[..., Process], number: int) -> None:
    reader = run("--camera", "synthetic", "--port", "0")
    reader.wait_for(reader.lines)
    start = time.monotonic()
    assert reader.end(number) == 0
    assert time.monotonic() - start < 2.0
    assert "Traceback" not in reader.log.read_text()


def test_a_closed_pipe_ends_it_quietly(tmp_path: Path) -> None:
    command = f"{sys.executable} -m edge_hdr_device run --camera synthetic --no-page | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["change"] == "announced"


def test_the_page_shows_what_is_read(run: Callable[..., Process]) -> None:
    reader = run("--camera", SAMPLE, "--set", "camera.loop=yes", "--port", "0")
    reader.wait_for(reader.lines)
    answer = reader.get("/api/reading")
    assert answer["reading"][0]["lines"] == SAMPLE.with_suffix(".txt").read_text().split()
    assert answer["facts"]["model"].startswith("ds-cnn-small-int8@")
    assert answer["health"]["parts"]["camera"]["state"] == "streaming"


def test_a_reload_takes_good_settings_and_keeps_the_old_ones_for_bad(
    run: Callable[..., Process], tmp_path: Path
) -> None:
    config = tmp_path / "device.toml"
    good = f'[camera]\nsource = "{SAMPLE}"\nloop = true\n[web]\nport = 0\n'
    config.write_text(good)
    reader = run("--config", config)
    reader.wait_for(reader.lines)
    for bad, complaint in (
        ("[read]\nagre = 1\n", "unknown setting 'read.agre'"),
        ('[read]\nmodel = "no.tflite"\n', "no model 'no.tflite'"),
        ('[read]\nexpect = "["\n', "unterminated character set"),
        ("[mqtt]\nhost = 'x'\ncredentials = '/no/such'\n", "/no/such"),
    ):
        config.write_text(good + bad)
        reader.process.send_signal(signal.SIGHUP)
        reader.wait_for(lambda text=complaint: text in reader.log.read_text())
        part = reader.get("/api/reading")["health"]["parts"]["config"]
        assert part["level"] == "degraded"
        assert complaint in part["detail"]
        assert reader.get("/api/reading")["reading"]
    config.write_text(good + '[read]\nexpect = "[0-9]{4}"\n')
    reader.process.send_signal(signal.SIGHUP)
    reader.wait_for(lambda: "configuration reloaded" in reader.log.read_text())
    reader.wait_for(lambda: reader.lines()[-1]["lines"] == ["2026"])
    assert reader.get("/api/reading")["health"]["parts"]["config"]["level"] == "ok"
    assert reader.end() == 0


def test_settings_can_be_checked_without_a_run(tmp_path: Path) -> None:
    config = tmp_path / "device.toml"
    config.write_text('[camera]\nsource = "synthetic"\n')
    assert finished(tmp_path, "run", "--check", "--config", config).returncode == 0
    config.write_text('[camera]\nsource = "synthetic"\n[web]\nhost = "0.0.0.0"\n')
    done = finished(tmp_path, "run", "--check", "--config", config)
    assert done.returncode == 3
    assert "token" in done.stderr


def test_a_camera_that_goes_away_leaves_nothing_stale(
    run: Callable[..., Process], tmp_path: Path
) -> None:
    picture = tmp_path / "page.png"
    folder = tmp_path / "pictures"
    folder.mkdir()
    shutil.copy(SAMPLE, picture)
    config = tmp_path / "device.toml"
    config.write_text(f'[camera]\nsource = "{picture}"\nloop = true\n[web]\nport = 0\n')
    reader = run("--config", config)
    reader.wait_for(reader.lines)
    config.write_text('[camera]\nsource = "http://127.0.0.1:9/"\n[web]\nport = 0\n')
    reader.process.send_signal(signal.SIGHUP)
    reader.wait_for(lambda: reader.lines()[-1]["change"] == "dropped")
    answer = reader.get("/api/reading")
    assert answer["reading"] == []
    assert answer["frame"] is None
    assert answer["health"]["level"] == "failing"


def test_a_camera_that_is_not_there_is_told_once_and_tried_again(
    run: Callable[..., Process],
) -> None:
    reader = run("--camera", "http://127.0.0.1:9/video", "--port", "0")
    part = reader.wait_for(lambda: _waiting(reader))
    assert part["level"] == "failing"
    assert "127.0.0.1:9" in part["detail"]
    time.sleep(2.5)  # longer than the first pauses
    assert reader.log.read_text().count("camera is away") == 1
    assert reader.end() == 0


def _waiting(reader: Process) -> dict[str, Any] | None:
    part = reader.get("/api/reading")["health"]["parts"]["camera"]
    return part if part["state"] == "waiting" else None


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--camera", "/no/such/file"], 3, "/no/such/file"),
        (["--camera", "synthetic", "--model", "no.tflite"], 3, "no model"),
        (["--camera", "synthetic", "--agree", "0"], 3, "read.agree"),
        (["--camera", "synthetic", "--size", "big"], 2, "--size"),
        (["--camera", "synthetic", "--set", "x"], 2, "--set"),
        (["--camera", "synthetic", "--set", "read.x=1"], 3, "unknown setting"),
        (["--camera", "synthetic", "--roi", "1,2,3"], 3, "region"),
        (["--camera", "synthetic", "--expect", "("], 3, "expect"),
        (["--camera", "synthetic", "--host", "0.0.0.0"], 3, "token"),
        (["--camera", "synthetic", "--nonsense"], 2, "--nonsense"),
        (["--camera", "synthetic", "--frames", "-3"], 2, "--frames"),
        (["--camera", "synthetic", "--mqtt", "localhost:abc"], 3, "localhost:abc"),
        (["--camera", "synthetic", "--mqtt", "mqtt://localhost"], 3, "mqtt://localhost"),
        (["--camera", "synthetic", "--home-assistant"], 3, "mqtt.discovery"),
        (["--check", "--camera", "synthetic", "--samples", "/dev/null"], 3, "/dev/null"),
        (["--once", "--camera", "synthetic", "--roi", "5000,0,100,100"], 3, "roi1"),
        (["--once", "--camera", "http://127.0.0.1:9/"], 4, "127.0.0.1:9"),
    ],
)
def test_what_cannot_run_says_why_and_what_to_do(
    tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    done = finished(tmp_path, "run", *arguments)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_model_that_was_changed_is_refused(tmp_path: Path) -> None:
    content = bytearray(released.find(None).read_bytes())
    content[5000] ^= 1
    model = tmp_path / "model.tflite"
    model.write_bytes(content)
    done = finished(tmp_path, "run", "--camera", "synthetic", "--model", model)
    assert done.returncode == 3
    assert "does not match the hash in its manifest" in done.stderr


def test_the_selftest_reads_numbers_that_it_knows(tmp_path: Path) -> None:
    done = finished(tmp_path, "selftest", "--json")
    document = json.loads(done.stdout)
    assert document["ok"], done.stdout
    checks = {check["name"]: check for check in document["data"]["checks"]}
    assert set(checks) == {"system", "storage", "model", "reading"}
    assert checks["reading"]["right"] >= 0.9 * checks["reading"]["n"]


def test_the_selftest_fails_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file in the folder's place")
    done = finished(tmp_path, "selftest", "--json")
    assert done.returncode == 6
    document = json.loads(done.stdout)
    assert document["error"]["message"] == "failed: storage"
    assert document["data"]["checks"][-1]["ok"]


def test_the_cameras_command_lists_or_says_why(tmp_path: Path) -> None:
    done = finished(tmp_path, "cameras", "--json")
    data = json.loads(done.stdout)["data"]
    assert done.returncode == 0
    assert data["cameras"] or data["problems"]


def test_recognize_reads_the_sample(tmp_path: Path) -> None:
    done = finished(tmp_path, "recognize", SAMPLE)
    assert done.stdout == SAMPLE.with_suffix(".txt").read_text()
    folder = tmp_path / "folder"
    folder.mkdir()
    shutil.copy(SAMPLE, folder)
    assert finished(tmp_path, "recognize", folder).stdout == done.stdout
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n")
    done = finished(tmp_path, "recognize", SAMPLE, broken, "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 3
    assert len(document["data"]["images"]) == len(document["data"]["failed"]) == 1


def test_a_token_is_shown_once_and_only_its_hash_is_kept(tmp_path: Path) -> None:
    done = finished(tmp_path, "token", "--json")
    data = json.loads(done.stdout)["data"]
    kept = Path(data["file"])
    assert data["token"] not in kept.read_text()
    assert kept.stat().st_mode & 0o077 == 0
    again = finished(tmp_path, "token")
    assert again.returncode == 3
    assert "--force" in again.stderr


def test_the_service_unit_is_written_with_its_steps(tmp_path: Path) -> None:
    unit = tmp_path / "edge-hdr-device.service"
    done = finished(tmp_path, "service", "--python", "/usr/bin/python3", "--out", unit, "--json")
    assert done.returncode == 0, done.stderr
    assert "Type=notify" in unit.read_text()
    assert any("systemctl enable" in step for step in json.loads(done.stdout)["data"]["steps"])
