"""Ansible action: bring a payload to a board in one go and let its installer do the rest.

It sends archive and command over one connection, needs no module on the board, and sends nothing
where the release is there already. It runs wherever Ansible does, also without edge-hdr.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import platform
import shlex
import time
import zipfile
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

FILES = Path(__file__).resolve().parents[1] / "files"
OPTIONS: dict[str, dict[str, Any]] = {
    "payload": {"type": "str", "required": True},
    "wheels": {"type": "str", "default": ""},
    "wheels_always": {"type": "bool", "default": False},
    "trust": {"type": "str", "default": ""},
    "user_mode": {"type": "bool", "default": False},
    "service": {"type": "bool", "default": True},
    "window_s": {"type": "float", "default": 10.0},
    "keep": {"type": "int", "default": 3},
    "budget_ms": {"type": "float", "default": 50.0},
    "force": {"type": "bool", "default": False},
    "python": {"type": "str", "default": "python3"},
    "uploads": {"type": "str", "default": "/var/tmp"},  # noqa: S108 - mktemp -d makes it private
    "keep_token": {"type": "bool", "default": False},
    "go_file": {"type": "str", "default": ""},
}


class ActionModule(ActionBase):
    """Install a payload; changed only where the board's installer says so."""

    _supports_check_mode = True
    _supports_async = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Give the task's result; all that we say is below `edge_hdr`."""
        started_s = time.monotonic()
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, options = self.validate_argument_spec(OPTIONS)
        if not may_begin(options["go_file"]):
            return result | {"skipped": True, "edge_hdr": {"result": "skipped"}}
        found = self._bring(options)
        found["seconds"] = round(time.monotonic() - started_s, 3)
        if not options["keep_token"] and found.get("document", {}).get("data"):
            found["document"]["data"].pop("token", None)  # a secret is no part of Ansible's output
        error = found.get("error")
        return result | {
            "changed": found["result"] in {"updated", "would-update"},
            "failed": error is not None,
            "msg": _words(error) if error else found["result"],
            "edge_hdr": found,
        }

    def _bring(self, options: dict[str, Any]) -> dict[str, Any]:
        release, runtime = identify(options["payload"])
        seen = self._look(options, runtime)
        before = seen.get("current")
        told = {"id": release, "mode": seen["mode"], "before": before}
        runs = seen.get("service", "active") == "active" and "trial" not in seen
        settled = before == release and runs and not (options["force"] or options["trust"])
        if settled:
            return told | {"result": "same", "after": before}
        document, steps = self._install(options, seen)
        return told | read_document(document, steps, before, check=self._task.check_mode)

    def _look(self, options: dict[str, Any], runtime: str) -> dict[str, str]:
        wanted = runtime if options["wheels"] and not options["wheels_always"] else ""
        whose = "user" if options["user_mode"] else "any"
        done = self._shell_out("look.sh", whose, wanted)
        lines = [line.partition("=") for line in done["stdout"].splitlines()]
        seen = {name: value for name, sign, value in lines if sign}
        if "mode" not in seen:
            raise AnsibleActionFail(f"the board gave no answer: {_said(done)}")
        return seen

    def _install(
        self, options: dict[str, Any], seen: dict[str, str]
    ) -> tuple[dict[str, Any], list[dict[str, str]]]:
        content = Path(options["payload"]).read_bytes()
        wheels = ""
        if options["wheels"] and "environment" not in seen:
            wheels = self._send_wheels(options["wheels"], options["uploads"])
        words = (
            *(str(len(content)), options["trust"], wheels, seen["root"], options["python"]),
            options["uploads"],
            *self._words(options, seen["mode"]),
        )
        script = (FILES / "receive.sh").read_text(encoding="utf-8")
        command = shlex.join(["sh", "-c", script, "edge-hdr", *words])
        command = f"{self._compute_environment_string()} {command}".strip()
        try:
            done = self._low_level_execute_command(command, in_data=content)
        except AnsibleConnectionFailure as error:
            raise AnsibleConnectionFailure(
                f"the connection was lost while the board installed; it finishes by itself: {error}"
            ) from error
        return parse(done)

    def _words(self, options: dict[str, Any], mode: str) -> list[str]:
        words = ["--events", "--json", "--by", _me(), "--window", f"{options['window_s']:g}"]
        words += ["--keep", str(options["keep"]), "--budget-ms", f"{options['budget_ms']:g}"]
        words += ["--user"] if mode == "user" else []
        words += [] if options["service"] else ["--no-service"]
        words += ["--force"] if options["force"] else []
        return words + (["--dry-run"] if self._task.check_mode else [])

    def _send_wheels(self, path: str, uploads: str) -> str:
        done = self._shell_out("wheels.sh", uploads, become=False)
        folder = done["stdout"].strip()
        if done["rc"] or not folder.startswith(f"{uploads}/edge-hdr-wheels."):
            raise AnsibleActionFail(f"no place for the wheels on the board: {_said(done)}")
        self._connection.put_file(path, f"{folder}/wheels.zip")
        return f"{folder}/wheels.zip"

    def _shell_out(self, name: str, *words: str, become: bool = True) -> dict[str, Any]:
        """Run one of our scripts on the board; it goes over by stdin."""
        script = (FILES / name).read_bytes()
        command = shlex.join(["sh", "-s", "--", *words])
        command = f"{self._compute_environment_string()} {command}".strip()
        done: dict[str, Any] = self._low_level_execute_command(
            command, sudoable=become, in_data=script
        )
        return done


def may_begin(go_file: str) -> bool:
    """Tell whether a board may begin: as long as the file is there, where one is named.

    It goes when the fleet stops, and with all else of a command that ends or is killed: a process
    that Ansible has begun by then finds it gone.
    """
    return not go_file or Path(go_file).exists()


def identify(payload: str) -> tuple[str, str]:
    """Give a payload's id and its runtime's, as the board's folders have them."""
    try:
        with zipfile.ZipFile(payload) as archive:
            members = json.loads(archive.read("payload.json"))["members"]
        kept = {name: entry["sha256"] for name, entry in members.items()}
        lines = [
            f"{sha256}  {name}\n"
            for name, sha256 in sorted(kept.items())
            if not name.startswith("wheels/")
        ]
        return hashlib.sha256("".join(lines).encode()).hexdigest()[:12], kept["runtime.zip"][:12]
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise AnsibleActionFail(f"{payload} is no payload: {error}") from error


def parse(done: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Take the installer's document and its steps from what it wrote."""
    document: dict[str, Any] = {}
    steps = []
    for line in done["stdout"].splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict) and "schema" in found and "ok" in found:
            document = found
        elif isinstance(found, dict) and "step" in found and "event" in found:
            steps.append(found)
    if not document:
        error = {
            "code": "device-step",
            "message": f"the installer gave no answer: {_said(done)}",
            "hint": "try again; edge-hdr doctor looks at the board",
        }
        document = {"ok": False, "data": None, "error": error}
    return document, steps


def read_document(
    document: dict[str, Any], steps: list[dict[str, str]], before: str | None, *, check: bool
) -> dict[str, Any]:
    """Say what the installer's document means for the board."""
    data = document.get("data") or {}
    warnings = [step["detail"] for step in steps if step["event"] == "warn"]
    common = {"warnings": warnings, "document": document}
    if document.get("ok"):
        changes = data.get("changed", True)
        result = ("would-update" if check else "updated") if changes else "same"
        after = data.get("id") if changes and not check else before
        return common | {"result": result, "after": after}
    open_steps = [step["step"] for step in steps if step["event"] == "begin"]
    told = document.get("error") or {}
    error = {
        "message": told.get("message") or "the installer failed",
        "hint": told.get("hint") or "",
        "code": told.get("code") or "device-step",
        "step": data.get("step") or (open_steps[-1] if open_steps else ""),
    }
    return common | {"result": "failed", "after": before, "error": error}


def _me() -> str:
    try:
        return f"{getpass.getuser()}@{platform.node()}"
    except (OSError, KeyError):  # a container's user may have no name
        return platform.node()


def _said(done: dict[str, Any]) -> str:
    lines = (done.get("stderr") or done.get("stdout") or "").strip().splitlines()[-3:]
    return "; ".join(lines) or f"exit code {done.get('rc')}"


def _words(error: dict[str, str]) -> str:
    return f"{error['message']} ({error['hint']})" if error["hint"] else error["message"]
