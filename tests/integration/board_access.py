"""Who deploys to the tests' boards: a key, known hosts and an ssh configuration of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "scripts"))  # for `container`
PROGRAMS = {
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "ip": "iproute2",
    "nsenter": "util-linux",
}
SSHD = """\
UseDNS no
PasswordAuthentication no
MaxStartups 100
ClientAliveInterval 2
ClientAliveCountMax 2
"""  # with a client that is silent it ends a connection after 6 seconds: minutes on a real board
HOST = """\
Host {name}
  HostName {address}
  Port {port}
  User pi
  HostKeyAlias {name}
  UserKnownHostsFile {folder}/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  IdentityFile {folder}/key
  IdentitiesOnly yes
  IdentityAgent none
  BatchMode yes
  ConnectTimeout 5

"""


def layer(name: str) -> Path:
    """Give a cached layer of the boards' files, "system" or "packages"; it is made when gone."""
    missing = [package for program, package in PROGRAMS.items() if not shutil.which(program)]
    if os.getuid() != 0 or missing:
        _give_up(f"needs {'apt install ' + ' '.join(missing) if missing else 'root'}")
    script = ROOT / "scripts" / "board_root.sh"
    environment = {**os.environ, "VENV": sys.prefix}
    done = subprocess.run(
        [script, name], capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode:
        _give_up(f"the boards' system cannot be made: {done.stderr.strip()[-300:]}")
    return Path(done.stdout.strip())


def _give_up(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"a board in a container: {reason}")
    pytest.skip(f"a board in a container: {reason}")


@dataclass(frozen=True)
class Answer:
    """What a command said.

    Attributes:
        code: exit code.
        document: its JSON document.
        stderr: what it told a person meanwhile.
    """

    code: int
    document: dict[str, Any]
    stderr: str

    @property
    def data(self) -> dict[str, Any]:
        """Give what it found; fails where it failed."""
        assert self.code == 0, (self.code, self.document, self.stderr)
        return dict(self.document["data"])

    @property
    def error(self) -> dict[str, Any]:
        """Give its error; fails where it did not."""
        assert self.code != 0, self.document
        assert self.document["error"]["exit_code"] == self.code
        return dict(self.document["error"])


class Access:
    """The computer that deploys: its key, its known hosts and its ssh configuration.

    Args:
        folder: for these; made.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.key = folder / "key"
        self.known_hosts = folder / "known_hosts"
        self.config = folder / "ssh_config"
        if not self.key.exists():
            _make_key(self.key, "the computer that deploys")
            self.known_hosts.touch()
            self.config.touch()

    @property
    def environment(self) -> dict[str, str]:
        """Give what makes edge-hdr use this configuration and nothing of the user's.

        Packages for boards are kept beside the boards' systems, for the next time.
        """
        own = {"EDGE_HDR_SSH_CONFIG": str(self.config), "HOME": str(self.folder)}
        own["XDG_CACHE_HOME"] = str(layer("system").parent / "home")
        kept = {key: value for key, value in os.environ.items() if not key.startswith("EDGE_HDR_")}
        return kept | own | {"NO_COLOR": "1", "COLUMNS": "100"}

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        """Start an edge-hdr command, its outputs as pipes."""
        return subprocess.Popen(
            [sys.executable, "-m", "edge_hdr", *map(str, words)],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def command(self, *words: str | Path) -> Answer:
        """Run an edge-hdr command with --json."""
        with self.start(*words, "--json") as process:
            out, err = process.communicate(timeout=300)
        return Answer(process.returncode, json.loads(out), err)

    def add(self, name: str, address: str, port: int, host_key: str) -> None:
        """Know a board by its name and host key."""
        with self.config.open("a") as config:
            config.write(HOST.format(name=name, address=address, port=port, folder=self.folder))
        with self.known_hosts.open("a") as known:
            known.write(f"{name} {host_key}\n")

    def ssh(
        self, target: str, command: str, *, send: bytes = b"", timeout_s: float = 60
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a shell command on a board the way a person would."""
        words = ["ssh", "-F", str(self.config), target, command]
        return subprocess.run(
            words, input=send, capture_output=True, timeout=timeout_s, check=False
        )


def prepare(root: Path, access: Access, name: str) -> str:
    """Write what makes a board this one: name, host key, who may log in; give its public key."""
    ssh = root / "etc/ssh"
    (ssh / "sshd_config.d").mkdir(parents=True, exist_ok=True)
    (ssh / "sshd_config.d/board.conf").write_text(SSHD)
    (root / "etc/hostname").write_text(f"{name}\n")
    (root / "etc/hosts").write_text(f"127.0.0.1 localhost board {name}\n::1 localhost\n")
    key = ssh / "ssh_host_ed25519_key"
    if not key.exists():
        _make_key(key, name)
    for user, number in {"pi": 1000, "guest": 1001}.items():
        place = root / "home" / user / ".ssh"
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(f"{access.key}.pub", place / "authorized_keys")
        for path in (place.parent, place, place / "authorized_keys"):
            os.chown(path, number, number)
        place.chmod(0o700)
    return Path(f"{key}.pub").read_text().strip()


def _make_key(path: Path, comment: str) -> None:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)]
    subprocess.run(command, check=True)
