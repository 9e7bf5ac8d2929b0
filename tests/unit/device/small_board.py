"""A board that is a home folder: a deployment without systemd, with an environment made before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from edge_hdr import payload
from edge_hdr_device.install import environment
from edge_hdr_device.install.installer import Outcome, install
from edge_hdr_device.install.layout import Layout
from edge_hdr_device.install.request import Request
from edge_hdr_device.install.steps import Progress
from edge_hdr_device.install.trying import plan_here

DEVICE = Path(__file__).parents[3] / "device"
SETTINGS = '[camera]\nsource = "synthetic"\n'


def write_payload(to: Path, model: Path, config: str | None = None) -> payload.Payload:
    """Write a whole payload."""
    file = to.with_suffix(".toml")
    if config is not None:
        file.write_text(config)
    made = payload.build(model, config=file if config is not None else None)
    made.write(to)
    return made


def make_environment(layout: Layout) -> None:
    """Put an environment in place that is this checkout's own."""
    place = layout.environments / plan_here().key
    (place / "bin").mkdir(parents=True)
    python = place / "bin/python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (place / environment.MARKER).write_text("{}\n")


def board_in(home: Path) -> Layout:
    """Make a board with nothing on it but an environment."""
    layout = Layout.user(home)
    make_environment(layout)
    return layout


class Told:
    """Remember what was told."""

    def __init__(self) -> None:
        self.lines: list[Progress] = []

    def __call__(self, progress: Progress) -> None:
        self.lines.append(progress)

    def of(self, state: str) -> list[str]:
        return [line.step for line in self.lines if line.state == state]

    def detail(self, step: str) -> str:
        return next(line.detail for line in self.lines if line.step == step and line.detail)


def put(layout: Layout, *payloads: Path, told: Told | None = None, **wanted: object) -> Outcome:
    """Install without a service; the test's own board may be slow."""
    request = Request(payloads, mode="user", service=False, budget_ms=0, by="a test")
    request = Request(**{**vars(request), **wanted})  # type: ignore[arg-type]
    return install(request, told or Told(), layout=layout)


def contents(folder: Path) -> dict[str, str]:
    """Give every file and link below a folder, less what changes by itself."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if "__pycache__" in name or path.name in {"lock", "history.jsonl", "settle"}:
            continue
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file():
            found[name] = path.read_bytes().hex()[:2000]
    return found


def start(home: Path, *words: str | Path, **kw: object) -> subprocess.Popen[str]:
    """Start this Python with the device package on a board."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("EDGE_HDR_")}
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
        [sys.executable, "-P", *map(str, words)],
        env={**kept, "HOME": str(home), "PYTHONPATH": str(DEVICE)},
        text=True,
        **{
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.DEVNULL,
            **kw,
        },
    )


def wait_for(holds, what: str, timeout_s: float = 20.0) -> None:  # type: ignore[no-untyped-def]
    """Wait for something that comes by itself."""
    end_s = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end_s, f"{what} did not come in {timeout_s:g} s"
        time.sleep(0.02)


def document(text: str) -> dict[str, object]:
    """Give the JSON document that a command printed last."""
    found: dict[str, object] = json.loads(text.splitlines()[-1])
    return found
