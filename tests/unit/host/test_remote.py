"""What a board's own commands answer becomes our data or our errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edge_hdr.connection import Completed, LocalConnection
from edge_hdr.errors import CheckFailedError, DeviceStepError, EdgeHdrError, InputError
from edge_hdr.remote import Installed, answer, ask, stream
from edge_hdr.target import LOCAL, Target

DONE = Completed(5, b"", "said one\nsaid two\n")


def document(data: Any = None, error: Any = None) -> str:
    fields = {"schema": 1, "command": "x", "ok": error is None, "data": data, "error": error}
    return json.dumps(fields)


def test_a_document_gives_its_data() -> None:
    assert answer(document({"id": "a"}), DONE, "pi@host") == {"id": "a"}


@pytest.mark.parametrize(
    ("code", "kind"), [(3, InputError), (5, DeviceStepError), (6, CheckFailedError)]
)
def test_an_error_there_is_the_same_error_here(code: int, kind: type[EdgeHdrError]) -> None:
    error = {"code": "canary", "message": "7 of 64", "hint": "train more", "exit_code": code}
    with pytest.raises(kind) as raised:
        answer(document({"step": "canary"}, error), DONE, "pi@host")
    assert str(raised.value) == "pi@host: 7 of 64"
    assert (raised.value.hint, raised.value.code) == ("train more", "canary")
    assert raised.value.data == {"step": "canary"}  # type: ignore[attr-defined]


@pytest.mark.parametrize("line", ["", "no JSON", "{}", "[]", "null", '{"schema": 1}'])
def test_no_document_is_told_with_the_last_words(line: str) -> None:
    with pytest.raises(DeviceStepError, match="gave no answer: said one; said two"):
        answer(line, DONE, "pi@host")


def local() -> LocalConnection:
    return LocalConnection(Target.parse(LOCAL))


def test_a_command_is_asked_for_its_last_line() -> None:
    script = f"echo noise; echo '{document({'n': 1})}'"
    assert ask(local(), ("sh", "-c", script)) == {"n": 1}


def test_progress_is_passed_on_and_the_document_is_not() -> None:
    lines: list[str] = []
    script = f"echo one; echo two; echo '{document({'n': 1})}'"
    given = stream(local(), ("sh", "-c", script), lines.append, idle_s=20.0, timeout_s=20.0)
    assert (given, lines) == ({"n": 1}, ["one", "two"])


def test_root_s_installation_wants_root() -> None:
    free = Installed("/opt/edge-hdr", "system", ("sudo", "-n", "--"), may_be_root=True)
    assert free.as_owner(free.command("restart")) == (
        *("sudo", "-n", "--"),
        *("/opt/edge-hdr/current/bin/edge-hdr-device", "restart"),
    )
    closed = Installed("/opt/edge-hdr", "system", ("sudo", "-n", "--"), may_be_root=False)
    with pytest.raises(DeviceStepError, match="sudo"):
        closed.as_owner(("true",))
    own = Installed("/home/pi/.local/share/edge-hdr", "user", (), may_be_root=False)
    assert own.as_owner(("true",)) == ("true",)
