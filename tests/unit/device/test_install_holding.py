from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from small_payload import ODD, make_current, make_release

from edge_hdr_device.errors import DeviceStepError, StorageError
from edge_hdr_device.install import holding, switch
from edge_hdr_device.install.layout import Layout

PACKAGE = str(Path(holding.__file__).parents[2])
SOON_S = 10.0
INSTALLER = """
import os, sys, time
from pathlib import Path
from edge_hdr_device.install import holding, switch
from edge_hdr_device.install.layout import Layout
layout = Layout.user(Path(sys.argv[1]))
with holding.hold(layout, by="ann@host"):
    if "switch" in sys.argv: switch.begin(layout, "new", b"new = 1\\n")
    (layout.work / "half").mkdir()
    print("ready", flush=True)
    shell = ["sh", "-c", "echo $$ > child; sleep 60 & wait"]
    if "run" in sys.argv: holding.run(shell, timeout_s=50)
    sys.stdin.readline()
    if "raise" in sys.argv: raise RuntimeError("a bug")
    if "commit" in sys.argv: switch.commit(layout)
"""


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """Give a deployment, and a systemctl that only notes what it is asked."""
    layout = Layout.user(tmp_path / ODD)
    make_release(layout, "old")
    make_release(layout, "new")
    make_current(layout, "old")
    tools = tmp_path / "tools"
    tools.mkdir()
    log = tmp_path / "systemctl.log"
    (tools / "systemctl").write_text(
        f'#!/bin/sh\necho "$*" >>"{log}"\n'
        f'case "$*" in *MainPID*) cat "{tmp_path}/pid" 2>/dev/null || echo 0 ;; esac\n'
    )
    (tools / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    return layout


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(layout: Layout, tmp_path: Path) -> Iterator[Start]:
    """Start an installer in a process of its own, up to where it waits."""
    with contextlib.ExitStack() as ends:

        def start(*words: str) -> subprocess.Popen[str]:
            child = subprocess.Popen(
                [sys.executable, "-c", INSTALLER, str(layout.base.parents[2]), *words],
                env={**os.environ, "PYTHONPATH": PACKAGE},
                cwd=tmp_path,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            ends.enter_context(child)
            ends.callback(lambda: child.poll() is None and child.kill())
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            return child

        yield start


def until(condition: Callable[[], object], what: str) -> None:
    end_s = time.monotonic() + SOON_S
    while not condition():
        assert time.monotonic() < end_s, what
        time.sleep(0.02)


def guards(layout: Layout) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().split(b"\0")
            if os.fsencode(layout.settle) in words and b"guard" in words:
                found.append(int(path.parent.name))
    return found


def asked(tmp_path: Path) -> list[str]:
    log = tmp_path / "systemctl.log"
    return log.read_text().splitlines() if log.exists() else []


def test_the_second_is_told_who_holds_it(layout: Layout, start: Start) -> None:
    child = start()
    with (
        pytest.raises(DeviceStepError, match="another deployment is at work: ann@host, since 20"),
        holding.hold(layout, by="bob"),
    ):
        pass
    assert json.loads(layout.lock.read_text())["pid"] == child.pid
    assert layout.lock.stat().st_mode & 0o777 == 0o600
    child.communicate("\n")
    assert holding.holder(layout) is None
    with holding.hold(layout, by="bob"):
        assert (holding.holder(layout) or {})["by"] == "bob"


def test_it_is_free_again_after_an_error(layout: Layout) -> None:
    for _ in range(3):
        with pytest.raises(RuntimeError), holding.hold(layout, by="ann"):
            raise RuntimeError
    until(lambda: not guards(layout), "the guards end")


def test_a_base_is_made_where_there_is_none(tmp_path: Path) -> None:
    layout = Layout.user(tmp_path)
    with holding.hold(layout, by="ann", guard=False):
        assert guards(layout) == []
    assert layout.base.stat().st_mode & 0o777 == 0o755
    assert layout.settle.stat().st_mode & 0o777 == 0o755


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / ".local").write_text("a file")
    with (
        pytest.raises(StorageError, match=r"cannot write .*lock"),
        holding.hold(Layout.user(tmp_path), by="ann"),
    ):
        pass


def test_the_guard_has_nothing_of_the_installer_s(layout: Layout, start: Start) -> None:
    child = start()
    (guard,) = guards(layout)
    open_files = {str(path.readlink()) for path in Path(f"/proc/{guard}/fd").iterdir()}
    pipes = {name for name in open_files if name.startswith("pipe:")}
    assert open_files - pipes <= {"/dev/null", str(layout.settle)}
    assert "/dev/null" in open_files
    ours = {str(Path(f"/proc/{child.pid}/fd/{number}").readlink()) for number in (0, 1, 2)}
    assert len(pipes) == 1
    assert not pipes & ours
    stat = Path(f"/proc/{guard}/stat").read_text().rpartition(")")[2].split()
    assert int(stat[1]) != child.pid  # its parent
    assert os.getsid(guard) != os.getsid(child.pid)
    os.kill(guard, signal.SIGHUP)
    os.kill(guard, signal.SIGINT)
    time.sleep(0.1)
    assert guards(layout) == [guard]
    child.communicate("\n")
    until(lambda: not guards(layout), "the guard ends with its installer")


@pytest.mark.parametrize("word", ["commit", "raise", "nothing"])
def test_leaving_with_a_trial_goes_back_and_without_one_does_not(
    layout: Layout, start: Start, word: str
) -> None:
    child = start("switch", word)
    child.communicate("\n")
    until(lambda: not guards(layout), "the guard ends")
    assert switch.current_id(layout) == ("new" if word == "commit" else "old")
    assert not switch.in_trial(layout)
    assert layout.config.exists() == (word == "commit")


def test_a_killed_installer_is_undone(layout: Layout, start: Start, tmp_path: Path) -> None:
    layout.unit.parent.mkdir(parents=True)
    layout.unit.symlink_to(layout.current / layout.unit.name)
    (layout.releases / "old" / layout.unit.name).write_text("")
    child = start("switch")
    os.killpg(child.pid, signal.SIGKILL)  # not waited for: it stays as one that has ended
    until(lambda: switch.current_id(layout) == "old", "it goes back")
    with holding.hold(layout, by="the next one"):
        assert not switch.in_trial(layout)
        assert list(layout.work.iterdir()) == []
    until(lambda: not guards(layout), "the guards end")
    assert asked(tmp_path) == [
        "--user daemon-reload",
        "--user reset-failed edge-hdr-device.service",
        "--user --no-block restart edge-hdr-device.service",
    ]


def test_a_killed_first_installation_is_removed(
    layout: Layout, start: Start, tmp_path: Path
) -> None:
    layout.current.unlink()
    child = start("switch")
    layout.unit.parent.mkdir(parents=True)
    layout.unit.symlink_to(layout.current / layout.unit.name)
    child.kill()
    until(lambda: not guards(layout), "the guard ends")
    assert switch.current_id(layout) is None
    assert not layout.unit.is_symlink()
    assert "--user stop edge-hdr-device.service" in asked(tmp_path)


def test_a_kill_before_the_switch_leaves_the_service_alone(
    layout: Layout, start: Start, tmp_path: Path
) -> None:
    """Unless what runs is not what is current, as after a kill between going back and restart."""
    layout.unit.parent.mkdir(parents=True)
    layout.unit.symlink_to(layout.current / layout.unit.name)
    (layout.releases / "old" / layout.unit.name).write_text("")
    for name, is_restarted in (("old", False), ("new", True)):
        model = str(layout.releases.resolve() / name / "model.tflite")
        environment = {"EDGE_HDR_MODEL": model, "PATH": os.environ["PATH"]}
        with subprocess.Popen(["sleep", "60"], env=environment) as service:
            (tmp_path / "pid").write_text(str(service.pid))
            (tmp_path / "systemctl.log").unlink(missing_ok=True)
            start().kill()
            until(lambda: not guards(layout), "the guard ends")
            service.kill()
        restarts = [line for line in asked(tmp_path) if "restart" in line]
        assert bool(restarts) == is_restarted, name
        assert not list(layout.work.iterdir())


def test_what_an_installer_runs_dies_with_it(layout: Layout, start: Start, tmp_path: Path) -> None:
    child = start("run")
    until(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text(), "it runs")
    pid = int((tmp_path / "child").read_text())
    child.kill()
    until(lambda: not is_running(pid), "the program ends")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_installer_kills_the_whole_group(
    layout: Layout, start: Start, tmp_path: Path, number: signal.Signals
) -> None:
    child = start("run")
    until(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text(), "it runs")
    group = int((tmp_path / "child").read_text())
    until(lambda: len(in_group(group)) == 2, "the shell and its sleep run")
    child.send_signal(number)
    until(lambda: not in_group(group), "both end")
    child.communicate()
    assert child.returncode == -number


def test_a_program_s_code_and_words_are_given(tmp_path: Path) -> None:
    done = holding.run(
        ["sh", "-c", "read -r a; echo $a $X $PWD; echo bad >&2; exit 3"],
        text="hello",
        env={"X": "x"},
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout) == (3, f"hello x {tmp_path}\n")
    assert done.stderr == "bad\n"
    assert holding.run(["cat"]).stdout == ""
    with pytest.raises(FileNotFoundError):
        holding.run(["no-such-program"])


def test_a_program_that_takes_too_long_is_killed_with_its_children(tmp_path: Path) -> None:
    start_s = time.monotonic()
    script = f"echo $$ >'{tmp_path}/pid'; echo waiting >&2; sleep 60 & wait"
    with pytest.raises(subprocess.TimeoutExpired) as caught:
        holding.run(["sh", "-c", script], timeout_s=0.5)
    assert isinstance(caught.value, DeviceStepError)
    assert caught.value.message == "sh did not end within 0.5 s; it last said: waiting"
    assert caught.value.exit_code == 5
    assert time.monotonic() - start_s < SOON_S
    group = int((tmp_path / "pid").read_text())
    until(lambda: not in_group(group), "both end")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_a_program_of_another_user_s_is_bound_too(tmp_path: Path) -> None:
    script = (
        "import ctypes; number = ctypes.c_int()\n"
        "ctypes.CDLL(None).prctl(2, ctypes.byref(number)); print(number.value)\n"
    )
    done = holding.run(["/usr/bin/env", "python3", "-c", script], user=65534, cwd=Path("/"))
    assert done.stdout.split() == [str(int(signal.SIGKILL))]


def is_running(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def in_group(group: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[2]) == group and fields[0] != "Z":
                found.append(int(path.parent.name))
    return found
