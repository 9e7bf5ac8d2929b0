"""Ansible action: ask a board what runs there, or what it is, in one round trip."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

FILES = Path(__file__).resolve().parents[1] / "files"
OPTIONS: dict[str, dict[str, Any]] = {
    "question": {"type": "str", "choices": ["status", "probe"], "required": True},
    "script": {"type": "str", "default": ""},
    "user_mode": {"type": "bool", "default": False},
    "python": {"type": "str", "default": "python3"},
}


class ActionModule(ActionBase):
    """Ask; nothing on the board changes."""

    _supports_check_mode = True
    _supports_async = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Give the task's result; all that we say is below `edge_hdr`."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, options = self.validate_argument_spec(OPTIONS)
        if options["question"] == "status":
            whose = "user" if options["user_mode"] else "any"
            done = self._ask(["sh", "-s", "--", whose], FILES / "status.sh")
            document = answer(done)
            data, error = document.get("data"), document.get("error")
        else:
            done = self._ask([options["python"], "-I", "-"], Path(options["script"]))
            data, error = answer(done), None
        found = {"result": "failed" if error else "answered" if data else "empty"}
        return result | {
            "changed": False,
            "failed": error is not None,
            "msg": error["message"] if error else found["result"],
            "edge_hdr": found | {"data": data, "error": error},
        }

    def _ask(self, words: list[str], script: Path) -> dict[str, Any]:
        command = f"{self._compute_environment_string()} {shlex.join(words)}".strip()
        done: dict[str, Any] = self._low_level_execute_command(command, in_data=script.read_bytes())
        return done


def answer(done: dict[str, Any]) -> dict[str, Any]:
    """Read the last line that a board wrote; empty where it wrote none and was content."""
    lines = done["stdout"].strip().splitlines()
    if not lines and not done["rc"]:
        return {}
    try:
        found = json.loads(lines[-1])
    except (ValueError, IndexError) as error:
        said = (done.get("stderr") or done["stdout"]).strip().splitlines()[-3:]
        words = "; ".join(said) or f"exit code {done['rc']}"
        raise AnsibleActionFail(f"the board gave no answer: {words}") from error
    return found if isinstance(found, dict) else {}
