"""A board that is reached over ssh: an emulated userland in namespaces of its own; needs root.

It has processes, a name and a network of its own, which leads to this machine and no further. The
emulator is registered in its user namespace alone; nothing of the machine changes. Nothing boots:
sshd is started, and there is no systemd.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import debian
from boards import ROOT, Board
from cached import cached
from emulation import MAGICS, MASK

from edge_hdr.data.cache import cache_dir
from edge_hdr.errors import DependencyError, DeviceStepError

sys.path.append(str(ROOT / "scripts"))
from container import ENVIRONMENT, first_process, overlay, wait

__all__ = ["NAME", "SshBoard", "wait"]
PROGRAMS = {
    "unshare": "util-linux",
    "ip": "iproute2",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
}
NAME = "board"  # in the ssh configuration
NET = "10.79.{number}.{end}"
PORT = 22
SSHD_S = 60.0  # an emulated sshd starts slowly
# What every Debian has, and sshd.
PACKAGES = (
    *("base-files", "bash", "bsdutils", "coreutils", "dash", "diffutils", "findutils", "grep"),
    *("gzip", "hostname", "login", "openssh-server", "procps", "sed", "tar", "util-linux"),
)
SSHD = """\
PermitRootLogin prohibit-password
PasswordAuthentication no
UsePAM no
UseDNS no
PidFile none
SetEnv QEMU_CPU={cpu}
"""
SSH = """\
Host {name}
  HostName {address}
  User root
  UserKnownHostsFile {folder}/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  IdentityFile {folder}/key
  IdentitiesOnly yes
  IdentityAgent none
  BatchMode yes
"""
# Waits until this process's user namespace has its users, then becomes their root.
ENTER = 'echo ready; read -r go; exec "$@"'
# Process 1 of the board; a native one, because an emulated process 1 that crashes would hang.
START = """\
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
echo ':edge-hdr:M::{magic}:{emulator}:F' >/proc/sys/fs/binfmt_misc/register
cd {place}
mkdir -p proc sys dev run tmp
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
mkdir run/sshd run/lock dev/shm
chmod 1777 dev/shm run/lock
for name in null zero full random urandom; do
  touch dev/$name
  mount --bind /dev/$name dev/$name
done
ln -s /proc/self/fd dev/fd
hostname {name}
ip link set lo up
chroot . /usr/sbin/sshd -D -e &
wait
"""


class SshBoard:
    """An emulated board with an sshd, where root may log in with a key of its own.

    Args:
        board: whose userland; its first processor is emulated.
        folder: for the board's changes and for who logs in.

    Attributes:
        changes: what was written on the board, and nothing else: its own root, as seen from here.
    """

    def __init__(self, board: Board, folder: Path) -> None:
        self.board = board
        self.folder = folder
        self.changes = folder / "changes"
        self.init = 0
        self._layers: list[Path] = []
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> SshBoard:
        _require()
        self._layers = [_layer(self.board), debian.root(self.board)]
        self._prepare()
        try:
            self._start()
            address = self._connect()
            wait(lambda: _answers(address), "sshd", SSHD_S)
        except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
            self.__exit__()
            said = (self.folder / "sshd.txt").read_text().strip()[-300:]
            raise DeviceStepError(
                f"the emulated board does not start: {error}", hint=said
            ) from error
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.init or self._process.pid, signal.SIGKILL)
            self._process.wait(30)

    @property
    def environment(self) -> dict[str, str]:
        """Give what makes edge-hdr use this board's ssh configuration and nothing of the user's."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("EDGE_HDR_")}
        own = {"EDGE_HDR_SSH_CONFIG": str(self.folder / "ssh_config"), "HOME": str(self.folder)}
        return kept | own | {"XDG_CACHE_HOME": str(cache_dir().parent), "NO_COLOR": "1"}

    def files(self) -> dict[str, str]:
        """List what was added to the board's system, with rights and size, and what replaces it.

        Byte code is left out, because running a program may add it.
        """
        found = {}
        for folder, folders, names in os.walk(self.changes):
            folders[:] = [name for name in folders if name != "__pycache__"]
            for path in (Path(folder, name) for name in [*folders, *names]):
                place, info = path.relative_to(self.changes), path.lstat()
                if not stat.S_ISDIR(info.st_mode):
                    found[str(place)] = f"{info.st_mode:o} {info.st_size}"
                elif not any((layer / place).is_dir() for layer in self._layers):
                    found[str(place)] = f"{info.st_mode:o}"
        return found

    def processes(self) -> dict[int, tuple[int, list[str]]]:
        """Give the board's processes by this machine's numbers: parent and words."""
        found: dict[int, tuple[int, list[str]]] = {}
        space = Path(f"/proc/{self.init}/ns/pid").readlink()
        for folder in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                if folder.name.isdigit() and (folder / "ns/pid").readlink() == space:
                    parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
                    words = (folder / "cmdline").read_text().split("\0")
                    found[int(folder.name)] = (int(parent), words)
        return found

    def _prepare(self) -> None:
        """Write what makes the userland a board: users, a host key, who may log in."""
        etc, home = self.changes / "etc", self.changes / "root/.ssh"
        for name in ("opt", "usr/local/bin"):  # as the set-up of Debian's packages does
            (self.changes / name).mkdir(parents=True)
        (etc / "ssh").mkdir(parents=True)
        home.mkdir(parents=True, mode=0o700)
        (self.changes / "root").chmod(0o700)
        for path in (self.folder / "key", etc / "ssh/ssh_host_ed25519_key"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", NAME, "-f", str(path)]
            subprocess.run(command, check=True)
        shutil.copy(self.folder / "key.pub", home / "authorized_keys")
        (etc / "ssh/sshd_config").write_text(SSHD.format(cpu=self.board.cpus[0]))
        (etc / "passwd").write_text(
            "root:*:0:0:root:/root:/bin/sh\n"
            "sshd:*:100:65534::/run/sshd:/usr/sbin/nologin\n"
            "nobody:*:65534:65534:nobody:/:/usr/sbin/nologin\n"
        )
        (etc / "hosts").write_text(f"127.0.0.1 localhost {NAME}\n")

    def _start(self) -> None:
        place = self.folder / "root"
        mount = overlay(self._layers, self.changes, place)
        script = START.format(
            magic=MAGICS[self.board.machine] + ":" + MASK,
            emulator=debian.emulator(self.board),
            place=shlex.quote(str(place)),
            name=NAME,
        )
        spaces = ["unshare", "--user", "--mount", "--uts", "--ipc", "--net", "--pid", "--fork"]
        inside = [*spaces, "--kill-child", "sh", "-c", ENTER, "sh", "sh", "-ec", script]
        outside = ["unshare", "--mount", "sh", "-ec", f'{mount}; exec "$@"', "sh", *inside]
        with (self.folder / "sshd.txt").open("w") as told:
            self._process = subprocess.Popen(
                outside,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=told,
                env=ENVIRONMENT | {"QEMU_CPU": self.board.cpus[0]},
                text=True,
            )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdout.readline()
        self.init = first_process(self._process.pid)
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{self.init}/{name}").write_text("0 0 65536\n")
        self._process.stdin.write("go\n")
        self._process.stdin.close()

    def _connect(self) -> str:
        """Lay a cable that leads to the board and nowhere else, and write how to log in."""
        number = next(number for number in range(1, 250) if self._lay(number))
        address, cable = NET.format(number=number, end=2), f"edge-hdr{number}"
        _ip("addr", "add", f"{NET.format(number=number, end=1)}/24", "dev", cable)
        _ip("link", "set", cable, "up")
        enter = ("nsenter", "--target", str(self.init), "--net", "ip")
        for words in (
            ("addr", "add", f"{address}/24", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
        ):
            subprocess.run([*enter, *words], check=True)
        key = (self.changes / "etc/ssh/ssh_host_ed25519_key.pub").read_text()
        (self.folder / "known_hosts").write_text(f"{address} {key}")
        config = SSH.format(name=NAME, address=address, folder=self.folder)
        (self.folder / "ssh_config").write_text(config)
        return address

    def _lay(self, number: int) -> bool:
        ends = ("type", "veth", "peer", "name", "eth0", "netns", str(self.init))
        return not _ip("link", "add", f"edge-hdr{number}", *ends, check=False).returncode


def _layer(board: Board) -> Path:
    """Give what comes over `debian.root`: what every Debian has, and sshd."""

    def make(folder: Path) -> None:
        debian.unpack(PACKAGES, suite=board.suite, arch=board.arch, folder=folder)

    return cached(f"ssh-{board.suite}-{board.arch}", f"{PACKAGES}\n{debian.__doc__}", make)


def _require() -> None:
    if os.getuid() != 0:
        raise DependencyError("a board of its own needs root", hint="run it as root")
    for program, package in PROGRAMS.items():
        if not shutil.which(program):
            raise DependencyError(f"{program} is missing", hint=f"apt-get install {package}")
    probe = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    probe.append("mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc")
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        raise DependencyError(
            "the kernel does not let a user namespace register an emulator of its own",
            hint="that needs Linux 6.7 or newer, with user namespaces allowed",
        )


def _answers(address: str) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((address, PORT), 1) as found:
        found.settimeout(10)
        return found.recv(4) == b"SSH-"
    return False


def _ip(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ip", *arguments], capture_output=True, text=True, check=check)
