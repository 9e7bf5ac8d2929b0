"""The device's own commands on a board, as its user runs them, and what each must answer."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from emulation import Guest
from questions import DATA, TEXT

from edge_hdr.errors import DeviceStepError

MODULE = ("-m", "edge_hdr_device")
CAMERA = ("--camera", "synthetic:1")
PICTURE = DATA / "sample.jpg"
START_S = 120.0  # until the page shows a reading; an emulated board is slow
STOP_S = 30.0


def all_commands(guest: Guest, twin: Guest, folder: Path) -> dict[str, Any]:
    """Run every command that needs no camera.

    Args:
        guest: the board.
        twin: the same versions on this machine.
        folder: to run in; the guest sees it too.

    Returns:
        What each command answered, in short.

    Raises:
        DeviceStepError: a command failed or answered something else than it must.
    """
    steps: dict[str, Callable[[], dict[str, Any]]] = {
        "recognize": lambda: recognize(guest, folder),
        "selftest": lambda: selftest(guest, folder),
        "once": lambda: once(guest, twin, folder),
        "page": lambda: page(guest, folder),
    }
    return {name: step() for name, step in steps.items()}


def recognize(guest: Guest, folder: Path) -> dict[str, Any]:
    """Read the sample picture, whose text is known."""
    shutil.copy(PICTURE, folder)
    data = _document(guest, folder, "recognize", PICTURE.name)
    (image,) = data["images"]
    _expect(image["lines"] == TEXT, "recognize", image)
    return {"lines": image["lines"]}


def selftest(guest: Guest, folder: Path) -> dict[str, Any]:
    """Try interpreter, model, reading and storage."""
    data = _document(guest, folder, "selftest")
    checks = {check["name"]: check for check in data["checks"]}
    _expect(all(check["ok"] for check in checks.values()), "selftest", data)
    right, count = checks["reading"]["right"], checks["reading"]["n"]
    return {"ok": list(checks), "numbers_right": right, "numbers": count}


def once(guest: Guest, twin: Guest, folder: Path) -> dict[str, Any]:
    """Read one frame of the synthetic camera, and the same as the twin."""
    found, wanted = (
        _document(python, folder, "run", *CAMERA, "--once", "--no-page")["lines"]
        for python in (guest, twin)
    )
    _expect(found and found == wanted, "run --once", {"found": found, "twin": wanted})
    return {"lines": found}


def page(guest: Guest, folder: Path) -> dict[str, Any]:
    """Serve the live page of the synthetic camera, read a photo through it, and end in order."""
    with _running(guest, folder) as address:
        reading = _first_reading(address, folder)
        html = _get(f"{address}/").decode()
        _expect("<html" in html, "GET /", html[:200])
        metrics = _get(f"{address}/metrics").decode()
        _expect("edge_hdr" in metrics, "GET /metrics", metrics[:200])
        upload = _get(f"{address}/api/read?picture=0", PICTURE.read_bytes())
        lines = json.loads(upload)["reading"]["lines"]
        _expect(lines == TEXT, "POST /api/read", lines)
    return {
        "reading": reading,
        "html_bytes": len(html),
        "metrics_lines": len(metrics.splitlines()),
        "photo": lines,
    }


@contextmanager
def _running(guest: Guest, folder: Path) -> Iterator[str]:
    """Run the reader with its page; it must end by itself, without an error, when it is told to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with guest.start(*MODULE, "run", *CAMERA, "--port", str(port), cwd=folder) as process:
        try:
            yield f"http://127.0.0.1:{port}"
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=STOP_S)
        except subprocess.TimeoutExpired as error:
            raise DeviceStepError(f"run did not end within {STOP_S:.0f} s", hint="") from error
        finally:
            process.kill()  # does nothing to one that has ended
    said = (folder / "errors.txt").read_text()
    _expect(process.returncode == 0, f"run, exit code {process.returncode}", said[-500:])
    kinds = {json.loads(line)["type"] for line in output.splitlines()}
    _expect(kinds == {"reading"}, "run, standard output", output[:500])


def _first_reading(address: str, folder: Path) -> str:
    end_s = time.monotonic() + START_S
    while time.monotonic() < end_s:
        try:
            state = json.loads(_get(f"{address}/api/reading"))
        except OSError:  # nobody listens yet
            state = {}
        if state.get("reading"):
            return str(state["reading"][0]["text"])
        time.sleep(0.3)
    said = (folder / "errors.txt").read_text()
    raise DeviceStepError(f"no reading on the page after {START_S:.0f} s", hint=said[-500:])


def _get(url: str, body: bytes | None = None) -> bytes:
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "image/jpeg"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        said = error.read()[:300].decode(errors="replace")
        raise DeviceStepError(f"{url} answered {error.code}", hint=said) from error


def _document(guest: Guest, folder: Path, *arguments: str) -> dict[str, Any]:
    """Run a command with --json and give its data."""
    done: subprocess.CompletedProcess[str] = guest.run(
        *MODULE, *arguments, "--json", cwd=folder, timeout_s=300
    )
    _expect(done.returncode == 0, " ".join(arguments), done.stderr[-500:] or done.stdout[-500:])
    document: dict[str, Any] = json.loads(done.stdout)
    _expect(document["ok"], " ".join(arguments), document)
    data: dict[str, Any] = document["data"]
    return data


def _expect(good: object, what: str, said: object) -> None:
    if not good:
        raise DeviceStepError(f"{what} did not answer as it must", hint=str(said))
