"""A fleet by Ansible: waves, failures, stops, what a rerun asks, and what is left on the boards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fleet_boards import Homes, StandIns
from sshd import Sshd, free_port

from edge_hdr import fleet
from edge_hdr.cli import fleet_view
from edge_hdr.errors import ConfigError, DeviceStepError, UsageError
from edge_hdr.fleet.engine import Engine
from edge_hdr.fleet.outcome import BoardEvent, FleetOutcome
from edge_hdr.target import Target

ROOT = Path(__file__).parents[2]
Deploy = Callable[..., FleetOutcome]


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's state, Ansible's settings and the ssh configuration out."""
    (tmp_path / "ssh_config").touch()
    monkeypatch.setenv("EDGE_HDR_SSH_CONFIG", str(tmp_path / "ssh_config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", "nobody-has-this")  # must not count
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[Homes]:
    """Give five boards; in the end nothing that was brought there may be left."""
    made = Homes(tmp_path / "boards", 5)
    yield made
    assert list(made.uploads.iterdir()) == []


def results(outcome: FleetOutcome) -> dict[str, str]:
    return {board.board: board.result for board in outcome.boards}


def course(*waves: str, max_fail: float = 0.2, **options: bool) -> fleet.Course:
    return fleet.Course(waves=waves or ("1", "2", "100%"), max_fail=max_fail, forks=4, **options)


def test_all_boards_get_the_release_in_waves(homes: Homes, tmp_path: Path) -> None:
    homes.tell("b02", "warns")
    packer = StandIns(tmp_path / "p.pyz")
    events: list[BoardEvent] = []
    outcome = fleet.deploy(homes.inventory(), packer, course=course(), on_event=events.append)
    assert results(outcome) == dict.fromkeys(homes.names, "updated")
    assert [homes.runs(name) for name in homes.names] == [packer.id] * 5
    assert [board.wave for board in outcome.boards] == [1, 2, 2, 3, 3]
    assert outcome.ok
    assert outcome.boards[1].warnings == ("no frames yet",)
    assert {board.token for board in outcome.boards} == {"secret-token"}
    kinds = [event.kind for event in events]
    assert kinds.count("wave") == 3
    assert kinds.count("begin") == kinds.count("end") == 5
    assert [event.done for event in events if event.kind == "end"] == [1, 2, 3, 4, 5]
    third_wave = next(i for i, e in enumerate(events) if e.kind == "wave" and e.wave == 3)
    assert {e.board for e in events[:third_wave] if e.kind == "end"} == {"b01", "b02", "b03"}
    words, *_ = homes.calls("b01")
    assert {"--events", "--json", "--by", "--user", "--window", "10"} <= set(words)
    assert words[-3:] == ["complained", "payload.pyz", "said"]  # nothing else is brought
    # the same again: known from before; and when all are asked nothing is sent
    again = fleet.deploy(homes.inventory(), packer, course=course())
    assert again.before == tuple(homes.names)
    assert not again.asked
    asked = fleet.deploy(homes.inventory(), packer, course=course(again=True))
    assert results(asked) == dict.fromkeys(homes.names, "same")
    assert len(homes.calls("b01")) == 1
    # another release starts fresh
    second = StandIns(tmp_path / "q.pyz", "second")
    outcome = fleet.deploy(homes.inventory(), second, limit="b01:b02", course=course())
    assert {(board.before, board.after) for board in outcome.boards} == {(packer.id, second.id)}


def test_a_rerun_asks_only_boards_that_are_left(
    homes: Homes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    homes.tell("b02", "fails")
    homes.tell("b04", "crashes")
    homes.refuse("b05", free_port())
    packer = StandIns(tmp_path / "p.pyz")
    with fleet_view.FleetProgress() as progress:
        outcome = fleet.deploy(
            homes.inventory(), packer, course=course(max_fail=0.5), on_event=progress.hear
        )
    wrong = {"b02": "failed", "b04": "failed", "b05": "unreachable"}
    assert results(outcome) == dict.fromkeys(homes.names, "updated") | wrong
    assert not outcome.ok
    assert not outcome.stopped
    errors = {board.board: board.error for board in outcome.boards if board.error}
    assert errors["b02"].message == "7 of 10 digits"
    assert (errors["b02"].hint, errors["b02"].step) == ("train more", "canary")
    assert "Traceback: it broke" in errors["b04"].message
    assert errors["b04"].step == "canary"
    assert errors["b05"].message.count("Connection refused") == 1
    assert "Data could not be sent" not in errors["b05"].message
    assert "is ssh on there" in errors["b05"].hint
    shown, told = rows(outcome, capsys)
    assert "updated" in shown["b01"]
    assert "failed: canary" in shown["b02"]
    assert "unreachable" in shown["b05"]
    assert shown["b02:"] == "b02: 7 of 10 digits"
    assert "wave 3/3, board 5/5: " in told
    with pytest.raises(fleet_view.FleetFailedError, match="3 of 5 boards were not updated"):
        fleet_view.raise_for(outcome)

    (homes.home("b02") / "fails").unlink()
    rerun = fleet.deploy(homes.inventory(), packer, course=course(max_fail=0.5))
    assert {board.board for board in rerun.asked} == set(wrong)
    assert results(rerun) == dict.fromkeys(homes.names, "same") | wrong | {"b02": "updated"}
    assert len(homes.calls("b01")) == 1
    assert len(homes.calls("b04")) == 2
    shown, _ = rows(rerun, capsys)
    assert shown["b01"].split() == ["b01", "not", "asked:", "updated", "before"]
    assert shown["b02"].split()[2:4] == ["updated", packer.id]
    asked = {board["board"]: board["asked"] for board in rerun.to_dict()["boards"]}
    assert asked == {name: name in wrong for name in homes.names}


def rows(outcome: FleetOutcome, capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, str], str]:
    """Show an outcome; give what is on stdout, by the first word of its lines, and stderr."""
    fleet_view.show_outcome(outcome)
    found = capsys.readouterr()
    return {line.split()[0]: line for line in found.out.splitlines() if line.strip()}, found.err


def test_a_fleet_stops_when_too_many_fail(homes: Homes, tmp_path: Path) -> None:
    homes.tell("b02", "fails")
    packer = StandIns(tmp_path / "p.pyz")
    outcome = fleet.deploy(homes.inventory(), packer, course=course())
    assert outcome.stopped == "1 of the 3 boards up to wave 2 failed, more than 20%"
    assert results(outcome)["b01"] == "updated"
    assert [results(outcome)[name] for name in ("b04", "b05")] == ["skipped"] * 2
    assert [homes.calls(name) for name in ("b04", "b05")] == [[], []]
    # a rerun begins with boards that were not reached; where the first fails, it is the last
    left = [board.board for board in outcome.boards if board.result == "skipped"]
    homes.tell(left[0], "fails")
    rerun = fleet.deploy(homes.inventory(), packer, course=course())
    assert rerun.stopped == "1 of the 1 boards up to wave 1 failed, more than 20%"
    assert "b01" in rerun.before
    assert [board.board for board in rerun.asked] == left[:1]
    assert homes.calls("b05") == []
    assert len(homes.calls("b02")) == 1


def test_check_changes_nothing_and_the_inventory_s_variables_count_over_the_command_s(
    homes: Homes, tmp_path: Path
) -> None:
    homes.hosts["b02"]["edge_hdr_window_s"] = 3
    delivery = fleet.Delivery(window_s=7.5, keep=2, trust_text="ssh-ed25519 AAAA me")
    outcome = fleet.deploy(
        homes.inventory(pair=["b01", "b02"]),
        StandIns(tmp_path / "p.pyz"),
        limit="pair",
        course=course(check=True),
        delivery=delivery,
    )
    assert results(outcome) == {"b01": "would-update", "b02": "would-update"}
    assert [homes.runs(name) for name in homes.names] == [None] * 5
    assert not (tmp_path / "state").exists()
    windows = {}
    for name in ("b01", "b02"):
        (words,) = homes.calls(name)
        assert "--dry-run" in words
        windows[name] = words[words.index("--window") + 1]
        assert words[words.index("--keep") + 1] == "2"
        assert words[-1] == "trust"
    assert windows == {"b01": "7.5", "b02": "3"}
    assert homes.calls("b03") == []


def test_what_cannot_be_read_is_told(homes: Homes, tmp_path: Path) -> None:
    packer = StandIns(tmp_path / "p.pyz")
    path = homes.inventory(pair=["b01", "b02"])
    with pytest.raises(UsageError, match="--limit attic names no board") as unknown:
        fleet.deploy(path, packer, limit="attic")
    assert "pair" in unknown.value.hint
    path.write_text("all: [broken\n")
    with pytest.raises(ConfigError, match="cannot be read: ") as broken:
        fleet.deploy(path, packer)
    assert "ansible-inventory" in broken.value.hint
    path.write_text("all: {hosts: {}}\n")
    with pytest.raises(ConfigError, match="no boards"):
        fleet.deploy(path, packer)


DEPLOY = """
import sys
from pathlib import Path
from fleet_boards import StandIns
from edge_hdr import fleet
fleet.deploy(Path(sys.argv[1]), StandIns(Path(sys.argv[2])), course=fleet.Course(waves=("100%",)))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_fleet_loses_nothing(
    homes: Homes, tmp_path: Path, number: signal.Signals
) -> None:
    homes.tell("b03", "slow", "3")
    inventory = homes.inventory(trio=["b01", "b02", "b03"])
    command = [sys.executable, "-c", DEPLOY, str(inventory), str(tmp_path / "p.pyz")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    (memory_folder,) = [tmp_path / "state/edge-hdr/fleets"]
    wait_for(lambda: remembered(memory_folder) >= {"b01", "b02"})
    wait_for((homes.home("b03") / "begun").exists)
    if number == signal.SIGINT:  # once is enough
        with pytest.raises(DeviceStepError, match=f"being deployed by process {process.pid}"):
            fleet.deploy(inventory, StandIns(tmp_path / "p.pyz"))
    process.send_signal(number)
    process.wait(20)
    assert "b03" not in remembered(memory_folder)
    wait_for(lambda: homes.runs("b03") is not None or number == signal.SIGINT)
    wait_for(lambda: not list(homes.uploads.iterdir()))
    rerun = fleet.deploy(inventory, StandIns(tmp_path / "p.pyz"), limit="trio")
    assert rerun.ok
    assert [board.board for board in rerun.asked] == ["b03"]


def remembered(folder: Path) -> set[str]:
    return {
        name for path in folder.glob("*.json") for name in json.loads(path.read_text())["boards"]
    }


def wait_for(condition: Callable[[], object]) -> None:
    end_s = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end_s, "it did not happen within 30 s"
        time.sleep(0.05)


def test_boards_behind_sshd_keys_that_nobody_knows_and_a_cut_connection(
    homes: Homes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sshd").mkdir()
    homes.tell("b03", "slow", "2")
    with Sshd(tmp_path / "sshd") as server:
        monkeypatch.setenv("EDGE_HDR_SSH_CONFIG", str(server.config))
        homes.behind(server.user, server.port, *homes.names[:3])
        inventory = homes.inventory(near=homes.names[:3])
        known = server.known_hosts.read_text()
        server.known_hosts.write_text("")
        packer = StandIns(tmp_path / "p.pyz", wheels=wheels(tmp_path))
        outcome = fleet.deploy(inventory, packer, limit="near", course=course())
        assert set(results(outcome).values()) == {"unreachable"}
        assert outcome.stopped == "none of the 3 boards up to wave 2 could be reached"
        (error, *_) = [board.error for board in outcome.boards if board.error]
        assert error.message.count("Host key verification failed") == 1
        assert "--accept-new-host-key" in error.hint
        server.known_hosts.write_text(known)

        def cut() -> None:
            wait_for((homes.home("b03") / "begun").exists)
            server.signal_sessions(signal.SIGKILL)

        cutting = threading.Thread(target=cut)
        cutting.start()
        waves = course("2", "100%")
        outcome = fleet.deploy(inventory, packer, limit="near", course=waves)
        cutting.join()
        assert results(outcome) == {"b01": "updated", "b02": "updated", "b03": "unreachable"}
        words, *_ = homes.calls("b01")
        assert words[2].endswith("wheels.zip")
        lost = outcome.boards[2].error
        assert lost
        assert "lost while the board installed; it finishes" in lost.message
        assert "Data could not be sent" not in lost.message
        wait_for(lambda: homes.runs("b03") == packer.id)
        wait_for(lambda: not list(homes.uploads.iterdir()))
        rerun = fleet.deploy(inventory, packer, limit="near", course=waves)
        assert [(board.board, board.result) for board in rerun.asked] == [("b03", "same")]


SUDO = """\
#!/bin/sh
while [ "${1#-}" != "$1" ]; do case $1 in -p) p=$2; shift 2;; -u) shift 2;; *) shift;; esac; done
printf %s "$p" >&2
read -r word
[ "$word" = WORD ] || { echo "Sorry, try again." >&2; exit 1; }
exec "$@"
"""


def test_sudo_s_password_is_given_and_a_wrong_one_told(homes: Homes, tmp_path: Path) -> None:
    for name, word in (("b01", "another"), ("b02", "hush")):
        program = tmp_path / f"sudo-{word}"
        program.write_text(SUDO.replace("WORD", word))
        program.chmod(0o755)
        homes.hosts[name] |= {"ansible_become_exe": str(program), "ansible_become_user": "admin"}
    outcome = fleet.deploy(
        homes.inventory(pair=["b01", "b02"]),
        StandIns(tmp_path / "p.pyz"),
        limit="pair",
        course=course("100%", max_fail=1.0),
        delivery=fleet.Delivery(sudo_password="hush"),
    )
    assert results(outcome) == {"b01": "failed", "b02": "updated"}
    error = outcome.boards[0].error
    assert error
    assert "Sorry, try again." in error.message
    assert "\n" not in error.message
    assert "check the sudo password" in error.hint


def test_every_board_is_asked_what_it_is(homes: Homes, tmp_path: Path) -> None:
    homes.install("b01", StandIns(tmp_path / "p.pyz"))
    homes.refuse("b03", free_port())
    inventory = homes.inventory(trio=["b01", "b02", "b03"])
    found = {board.board: board for board in fleet.status(inventory, limit="trio")}
    assert {name: board.result for name, board in found.items()} == {
        "b01": "answered", "b02": "empty", "b03": "unreachable",
    }  # fmt: skip
    assert found["b01"].data
    assert found["b01"].data["current"]["id"] == homes.runs("b01")
    assert found["b03"].error
    assert found["b03"].error.message.count("Connection refused") == 1
    known = [fleet.Board(name, Target(host=name)) for name in found]
    with Engine() as engine:
        facts = fleet.facts(engine, inventory, known)
    assert facts.keys() == {"b01", "b02"}
    assert facts["b01"]["home"] == str(homes.home("b01"))


PLAYBOOK = """\
- hosts: pair
  gather_facts: false
  roles: [edge_hdr]
"""


def test_ansible_s_users_take_the_role_itself(homes: Homes, tmp_path: Path) -> None:
    packer = StandIns(tmp_path / "p.pyz")
    (tmp_path / "site.yml").write_text(PLAYBOOK)
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")},
        "ANSIBLE_ROLES_PATH": str(fleet.ROLES),
        "ANSIBLE_HOME": str(tmp_path / "ansible"),
        "LC_ALL": "C.UTF-8",
    }
    inventory = homes.inventory(pair=["b01", "b02"])

    def play(*words: str) -> str:
        command = [sys.executable, "-P", "-m", "ansible", "playbook", "-v", "-i", str(inventory)]
        done = subprocess.run(
            [*command, *words, "site.yml"],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.stdout

    assert "missing required arguments: edge_hdr_payload" in play()
    given = ("-e", f"edge_hdr_payload={tmp_path / 'p.pyz'}")
    said = play("--check", *given)
    assert said.count("changed=1") == 2
    assert homes.runs("b01") is None
    said = play(*given)
    assert said.count("changed=1") == 2
    assert "secret-token" not in said
    assert homes.runs("b01") == homes.runs("b02") == packer.id
    assert play(*given).count("changed=0") == 2


def test_the_wheel_carries_the_role(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    package = ROOT / "edge_hdr/fleet"
    files = [path for path in package.rglob("*") if path.suffix in {".yml", ".sh", ".py"}]
    assert len(files) > 20
    assert {f"edge_hdr/fleet/{path.relative_to(package).as_posix()}" for path in files} <= names


def wheels(folder: Path) -> Path:
    path = folder / "wheels.zip"
    path.write_bytes(b"wheels" * 1000)
    return path
