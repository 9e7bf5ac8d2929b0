from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_payload import ODD, make_current, make_release

from edge_hdr_device.errors import DeviceStepError
from edge_hdr_device.install import switch
from edge_hdr_device.install.layout import Layout

KILLED = -9
TOOLS = ("mv", "rm", "readlink", "sync")  # all that settle changes something with, and more


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Give a deployment with two releases, the old one current, in a folder with an odd name."""
    layout = Layout.user(tmp_path / ODD)
    make_release(layout, "old")
    make_release(layout, "new", {"runtime.zip": b"r", "model.tflite": b"m", "canary.json": b""})
    make_current(layout, "old")
    layout.etc.mkdir(parents=True)
    layout.config.write_text("old = 1\n")
    switch.write_settle(layout)
    return layout


def settle(layout: Layout, *words: str, path: Path | None = None) -> int:
    tools = os.environ["PATH"] if path is None else f"{path}:{os.environ['PATH']}"
    done = subprocess.run(
        [layout.settle, *words],
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PATH": tools},
        timeout=30,
        check=False,
    )
    return done.returncode


def state(layout: Layout) -> tuple[str | None, str | None, bool]:
    config = layout.config.read_text().split()[0] if layout.config.exists() else None
    kept = layout.kept_config.is_symlink() or layout.kept_config.exists()
    return switch.current_id(layout), config, switch.in_trial(layout) or kept


def left_over(layout: Layout) -> list[str]:
    half = [*layout.base.glob(".*"), *layout.etc.glob(".*")]
    return [str(path) for path in (*half, *layout.work.glob("*"), *layout.work.glob(".*"))]


def test_a_switch_that_is_kept(layout: Layout) -> None:
    switch.begin(layout, "new", b"new = 1\n")
    assert state(layout) == ("new", "new", True)
    assert switch.fallback_id(layout) == "old"
    switch.commit(layout)
    assert state(layout) == ("new", "new", False)
    assert (switch.previous_id(layout), switch.kept_ids(layout)) == ("old", ["new", "old"])
    switch.go_back(layout)  # of nothing
    assert state(layout) == ("new", "new", False)


def test_a_switch_that_is_undone(layout: Layout) -> None:
    layout.config.chmod(0o640)
    switch.begin(layout, "new", b"new = 1\n")
    assert layout.config.stat().st_mode & 0o777 == 0o640
    switch.go_back(layout)
    assert state(layout) == ("old", "old", False)
    assert layout.config.stat().st_mode & 0o777 == 0o640
    assert left_over(layout) == []


def test_the_first_release_that_fails_leaves_nothing(layout: Layout) -> None:
    layout.current.unlink()
    layout.config.unlink()
    switch.begin(layout, "new", b"new = 1\n")
    unit, command = layout.unit, layout.command
    wants = unit.parent / "default.target.wants" / unit.name
    for link, target in ((unit, layout.base / "current/unit"), (command, layout.program)):
        link.parent.mkdir(parents=True)
        link.symlink_to(target)
    wants.parent.mkdir()
    wants.symlink_to(unit)
    aside = unit.with_name(f"{unit.name}.before-edge-hdr")
    aside.write_text("somebody's own")
    assert switch.in_trial(layout)
    assert switch.fallback_id(layout) is None
    switch.go_back(layout)
    assert state(layout) == (None, None, False)
    assert not command.is_symlink()
    assert not wants.is_symlink()
    assert unit.read_text() == "somebody's own"
    assert not aside.exists()


def test_settings_that_stay_are_not_touched(layout: Layout) -> None:
    before = layout.config.stat()
    switch.begin(layout, "new")
    switch.go_back(layout)
    switch.begin(layout, "new", b"old = 1\n")
    assert not layout.kept_config.exists()
    switch.commit(layout)
    assert layout.config.stat().st_ino == before.st_ino


def test_settings_that_are_a_link_come_back_as_one(layout: Layout, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.toml"
    layout.config.rename(elsewhere)
    layout.config.symlink_to(elsewhere)
    switch.begin(layout, "new", b"new = 1\n")
    assert elsewhere.read_text() == "old = 1\n"
    switch.go_back(layout)
    assert layout.config.readlink() == elsewhere


def test_what_makes_no_sense_is_refused(layout: Layout) -> None:
    with pytest.raises(DeviceStepError, match="no release gone"):
        switch.begin(layout, "gone")
    switch.begin(layout, "new")
    with pytest.raises(DeviceStepError, match="switch to new is on trial"):
        switch.begin(layout, "old")


def test_the_latest_is_the_latest_whatever_the_clock_says(layout: Layout) -> None:
    switch.begin(layout, "new")
    switch.commit(layout)
    ahead = time.time() + 1e6
    os.utime(layout.releases / "new" / switch.KEPT, (ahead, ahead))
    switch.begin(layout, "old")
    switch.commit(layout)
    assert switch.kept_ids(layout) == ["old", "new"]
    assert switch.previous_id(layout) == "new"
    shutil.rmtree(layout.releases / "new")
    assert switch.previous_id(layout) is None


# For each line it forks a child that kills itself before its n-th change of the file system.
WALK = """
import os, sys
from pathlib import Path
from edge_hdr_device.install import switch
from edge_hdr_device.install.layout import Layout
CHANGES = {"os.rename", "os.remove", "os.symlink", "os.link", "os.mkdir", "os.chmod", "os.utime"}
def play(layout, last, step):
    seen = 0
    def count(event, arguments):
        nonlocal seen
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & 3
        if event in CHANGES or writes:
            seen += 1
            if seen > last: os.kill(os.getpid(), 9)
    if step == "commit": switch.begin(layout, "new", b"new = 1\\n")
    sys.addaudithook(count)
    if step == "begin": switch.begin(layout, "new", b"new = 1\\n")
    if step == "commit": switch.commit(layout)
for line in sys.stdin:
    child = os.fork()
    if not child:
        play(Layout.user(Path(sys.argv[1])), int(line), sys.argv[2])
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def walk(layout: Layout, step: str) -> Iterator[int]:
    """Give the number of changes before each death; end with the run that lives."""
    code, changes = KILLED, 0
    home = layout.base.parents[2]
    saved = home.with_name("saved")
    shutil.copytree(home, saved, symlinks=True)
    with subprocess.Popen(
        [sys.executable, "-S", "-c", WALK, str(home), step],
        env={"PYTHONPATH": str(Path(switch.__file__).parents[2])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        while code == KILLED:
            shutil.rmtree(home)
            shutil.copytree(saved, home, symlinks=True)
            child.stdin.write(f"{changes}\n")
            child.stdin.flush()
            code = int(child.stdout.readline())
            yield changes
            changes += 1
        child.stdin.close()
    assert code == 0


@pytest.mark.parametrize("first", [False, True])
def test_a_kill_at_any_change_of_the_switch_is_undone(layout: Layout, first: bool) -> None:
    if first:
        layout.current.unlink()
        layout.config.unlink()
    for changes in walk(layout, "begin"):
        assert settle(layout) == 0
        assert state(layout) == ((None, None, False) if first else ("old", "old", False)), changes
        assert left_over(layout) == []
    assert changes > 6


def test_a_kill_at_any_change_of_the_commit_is_one_or_the_other(layout: Layout) -> None:
    seen = set()
    for changes in walk(layout, "commit"):
        settle(layout)
        assert state(layout) in {("old", "old", False), ("new", "new", False)}, changes
        assert left_over(layout) == []
        seen.add(state(layout)[0])
    assert seen == {"old", "new"}


@pytest.mark.parametrize("first", [False, True])
def test_settle_can_be_killed_anywhere(layout: Layout, tmp_path: Path, first: bool) -> None:
    if first:
        layout.current.unlink()
        layout.config.unlink()
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in TOOLS:
        text = (
            f'#!/bin/sh\necho x >>"{tmp_path}/calls"\n'
            f'[ "$(wc -l <"{tmp_path}/calls")" -lt "$(cat "{tmp_path}/last")" ] || kill -9 $PPID\n'
            f'exec {shutil.which(tool)} "$@"\n'
        )
        (tools / tool).write_text(text)
        (tools / tool).chmod(0o755)
    code, last = KILLED, 0
    while code == KILLED:
        switch.begin(layout, "new", b"new = 1\n")
        (layout.work / "half").mkdir()
        last += 1
        (tmp_path / "last").write_text(str(last))
        (tmp_path / "calls").write_text("")
        code = settle(layout, path=tools)
        subprocess.run(["flock", "-w", "9", layout.lock, "true"], check=True)  # its last tool ended
        assert settle(layout) == 0
        assert state(layout) == ((None, None, False) if first else ("old", "old", False)), last
        assert left_over(layout) == []
    assert (code, last > 6) == (0, True)


def test_settle_does_nothing_while_an_installer_works(layout: Layout) -> None:
    switch.begin(layout, "new", b"new = 1\n")
    holder = subprocess.Popen(
        ["flock", layout.lock, "sh", "-c", "echo held; read -r line"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert settle(layout) == 0
        assert state(layout) == ("new", "new", True)
        assert settle(layout, "held") == 0  # told by the one who holds it
        assert state(layout) == ("old", "old", False)


def test_settle_outside_a_trial_only_sweeps(layout: Layout) -> None:
    layout.work.mkdir()
    for name in ("a b", ".hidden", "..odd", "-f"):
        (layout.work / name).write_text("")
    (layout.work / "folder.part" / "deep").mkdir(parents=True)
    (layout.work / "link").symlink_to(layout.releases)
    (layout.etc / ".device.toml.x1.part").write_text("")
    (layout.base / ".settle.x1.part").write_text("")
    assert settle(layout) == 0
    assert left_over(layout) == []
    assert state(layout) == ("old", "old", False)
    assert (layout.releases / "new").is_dir()


def test_links_into_nothing_do_not_stop_settle(layout: Layout) -> None:
    switch.begin(layout, "new", b"new = 1\n")
    shutil.rmtree(layout.releases / "old")
    assert settle(layout) == 0
    assert state(layout) == ("new", "new", False)  # worse than what is there is nothing at all
    make_release(layout, "third")
    switch.begin(layout, "third")
    shutil.rmtree(layout.releases / "third")
    assert settle(layout) == 0
    assert switch.current_id(layout) == "new"


def test_settle_where_nothing_is(tmp_path: Path) -> None:
    layout = Layout.user(tmp_path)
    switch.write_settle(layout)
    script = tmp_path / "settle"
    layout.settle.rename(script)
    shutil.rmtree(layout.base)
    assert subprocess.run([script], check=False).returncode == 0
    assert not layout.base.exists()


def test_a_disk_that_cannot_be_written_is_said(layout: Layout, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "mv").write_text("#!/bin/sh\necho 'mv: Read-only file system' >&2\nexit 1\n")
    (tools / "mv").chmod(0o755)
    switch.begin(layout, "new")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
        with pytest.raises(DeviceStepError, match=r"cannot go back.*Read-only") as caught:
            switch.go_back(layout)
    assert "/settle'" in caught.value.hint
    assert settle(layout, path=tools) == 0  # the service starts, whatever it is
    assert settle(layout, "held", path=tools) != 0
    assert switch.in_trial(layout)
