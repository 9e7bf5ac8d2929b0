"""Run Ansible: in a process and with a configuration of its own, so that nobody's counts here."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from edge_hdr.errors import DependencyError, DeviceStepError
from edge_hdr.fleet.following import ended, follow

HERE = Path(__file__).parent
ROLES = HERE / "roles"
PLAYBOOKS = HERE / "playbooks"
GROUP = "edge_hdr_boards"
PREFIX = "edge-hdr-fleet-"
SUDO_PASSWORD = "EDGE_HDR_FLEET_SUDO"  # noqa: S105 - the name of a variable
CONNECT_S = 15
KEPT_VARIABLES = (  # of the user's; all others of Ansible's are left out
    "ANSIBLE_VAULT_",
    "ANSIBLE_COLLECTIONS_PATH",
    "ANSIBLE_INVENTORY_ENABLED",
    "ANSIBLE_INVENTORY_PLUGINS",
    "ANSIBLE_PRIVATE_KEY_FILE",
    "ANSIBLE_REMOTE_USER",
)
LIST_S = 120.0
SOCKET_LETTERS = 40  # a control socket's whole path may have about a hundred


class Engine:
    """Ansible for one command; a context manager that leaves nothing.

    Args:
        forks: boards at a time.
        accept_new_host_key: trust boards that ssh does not know yet.
    """

    def __init__(self, *, forks: int = 10, accept_new_host_key: bool = False) -> None:
        self._forks = forks
        self._accept = accept_new_host_key
        self._folder = Path()

    def __enter__(self) -> Engine:
        check_installed()
        short = len(tempfile.gettempdir()) <= SOCKET_LETTERS
        parent = None if short else "/tmp"  # noqa: S108 - mkdtemp makes a private folder
        _sweep(Path(parent or tempfile.gettempdir()))
        self._folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=parent))
        (self._folder / "ansible.cfg").touch()
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def folder(self) -> Path:
        """Give a private folder that lasts as long as this."""
        return self._folder

    def inventory(self, inventory: Path, limit: str | None) -> tuple[dict[str, Any], str]:
        """Have Ansible read an inventory.

        Returns:
            What `ansible-inventory --list` says, empty when it failed, and its last words.
        """
        words = ["inventory", "-i", str(inventory.resolve()), "--list"]
        words += ["--limit", limit] if limit else []
        environment = self._environment({"ANSIBLE_INVENTORY_UNPARSED_FAILED": "1"})
        try:
            done = subprocess.run(
                [*_ansible(), *words],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=LIST_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return {}, f"reading it took more than {LIST_S:.0f} s"
        said = last_words(done.stderr.decode(errors="replace"))
        if done.returncode:
            return {}, said or f"exit code {done.returncode}"
        found: dict[str, Any] = json.loads(done.stdout)
        return found, said

    def play(
        self,
        playbook: str,
        inventory: Path,
        boards: Mapping[str, Mapping[str, Any]],
        on_event: Callable[[dict[str, Any]], None],
        *,
        defaults: Mapping[str, Any] | None = None,
        orders: Mapping[str, Any] | None = None,
        waves: Iterable[int] = (),
        max_fail: float = 1.0,
        check: bool = False,
        sudo_password: str | None = None,
    ) -> None:
        """Run a playbook of ours on some boards of an inventory.

        Args:
            playbook: its name.
            inventory: as Ansible reads it.
            boards: by name, in their order, with variables of their own.
            on_event: gets each event of the callback plugin as it comes.
            defaults: variables that the inventory may set otherwise.
            orders: variables that hold whatever the inventory says.
            waves: sizes of the waves; all at once by default.
            max_fail: share that may fail, see `waves.Watch`.
            check: change nothing.
            sudo_password: for boards whose sudo asks; it is on no disk here.

        Raises:
            DeviceStepError: Ansible ended by itself before all boards were done.
            KeyboardInterrupt: as it came; boards that were begun finish by themselves.
        """
        sizes = list(waves) or [len(boards)]
        ours = {"all": {"vars": dict(defaults or {})}, GROUP: {"hosts": dict(boards)}}
        plan = {"events": str(self._folder / "events"), "go": str(self._folder / "go")}
        given = {**(orders or {}), "edge_hdr_waves": sizes, "edge_hdr_go_file": plan["go"]}
        words = ["-i", str(self._write("boards.json", ours)), "-i", str(inventory.resolve())]
        words += ["-e", f"@{self._write('variables.json', given)}", *(["--check"] if check else [])]
        path = self._write("plan.json", {**plan, "waves": sizes, "max_fail": max_fail})
        for name in plan.values():
            Path(name).unlink(missing_ok=True)
            Path(name).touch()
        secret = {} if sudo_password is None else {SUDO_PASSWORD: sudo_password}
        environment = self._environment({"EDGE_HDR_FLEET_PLAN": str(path), **secret})
        command = [*_ansible(), "playbook", *words, str(PLAYBOOKS / f"{playbook}.yml")]
        with (self._folder / "log").open("wb") as log:
            process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is ours to pass on; nothing asks on the terminal
            )
            with ended(process):
                left = follow(process, Path(plan["events"]), set(boards), on_event)
        if process.returncode and left:
            said = last_words((self._folder / "log").read_text(errors="replace"))
            raise DeviceStepError(
                f"Ansible ended before {len(left)} of {len(boards)} boards were done: "
                f"{said or f'exit code {process.returncode}'}",
                hint="the same command goes on with those that are left"
                if playbook == "deploy" and not check
                else "try it again",
            )

    def _write(self, name: str, content: Any) -> Path:
        path = self._folder / name
        path.touch(mode=0o600)
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    def _environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("ANSIBLE_") or name.startswith(KEPT_VARIABLES)
        }
        folder = self._folder
        ours = {
            "ANSIBLE_CONFIG": folder / "ansible.cfg",
            "ANSIBLE_HOME": folder / "home",
            "ANSIBLE_LOCAL_TEMP": folder / "local",
            "ANSIBLE_ROLES_PATH": ROLES,
            "ANSIBLE_CALLBACK_PLUGINS": HERE / "callback_plugins",
            "ANSIBLE_STDOUT_CALLBACK": "edge_hdr_events",
            "ANSIBLE_FORKS": self._forks,
            "ANSIBLE_HOST_KEY_CHECKING": "True",
            "ANSIBLE_PIPELINING": "True",
            "ANSIBLE_SSH_ARGS": self._connection_options(),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": folder / "c",
            "ANSIBLE_SSH_USETTY": "False",
            "ANSIBLE_SSH_RETRIES": 0,
            "ANSIBLE_TIMEOUT": CONNECT_S,
            "ANSIBLE_RETRY_FILES_ENABLED": "False",
            "ANSIBLE_DEPRECATION_WARNINGS": "False",
            "ANSIBLE_NOCOLOR": "1",
            "LC_ALL": "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8",
        }
        return kept | {name: str(value) for name, value in ours.items()} | dict(extra)

    def _connection_options(self) -> str:
        words = ["-o", "BatchMode=yes", "-o", "ControlMaster=auto", "-o", "ControlPersist=15s"]
        words += ["-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4"]
        if self._accept:
            words += ["-o", "StrictHostKeyChecking=accept-new"]
        if config := os.environ.get("EDGE_HDR_SSH_CONFIG"):
            words += ["-F", config]
        return shlex.join(words)


def check_installed() -> None:
    """Make sure that Ansible is there.

    Raises:
        DependencyError: it is not.
    """
    try:
        importlib.metadata.distribution("ansible-core")
    except importlib.metadata.PackageNotFoundError:
        raise DependencyError(
            "a fleet needs ansible-core, which is not installed",
            hint="pip install 'edge-hdr[fleet]'",
        ) from None


def _sweep(parent: Path) -> None:
    """Remove folders of ours that a killed process left."""
    for folder in parent.glob(f"{PREFIX}[0-9]*-*"):
        number = folder.name.removeprefix(PREFIX).partition("-")[0]
        with contextlib.suppress(OSError, ValueError):
            if folder.stat().st_uid == os.getuid() and not _is_alive(int(number)):
                shutil.rmtree(folder, ignore_errors=True)


def _is_alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def last_words(said: str) -> str:
    """Give the last thing that Ansible complained of, in one line."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    complaints = [line for line in lines if line.startswith(("ERROR!", "[ERROR]:"))]
    warnings = [line for line in lines if line.startswith("[WARNING]:")]
    last = (complaints or warnings or lines or [""])[-1]
    for start in ("ERROR!", "[ERROR]:", "[WARNING]:"):
        last = last.removeprefix(start).strip()
    return last


def _ansible() -> list[str]:
    return [sys.executable, "-P", "-m", "ansible"]
