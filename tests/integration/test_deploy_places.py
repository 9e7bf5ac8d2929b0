"""Boards that are not as one would like them: no sudo, an old Python, a 32-bit system."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from board_access import Access
from deployments import SETTINGS, archive, make
from real_boards import SystemBoard, plain_boards

pytestmark = pytest.mark.slow

HOME = "/home/guest"
BASE = f"{HOME}/.local/share/edge-hdr"


@pytest.fixture
def access(tmp_path: Path) -> Access:
    made = Access(tmp_path / "access")
    (made.folder / "device.toml").write_text(SETTINGS)
    return made


@pytest.fixture
def board(tmp_path: Path, access: Access) -> Iterator[SystemBoard]:
    with SystemBoard(tmp_path / "boards", access, packages=True) as made:
        yield made


def test_without_sudo_it_is_the_users_own_and_starts_at_boot(
    board: SystemBoard, access: Access
) -> None:
    before = board.tree("/opt", "/etc/systemd", "/etc/edge-hdr", "/usr/local/bin")
    words = ("deploy", "guest@board", "--window", "1")
    done = access.command(*words, "--model", "ds-cnn-nano-int8", "--config", "device.toml").data
    assert (done["mode"], done["service"], done["ready"]) == ("user", True, True)
    assert board.tree("/opt", "/etc/systemd", "/etc/edge-hdr", "/usr/local/bin") == before
    assert board.link(f"{BASE}/current") == f"releases/{done['id']}"
    second = access.command(*words, "--model", "ds-cnn-small-int8").data
    assert second["previous"] == done["id"]
    found = access.command("status", "guest@board").data
    assert (found["current"]["id"], found["mode"]) == (second["id"], "user")
    assert (found["alive"], found["trial"]) == (True, False)
    assert board.sh(f"find {BASE} -not -user guest") == ""
    board.cut_power()
    board.boot()
    assert board.exists("/var/lib/systemd/linger/guest")
    found = access.command("status", "guest@board").data
    assert found["service"]["state"] == "active"
    access.command("undeploy", "guest@board").data  # noqa: B018
    assert not board.exists(BASE)


@pytest.mark.parametrize(("system", "words"), [("old", "3.9"), ("narrow", "i686")])
def test_a_board_that_cannot_run_it_is_told_why_and_left_alone(
    tmp_path: Path, access: Access, system: str, words: str
) -> None:
    with plain_boards(tmp_path / "boards", access, system=system) as [board]:
        before = board.tree("/opt", "/etc", "/var", "/home")
        told = access.command("doctor", "pi@board01")
        assert told.code == 6
        assert words in str(told.document)
        error = access.command("deploy", "pi@board01").error
        assert error["exit_code"] == 6
        assert words in error["message"] + error["hint"]
        # by hand, past the doctor
        board.write("/home/pi/payload.pyz", archive(make(tmp_path, "byhand")))
        done = access.ssh("pi@board01", "sudo python3 payload.pyz --no-service; rm payload.pyz")
        assert b"error: " in done.stderr
        assert words.encode() in done.stderr
        assert b"Traceback" not in done.stderr
        after = board.tree("/opt", "/etc", "/var", "/home")
        new = {Path(path).name for path in after if path not in before}
        assert new <= {"edge-hdr", "history.jsonl", "lock", "settle"}  # it tells what failed
