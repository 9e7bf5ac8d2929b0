"""A fleet of twenty real boards: three fail, each in its way; a rerun asks these three alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from board_access import Access, Answer
from deployments import BASE
from real_boards import PlainBoard, plain_boards

pytestmark = pytest.mark.slow

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIDHvh9UYYc5EoYHLWwZH8HOFrpwTdTJjAVPwZ0vMKzB somebody"
OFF, FULL, STRICT = "board05", "board09", "board13"
BROKEN = {OFF: "unreachable", FULL: "failed", STRICT: "failed"}


@dataclass
class Fleet:
    """Twenty boards and the computer that they are deployed from."""

    boards: dict[str, PlainBoard]
    access: Access

    def deploy(self, *words: str) -> Answer:
        return self.access.command(
            "deploy", "--inventory", "fleet.yml", "--model", "ds-cnn-nano-int8", "--no-service",
            "--max-fail", "50%", *words,
        )  # fmt: skip

    def installed(self) -> set[str]:
        """Name the boards that have a current release, past everything of ours."""
        return {name for name, board in self.boards.items() if board.init and self._runs(board)}

    def _runs(self, board: PlainBoard) -> bool:
        command = f"{BASE}/current/bin/edge-hdr-device --version"
        return board.run("sh", "-c", command, check=False).returncode == 0


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    access = Access(folder / "access")
    with plain_boards(folder / "boards", access, 20) as boards:
        names = "".join(f"    {board.name}:\n" for board in boards)
        (access.folder / "fleet.yml").write_text(f"all:\n  hosts:\n{names}")
        yield Fleet({board.name: board for board in boards}, access)


@pytest.fixture(scope="module")
def first(fleet: Fleet) -> Answer:
    fleet.boards[OFF].stop()
    fleet.boards[OFF].init = 0
    fleet.boards[FULL].limit("/opt", 1 << 20)
    fleet.boards[FULL].fill("/opt", leave_bytes=64 << 10)
    fleet.boards[STRICT].write("/etc/edge-hdr/trusted-keys", KEY + "\n")
    return fleet.deploy()


def test_three_fail_and_the_rest_is_updated(fleet: Fleet, first: Answer) -> None:
    assert first.error["exit_code"] == 5
    found = {board["board"]: board for board in first.document["data"]["boards"]}
    results = {name: board["result"] for name, board in found.items()}
    assert results == dict.fromkeys(fleet.boards, "updated") | BROKEN
    assert fleet.installed() == set(fleet.boards) - set(BROKEN)
    assert "refused" in found[OFF]["error"]["message"]
    assert found[FULL]["error"]["code"] == "storage"
    assert "sign" in found[STRICT]["error"]["message"]


@pytest.mark.usefixtures("first")
def test_a_rerun_asks_these_three_alone(fleet: Fleet) -> None:
    def histories() -> dict[str, str]:
        done = fleet.installed() - set(BROKEN)
        return {name: fleet.boards[name].sh(f"cat {BASE}/history.jsonl") for name in done}

    before = histories()
    fleet.boards[OFF].start()
    fleet.boards[OFF].wait()
    fleet.boards[FULL].empty("/opt")
    fleet.boards[FULL].sh("mount -o remount,size=64m /opt")
    fleet.boards[STRICT].sh("rm /etc/edge-hdr/trusted-keys")
    data = fleet.deploy().data
    results = {board["board"]: board["result"] for board in data["boards"]}
    assert results == dict.fromkeys(fleet.boards, "same") | dict.fromkeys(BROKEN, "updated")
    assert fleet.installed() == set(fleet.boards)
    assert histories() == before
    assert len(before) == 17


@pytest.mark.usefixtures("first")
def test_nothing_is_left_of_what_was_sent(fleet: Fleet) -> None:
    for board in fleet.boards.values():
        assert board.sh("ls -A /var/tmp /tmp /home/pi | grep -i edge", check=False) == ""
        assert board.sh(f"ls -A {BASE}/work", check=False) == ""


@pytest.mark.usefixtures("first")
def test_the_fleet_tells_what_it_runs(fleet: Fleet) -> None:
    found = fleet.access.command("status", "--inventory", "fleet.yml").data["boards"]
    assert {board["result"] for board in found} == {"answered"}
    assert len({board["data"]["current"]["id"] for board in found}) == 1
