"""A real sshd on a free port of this machine, with keys and settings of its own."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from mosquitto import LIMIT_S, program, wait_for

from edge_hdr.target import Target


class Sshd:
    """A server that lets this user in by a key that was made for it, and knows no other settings.

    Args:
        folder: for keys, settings and logs; of this server alone.
        options: lines of its configuration; they come before ours, so they hold.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self._program = program("sshd")
        self.folder = folder
        self.port = free_port()
        self.user = getpass.getuser()
        self._process: subprocess.Popen[bytes] | None = None
        self.host_key = self._make_key("host_key")
        self.key = self._make_key("user_key")
        shutil.copy(f"{self.key}.pub", folder / "authorized_keys")
        self._settings = folder / "sshd_config"
        self._settings.write_text("\n".join([*options, *self._server_lines()]) + "\n")
        self.known_hosts = folder / "known_hosts"
        self.know()
        self.config = folder / "ssh_config"
        self.config.write_text("\n".join(self.client_lines()) + "\n")

    def _make_key(self, name: str) -> Path:
        path = self.folder / name
        words = [program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]
        subprocess.run([*words, str(path)], check=True, stdin=subprocess.DEVNULL)
        return path

    def _server_lines(self) -> list[str]:
        return [
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {self.host_key}",
            f"AuthorizedKeysFile {self.folder / 'authorized_keys'}",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin yes",
            "StrictModes no",
            "UsePAM no",
            "PidFile none",
            "PrintMotd no",
            "SetEnv SHLVL=2",  # else bash takes the user's own ~/.bashrc for what ssh starts
        ]

    def client_lines(self) -> list[str]:
        """Give the client's settings: our keys, and nobody else's."""
        return [
            "Host *",
            f"  UserKnownHostsFile {self.known_hosts}",
            "  GlobalKnownHostsFile /dev/null",
            f"  IdentityFile {self.key}",
            "  IdentitiesOnly yes",
            "  IdentityAgent none",
        ]

    def know(self, key: Path | None = None) -> None:
        """Write down the server's key as the known one, or another in its place."""
        kind, letters = Path(f"{key or self.host_key}.pub").read_text().split()[:2]
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {kind} {letters}\n")

    @property
    def target(self) -> Target:
        """Give what to connect to."""
        return Target(self.user, "127.0.0.1", self.port)

    def start(self) -> None:
        """Start it and wait until it listens."""
        if os.geteuid() == 0:  # compiled into it; the service's own unit makes it, too
            with contextlib.suppress(FileExistsError):
                Path("/run/sshd").mkdir(mode=0o755)
        log = self.folder / "sshd.log"
        words = [self._program, "-D", "-f", str(self._settings), "-E", str(log)]
        self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL)
        wait_for(lambda: self._listens(log), "sshd listening")

    def _listens(self, log: Path) -> bool:
        assert self._process is not None
        said = log.read_text() if log.exists() else ""
        assert self._process.poll() is None, said
        return "Server listening on" in said

    def sessions(self) -> list[int]:
        """Give the processes that serve a connection each, and those below them."""
        assert self._process is not None
        return descendants(self._process.pid)

    def signal_sessions(self, number: int) -> None:
        """Send a signal to all that serve a connection, but not to the commands they run."""
        for pid in self.sessions():
            with contextlib.suppress(OSError):
                if Path(f"/proc/{pid}/exe").readlink().name.startswith("sshd"):
                    os.kill(pid, number)

    def stop(self) -> None:
        """End it and all that it started."""
        if self._process is None:
            return
        for pid in reversed([self._process.pid, *self.sessions()]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(LIMIT_S)
        self._process = None

    def __enter__(self) -> Sshd:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


def free_port() -> int:
    """Find a port of this machine that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def descendants(pid: int) -> list[int]:
    """Give the processes that one started, and theirs, parents first."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            after_name = (entry / "stat").read_text().rpartition(")")[2].split()
            parents.setdefault(int(after_name[1]), []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found += children
        waiting += children
    return found
