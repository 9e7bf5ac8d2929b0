"""Boards to deploy to: a booted Debian with systemd, and many light ones; both with a real sshd.

`SystemBoard` boots the Debian of scripts/board_root.sh with an address of its own. `PlainBoards`
runs the same Debian many times, each with files, processes, a name and an sshd of its own on a port
of this machine, without systemd. Changes lie in the given folder; the Debian itself stays as it is.
Needs root: where it or a program is missing a test is skipped, and fails where CI is set.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from board_access import Access, layer, prepare
from container import ENVIRONMENT, Container, first_process, overlay, wait

SYSTEM = ("/opt/edge-hdr", "/etc/edge-hdr", "/var/lib/edge-hdr-device")  # of a deployment by root
FILE = "%p\\t%y %m %u %l %s\\n"  # for find: path, kind, rights, owner, target, size
# Runs as the first process of a plain board: its files, devices and name, then sshd in its place.
START = """\
mount --make-rprivate /
{mount}
cd {place}
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
pivot_root . mnt
exec chroot . sh -c 'umount -l /mnt && exec /usr/sbin/sshd -D -o UsePAM=no -o Port={port} \
  -o ListenAddress=127.0.0.1 -o PidFile=none'
"""


class Board:
    """What can be looked at and done on a board that runs, as its root and past its sshd."""

    name: str
    init: int  # its first process, as this machine numbers it

    def run(
        self, *command: str | Path, check: bool = True, send: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as root."""
        inside = ["nsenter", "--target", str(self.init), "--all", "--", *map(str, command)]
        done = subprocess.run(
            inside, input=send, capture_output=True, text=True, env=ENVIRONMENT, check=False
        )
        if check and done.returncode:
            raise AssertionError(f"{shlex.join(inside)}: {done.stderr or done.stdout}")
        return done

    def sh(self, script: str, *, check: bool = True) -> str:
        """Run a shell script as root and give what it prints, without the last line's end."""
        return self.run("sh", "-c", script, check=check).stdout.rstrip("\n")

    def exists(self, path: str | Path) -> bool:
        """Tell whether there is something, a broken link included."""
        return (
            self.run("sh", "-c", 'test -e "$0" || test -L "$0"', path, check=False).returncode == 0
        )

    def read(self, path: str | Path) -> str:
        """Read a file."""
        return self.run("cat", path).stdout

    def write(self, path: str | Path, content: str | bytes, *, mode: str = "644") -> None:
        """Write a file, and the folders that it lies in."""
        raw = content.encode() if isinstance(content, str) else content
        script = 'mkdir -p "$(dirname "$0")" && cat >"$0" && chmod "$1" "$0"'
        inside = ["nsenter", "--target", str(self.init), "--all", "--", "sh", "-c", script]
        subprocess.run([*inside, str(path), mode], input=raw, check=True, env=ENVIRONMENT)

    def link(self, path: str | Path) -> str | None:
        """Give where a link leads to; None when it is not there."""
        return self.run("readlink", path, check=False).stdout.strip() or None

    def tree(self, *folders: str | Path) -> dict[str, str]:
        """List everything below folders: kind, rights, owner, and a link's target or a file's size.

        Byte code is left out, because running a program may add it.
        """
        kept = ("-name", "__pycache__", "-prune", "-o")
        shown = ("(", "-type", "d", "-printf", "%p\\t%y %m %u\\n", "-o", "-printf", FILE, ")")
        listing = self.run("find", *(folders or SYSTEM), *kept, *shown, check=False).stdout
        return dict(line.split("\t", 1) for line in sorted(listing.splitlines()))

    def limit(self, folder: str, size_bytes: int) -> None:
        """Put a small file system under a folder, with what the folder holds."""
        self.sh(
            f"mkdir -p {folder} /run/limit && mount -t tmpfs -o mode=755,size={size_bytes} tmpfs "
            f"/run/limit && cp -a {folder}/. /run/limit && "
            f"mount --bind /run/limit {folder} && umount /run/limit"
        )

    def fill(self, folder: str, *, leave_bytes: int) -> None:
        """Fill a folder's file system until so much is left; again with more gives some back."""
        self.sh(
            f"rm -f {folder}/.ballast; free=$(df -B1 --output=avail {folder} | tail -1); "
            f"fallocate -l $((free - {leave_bytes} > 0 ? free - {leave_bytes} : 1)) "
            f"{folder}/.ballast"
        )

    def empty(self, folder: str) -> None:
        """Take away what `fill` put there."""
        self.sh(f"rm -f {folder}/.ballast")


class SystemBoard(Board):
    """A Debian with systemd, booted, with sshd, reached over a cable that can be cut.

    `pi` may use sudo without a password, `guest` may not.

    Args:
        folder: for the changes; a new one is a new board.
        access: who may log in.
        name: that this board has in the ssh configuration.
        packages: whether the system has the Python packages that the device package needs.
    """

    def __init__(
        self, folder: Path, access: Access, *, name: str = "board", packages: bool = False
    ) -> None:
        self.name = name
        self.access = access
        self.root = folder / name
        layers = [layer("system")]
        if packages:
            layers.insert(0, layer("packages"))
        self._container = Container(self.root, layers=layers)
        self._number = 0  # of the cable

    def __enter__(self) -> SystemBoard:
        host_key = prepare(self.root, self.access, self.name)
        self.boot()
        self.access.add(self.name, self.address, 22, host_key)
        return self

    def __exit__(self, *error: object) -> None:
        self.cut_power()

    @property
    def cable(self) -> str:
        """Name this machine's end of the cable."""
        return f"board{self._number}"

    @property
    def address(self) -> str:
        """Give its address, at the far end of the cable."""
        return f"10.78.{self._number}.2"

    def boot(self) -> None:
        """Start it, or start it again after its power was cut."""
        self._container.__enter__()
        self.init = self._container.init
        try:
            self._connect()
            wait(lambda: self.is_reached, "sshd", 20)
        except BaseException:
            self.cut_power()
            raise

    def cut_power(self) -> None:
        """End everything that runs on it, at once."""
        self._container.__exit__()

    @property
    def is_reached(self) -> bool:
        """Tell whether sshd answers."""
        return _answers(self.address, 22)

    def show(self, name: str, unit: str = "edge-hdr-device") -> str:
        """Give a property of a unit."""
        return self._container.show(name, unit)

    def journal(self, unit: str = "edge-hdr-device", lines: int = 30) -> str:
        """Give the last lines of a unit."""
        return self.sh(f"journalctl --no-pager -n {lines} -u {unit}")

    def cut(self) -> None:
        """Pull the cable."""
        _ip("link", "set", self.cable, "down")

    def mend(self) -> None:
        """Put the cable back."""
        _ip("link", "set", self.cable, "up")

    def _connect(self) -> None:
        """Lay a cable, the same as before or the first that is free on this machine."""
        if self._number:
            wait(lambda: self._lay(self._number), "the cable")
        else:
            self._number = next(number for number in range(1, 250) if self._lay(number))
        _ip("addr", "add", f"10.78.{self._number}.1/24", "dev", self.cable)
        _ip("link", "set", self.cable, "up")
        for what in ("addr add {address}/24 dev host0", "link set host0 up", "link set lo up"):
            self.run("ip", *what.format(address=self.address).split())

    def _lay(self, number: int) -> bool:
        ends = ("type", "veth", "peer", "name", "host0", "netns", str(self.init))
        return not _ip("link", "add", f"board{number}", *ends, check=False).returncode


class PlainBoard(Board):
    """A light board: the Debian's files and an sshd, without systemd; see `PlainBoards`."""

    def __init__(self, folder: Path, access: Access, name: str, layers: Sequence[Path]) -> None:
        self.name = name
        self.access = access
        self.root = folder / name / "changes"
        self.init = 0
        self.port = _free_port()
        self._layers = layers
        self._process: subprocess.Popen[bytes] | None = None
        access.add(name, "127.0.0.1", self.port, prepare(self.root, access, name))

    def start(self) -> None:
        """Begin to start, or to start again with the same files; `wait` waits for it."""
        place = self.root.with_name("root")
        mount = overlay(self._layers, self.root, place)
        script = START.format(
            mount=mount, place=shlex.quote(str(place)), name=self.name, port=self.port
        )
        spaces = ["unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child"]
        command = [*spaces, "sh", "-ec", script]
        with self.root.with_name("stderr").open("w") as told:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stderr=told, env=ENVIRONMENT
            )

    def wait(self) -> None:
        """Wait until sshd answers."""
        process = self._process
        assert process is not None
        wait(lambda: _answers("127.0.0.1", self.port) or process.poll() is not None, "sshd", 20)
        assert process.poll() is None, self.root.with_name("stderr").read_text()
        self.init = first_process(process.pid)

    def stop(self) -> None:
        """End it as a power cut does; the files stay."""
        if self._process and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.init or self._process.pid, signal.SIGKILL)
            self._process.wait(10)


@contextlib.contextmanager
def plain_boards(
    folder: Path, access: Access, count: int = 1, *, system: str = "system"
) -> Iterator[list[PlainBoard]]:
    """Start boards `board01`, `board02`, … and stop them at the end.

    Args:
        folder: for their changes.
        access: who may log in, as `pi` with sudo or as `guest`.
        count: of boards.
        system: of scripts/board_root.sh; the one called "system" has the Python packages, too.
    """
    layers = [layer("packages"), layer(system)] if system == "system" else [layer(system)]
    boards = [
        PlainBoard(folder, access, f"board{number:02d}", layers) for number in range(1, count + 1)
    ]
    try:
        for board in boards:
            board.start()
        for board in boards:
            board.wait()
        yield boards
    finally:
        for board in boards:
            board.stop()


def _answers(address: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((address, port), 1) as found:
        found.settimeout(1)
        return found.recv(4) == b"SSH-"
    return False


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _ip(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ip", *arguments], capture_output=True, text=True, check=check)
