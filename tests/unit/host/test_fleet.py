"""A fleet's arithmetic and memory: waves, when they stop, what is remembered, what is shown."""

from __future__ import annotations

import importlib.util
import json
import re
import stat
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from edge_hdr import payload
from edge_hdr.cli import fleet_view
from edge_hdr.cli.fleet_progress import FleetProgress
from edge_hdr.errors import ConfigError, DependencyError, DeviceStepError, UsageError
from edge_hdr.fleet import ROLES, Board, Delivery, Packing
from edge_hdr.fleet import engine as engines
from edge_hdr.fleet.engine import Engine, last_words
from edge_hdr.fleet.inventory import boards
from edge_hdr.fleet.memory import Memory
from edge_hdr.fleet.outcome import (
    BoardError,
    BoardEvent,
    BoardOutcome,
    BoardStatus,
    FleetOutcome,
)
from edge_hdr.fleet.unreachable import explained
from edge_hdr.fleet.waves import Watch, parse, parse_share, sizes
from edge_hdr.target import Target

PI = Target("pi", "b")
ROLE = ROLES / "edge_hdr"
FAILED = BoardOutcome(
    "b2", "failed", wave=1, error=BoardError("it broke", "mend it", step="canary")
)
UPDATED = BoardOutcome("b1", "updated", wave=1, before=None, after="new", seconds=2.0)
SILENT = BoardOutcome("b3", "unreachable", wave=2, error=BoardError("refused", "switch it on"))


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def fleet_outcome(*found: BoardOutcome, **options: Any) -> FleetOutcome:
    return FleetOutcome("new", "fleet.yml", None, False, found, **options)


@pytest.mark.parametrize(
    ("waves", "count", "expected"),
    [
        ("1,10%,100%", 20, [1, 2, 17]),
        ("1,10%,100%", 1000, [1, 100, 899]),
        ("1,10%,100%", 2, [1, 1]),
        ("1,10%,100%", 1, [1]),
        ("1,10%", 20, [1, 19]),  # the last takes all that are left
        ("100%", 5, [5]),
        ("2", 5, [5]),
        ("5%,50%,100%", 10, [1, 5, 4]),
        ("2.5%,100%", 100, [3, 97]),
        ("1,10%,100%", 0, []),
    ],
)
def test_waves_divide_all_boards(waves: str, count: int, expected: list[int]) -> None:
    assert sizes(parse(waves), count) == expected
    assert sum(expected) == count


@pytest.mark.parametrize("text", ["", "0", "1,,2", "-1", "110%", "0%", "x", "1.5", "10 boards"])
def test_a_wave_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--waves"):
        parse(text)


def test_a_share_is_read() -> None:
    assert parse_share("20%") == 0.2
    assert parse_share("0%") == 0.0
    assert parse_share("12.5 %") == 0.125
    for text in ("20", "120%", "-5%", "few", "0.2"):
        with pytest.raises(UsageError, match="--max-fail"):
            parse_share(text)


def watched(sizes: list[int], max_fail: float, results: list[str]) -> tuple[int, str]:
    """Count results wave by wave; give how many were counted before the stop, and its reason."""
    watch = Watch(sizes, max_fail)
    count = 0
    for size in sizes:
        watch.begin_wave()
        for result in results[count : count + size]:
            count += 1
            if reason := watch.end(result):
                return count, reason
    return count, ""


@pytest.mark.parametrize(
    ("max_fail", "results", "stops_after"),
    [
        (0.2, ["failed"], 1),  # 1 of 1
        (0.2, ["updated", "failed", "updated"], 2),  # 1 of 3
        (0.2, ["updated"] * 3 + ["failed"] * 4 + ["updated"] * 13, 0),  # 4 of 20
        (0.2, ["updated"] * 3 + ["failed"] * 5 + ["updated"] * 12, 8),  # 5 of 20
        (0.0, ["same"] * 19 + ["failed"], 20),
        (1.0, ["failed"] * 20, 0),
        (0.2, ["unreachable"] + ["updated"] * 19, 0),  # says nothing of the release
        (0.2, ["unreachable"] * 20, 3),  # the first wave of several is the last
        (0.2, ["unreachable"] * 2 + ["updated"] + ["unreachable"] * 17, 0),
    ],
)
def test_when_a_fleet_stops(max_fail: float, results: list[str], stops_after: int) -> None:
    count, reason = watched([1, 2, 17], max_fail, results)
    assert (count if reason else 0) == stops_after


def test_a_stop_is_told_once() -> None:
    watch = Watch([4], 0.0)
    watch.begin_wave()
    assert watch.end("failed") == "1 of the 4 boards up to wave 1 failed, more than 0%"
    assert watch.end("failed") == ""


def test_what_is_remembered(tmp_path: Path) -> None:
    inventory = tmp_path / "fleet.yml"
    memory = Memory(inventory)
    memory.keep(UPDATED, "new")
    memory.keep(FAILED, "new")
    later = Memory(inventory)
    assert later.has("b1", "new") == BoardOutcome("b1", "same")
    assert later.has("b1", "other") is None
    assert later.has("b2", "new") is None
    assert later.has("b3", "new") is None
    assert later.tried("b2", "new")
    assert not later.tried("b2", "other")
    assert stat.S_IMODE(later.path.stat().st_mode) == 0o600
    # another inventory of the same name is another fleet
    assert Memory(tmp_path / "elsewhere/fleet.yml").has("b1", "new") is None
    later.path.write_text('{"format": 1, "boards": [')  # as no run of ours leaves it
    assert Memory(inventory).has("b1", "new") is None


def test_two_deployments_of_an_inventory_are_kept_apart(tmp_path: Path) -> None:
    first, second = Memory(tmp_path / "fleet.yml"), Memory(tmp_path / "fleet.yml")
    with first.held():
        first.keep(UPDATED, "new")
        with pytest.raises(DeviceStepError, match=r"being deployed by process \d+"), second.held():
            pass
    with second.held():
        assert second.has("b1", "new")


@pytest.mark.parametrize(
    ("said", "last"),
    [
        ("[WARNING]: deprecated\n[ERROR]: no such file\n\n", "no such file"),
        (
            "ERROR! Specified --limit does not match any hosts\n",
            "Specified --limit does not match any hosts",
        ),
        (
            "[WARNING]: Could not match supplied host pattern, ignoring: attic",
            "Could not match supplied host pattern, ignoring: attic",
        ),
        ("", ""),
    ],
)  # fmt: skip
def test_ansible_s_last_words(said: str, last: str) -> None:
    assert last_words(said) == last


def test_an_inventory_s_boards(tmp_path: Path) -> None:
    path = tmp_path / "hosts.ini"
    path.write_text(
        "lone ansible_host=10.0.0.9 edge_hdr_config=lone.toml\n"
        "[classroom]\nseat[01:03] ansible_user=pi\nseat02 ansible_port=2222\n"
    )
    with Engine() as engine:
        folder = engine.folder
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        known = {board.name: board for board in boards(path, engine=engine)}
        some = boards(path, "classroom:!seat03", engine=engine)
        with pytest.raises(ConfigError, match="there is no inventory"):
            boards(tmp_path / "none.yml", engine=engine)
    assert not folder.exists()
    assert list(known) == ["lone", "seat01", "seat02", "seat03"]
    assert known["lone"] == Board("lone", Target(host="10.0.0.9"), tmp_path / "lone.toml")
    assert known["seat02"].target == Target("pi", "seat02", 2222)
    assert [board.name for board in some] == ["seat01", "seat02"]


def test_without_ansible_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise engines.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(engines.importlib.metadata, "distribution", missing)
    with pytest.raises(DependencyError) as error, Engine():
        pass
    assert error.value.hint == "pip install 'edge-hdr[fleet]'"


def test_what_a_killed_process_left_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(engines, "SOCKET_LETTERS", 1000)
    (tmp_path / f"{engines.PREFIX}999999999-abc").mkdir()  # no system numbers that high
    (tmp_path / f"{engines.PREFIX}1-abc").mkdir()
    with Engine():
        pass
    assert [path.name for path in tmp_path.iterdir()] == [f"{engines.PREFIX}1-abc"]


def test_a_password_is_in_no_variable() -> None:
    delivery = Delivery(sudo_password="hush", user=True)
    assert "hush" not in repr(delivery) + json.dumps(delivery.orders())
    assert delivery.orders()["edge_hdr_user_mode"] is True
    assert Delivery().orders() == {}


def test_unreachable_boards_are_told_of_as_one_board_is() -> None:
    words = (
        "Failed to connect to the host via ssh: ssh: connect to host b port 22: Connection refused"
    )
    told = explained(BoardError(f"Task failed: {words}"), Target("pi", "b"))
    assert (
        told.message
        == "pi@b refuses the connection: ssh: connect to host b port 22: Connection refused"
    )
    assert "is ssh on there" in told.hint
    lost = explained(
        BoardError("the connection was lost while the board installed; it finishes by itself"), PI
    )
    assert lost.message.endswith("lost while the board installed; it finishes by itself")
    assert lost.hint


@pytest.mark.parametrize(
    "said",
    [
        "Failed to connect to the host via ssh: {}",
        'Task failed: Data could not be sent to remote host "b". Make sure this host can be '
        "reached over ssh: {}",
        "Task failed: Data could not be sent because of ControlPersist broken pipe: {}",
    ],
)
def test_ssh_s_own_line_is_shown_alone_and_once(said: str) -> None:
    line = "ssh: connect to host b port 22: Connection refused"
    told = explained(BoardError(said.format(f"Warning: Permanently added b\n{line}\n")), PI)
    assert told.message == f"pi@b refuses the connection: {line}"
    lost = "the connection was lost while the board installed; it finishes by itself: "
    told = explained(BoardError(lost + said.format(line)), PI)
    assert told.message == lost + line


def test_a_changed_key_is_read_from_all_of_ssh_s_lines() -> None:
    said = (
        "@@@@@@@@@@@@@@@@@@@@@@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n"
        "The fingerprint for the ED25519 key sent by the remote host is\nSHA256:abc.\n"
        "Offending ED25519 key in /home/me/known:7\nHost key for b has changed.\n"
        "Host key verification failed.\n"
    )
    events = plugin("edge_hdr_events", ROLES.parent / "callback_plugins")
    (kept,) = events._error(f"Task failed: {said}", "unreachable").values()
    told = explained(BoardError(kept), PI)
    assert told.message.endswith("another machine: Host key verification failed.")
    assert "(SHA256:abc)" in told.hint
    assert "ssh-keygen -f /home/me/known -R b" in told.hint
    assert events._error("Task failed: one\ntwo", "failed")["message"] == "one; two"


def test_each_board_gets_settings_of_its_own(tiny_int8: Path, tmp_path: Path) -> None:
    config = tmp_path / "lone.toml"
    config.write_text('[camera]\nsource = "synthetic"\n')
    known = [
        Board("lone", Target(host="lone"), config),
        *(Board(name, Target(host=name)) for name in ("seat1", "seat2")),
    ]
    parcels = Packing(tiny_int8).plain(known, tmp_path)
    assert parcels["seat1"] == parcels["seat2"]
    assert parcels["lone"].id == payload.build(tiny_int8, config=config).id
    assert parcels["seat1"].id == payload.build(tiny_int8).id != parcels["lone"].id
    assert parcels["lone"].payload.is_file()


def test_all_good_raises_nothing() -> None:
    fleet_view.raise_for(fleet_outcome(UPDATED, BoardOutcome("b2", "same")))


@pytest.mark.parametrize(
    ("outcome", "code", "message"),
    [
        (fleet_outcome(UPDATED, FAILED), 5, "1 of 2 boards were not updated"),
        (fleet_outcome(UPDATED, FAILED, stopped="too many"), 5, "stopped: too many"),
        (fleet_outcome(UPDATED, SILENT), 5, "1 of 2 boards were not updated"),
        (fleet_outcome(SILENT), 4, "none of the 1 boards that were asked answered"),
        (fleet_outcome(SILENT, BoardOutcome("b4", "skipped"), stopped="none"), 4, "none of the 1"),
    ],
)
def test_what_a_fleet_comes_to(outcome: FleetOutcome, code: int, message: str) -> None:
    with pytest.raises(Exception, match=re.escape(message)) as error:
        fleet_view.raise_for(outcome)
    assert error.value.exit_code == code  # type: ignore[attr-defined]
    assert error.value.data == outcome.to_dict()  # type: ignore[attr-defined]
    json.dumps(outcome.to_dict())


@pytest.mark.parametrize("stopped", ["", "too many"])
def test_a_check_that_fails_hints_at_the_first_error(stopped: str) -> None:
    found = (UPDATED, FAILED, SILENT)
    outcome = FleetOutcome("new", "fleet.yml", None, True, found, stopped=stopped)
    with pytest.raises(fleet_view.FleetFailedError) as error:
        fleet_view.raise_for(outcome)
    assert error.value.hint == "mend it"
    assert str(error.value) == (
        "stopped: too many" if stopped else "2 of 3 boards would fail or do not answer"
    )
    with pytest.raises(fleet_view.FleetFailedError) as error:
        fleet_view.raise_for(fleet_outcome(*found))
    assert error.value.hint == "the same command asks the 2 that are left"


def test_the_table_has_a_row_for_each_board(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    warned = BoardOutcome("b4", "updated", 2, "old", "new", 1.0, warnings=("no frames yet",))
    known = BoardOutcome("b5", "same")
    fleet_view.show_outcome(fleet_outcome(UPDATED, FAILED, SILENT, warned, known, before=("b5",)))
    shown = capsys.readouterr().out
    rows = {line.split()[0]: line.split()[1:] for line in shown.splitlines() if line.strip()}
    assert rows["b1"] == ["1", "updated", "new", "2.0"]
    assert rows["b2"] == ["1", "failed:", "canary"]
    assert rows["b4"] == ["2", "updated", "old", "new", "1.0"]
    assert "b2: it broke\n  hint: mend it\n" in shown
    assert "warning: no frames yet (b4)" in shown
    assert rows["b5"] == ["not", "asked:", "updated", "before"]
    assert "1 of 5 boards got release new before and were not asked; --all asks them" in shown


def test_a_document_tells_which_boards_were_asked() -> None:
    known, left = BoardOutcome("b5", "same"), BoardOutcome("b6", "skipped")
    found = fleet_outcome(UPDATED, FAILED, known, left, before=("b5",)).to_dict()
    asked = {board["board"]: board["asked"] for board in found["boards"]}
    assert asked == {"b1": True, "b2": True, "b5": False, "b6": False}
    assert found["asked"] == ["b1", "b2"]


def test_a_narrow_screen_loses_no_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    name, model = "a-board-of-the-third-classroom.school.example", "ds-cnn-nano-int8@0123456789ab"
    done = BoardOutcome(name, "updated", 1, "aaaabbbbcccc", "ddddeeeeffff", 1234.5)
    fleet_view.show_outcome(fleet_outcome(done, before=(name,)))
    assert_all_shown(
        capsys.readouterr().out, name, "not asked: updated before", "aaaabbbbcccc", "ddddeeeeffff"
    )
    current = {"id": "ddddeeeeffff", "model": model, "version": "0.12.1+with.a.long.suffix"}
    found = {"current": current, "service": {"state": "activating"}, "ready": False}
    fleet_view._show_status(Path("fleet.yml"), [BoardStatus(name, "answered", found)])
    assert_all_shown(capsys.readouterr().out, name, *current.values(), "activating")


def assert_all_shown(shown: str, *texts: str) -> None:
    """Read the one row of a table: each column's cell may be broken over several lines."""
    lines = shown.splitlines()
    head = next(number for number, line in enumerate(lines) if line.split()[:1] == ["board"])
    body = [line.ljust(80) for line in lines[head:] if line.startswith("  ")]
    gaps = "".join(" " if all(line[n] == " " for line in body) else "x" for n in range(80))
    columns = [found.span() for found in re.finditer("x+", gaps)]
    cells = ["".join(line[slice(*span)].strip() for line in body[1:]) for span in columns]
    letters = [cell.replace(" ", "") for cell in cells]  # a space may be where it is broken
    for text in texts:
        assert text.replace(" ", "") in letters


def test_progress_is_a_line_a_board_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with FleetProgress() as progress:
        progress.hear(BoardEvent("wave", 1, 2, 0, 20))
        progress.hear(BoardEvent("begin", 1, 2, 0, 20, "b1"))
        progress.hear(BoardEvent("end", 1, 2, 7, 20, "b1", UPDATED))
        progress.hear(BoardEvent("stop", 1, 2, 7, 20, detail="too many"))
    assert capsys.readouterr().err == (
        "wave 1/2, board 7/20: b1 updated (2.0 s)\nstopped: too many\n"
    )


def test_a_reason_is_told_once_by_the_table_or_at_a_sudden_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    event = BoardEvent("end", 1, 1, 1, 2, "b2", FAILED)
    with FleetProgress() as progress:
        progress.hear(event)
    assert capsys.readouterr().err == "wave 1/1, board 1/2: b2 failed: canary (0.0 s)\n"
    with pytest.raises(KeyboardInterrupt), FleetProgress() as progress:
        progress.hear(event)
        raise KeyboardInterrupt
    assert capsys.readouterr().err.splitlines()[1:2] == ["b2: it broke"]


def plugin(name: str, folder: Path = ROLE / "action_plugins") -> ModuleType:
    path = folder / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_role_knows_a_payload_as_the_installer_does(tiny_int8: Path, tmp_path: Path) -> None:
    made = payload.build(tiny_int8)
    made.write(tmp_path / "p.pyz")
    install = plugin("edge_hdr_install")
    assert install.identify(str(tmp_path / "p.pyz")) == (made.id, made.index.runtime)
    (tmp_path / "p.pyz").write_bytes(b"no archive")
    with pytest.raises(Exception, match="is no payload"):
        install.identify(str(tmp_path / "p.pyz"))


STATUS = """#!/bin/sh
echo '{"data": {"base": "%s", "by": "'"${BECAME:-me}"'"}}'
"""


@pytest.mark.parametrize(
    ("whose", "uid", "sudo", "there", "answer"),
    [
        ("any", 1000, "free", ["system", "own"], {"base": "system", "by": "root"}),
        ("any", 1000, "closed", ["system", "own"], {"base": "own", "by": "me"}),
        ("any", 1000, "closed", ["system"], {"base": "system", "by": "me"}),
        ("any", 1000, "free", ["own"], {"base": "own", "by": "me"}),
        ("any", 0, "closed", ["system", "own"], {"base": "system", "by": "me"}),
        ("user", 1000, "free", ["system", "own"], {"base": "own", "by": "me"}),
        ("user", 1000, "free", ["system"], None),
        ("any", 1000, "free", [], None),
    ],
)
def test_whose_status_a_board_gives(
    tmp_path: Path, whose: str, uid: int, sudo: str, there: list[str], answer: dict[str, str] | None
) -> None:
    places = {"system": tmp_path / "opt", "own": tmp_path / "home/.local/share/edge-hdr"}
    for name, place in places.items():
        (place / "releases").mkdir(parents=True)  # a folder without a current release is none
        if name in there:
            program(place / "current/bin/edge-hdr-device", STATUS % name)
    stands = tmp_path / "bin"
    program(stands / "id", f"#!/bin/sh\necho {uid}\n")
    free = '#!/bin/sh\nwhile [ "${1#-}" != "$1" ]; do shift; done\nBECAME=root exec "$@"\n'
    program(stands / "sudo", free if sudo == "free" else "#!/bin/sh\nexit 1\n")
    script = (ROLE / "files/status.sh").read_text()
    assert script.count("/opt/edge-hdr") == 1
    done = subprocess.run(
        ["/bin/sh", "-s", "--", whose],
        input=script.replace("/opt/edge-hdr", str(places["system"])),
        env={"HOME": str(tmp_path / "home"), "PATH": f"{stands}:/usr/bin:/bin"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (json.loads(done.stdout)["data"] if done.stdout else None) == answer


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def test_no_board_begins_when_the_command_is_gone(tmp_path: Path) -> None:
    may_begin = plugin("edge_hdr_install").may_begin
    with Engine() as engine:
        go = engine.folder / "go"
        go.touch()
        assert may_begin(str(go))
    assert not may_begin(str(go))
    assert may_begin("")  # the role without us


def test_the_role_reads_the_installer_s_document() -> None:
    install = plugin("edge_hdr_install")
    lines = [
        '{"event": "begin", "step": "lock", "detail": ""}',
        "noise",
        '{"event": "warn", "step": "lock", "detail": "late"}',
        '{"schema": 1, "command": "install", "ok": true, "data": {"id": "new", "changed": true}}',
    ]
    document, steps = install.parse({"stdout": "\n".join(lines), "stderr": "", "rc": 0})
    read = install.read_document
    assert read(document, steps, "old", check=False) == {
        "result": "updated", "after": "new", "warnings": ["late"], "document": document,
    }  # fmt: skip
    assert read(document, steps, "old", check=True)["result"] == "would-update"
    document["data"]["changed"] = False
    assert read(document, steps, "new", check=False)["result"] == "same"
    document, steps = install.parse({"stdout": lines[0], "stderr": "Killed", "rc": 137})
    found = read(document, steps, "old", check=False)
    assert (found["result"], found["after"]) == ("failed", "old")
    assert found["error"]["message"] == "the installer gave no answer: Killed"
    assert found["error"]["step"] == "lock"


def test_each_variable_of_the_role_is_described_and_used() -> None:
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
    described = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())
    options = described["argument_specs"]["main"]["options"]
    assert {"edge_hdr_payload", *defaults} == options.keys()
    assert options["edge_hdr_payload"]["required"]
    assert {name: options[name]["default"] for name in defaults} == defaults
    assert all(option["description"] for option in options.values())
    tasks = (ROLE / "tasks/main.yml").read_text()
    assert [name for name in defaults if name not in tasks] == []
    used = set(re.findall(r"^    (\w+):", tasks, re.MULTILINE))
    assert used == set(plugin("edge_hdr_install").OPTIONS)
