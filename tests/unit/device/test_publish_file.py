"""Lines of JSON to a file: rotated, whole after a full disk, made anew when it was taken away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_hdr_device.publish.file import FileOutlet
from edge_hdr_device.publish.message import Kind, Message

LIMIT_S = 10.0
READINGS: frozenset[Kind] = frozenset({"reading"})


def reading(n: int) -> Message:
    return Message("reading", {"n": n})


def outlet_to(path: Path, *, max_bytes: int = 1_000_000, keep: int = 3) -> FileOutlet:
    return FileOutlet(path, wants=READINGS, max_bytes=max_bytes, keep=keep, first_wait_s=0.001)


def write(
    path: Path, messages: list[Message], *, max_bytes: int = 1_000_000, keep: int = 3
) -> None:
    outlet = outlet_to(path, max_bytes=max_bytes, keep=keep)
    outlet.start()
    for message in messages:
        outlet.offer(message)
    outlet.stop(LIMIT_S)
    assert outlet.status.sent == len(messages)


def numbers(path: Path) -> list[int]:
    data = path.read_bytes()
    assert data == b"" or data.endswith(b"\n")
    return [json.loads(line)["n"] for line in data.splitlines()]


def wait_until(happened: Callable[[], bool]) -> None:
    end_s = time.monotonic() + LIMIT_S
    while not happened():
        assert time.monotonic() < end_s
        time.sleep(0.001)


def test_lines_are_appended_in_a_folder_that_is_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "readings.jsonl"
    write(path, [reading(1), Message("reading", {"n": 2, "text": "é"})])
    write(path, [reading(3)])
    assert path.read_bytes() == b'{"n":1}\n{"n":2,"text":"\\u00e9"}\n{"n":3}\n'


def test_a_file_that_would_grow_beyond_its_size_is_rotated(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write(path, [reading(n) for n in range(9)], max_bytes=16, keep=2)  # two lines of 8 bytes each
    assert numbers(path) == [8]
    assert numbers(tmp_path / "log.1") == [6, 7]
    assert numbers(tmp_path / "log.2") == [4, 5]
    assert not (tmp_path / "log.3").exists()


def test_with_nothing_kept_the_file_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write(path, [reading(n) for n in range(5)], max_bytes=16, keep=0)
    assert numbers(path) == [4]
    assert list(tmp_path.iterdir()) == [path]


def test_a_line_longer_than_a_file_may_be_has_one_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write(path, [reading(10**n) for n in range(9, 12)], max_bytes=10, keep=5)
    assert [numbers(tmp_path / name) for name in ("log.2", "log.1", "log")] == [
        [10**9], [10**10], [10**11],
    ]  # fmt: skip


def test_a_rotated_file_that_was_deleted_leaves_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write(path, [reading(n) for n in range(5)], max_bytes=16, keep=3)
    (tmp_path / "log.1").unlink()
    write(path, [reading(5), reading(6)], max_bytes=16, keep=3)
    assert numbers(path) == [6]
    assert numbers(tmp_path / "log.1") == [4, 5]
    assert numbers(tmp_path / "log.3") == [0, 1]


@pytest.mark.parametrize("taken", ["moved", "deleted", "folder deleted", "replaced"])
def test_a_file_taken_away_by_others_is_made_anew(tmp_path: Path, taken: str) -> None:
    path = tmp_path / "folder" / "log"
    outlet = outlet_to(path)
    outlet.start()
    outlet.offer(reading(1))
    wait_until(lambda: outlet.status.sent == 1)
    if taken == "moved":
        path.rename(tmp_path / "elsewhere")
    else:
        path.unlink()
    if taken == "folder deleted":
        path.parent.rmdir()
    if taken == "replaced":
        path.write_bytes(b'{"n":0}\n')
    outlet.offer(reading(2))
    outlet.stop(LIMIT_S)
    assert numbers(path) == ([0, 2] if taken == "replaced" else [2])
    assert outlet.status.dropped == 0
    if taken == "moved":
        assert numbers(tmp_path / "elsewhere") == [1]


def test_what_a_power_cut_left_of_a_line_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b'{"n":1}\n{"n":2}\n{"n":3,"te')
    write(path, [reading(4)])
    assert numbers(path) == [1, 2, 4]
    path.write_bytes(b'{"n":1,"te')
    write(path, [reading(5)])
    assert numbers(path) == [5]


def test_a_text_of_someone_else_is_kept_and_ended(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"do not lose me")
    write(path, [reading(1)])
    assert path.read_bytes() == b'do not lose me\n{"n":1}\n'


def test_a_place_that_cannot_be_written_is_told_and_tried_again(tmp_path: Path) -> None:
    (tmp_path / "place").write_text("a file where the folder should be")
    path = tmp_path / "place" / "log"
    outlet = outlet_to(path)
    outlet.start()
    outlet.offer(reading(1))
    outlet.offer(reading(2))
    wait_until(lambda: outlet.status.state == "down")
    assert outlet.status.error.startswith(f"cannot write {path}")
    assert outlet.status.waiting == 2
    (tmp_path / "place").unlink()
    wait_until(lambda: outlet.status.sent == 2)
    assert outlet.status.state == "up"
    outlet.stop()
    assert numbers(path) == [1, 2]


def test_a_folder_in_place_of_the_file_is_told(tmp_path: Path) -> None:
    outlet = outlet_to(tmp_path)
    outlet.start()
    wait_until(lambda: outlet.status.state == "down")
    assert outlet.status.error.startswith(f"cannot write {tmp_path}: Is a directory")
    outlet.stop()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_device_that_is_always_full_is_told(tmp_path: Path) -> None:
    outlet = outlet_to(Path("/dev/full"))
    outlet.start()
    outlet.offer(reading(1))
    wait_until(lambda: outlet.status.state == "down")
    assert outlet.status.error.startswith("cannot write /dev/full: No space left on device (free")
    outlet.stop()
    assert (outlet.status.sent, outlet.status.dropped) == (0, 1)


FULL_DISK = """
import resource, sys, time
from pathlib import Path
from edge_hdr_device.publish.file import FileOutlet
from edge_hdr_device.publish.message import Message

def wait_until(happened):
    while not happened():
        time.sleep(0.001)

path = Path(sys.argv[1])
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
wants = frozenset({"reading"})
outlet = FileOutlet(path, wants=wants, max_bytes=10**6, keep=1, first_wait_s=0.2)
outlet.start()
for n in range(10, 30):
    outlet.offer(Message("reading", {"n": n}))
wait_until(lambda: outlet.status.state == "down")
print(outlet.status.error)
print(path.stat().st_size, outlet.status.sent, outlet.status.waiting)
resource.setrlimit(resource.RLIMIT_FSIZE, limits)
wait_until(lambda: outlet.status.sent == 20)
outlet.stop()
print(outlet.status.error or "well", outlet.status.dropped)
"""


def test_a_disk_that_is_full_in_the_middle_of_a_line_leaves_no_half_line(tmp_path: Path) -> None:
    """A limit on the file's size cuts a write short as a full disk does: some bytes, then none."""
    path = tmp_path / "log"
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    reason, state, end = done.stdout.splitlines()
    assert reason.startswith(f"cannot write {path}: File too large (free some space")
    # 100 bytes have room for 11 lines of 9 bytes, and for one byte of the 12th
    assert state == "99 11 9"
    assert end == "well 0"
    assert numbers(path) == list(range(10, 30))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 64 kB, where this is allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk is not allowed here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_disk_that_really_is_full_comes_back_when_room_is_made(small_disk: Path) -> None:
    ballast, path = small_disk / "ballast", small_disk / "log"
    outlet = FileOutlet(path, wants=READINGS, max_bytes=10**6, keep=3, first_wait_s=0.2)
    outlet.start()
    outlet.offer(reading(0))
    wait_until(lambda: outlet.status.sent == 1)
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(b"x" * 4096)
    for n in range(1, 200):  # more than the rest of the page of 4096 bytes holds
        outlet.offer(Message("reading", {"n": n, "padding": "x" * 100}))
    wait_until(lambda: outlet.status.state == "down")
    assert outlet.status.error.startswith(f"cannot write {path}: No space left on device")
    assert numbers(path) == list(range(outlet.status.sent))  # every line of it is whole
    ballast.unlink()
    wait_until(lambda: outlet.status.sent == 200)
    outlet.stop()
    assert numbers(path) == list(range(200))
