"""Installing a payload on a board that is a home folder, with real archives and a real model."""

from __future__ import annotations

import resource
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from small_board import (
    SETTINGS,
    Told,
    board_in,
    contents,
    document,
    put,
    start,
    wait_for,
    write_payload,
)

from edge_hdr import payload
from edge_hdr_device.cli.install import show
from edge_hdr_device.errors import (
    CheckFailedError,
    ConfigError,
    InputError,
    StorageError,
    UsageError,
)
from edge_hdr_device.install import history, installer, links, release, room, switch
from edge_hdr_device.install.index import PayloadError
from edge_hdr_device.install.installer import install
from edge_hdr_device.install.layout import Layout
from edge_hdr_device.install.life import Life, StoppedError
from edge_hdr_device.install.placing import find_layout, layout_of
from edge_hdr_device.install.rehearsal import rehearse
from edge_hdr_device.install.request import Request
from edge_hdr_device.install.rollback import Wanted, find, rollback
from edge_hdr_device.install.status import status
from edge_hdr_device.install.steps import STEPS, Progress
from edge_hdr_device.install.systemd import Systemd, UnitState

ALONE = Wanted(by="a test", service=False)


@dataclass(frozen=True)
class Payloads:
    """Payloads of one runtime, and a board that has the first."""

    first: Path
    first_id: str
    second: Path
    second_id: str
    other: Path
    thin: Path
    home: Path


@pytest.fixture(scope="module")
def payloads(
    tmp_path_factory: pytest.TempPathFactory, tiny_int8: Path, tiny_float: Path
) -> Payloads:
    folder = tmp_path_factory.mktemp("payloads")
    first, second, other, thin = (folder / f"{name}.pyz" for name in ("1", "2", "other", "thin"))
    have = write_payload(first, tiny_int8)
    changed = write_payload(second, tiny_int8, SETTINGS)
    write_payload(other, tiny_float)
    members = frozenset(member.sha256 for member in have.index.members.values())
    thin.write_bytes(payload.build(tiny_float).thin(members))
    home = folder / "home"
    put(board_in(home), first)
    return Payloads(first, have.id, second, changed.id, other, thin, home)


@pytest.fixture
def board(payloads: Payloads, tmp_path: Path) -> Layout:
    """Give a board that has the first payload."""
    shutil.copytree(payloads.home, tmp_path / "home", symlinks=True)
    layout = Layout.user(tmp_path / "home")
    links.put_link(layout.command, layout.program)
    return layout


def test_a_first_deployment_goes_through_all_steps(payloads: Payloads, tmp_path: Path) -> None:
    layout, told = board_in(tmp_path), Told()
    outcome = put(layout, payloads.first, told=told)
    assert (outcome.id, outcome.previous, outcome.changed) == (payloads.first_id, None, True)
    assert list(STEPS) == list(dict.fromkeys(line.step for line in told.lines))
    assert told.of("skip") == ["restart", "health"]
    assert layout.config.read_bytes() == b""
    assert not switch.in_trial(layout)
    assert not any(layout.work.iterdir()) if layout.work.exists() else True
    done = subprocess.run(
        [layout.command, "run", "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "the settings are fine\n")


def test_the_same_again_changes_nothing(payloads: Payloads, board: Layout) -> None:
    before = contents(board.base)
    told = Told()
    outcome = put(board, payloads.first, told=told)
    assert not outcome.changed
    assert {"canary", "switch", "restart", "commit"} <= set(told.of("skip"))
    assert contents(board.base) == before


class Stopped(Systemd):
    """A service manager whose service was stopped."""

    started = False

    def restart(self) -> None:
        self.started = True

    def show(self) -> UnitState:
        up = UnitState(active="active", sub="running", pid=7, text="camera streaming", loaded=True)
        return up if self.started else UnitState()

    def is_enabled(self) -> bool:
        return True


def test_the_same_again_starts_a_service_that_was_stopped(
    payloads: Payloads,
    board: Layout,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    systemd, told = Stopped("user"), Told()
    monkeypatch.setattr(installer, "choose_service", lambda *_, **__: systemd)
    links.put_link(board.unit, board.current / release.UNIT)
    board.config.write_text("[web]\nenabled = false\n")
    outcome = put(board, payloads.first, told=told, service=True, window_s=0.1)
    assert (outcome.changed, outcome.started, outcome.to_dict()["started"]) == (False, True, True)
    assert {"restart", "health"} <= set(told.of("begin")) & set(told.of("end"))
    show(outcome)
    assert "was stopped; it runs again" in capsys.readouterr().out
    again = put(board, payloads.first, service=True, window_s=0.1)
    assert (again.changed, again.started) == (False, False)


def test_done_again_by_force_names_what_ran_before_it(payloads: Payloads, board: Layout) -> None:
    assert put(board, payloads.first, force=True).previous is None
    put(board, payloads.other)
    outcome = put(board, payloads.other, force=True)
    assert outcome.changed
    assert outcome.to_dict()["previous"] == payloads.first_id
    assert history.read(board)[-1]["detail"] == f"after {payloads.first_id}"


def test_a_user_beside_an_installation_of_roots_says_whose_is_meant(tmp_path: Path) -> None:
    system = Layout.system(tmp_path / "root")
    file = tmp_path / "a b.pyz"

    def choose(mode: str | None = None, *, is_root: bool = False) -> str:
        return layout_of(mode, file, system=system, is_root=is_root).mode  # type: ignore[arg-type]

    assert (choose(), choose(is_root=True), choose("user", is_root=True)) == (
        *("user", "system", "user"),
    )
    for place in (system.current, system.trusted):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to("x")
        with pytest.raises(UsageError, match="this board has an installation of root's") as caught:
            choose()
        assert f"sudo python3 '{file}'" in caught.value.hint and "--user" in caught.value.hint
        assert (choose("user"), choose(is_root=True)) == ("user", "system")
        place.unlink()


def test_a_folder_without_a_release_hides_no_installation(tmp_path: Path) -> None:
    both = {"system": Layout.system(tmp_path / "root"), "user": Layout.user(tmp_path / "home")}
    for layout in both.values():
        layout.base.mkdir(parents=True)
        layout.history.write_text("{}\n")

    def find(*, is_root: bool) -> str:
        return find_layout(**both, is_root=is_root).mode

    assert (find(is_root=False), find(is_root=True)) == ("user", "system")
    both["system"].current.symlink_to("releases/a")
    assert (find(is_root=False), find(is_root=True)) == ("system", "system")
    both["user"].current.symlink_to("releases/a")
    assert find(is_root=False) == "user"


def test_status_where_nothing_was_released(tmp_path: Path) -> None:
    base = Layout.user(tmp_path).base
    base.mkdir(parents=True)
    with start(tmp_path, "-m", "edge_hdr_device", "status", "--user") as process:
        assert process.stdout
        assert process.stdout.read() == f"nothing was released in {base}\n"


def test_what_an_inactive_service_said_is_not_told() -> None:
    said = {"StatusText": "camera streaming", "LoadState": "loaded"}
    assert UnitState.of({**said, "ActiveState": "inactive"}).to_dict()["text"] is None
    assert UnitState.of({**said, "ActiveState": "active"}).to_dict()["text"] == "camera streaming"


def test_a_full_disk_keeps_nobody_from_going_back(
    payloads: Payloads, board: Layout, tmp_path: Path
) -> None:
    board.config.write_text("[read]\nagree = 5\n")
    put(board, payloads.other)
    words = ("-m", "edge_hdr_device", "rollback", "--user", "--no-service", "--events")

    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # no file takes another byte

    with start(tmp_path / "home", *words, preexec_fn=fill) as process:
        assert process.stdout
        found = document(process.stdout.read())
    assert found["ok"], found["error"]
    assert "disk is full" in str(found["data"])
    assert switch.current_id(board) == payloads.first_id and not switch.in_trial(board)


def test_a_person_sees_the_steps_by_their_titles(
    payloads: Payloads, board: Layout, tmp_path: Path
) -> None:
    board.config.write_text("[read]\nagre = 3\n")
    words = [word for word in WORDS if word != "--events"]
    with start(tmp_path / "home", *words, payloads.other, stderr=subprocess.PIPE) as process:
        assert process.stderr
        told = process.stderr.read().splitlines()
    assert f"✗ {STEPS['settings']}" in told
    assert any(line.startswith(f"✓ {STEPS['canary']} (") for line in told)
    assert sum(line.startswith("✗") for line in told) == 1


def test_a_payload_removes_what_a_failed_first_one_left(payloads: Payloads, tmp_path: Path) -> None:
    board = board_in(tmp_path / "home")
    with pytest.raises(CheckFailedError):
        put(board, payloads.first, budget_ms=1e-6)
    assert board.environments.is_dir() and not board.current.is_symlink()
    with start(tmp_path / "home", payloads.first, "uninstall", "--user") as process:
        assert process.stdout
        assert f"removed  {board.environments}\n" in process.stdout.read()
    assert process.returncode == 0
    assert not board.base.exists() and not board.etc.exists()


def test_an_update_keeps_the_old_release_and_its_settings(
    payloads: Payloads, board: Layout
) -> None:
    board.config.write_text("[read]\nagree = 5\n")
    outcome = put(board, payloads.second)
    assert (outcome.previous, switch.current_id(board)) == (payloads.first_id, payloads.second_id)
    assert board.config.read_text() == SETTINGS
    (kept,) = board.etc.glob("device.toml.before-*")
    assert kept.read_text() == "[read]\nagree = 5\n"
    assert outcome.warnings == (f"the settings that were there are kept as {kept}",)
    back = rollback(board, None, ALONE, Told())
    assert (back.id, back.previous) == (payloads.first_id, payloads.second_id)
    assert board.config.read_text() == "[read]\nagree = 5\n"
    assert find(board, None).id == payloads.second_id


def test_members_that_a_thin_payload_lacks_come_from_the_board(
    payloads: Payloads, board: Layout, tmp_path: Path
) -> None:
    board.config.write_text(SETTINGS)
    outcome = put(board, payloads.thin)
    assert outcome.changed and outcome.warnings == ()
    assert board.config.read_text() == SETTINGS  # by hand, and no others came
    assert payloads.thin.stat().st_size < payloads.first.stat().st_size / 10
    empty = board_in(tmp_path / "empty")
    with pytest.raises(PayloadError, match=r"runtime\.zip") as caught:
        put(empty, payloads.thin)
    assert caught.value.data["step"] == "unpack"  # type: ignore[attr-defined]
    assert put(empty, payloads.thin, payloads.first).changed  # another one brings what is missing


def test_bad_settings_change_nothing(payloads: Payloads, board: Layout) -> None:
    board.config.write_text("[read]\nagre = 3\n")
    before = contents(board.base), contents(board.etc)
    with pytest.raises(ConfigError, match=r"unknown setting 'read\.agre'") as caught:
        put(board, payloads.other)
    assert str(board.config) in caught.value.message
    assert caught.value.data["step"] == "settings"  # type: ignore[attr-defined]
    assert (contents(board.base), contents(board.etc)) == before
    assert history.read(board)[-1]["outcome"] == "failed"


def test_a_model_that_is_too_slow_is_refused(payloads: Payloads, board: Layout) -> None:
    before = contents(board.base)
    with pytest.raises(CheckFailedError) as caught:
        put(board, payloads.second, budget_ms=1e-6)
    assert caught.value.data["step"] == "canary"  # type: ignore[attr-defined]
    assert contents(board.base) == before


def test_a_damaged_file_of_the_release_is_mended(payloads: Payloads, board: Layout) -> None:
    model = board.releases / payloads.first_id / "model.tflite"
    good = model.read_bytes()
    model.write_bytes(good[:-1] + b"?")
    with pytest.raises(InputError, match=r"damaged: model\.tflite"):
        rollback(board, payloads.first_id, ALONE, Told())
    assert put(board, payloads.first).changed
    assert model.read_bytes() == good


def test_a_full_disk_is_told_before_anything_is_unpacked(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"this needs \d+ MB") as caught:
        room.check_space(tmp_path / "not/there", 1 << 60)
    assert str(tmp_path / "not/there") in caught.value.message


def test_a_rehearsal_writes_nothing(payloads: Payloads, board: Layout, tmp_path: Path) -> None:
    before = contents(tmp_path)
    request = Request((payloads.second,), mode="user", service=False)
    found = rehearse(request, board)
    assert found["steps"]["switch"] == f"{payloads.first_id} → {payloads.second_id}"
    assert found["steps"]["environment"].startswith("reuse")
    assert contents(tmp_path) == before


def test_status_tells_what_is_here(payloads: Payloads, board: Layout) -> None:
    put(board, payloads.second)
    found = status(board)
    assert found["current"]["id"] == payloads.second_id
    assert found["current"]["by"] == "a test"
    assert [one["id"] for one in found["releases"]] == [payloads.second_id, payloads.first_id]
    assert found["service"] is None and not found["trial"]
    assert found["page"] == "http://127.0.0.1:8630/"


def test_an_earlier_release_is_found_by_how_it_begins(payloads: Payloads, board: Layout) -> None:
    assert find(board, payloads.first_id[:4]).id == payloads.first_id
    with pytest.raises(InputError, match="no release 'zz'"):
        find(board, "zz")
    with pytest.raises(InputError, match="no earlier release"):
        find(board, None)


class Ending:
    """Stop an installation when a step is told of."""

    def __init__(self, life: Life, step: str, state: str) -> None:
        self.life, self.step, self.state = life, step, state

    def __call__(self, progress: Progress) -> None:
        if (progress.step, progress.state) == (self.step, self.state):
            self.life.stop("by a test")


@pytest.mark.parametrize(
    ("step", "state"),
    [("lock", "end"), ("unpack", "end"), ("switch", "end")],
)
def test_a_stop_leaves_what_ran_before(
    payloads: Payloads, board: Layout, step: str, state: str
) -> None:
    before = contents(board.base), contents(board.etc)
    life = Life()
    request = Request((payloads.second,), service=False, budget_ms=0)
    with pytest.raises(StoppedError) as caught:
        install(request, Ending(life, step, state), layout=board, life=life)
    assert caught.value.exit_code == 130
    assert (contents(board.base), contents(board.etc)) == before


def test_after_the_commit_nothing_stops_it(payloads: Payloads, board: Layout) -> None:
    life = Life()
    request = Request((payloads.second,), service=False, budget_ms=0)
    assert install(request, Ending(life, "commit", "begin"), layout=board, life=life).changed
    assert switch.current_id(board) == payloads.second_id


def test_a_first_deployment_that_is_stopped_leaves_no_links(
    payloads: Payloads, tmp_path: Path
) -> None:
    board, life = board_in(tmp_path), Life()
    request = Request((payloads.first,), service=False, budget_ms=0)
    with pytest.raises(StoppedError):
        install(request, Ending(life, "switch", "end"), layout=board, life=life)
    assert not board.command.is_symlink() and not board.current.is_symlink()
    assert not board.config.exists() and not any(board.releases.iterdir())


def _begin(process: subprocess.Popen[str], step: str, state: str) -> None:
    """Read what an installation tells up to a step."""
    assert process.stdout
    for line in process.stdout:
        progress = Progress.from_line(line)
        if progress and (progress.step, progress.state) == (step, state):
            return
    raise AssertionError(f"{step} did not come")


WORDS = (
    *("-m", "edge_hdr_device", "install", "--user", "--no-service", "--budget-ms=0", "--events"),
)


KILLER = """
import os, signal, sys
from pathlib import Path
from edge_hdr_device.install.installer import install
from edge_hdr_device.install.request import Request
def tell(progress):
    if [progress.step, progress.state] == sys.argv[2:]:
        os.kill(os.getpid(), signal.SIGKILL)
install(Request((Path(sys.argv[1]),), mode="user", service=False, budget_ms=0), tell)
"""


@pytest.mark.parametrize(
    ("step", "state"),
    [("unpack", "begin"), ("canary", "begin"), ("switch", "end"), ("commit", "begin")],
)
def test_killed_at_a_step_what_ran_before_is_back(
    payloads: Payloads, board: Layout, tmp_path: Path, step: str, state: str
) -> None:
    words = ("-c", KILLER, payloads.second, step, state)
    with start(tmp_path / "home", *words) as process:
        assert process.wait(30) == -signal.SIGKILL
    wait_for(lambda: not any(board.work.iterdir()), "an empty work folder", 3)
    wait_for(lambda: not switch.in_trial(board), "the way back", 3)
    assert switch.current_id(board) == payloads.first_id
    assert board.config.read_bytes() == b""
    if step == "commit":
        assert put(board, payloads.second).id == payloads.second_id
        assert [one.id for one in release.releases(board)][1:] == [payloads.first_id]


def test_a_lost_connection_stops_it(payloads: Payloads, board: Layout, tmp_path: Path) -> None:
    words = (*WORDS, payloads.second, "--attended")
    with start(tmp_path / "home", *words, stdin=subprocess.PIPE) as process:
        _begin(process, "canary", "begin")
        assert process.stdin and process.stdout
        process.stdin.close()
        told = process.stdout.read()
    assert process.returncode == 130
    error = document(told)["error"]
    assert "connection was cut" in str(error)
    assert switch.current_id(board) == payloads.first_id


@pytest.mark.parametrize("way", ["SIGHUP", "closed output"])
def test_told_to_stop_it_undoes(
    payloads: Payloads, board: Layout, tmp_path: Path, way: str
) -> None:
    with start(tmp_path / "home", *WORDS, payloads.second) as process:
        _begin(process, "unpack", "begin")
        assert process.stdout
        if way == "closed output":
            process.stdout.close()
        else:
            process.send_signal(signal.Signals[way])
            process.stdout.read()
        assert process.wait(20) == 130
    assert switch.current_id(board) == payloads.first_id
    assert [one.id for one in release.releases(board)] == [payloads.first_id]
    assert history.read(board)[-1]["outcome"] == "stopped"
