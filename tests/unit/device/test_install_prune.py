from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_payload import make_current, make_release

from edge_hdr_device.errors import StorageError
from edge_hdr_device.install import history, prune, switch
from edge_hdr_device.install.index import INDEX
from edge_hdr_device.install.layout import Layout

CONTENTS = {
    name: {"runtime.zip": runtime, "model.tflite": name.encode(), "canary.json": b"{}"}
    for name, runtime in (("r1", b"a"), ("r2", b"a"), ("r3", b"b"), ("r4", b"c"), ("r5", b"c"))
}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Give a deployment of five releases, each of which was current once, the last one last."""
    layout = Layout.user(tmp_path)
    for name, content in CONTENTS.items():
        make_release(layout, name, content)
        switch.begin(layout, name)
        switch.commit(layout)
    return layout


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def needed(layout: Layout) -> tuple[set[str], set[str]]:
    """Give the runtimes and environments that the releases lead to."""
    found = [layout.releases / name for name in names(layout.releases)]
    return (
        {(release / "runtime").readlink().name for release in found},
        {(release / "venv").readlink().name for release in found},
    )


@pytest.mark.parametrize(
    ("keep", "stay"),
    [(5, ["r1", "r2", "r3", "r4", "r5"]), (3, ["r3", "r4", "r5"]), (2, ["r4", "r5"])],
)
def test_the_latest_stay_with_what_they_need(layout: Layout, keep: int, stay: list[str]) -> None:
    removed = prune.prune(layout, keep)
    assert names(layout.releases) == stay
    assert sorted([*removed, *stay]) == sorted(CONTENTS)
    runtimes, environments = needed(layout)
    assert set(names(layout.runtimes)) == runtimes
    assert set(names(layout.environments)) == environments
    assert names(layout.work) == []


@pytest.mark.parametrize("keep", [1, 0, -1])
def test_the_one_before_always_stays(layout: Layout, keep: int) -> None:
    switch.begin(layout, "r1")
    switch.commit(layout)
    prune.prune(layout, keep)
    assert names(layout.releases) == ["r1", "r5"]


def test_one_to_fall_back_to_always_stays(layout: Layout) -> None:
    (layout.releases / "r1" / switch.KEPT).unlink()
    make_current(layout, "r1")
    switch.begin(layout, "r5")
    (layout.releases / "r1" / switch.KEPT).unlink()
    prune.prune(layout, 1)
    assert names(layout.releases) == ["r1", "r4", "r5"]


def test_what_never_ran_through_goes_first(layout: Layout) -> None:
    make_release(layout, "failed")
    assert "failed" in prune.prune(layout, 3)
    assert names(layout.releases) == ["r3", "r4", "r5"]


def test_a_link_to_nowhere_keeps_its_release(layout: Layout) -> None:
    (layout.releases / "r4" / "venv").unlink()
    (layout.releases / "r4" / "venv").symlink_to("../../environments/gone")
    prune.prune(layout, 3)
    assert names(layout.releases) == ["r3", "r4", "r5"]


def test_nothing_to_prune(tmp_path: Path) -> None:
    assert prune.prune(Layout.user(tmp_path), 3) == []


KILLED = """
import os, sys
from pathlib import Path
from edge_hdr_device.install import prune
from edge_hdr_device.install.layout import Layout
layout, last, seen = Layout.user(Path(sys.argv[1])), int(sys.argv[2]), 0
def count(event, arguments):
    global seen
    if event in {"os.rename", "os.remove", "os.rmdir", "os.mkdir"}:
        seen += 1
        if seen > last: os.kill(os.getpid(), 9)
sys.addaudithook(count)
prune.prune(layout, 2)
"""


@pytest.mark.parametrize("last", [0, 1, 2, 4, 9, 14, 20])
def test_a_kill_leaves_no_half_release(layout: Layout, tmp_path: Path, last: int) -> None:
    root = str(Path(prune.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-S", "-c", KILLED, str(tmp_path), str(last)],
        env={"PYTHONPATH": root},
        check=False,
    )
    assert done.returncode == -9
    for name in names(layout.releases):
        for member in ("model.tflite", "canary.json", INDEX, "runtime", "venv"):
            assert (layout.releases / name / member).exists(), (name, member)
    prune.prune(layout, 2)
    assert names(layout.releases) == ["r4", "r5"]
    assert needed(layout) == (set(names(layout.runtimes)), set(names(layout.environments)))


def test_a_release_that_cannot_be_moved_is_named(layout: Layout) -> None:
    (layout.work).rmdir()
    layout.work.write_text("a file")
    with pytest.raises(StorageError, match=r"cannot write .*/r1"):
        prune.prune(layout, 2)
    assert len(names(layout.releases)) == 5


def test_a_history_is_read_from_its_end(tmp_path: Path) -> None:
    layout = Layout.user(tmp_path)
    assert history.read(layout) == []
    assert not history.add(layout, action="install")  # the folder is not there
    layout.base.mkdir(parents=True)
    for number in range(5):
        assert history.add(layout, action="install", id=str(number))
    assert [entry["id"] for entry in history.read(layout, last=2)] == ["3", "4"]
    assert history.read(layout)[0]["time"].startswith("20")


def test_a_torn_line_harms_no_other(tmp_path: Path) -> None:
    layout = Layout.user(tmp_path)
    layout.base.mkdir(parents=True)
    history.add(layout, id="1")
    with layout.history.open("ab") as file:
        file.write(b'{"id": "to')
    history.add(layout, id="2")
    assert [entry["id"] for entry in history.read(layout)] == ["1", "2"]


def test_a_long_history_loses_its_older_half(tmp_path: Path) -> None:
    layout = Layout.user(tmp_path)
    layout.base.mkdir(parents=True)
    layout.history.write_text('{"id": "old"}\n' * 30_000)
    history.add(layout, id="new")
    assert layout.history.stat().st_size < history.MOST_BYTES
    assert [entry["id"] for entry in history.read(layout, last=2)] == ["old", "new"]


FULL = """
import sys
from pathlib import Path
from edge_hdr_device.errors import StorageError
from edge_hdr_device.install import history, switch
from edge_hdr_device.install.layout import Layout
layout = Layout.user(Path(sys.argv[1]))
room = Path(sys.argv[1]) / "room"
try:
    with room.open("wb", buffering=0) as file:
        while file.write(bytes(4096)): pass
except OSError: pass
assert not history.add(layout, id="x" * 5000)
try: switch.begin(layout, "r2", b"new = 1\\n" * 1000)
except StorageError as error: print(error.message, "|", error.hint)
switch.go_back(layout)
room.unlink()
switch.begin(layout, "r2", b"new = 1\\n" * 1000)
switch.commit(layout)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
def test_a_full_disk_is_said_and_what_ran_stays(tmp_path: Path) -> None:
    layout = Layout.user(tmp_path / "disk")
    (tmp_path / "disk").mkdir()
    script = f"""
        mount -t tmpfs -o size=256k tmpfs "$1/disk" || exit 77
        mkdir -p "$1/disk/.local/share/edge-hdr/releases/r1" "$1/disk/.config/edge-hdr"
        mkdir -p "$1/disk/.local/share/edge-hdr/releases/r2"
        ln -s releases/r1 "{layout.current}"
        echo 'old = 1' >"{layout.config}"
        echo '{{"id": "first"}}' >"{layout.history}"
        "$2" -c "$3" "$1/disk" || exit
        readlink "{layout.current}"; head -n 1 "{layout.config}"; cat "{layout.history}"
        ls -A "{layout.work}" "{layout.etc}"
    """
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", str(tmp_path), sys.executable, FULL],
        env={**os.environ, "PYTHONPATH": str(Path(prune.__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip("mounting is not allowed here")
    assert done.returncode == 0, done.stderr
    said, current, config, *rest = done.stdout.splitlines()
    assert "No space left on device | free some space" in said
    assert (current, config) == ("releases/r2", "new = 1")
    assert rest == ['{"id": "first"}', f"{layout.work}:", "", f"{layout.etc}:", "device.toml"] or (
        rest == ['{"id": "first"}', f"{layout.etc}:", "device.toml", "", f"{layout.work}:"]
    )
