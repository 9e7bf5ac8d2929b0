"""Payloads to deploy in tests, an installer that can be killed at a step, and a board's state."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import shlex
import signal
import subprocess
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from board_access import Access
from container import wait
from real_boards import Board, SystemBoard

from edge_hdr import payload
from edge_hdr.payload import Payload
from edge_hdr_device.install.index import RUNTIME, Index, Member
from edge_hdr_device.install.steps import Progress
from edge_hdr_device.manifest import pack, read_model

ROOT = Path(__file__).parents[2]
RELEASED = ROOT / "models" / "ds-cnn-nano-int8" / "model.tflite"
LIMIT_S = 15.0
BASE = "/opt/edge-hdr"
SETTINGS = """\
[camera]
source = "synthetic"
[read]
fps = 5
"""
UPLOADS = "/var/tmp"
# Tells its own process number, then becomes the installer.
START = 'echo "pid $$"; exec "$@"'
# Tells what `State` has, in one go, because a test that waits asks again and again.
LOOK = r"""exec 2>/dev/null
eval "$(systemctl show -p ActiveState,MainPID edge-hdr-device)"
[ "$ActiveState" = active ] || MainPID=0
exec 3<>/dev/tcp/127.0.0.1/8630 && printf 'GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
echo "pid $MainPID"
echo "current $(readlink "$0/current")"
echo "model $(tr '\0' '\n' <"/proc/$MainPID/environ" | sed -n s/^EDGE_HDR_MODEL=//p)"
echo "trial $([ -e "$0/fallback" ] || [ -L "$0/fallback" ] && echo yes)"
echo "work $(ls -A "$0/work" | tr '\n' ' ')"
echo "releases $(ls -A "$0/releases" | tr '\n' ' ')"
echo "health $(head -1 <&3 | tr -d '\r')"
"""


def model(folder: Path, name: str) -> Path:
    """Write a released model under another name, so that it is another file."""
    flatbuffer, manifest = read_model(RELEASED)
    assert manifest is not None
    path = folder / f"{name}.tflite"
    path.write_bytes(pack(flatbuffer, dataclasses.replace(manifest, name=name)))
    return path


def make(folder: Path, name: str, *, config: str | None = SETTINGS, **options: Any) -> Payload:
    """Build a payload with a model of this name; options as of `payload.build`."""
    settings = None
    if config is not None:
        settings = folder / f"{name}.toml"
        settings.write_text(config)
    return payload.build(model(folder, name), config=settings, **options)


def changed(made: Payload, *, version: str = "", key: Any = None, **members: bytes) -> Payload:
    """Put other members into a payload, past every check of this side.

    Args:
        made: a payload.
        version: of the device package; empty leaves it.
        key: signs it.
        members: by name, with "_" for the dot.
    """
    contents = dict(made.contents) | {
        name.replace("_", "."): content for name, content in members.items()
    }
    known = {name: Member.of(raw) for name, raw in contents.items() if isinstance(raw, bytes)}
    index = Index(version or made.index.version, made.index.model, {**made.index.members, **known})
    raw = index.to_bytes()
    return dataclasses.replace(
        made, index=index, index_bytes=raw, contents=contents, signature=key and key.sign(raw)
    )


def with_runtime(made: Payload, version: str) -> Payload:
    """Put another version of the device package into a payload."""
    runtime = made.contents[RUNTIME]
    assert isinstance(runtime, bytes)
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(runtime)) as old, zipfile.ZipFile(packed, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename == "edge_hdr_device/__init__.py":
                content = content.replace(made.index.version.encode(), version.encode())
            new.writestr(entry, content)
    return changed(made, version=version, runtime_zip=packed.getvalue())


def archive(made: Payload, *, have: Payload | None = None) -> bytes:
    """Give the bytes of a payload, without what another one has brought."""
    known = [member.sha256 for member in have.index.members.values()] if have else []
    return b"".join(made.chunks(frozenset(known)))


@dataclass
class Installation:
    """What became of one run of the installer.

    Attributes:
        code: exit code of ssh; 255 when it was cut, 137 when the installer was killed.
        events: "begin unpack", "skip environment", ….
        notes: what it said beside that.
        document: the JSON document at the end; empty without one.
        stderr: of all that ran.
        took_s: from the start of ssh to its end.
    """

    code: int = 0
    events: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    document: dict[str, Any] = field(default_factory=dict)
    stderr: str = ""
    took_s: float = 0.0

    @property
    def data(self) -> dict[str, Any]:
        """Give the outcome; fails without one."""
        assert self.document.get("ok"), (self.code, self.document, self.stderr)
        return dict(self.document["data"])

    @property
    def error(self) -> dict[str, Any]:
        """Give the error; fails without one."""
        assert self.document.get("error"), (self.code, self.document, self.stderr)
        return dict(self.document["error"])


class Installer:
    """Brings payloads to a board over ssh and runs them there, as somebody does by hand.

    Args:
        board: to install on.
        user: to log in as; "pi" becomes root by sudo.
    """

    def __init__(self, board: Board, access: Access, user: str = "pi") -> None:
        self.board = board
        self.access = access
        self.target = f"{user}@{board.name}"
        self.becomes_root = ["sudo", "-n"] if user == "pi" else []
        self._pid = 0
        self._ssh: subprocess.Popen[str] | None = None

    def upload(self, content: bytes, name: str = "payload.pyz") -> str:
        """Carry a file over; give its path there."""
        path = f"{UPLOADS}/{name}"
        done = self.access.ssh(self.target, f"cat > {path}", send=content)
        assert done.returncode == 0, done.stderr
        return path

    def run(
        self,
        content: bytes,
        *words: str,
        at: str = "",
        then: Callable[[Installer], None] | None = None,
        window_s: float = 0.5,
    ) -> Installation:
        """Install a payload, and wait until the installer has gone, which a cut leaves behind.

        Args:
            content: of the payload.
            words: further options.
            at: name of a step.
            then: called as soon as that step begins.
            window_s: health window.
        """
        path = self.upload(content)
        command = [*self.becomes_root, "sh", "-c", START, "sh", "python3", path, "install"]
        command += [path, "--attended", "--events", "--json", "--window", f"{window_s:g}", *words]
        found, start_s = Installation(), time.monotonic()
        with subprocess.Popen(
            ["ssh", "-F", str(self.access.config), self.target, shlex.join(command)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as self._ssh:
            assert self._ssh.stdout is not None and self._ssh.stderr is not None
            for line in self._ssh.stdout:
                self._take(line, found, at, then)
            found.stderr = self._ssh.stderr.read()
        found.code, found.took_s = self._ssh.returncode, time.monotonic() - start_s
        wait(lambda: not Path(f"/proc/{self._pid}/exe").exists(), "the installer's end")
        return found

    def _take(
        self, line: str, found: Installation, at: str, then: Callable[[Installer], None] | None
    ) -> None:
        if line.startswith("pid "):
            self._pid = host_process(self.board, int(line.split()[1]))
        elif progress := Progress.from_line(line):
            found.events.append(f"{progress.state} {progress.step}")
            if progress.state in {"note", "warn"}:
                found.notes.append(progress.detail)
            if then and (progress.state, progress.step) == ("begin", at):
                then(self)
        elif '"schema"' in line:
            found.document = json.loads(line)
        else:
            raise AssertionError(f"not a line of the installer's: {line!r}")

    def kill(self) -> None:
        """Kill the installer, which has no time to clean up."""
        os.kill(self._pid, signal.SIGKILL)

    def cut(self) -> None:
        """End the connection, so that the installer finds its life line closed."""
        assert self._ssh is not None
        self._ssh.kill()


def host_process(board: Board, number: int) -> int:
    """Give this machine's number of a board's process."""
    space = Path(f"/proc/{board.init}/ns/pid").readlink()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if (folder / "ns/pid").readlink() == space:
                    status = (folder / "status").read_text()
                    [line] = [text for text in status.splitlines() if text.startswith("NSpid")]
                    if line.split()[-1] == str(number):
                        return int(folder.name)
            except OSError:
                continue  # it has just ended
    raise AssertionError(f"{board.name} has no process {number}")


@dataclass(frozen=True)
class State:
    """What runs on a board and what lies there.

    Attributes:
        current: id of the current release.
        running: id of the release that the service runs; empty when it does not.
        healthy: whether its page says so.
        trial: whether a switch is still on trial.
        work: names of half made things.
        releases: ids of those there.
        pid: of the service.
    """

    current: str
    running: str
    healthy: bool
    trial: bool
    work: tuple[str, ...]
    releases: tuple[str, ...]
    pid: int

    @property
    def settled(self) -> State:
        """Give it without what differs from start to start."""
        return dataclasses.replace(self, pid=0, releases=())


def state(board: SystemBoard, base: str = BASE) -> State:
    """Look at a board, past everything of ours."""
    said = board.run("bash", "-c", LOOK, base).stdout
    found = dict(line.split(" ", 1) for line in said.splitlines())
    return State(
        current=Path(found["current"]).name,
        running=Path(found["model"]).parent.name,
        healthy=" 200 " in found["health"],
        trial=found["trial"] == "yes",
        work=tuple(found["work"].split()),
        releases=tuple(sorted(found["releases"].split())),
        pid=int(found["pid"]),
    )


def wait_until_runs(board: SystemBoard, release: str, *, limit_s: float = LIMIT_S) -> State:
    """Wait until a release runs, healthy, with nothing half done; fails with what is there."""
    end_s = time.monotonic() + limit_s
    wanted = State(release, release, healthy=True, trial=False, work=(), releases=(), pid=0)
    while (found := state(board)).settled != wanted:
        if time.monotonic() > end_s:
            raise AssertionError(f"{found}\n{board.journal()}")
        time.sleep(0.1)
    return found


def files(board: Board) -> dict[str, str]:
    """List a deployment's files, less the history and what an installer needs while it runs."""
    return {
        path: what
        for path, what in board.tree().items()
        if path not in {f"{BASE}/{name}" for name in ("history.jsonl", "lock", "work")}
        and not path.startswith("/var/lib/edge-hdr-device/")
    }
