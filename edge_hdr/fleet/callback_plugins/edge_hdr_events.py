"""Ansible callback: write what happens to each board as a line of JSON, and say when to stop.

The plan is a JSON file that the environment's EDGE_HDR_FLEET_PLAN names: where the events go, the
sizes of the waves, the share that may fail, and the file without which no board shall begin.
That is decided here, where each result arrives before Ansible begins the next wave.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

from edge_hdr.fleet.waves import Watch

DOCUMENTATION = """
name: edge_hdr_events
type: stdout
short_description: events of a fleet's deployment as lines of JSON
description:
  - Used by C(edge-hdr deploy --inventory); prints nothing.
options: {}
"""
PLAN = "EDGE_HDR_FLEET_PLAN"
SUDO_HINT = "check the sudo password, and that the board's sudo allows this user"
KEPT = ("result", "before", "after", "seconds", "error", "warnings", "data")


def _error(words: str, result: str) -> dict[str, str]:
    """Give what Ansible says itself: in one line, but ssh's words as they are; they are read on."""
    if result == "unreachable":
        return {"message": words}
    lines = [line.strip() for line in words.removeprefix("Task failed: ").splitlines()]
    message = "; ".join(line for line in lines if line and not line.startswith(">>>"))
    is_sudo = "become" in message.lower()
    return {"message": message, "hint": SUDO_HINT if is_sudo else ""}


class CallbackModule(CallbackBase):
    """Tell of boards, not of tasks."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "edge_hdr_events"

    def __init__(self) -> None:
        super().__init__()
        plan = json.loads(Path(os.environ[PLAN]).read_text(encoding="utf-8"))
        self._events = Path(plan["events"]).open("a", encoding="utf-8")  # noqa: SIM115 - all along
        self._go = Path(plan["go"])
        self._watch = Watch(plan["waves"], plan["max_fail"])
        self._told: set[str] = set()
        self._parent = os.getppid()

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Tell that a wave begins; each is a run of the play."""
        self._watch.begin_wave()
        self._leave_if_alone()
        if not self._watch.stopped:
            self._tell("wave")

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        """Tell that a board begins."""
        self._leave_if_alone()
        if not self._watch.stopped:
            self._tell("begin", board=host.get_name())

    def v2_runner_on_ok(self, result: Any) -> None:
        """Tell of a board that has the release."""
        self._end(result, "failed")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Tell of a board that failed."""
        self._end(result, "failed")

    def v2_runner_on_skipped(self, result: Any) -> None:
        """Tell of a board that was not begun any more."""
        self._end(result, "skipped")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Tell of a board that does not answer."""
        self._end(result, "unreachable")

    def _end(self, result: Any, otherwise: str) -> None:
        host = getattr(result, "host", None) or result._host
        document = getattr(result, "result", None) or result._result
        board = host.get_name()
        found = document.get("edge_hdr") or {
            "result": otherwise,
            "error": _error(str(document.get("msg") or "Ansible gave no reason"), otherwise),
        }
        if board in self._told:
            return
        self._told.add(board)
        told = {key: found[key] for key in KEPT if key in found}
        token = ((found.get("document") or {}).get("data") or {}).get("token")
        self._tell("end", board=board, **told, **({"token": token} if token else {}))
        if reason := self._watch.end(found["result"]):
            self._go.unlink(missing_ok=True)
            self._tell("stop", detail=reason)

    def _leave_if_alone(self) -> None:
        """Let no board begin when nobody is there any more to remember what becomes of it."""
        if os.getppid() != self._parent:
            self._go.unlink(missing_ok=True)

    def _tell(self, event: str, **fields: Any) -> None:
        line = json.dumps({"event": event, "wave": self._watch.wave, **fields}, default=str)
        self._events.write(line + "\n")
        self._events.flush()
