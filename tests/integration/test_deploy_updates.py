"""Updates of a real board: what each one changes there, what it leaves, and who waits for whom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from board_access import Access
from deployments import (
    BASE,
    SETTINGS,
    Installation,
    Installer,
    archive,
    files,
    make,
    state,
    wait_until_runs,
    with_runtime,
)
from real_boards import SystemBoard

from edge_hdr.payload import Payload

pytestmark = pytest.mark.slow


class Updated:
    """A board with a first release; each test deploys what it needs."""

    def __init__(self, board: SystemBoard, access: Access, folder: Path) -> None:
        self.board = board
        self.installer = Installer(board, access)
        self.folder = folder
        self.last = make(folder, "first")
        self.first = self.install(self.last)

    def install(self, made: Payload, *words: str, thin: bool = False) -> Installation:
        content = archive(made, have=self.last if thin else None)
        done = self.installer.run(content, "--by", "the test", *words)
        if done.code == 0:
            self.last = made
        return done

    def say(self, *words: str) -> dict:
        """Ask the installed command, as root."""
        command = (f"{BASE}/current/bin/edge-hdr-device", *words, "--json")
        return dict(json.loads(self.board.run(*command).stdout)["data"])


@pytest.fixture(scope="module")
def updated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Updated]:
    folder = tmp_path_factory.mktemp("updates")
    access = Access(folder / "access")
    with SystemBoard(folder / "boards", access, packages=True) as board:
        yield Updated(board, access, folder)


def test_the_first_deployment_starts_a_service_of_its_own_user(updated: Updated) -> None:
    board, release = updated.board, updated.last.index.id
    assert updated.first.data["changed"]
    assert updated.first.data["previous"] is None
    assert (updated.first.data["id"], updated.first.data["mode"]) == (release, "system")
    now = wait_until_runs(board, release)
    assert now.releases == (release,)
    user = board.sh(f"ps -o user= -p {now.pid}")
    assert user == "edge-hdr"
    unit = "/etc/systemd/system/edge-hdr-device.service"
    assert board.link(unit) == f"{BASE}/current/edge-hdr-device.service"
    assert board.show("UnitFileState") == "enabled"
    assert board.link("/usr/local/bin/edge-hdr-device") == f"{BASE}/current/bin/edge-hdr-device"
    others = "-not -type l \\( -perm /022 -o -not -user root \\)"  # may write, or own
    assert board.sh(f"find {BASE} /etc/edge-hdr {others}") == ""


def test_a_new_model_changes_the_model_alone(updated: Updated) -> None:
    board, old = updated.board, state(updated.board)
    before = files(board)
    made = make(updated.folder, "second")
    sent = len(archive(made, have=updated.last))
    done = updated.install(made, thin=True)
    assert done.data["previous"] == old.current
    now = wait_until_runs(board, made.index.id)
    assert now.pid != old.pid
    after = files(board)
    new = {path for path in after.keys() - before.keys() if "/releases/" not in path}
    assert new == set()
    assert sent < 60_000
    assert updated.say("status")["current"]["model"].startswith("second@")


def test_a_new_runtime_is_what_runs_then(updated: Updated) -> None:
    old = state(updated.board)
    made = with_runtime(updated.last, "7.7.7")
    assert updated.install(made, thin=True).data["version"] == "7.7.7"
    wait_until_runs(updated.board, made.index.id)
    command = f"{BASE}/current/bin/edge-hdr-device --version"
    assert "7.7.7" in updated.board.sh(command)
    older = f"{BASE}/releases/{old.current}/bin/edge-hdr-device --version"
    assert "7.7.7" not in updated.board.sh(older)


def test_an_older_version_can_be_deployed_again(updated: Updated) -> None:
    made = make(updated.folder, "first")
    newer = with_runtime(made, "8.8.8")
    updated.install(newer)
    assert updated.install(made).data["changed"]
    wait_until_runs(updated.board, made.index.id)
    assert updated.say("status")["current"]["version"] == made.index.version


def test_the_same_again_does_nothing(updated: Updated) -> None:
    board, old = updated.board, state(updated.board)
    before = files(board)
    done = updated.install(updated.last)
    assert not done.data["changed"]
    assert {"skip switch", "skip restart", "skip health"} <= set(done.events)
    assert state(board) == old
    assert files(board) == before


def test_a_second_one_is_refused_and_told_who_is_at_work(updated: Updated) -> None:
    board, made = updated.board, make(updated.folder, "third")
    other = Installer(board, updated.installer.access)
    second: list[Installation] = []

    def meanwhile(_: Installer) -> None:
        second.append(other.run(archive(make(updated.folder, "fourth")), "--by", "somebody else"))

    done = updated.installer.run(archive(made), "--by", "the test", at="canary", then=meanwhile)
    assert second[0].code == second[0].error["exit_code"] == 5
    assert "the test" in second[0].error["message"]
    assert done.data["id"] == made.index.id
    now = wait_until_runs(board, made.index.id)
    assert make(updated.folder, "fourth").index.id not in now.releases
    updated.last = made


def test_new_settings_alone_are_deployed_too(updated: Updated) -> None:
    old = state(updated.board)
    made = make(updated.folder, "settings", config=SETTINGS.replace("5", "6"))
    updated.install(made, thin=True)
    wait_until_runs(updated.board, made.index.id)
    assert "fps = 6" in updated.board.read("/etc/edge-hdr/device.toml")
    updated.say("rollback", "--window", "0.5")
    wait_until_runs(updated.board, old.current)
    assert "fps = 5" in updated.board.read("/etc/edge-hdr/device.toml")


@pytest.mark.parametrize("step", ["switch", "health"])
def test_after_a_power_cut_during_a_trial_the_old_release_starts(
    updated: Updated, step: str
) -> None:
    board, old = updated.board, state(updated.board)

    def power_cut(installer: Installer) -> None:
        board.cut_power()
        installer.cut()  # nothing comes from there any more, which takes ssh long to see

    made = make(updated.folder, f"cut-{step}")
    assert updated.installer.run(archive(made), at=step, then=power_cut).code != 0
    board.boot()
    wait_until_runs(board, old.current)


def test_undeploying_leaves_what_was_collected(updated: Updated) -> None:
    board = updated.board
    board.write("/var/lib/edge-hdr-device/samples/1.png", "a digit")
    updated.say("uninstall")
    left = board.tree()
    assert "/var/lib/edge-hdr-device/samples/1.png" in left
    assert not [path for path in left if path.startswith(BASE)]
    assert board.show("LoadState") == "not-found"
    assert not board.exists("/usr/local/bin/edge-hdr-device")
