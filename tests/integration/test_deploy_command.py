"""`edge-hdr deploy` and its companions against a fresh Debian that no network leads out of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from board_access import Access
from container import wait
from deployments import BASE, RELEASED, SETTINGS, files, model, state, wait_until_runs
from real_boards import SystemBoard

pytestmark = pytest.mark.slow

STATE = "/var/lib/edge-hdr-device"


class Desk:
    """A computer with a board beside it, and what a person types there."""

    def __init__(self, board: SystemBoard, access: Access) -> None:
        self.board = board
        self.access = access
        self.say = access.command

    def deploy(self, *words: str | Path) -> dict:
        return self.say("deploy", "pi@board", "--window", "1", *words).data


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("command")
    access = Access(folder / "access")
    samples = f'[samples]\nfolder = "{STATE}/samples"\nevery = 1\nbatch_s = 1\n'
    (access.folder / "device.toml").write_text(SETTINGS + samples)
    with SystemBoard(folder / "boards", access) as board:
        yield Desk(board, access)


def test_a_plan_changes_nothing(desk: Desk) -> None:
    before = desk.board.tree("/opt", "/etc", "/var/lib")
    plan = desk.deploy("--model", "ds-cnn-nano-int8", "--dry-run")
    assert (plan["mode"], plan["current"]) == ("system", None)
    assert plan["environment"]["from"] == "the payload"
    assert desk.board.tree("/opt", "/etc", "/var/lib") == before
    assert desk.board.sh("ls -A /home/pi /var/tmp | grep edge", check=False) == ""


def test_the_first_deployment_brings_all_that_is_needed(desk: Desk) -> None:
    done = desk.deploy("--model", "ds-cnn-nano-int8", "--config", "device.toml")
    assert (done["changed"], done["previous"], done["ready"]) == (True, None, True)
    now = wait_until_runs(desk.board, done["id"])
    assert now.releases == (done["id"],)
    assert desk.board.sh("ls -A /var/tmp | grep -v systemd", check=False) == ""
    found = desk.say("status", "pi@board").data
    assert found["current"]["id"] == done["id"]
    assert (found["alive"], found["ready"], found["trial"]) == (True, True, False)


def test_a_new_model_sends_hardly_more_than_the_model(desk: Desk) -> None:
    other = model(desk.access.folder, "other")
    old = state(desk.board)
    done = desk.deploy("--model", other)
    assert (done["changed"], done["previous"]) == (True, old.current)
    changed = [f"{BASE}/releases/{done['id']}/{name}" for name in ("model.tflite", "canary.json")]
    size = sum(int(desk.board.sh(f"stat -c %s {path}")) for path in changed)
    assert done["sent_bytes"] < 1.1 * size
    wait_until_runs(desk.board, done["id"])


def test_the_same_again_leaves_the_service_alone(desk: Desk) -> None:
    old = state(desk.board)
    assert not desk.deploy("--model", model(desk.access.folder, "other"))["changed"]
    assert state(desk.board) == old


def test_the_service_is_looked_at_and_measured(desk: Desk) -> None:
    doctor = desk.say("doctor", "pi@board").data
    assert str(doctor).count(state(desk.board).current)
    quick = ("--on", "pi@board", "--seconds", "0.3", "--cold", "0", "--no-accuracy")
    own = desk.say("bench", *quick).data["models"][0]
    carried = desk.say("bench", RELEASED, *quick).data["models"][0]
    assert own["latency"]["frame"]["p50_ms"] > 0 < carried["latency"]["frame"]["p50_ms"]
    assert own["sha256"] != carried["sha256"] == carried["latency"]["sha256"]
    assert desk.board.sh("ls -A /var/tmp | grep -v systemd", check=False) == ""
    with desk.access.start("logs", "pi@board", "--lines", "5") as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert len(out.splitlines()) == 5


def test_samples_are_pulled_and_none_twice(desk: Desk) -> None:
    wait(lambda: desk.board.sh(f"ls {STATE}/samples", check=False), "a sample")
    desk.board.sh("systemctl stop edge-hdr-device")
    there = desk.board.sh(f"cd {STATE}/samples && sha256sum $(find . -type f) | sort -k 2")
    for _ in range(2):
        assert desk.say("samples", "pull", "pi@board", "--out", "samples").code == 0
    here = desk.access.folder / "samples"
    pulled = sorted(path for path in here.rglob("*") if path.is_file())
    hashes = {hashlib.sha256(path.read_bytes()).hexdigest() for path in pulled}
    assert {line.split()[0] for line in there.splitlines()} <= hashes
    desk.board.sh("systemctl start edge-hdr-device")


def test_a_rollback_and_a_restart(desk: Desk) -> None:
    old = state(desk.board)
    [other] = set(old.releases) - {old.current}
    desk.say("rollback", "pi@board", "--window", "1").data  # noqa: B018
    back = wait_until_runs(desk.board, other)
    desk.say("restart", "pi@board", "--window", "1").data  # noqa: B018
    assert wait_until_runs(desk.board, other).pid != back.pid


def test_a_pulled_cable_goes_back(desk: Desk) -> None:
    board, old, before = desk.board, state(desk.board), files(desk.board)
    third = model(desk.access.folder, "third")
    words = ("deploy", "pi@board", "--window", "60", "--model", third)
    try:
        with desk.access.start(*words) as process:
            assert process.stderr is not None
            for line in process.stderr:
                if "start the service" in line:
                    board.cut()
                    break
            said = process.stderr.read()
        assert process.returncode == 4, said
        assert "error:" in said
        wait_until_runs(board, old.current)
    finally:
        board.mend()
    assert files(board) == before
    wait_until_runs(board, desk.deploy("--model", third)["id"])


def test_another_host_key_stops_everything(desk: Desk) -> None:
    known = desk.access.known_hosts
    right = known.read_text()
    other = desk.access.key.with_name("key.pub").read_text().split()[1]
    known.write_text(f"board ssh-ed25519 {other}\n")
    try:
        before = files(desk.board)
        error = desk.say("deploy", "pi@board", "--accept-new-host-key").error
        assert error["exit_code"] == 4
        assert "host key" in error["message"].lower() or "IDENTIFICATION" in error["message"]
        known.write_text("")
        assert desk.say("status", "pi@board").error["exit_code"] == 4
        assert known.read_text() == ""
        assert files(desk.board) == before
    finally:
        known.write_text(right)


def test_a_bundle_is_carried_by_hand(desk: Desk) -> None:
    key = desk.access.folder / "signing"
    desk.say("keygen", key).data  # noqa: B018
    carried = model(desk.access.folder, "carried")
    out = desk.access.folder / "carried.pyz"
    desk.say("bundle", "--model", carried, "--sign", key, "--out", out).data  # noqa: B018
    desk.board.write("/home/pi/carried.pyz", out.read_bytes())
    desk.board.write("/home/pi/signing.pub", key.with_name("signing.pub").read_bytes())
    done = desk.access.ssh(
        "pi@board", "sudo python3 carried.pyz install carried.pyz --trust signing.pub --window 1"
    )
    assert done.returncode == 0, done.stderr
    wait_until_runs(desk.board, state(desk.board).current)
    assert desk.say("status", "pi@board").data["current"]["model"].startswith("carried@")
    error = desk.say("deploy", "pi@board", "--model", "ds-cnn-nano-int8").error
    assert "sign" in error["message"]
    assert desk.deploy("--model", "ds-cnn-nano-int8", "--sign", key)["changed"]


def test_undeploying_leaves_what_was_collected(desk: Desk) -> None:
    desk.say("undeploy", "pi@board").data  # noqa: B018
    left = desk.board.tree()
    assert [path for path in left if path.startswith(f"{STATE}/samples/")]
    assert not [path for path in left if path.startswith(BASE)]
    assert desk.board.show("LoadState") == "not-found"
