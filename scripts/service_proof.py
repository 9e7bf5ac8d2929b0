"""Prove on a booted Debian what the systemd unit promises; called by scripts/service_proof.sh.

Usage: python scripts/service_proof.py --root ROOT [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

from container import Container, wait

RESULT = Path(__file__).parents[1] / "benchmarks" / "results" / "service-proof.json"
UNIT = "edge-hdr-device"
PYTHON = "/opt/edge-hdr/bin/python"
CONFIG = "/etc/edge-hdr/device.toml"
STATE = "/var/lib/edge-hdr-device"
OPEN = "/srv/open"  # anybody may write there, were it not for the sandbox
PORT, OTHER_PORT = 8630, 8631
SETTINGS = """\
[camera]
source = "synthetic"
[read]
fps = 5
[web]
port = {port}
[samples]
folder = "/var/lib/edge-hdr-device/samples"
"""
# Run by a user without rights, within the sandbox and without; tells what it may do.
PROBE = """\
import ctypes, errno, json, mmap, os, socket, sys

def attempt(action):
    try:
        action()
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error.errno))
    return "allowed"

def write(folder):
    return lambda: open(f"{folder}/probe", "w").close()

def unshare():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x10000000):
        raise OSError(ctypes.get_errno(), "unshare")

print(json.dumps({
    "write into its state folder": attempt(write(sys.argv[1])),
    "write into a folder open to all": attempt(write("/srv/open")),
    "write into its program": attempt(write("/opt/edge-hdr")),
    "list the homes": attempt(lambda: os.listdir("/home/someone")),
    "open a device that is not its own": attempt(lambda: open("/dev/probe", "rb").close()),
    "open /dev/null": attempt(lambda: open("/dev/null", "rb").close()),
    "make memory that can be written and run": attempt(lambda: mmap.mmap(-1, 4096, prot=7)),
    "open an internet socket": attempt(lambda: socket.socket().close()),
    "open a bluetooth socket": attempt(lambda: socket.socket(31, socket.SOCK_RAW, 1).close()),
    "make a user namespace": attempt(unshare),
}), file=open(sys.argv[1] + "/probe.json", "w"))
"""
EXPECTED = {
    "write into its state folder": "allowed",
    "write into a folder open to all": "EROFS",
    "write into its program": "EROFS",
    "list the homes": "EACCES",
    "open a device that is not its own": "EPERM",
    "open /dev/null": "allowed",
    "make memory that can be written and run": "EPERM",
    "open an internet socket": "allowed",
    "open a bluetooth socket": "EAFNOSUPPORT",
    "make a user namespace": "EPERM",
}


class Proof:
    """Checks, each with what was found; a check that does not hold ends the proof."""

    def __init__(self, box: Container) -> None:
        self.box = box
        self.found: dict[str, Any] = {}

    def note(self, name: str, value: object, *, holds: bool) -> None:
        """Keep a finding."""
        print(f"{'ok' if holds else 'FAILED'}  {name}: {value}", file=sys.stderr)
        self.found[name] = value
        if not holds:
            self.fail(f"{name}: {value}")

    def fail(self, message: str) -> NoReturn:
        """End the proof with what the journal says."""
        journal = self.box.run("journalctl", "--no-pager", "-n", "40", "-u", UNIT).stdout
        raise SystemExit(f"error: {message}\n{journal}")

    @property
    def pid(self) -> int:
        """Give the service's main process."""
        return int(self.show("MainPID"))

    def show(self, name: str) -> str:
        """Give a property of the service."""
        return self.box.show(name, UNIT)

    def is_active(self) -> bool:
        """Tell whether the service said that it is ready."""
        return self.show("ActiveState") == "active"

    def ask(self, path: str, port: int = PORT) -> Any:
        """Ask the live page; None where it does not answer."""
        script = (
            "import sys; from urllib.request import urlopen; "
            f"answer = urlopen('http://127.0.0.1:{port}{path}', timeout=2); "
            "sys.stdout.write(answer.read().decode())"
        )
        done = self.box.run("python3", "-c", script, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def journal(self, *arguments: str) -> list[dict[str, Any]]:
        """Give the service's own lines in the journal."""
        command = ("journalctl", "-o", "json", f"_SYSTEMD_UNIT={UNIT}.service", *arguments)
        return [json.loads(line) for line in self.box.run(*command).stdout.splitlines()]


def install(proof: Proof) -> None:
    """Install the package from its wheels, without network, and its unit by our command."""
    box = proof.box
    box.run("python3", "-m", "venv", "/opt/edge-hdr")
    package = "edge-hdr-device[opencv,litert,all]"
    box.run(PYTHON, "-m", "pip", "install", "-q", "--no-index", "--find-links", "/wheels", package)
    box.write(CONFIG, SETTINGS.format(port=PORT))
    command = [PYTHON, "-m", "edge_hdr_device", "service", "--config", CONFIG, "--check", "--json"]
    data = json.loads(box.run(*command).stdout)["data"]
    proof.note("notes on the machine", data["notes"], holds=True)
    check = data["check"]
    proof.note("systemd's exposure figure", check["exposure"], holds=check["exposure"] <= 3.0)
    proof.note("settings systemd complains of", check["complaints"], holds=not check["complaints"])
    start_s = time.monotonic()
    for step in data["steps"]:
        box.run("sh", "-c", step)
    proof.note("steps of the command", data["steps"], holds=proof.is_active())
    proof.note("start to ready in s", round(time.monotonic() - start_s, 2), holds=True)


def reads(proof: Proof) -> None:
    """It reads the synthetic camera, and says so."""
    wait(lambda: (proof.ask("/api/reading") or {}).get("reading"), "a reading")
    proof.note("reading", proof.ask("/api/reading")["reading"][0]["text"], holds=True)
    status = proof.show("StatusText")
    proof.note("status line", status, holds="streaming" in status)


def has_no_rights(proof: Proof) -> None:
    """It runs as its own user, without capabilities, with filters in force."""
    text = proof.box.run("cat", f"/proc/{proof.pid}/status").stdout
    status = {line.partition(":")[0]: line.partition(":")[2].split() for line in text.splitlines()}
    user = proof.box.run("id", "-un", status["Uid"][0]).stdout.strip()
    proof.note("user", user, holds=user == "edge-hdr" and status["Uid"][0] != "0")
    rights = {name: status[name][0] for name in ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp")}
    wanted = {"CapEff": "0" * 16, "CapBnd": "0" * 16, "NoNewPrivs": "1", "Seccomp": "2"}
    proof.note("rights", rights, holds=rights == wanted)


def is_closed_in(proof: Proof) -> None:
    """What the sandbox denies, it denies; without it the same user may do more."""
    box = proof.box
    box.run("sh", "-c", f"install -d -m 777 {OPEN} && install -d -m 777 /home/someone")
    box.run("mknod", "-m", "666", "/dev/probe", "c", "10", "200")  # TUN, which all may open
    box.write("/opt/probe.py", PROBE)
    unit = box.run("cat", f"/etc/systemd/system/{UNIT}.service").stdout
    lines = [
        f"ExecStart={PYTHON} /opt/probe.py {STATE}" if line.startswith("ExecStart=") else
        "Type=oneshot" if line.startswith("Type=") else
        "Restart=no" if line.startswith("Restart=") else line
        for line in unit.splitlines()
        if not line.startswith(("WatchdogSec=", "ExecReload="))
    ]  # fmt: skip
    box.write("/etc/systemd/system/probe.service", "\n".join(lines) + "\n")
    box.run("systemctl", "daemon-reload")
    box.run("systemctl", "start", "probe")
    inside = json.loads(box.run("cat", f"{STATE}/probe.json").stdout)
    proof.note("within the sandbox", inside, holds=inside == EXPECTED)
    box.run("rm", "-f", f"{STATE}/probe", f"{OPEN}/probe")
    user = ("setpriv", "--reuid", "edge-hdr", "--regid", "edge-hdr", "--clear-groups")
    box.run(*user, PYTHON, "/opt/probe.py", STATE)
    outside = json.loads(box.run("cat", f"{STATE}/probe.json").stdout)
    more = [name for name, answer in outside.items() if answer == "allowed" != inside[name]]
    proof.note("allowed without it", more, holds=len(more) >= 4)


def is_limited(proof: Proof) -> None:
    """The limit on memory is in force."""
    box, limit = proof.box, int(proof.show("MemoryMax"))
    proof.note("memory limit in bytes", limit, holds=0 < limit <= 1 << 30)
    used = int(proof.show("MemoryCurrent"))
    proof.note("memory in use in bytes, page on", used, holds=0 < used < limit / 2)
    text = box.run("cat", "/etc/systemd/system/probe.service").stdout
    eater = f"{PYTHON} -c \"x = b'x' * {limit + (64 << 20)}\""
    text = text.replace(f"{PYTHON} /opt/probe.py {STATE}", eater)
    box.write("/etc/systemd/system/probe.service", text)
    box.run("systemctl", "daemon-reload")
    box.run("systemctl", "start", "probe", check=False)
    result = box.show("Result", "probe")
    proof.note("a process over the limit", result, holds=result in {"oom-kill", "signal"})


def is_watched(proof: Proof) -> None:
    """A process that hangs is ended by the watchdog and started again."""
    before, start_s = proof.pid, time.monotonic()
    proof.box.run("kill", "-STOP", str(before))
    wait(lambda: proof.pid not in {0, before} and proof.is_active(), "the restart", 90)
    took_s = round(time.monotonic() - start_s, 1)
    proof.note("hung to running again in s", took_s, holds=30 <= took_s < 60)
    told = proof.box.run("journalctl", "--no-pager", "-u", UNIT).stdout
    proof.note("systemd says", "Watchdog timeout", holds="Watchdog timeout" in told)


def comes_back(proof: Proof) -> None:
    """A process that crashes is started again."""
    before, start_s = proof.pid, time.monotonic()
    proof.box.run("kill", "-SEGV", str(before))
    wait(lambda: proof.pid not in {0, before} and proof.is_active(), "the restart")
    proof.note("crash to running again in s", round(time.monotonic() - start_s, 1), holds=True)


def reloads(proof: Proof) -> None:
    """A good configuration is taken, a bad one refused, by the same process."""
    before = proof.pid
    wait(lambda: proof.ask("/api/reading"), "the page")
    proof.box.write(CONFIG, SETTINGS.format(port=OTHER_PORT))
    proof.box.run("systemctl", "reload", UNIT)
    took_s = wait(lambda: proof.ask("/healthz", OTHER_PORT), "the page on its new port")
    proof.note("good configuration in force in s", took_s, holds=proof.ask("/healthz") is None)
    proof.box.write(CONFIG, SETTINGS.format(port=PORT) + "colour = 3\n")
    refused = proof.box.run("systemctl", "reload", UNIT, check=False).returncode
    proof.note("exit code of a reload with a bad configuration", refused, holds=refused != 0)
    proof.box.run("systemctl", "kill", "--kill-who=main", "--signal=HUP", UNIT)
    wait(lambda: any("not taken" in line["MESSAGE"] for line in proof.journal()), "the refusal")
    [refusal] = [line for line in proof.journal() if "not taken" in line["MESSAGE"]]
    proof.note("refusal", refusal["MESSAGE"], holds=refusal["PRIORITY"] == "3")
    still = proof.ask("/healthz", OTHER_PORT) is not None and proof.is_active()
    proof.note("old configuration kept, same process", still, holds=still and proof.pid == before)
    proof.box.write(CONFIG, SETTINGS.format(port=PORT))
    proof.box.run("systemctl", "reload", UNIT)
    wait(lambda: proof.ask("/healthz"), "the page on its old port")


def tells_lines(proof: Proof) -> None:
    """The journal has one line an event, each with its priority, and nothing else."""
    lines = proof.journal()
    odd = [
        line["MESSAGE"]
        for line in lines
        if not isinstance(line["MESSAGE"], str)
        or line["MESSAGE"].startswith(("<", " ", "{", "Traceback"))
    ]
    proof.note("lines in the journal that are no events", odd, holds=not odd)
    counts = {level: sum(line["PRIORITY"] == level for line in lines) for level in "346"}
    proof.note("lines in the journal by priority", counts, holds=len(lines) > 5)
    events = [f"<{line['PRIORITY']}> {line['MESSAGE']}" for line in lines[:8]]
    proof.note("first lines in the journal", events, holds=True)


def ends(proof: Proof) -> None:
    """SIGTERM ends it within two seconds, cleanly, and it starts again."""
    took = []
    for _ in range(3):
        wait(lambda: proof.ask("/api/reading"), "the page")
        start_s = time.monotonic()
        proof.box.run("systemctl", "stop", UNIT)
        took.append(round(time.monotonic() - start_s, 2))
        result = proof.show("Result")
        proof.box.run("systemctl", "start", UNIT)
    proof.note("stop in s", took, holds=max(took) <= 2.0 and result == "success")


CHECKS = (
    install, reads, has_no_rights, is_closed_in, is_limited, reloads, ends, tells_lines, comes_back,
    is_watched,
)  # fmt: skip


def main() -> None:
    """Run every check and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--root", type=Path, required=True, help="a Debian with systemd; is changed"
    )
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    with Container(options.root) as box:
        proof = Proof(box)
        try:
            for check in CHECKS:
                check(proof)
        except RuntimeError as error:
            proof.fail(str(error))
        systemd = box.run("systemctl", "--version").stdout.split("\n")[0]
    document = {
        "command": "make service-proof",
        "systemd": systemd,
        "machine": f"container on {platform.machine()}, Linux {platform.release().split('-')[0]}",
        "found": proof.found,
    }
    options.out.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
