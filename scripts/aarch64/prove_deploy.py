"""Prove `edge-hdr deploy` over a real ssh to emulated ARM boards; root only.

    python scripts/aarch64/prove_deploy.py [--out FILE]

The 64-bit board has an sshd and no network but the cable to this machine; see `ssh_board`. What a
command says is not believed: the board's files are looked at after each. Emulation proves that it
is done right, never how fast, so no time is recorded. The 32-bit board is only looked at.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from boards import BOARDS, ROOT
from deployment import Proof, expect
from ssh_board import NAME, SshBoard

from edge_hdr.errors import EdgeHdrError
from edge_hdr_device.storage import write_atomic

RESULT = ROOT / "benchmarks" / "results" / "deploy-aarch64.json"
ABOUT = (
    "emulated: says nothing of speed; no systemd in a userland that does not boot: --no-service; "
    "root logs in; no network on the board but the cable to the computer that deploys"
)


def prove_64(folder: Path) -> dict[str, Any]:
    """Lead a 64-bit board through all steps."""
    board = BOARDS[0]
    with SshBoard(board, folder) as running:
        proof = Proof(running)
        steps: tuple[Callable[[], dict[str, Any]], ...] = (
            *(proof.doctor, proof.deploy_offline, proof.update_model, proof.same_again),
            *(proof.roll_back, proof.refuse_too_slow, proof.kill_installer, proof.bench),
            proof.undeploy,
        )
        found = {}
        for step in steps:
            start_s = time.monotonic()
            found[step.__name__] = step()
            print(f"  {step.__name__}: {time.monotonic() - start_s:.0f} s", flush=True)
    return {"system": board.system, "cpu": board.cpus[0], "steps": found}


def prove_32(folder: Path) -> dict[str, Any]:
    """Look at a 32-bit board that lacks Debian's numpy and OpenCV, where no wheels exist."""
    (board,) = (replace(board, debian=()) for board in BOARDS if board.arch == "armhf")
    with SshBoard(board, folder) as running:
        proof = Proof(running)
        code, document, stderr = proof.answer("doctor", NAME)
        expect(code == 6, "doctor of a 32-bit board", document or stderr)
        data = document["data"]
        userland = data["facts"]["userland"]
        expect((userland["machine"], userland["bits"]) == ("armv7l", 32), "doctor", userland)
        hints = [item["repair"] for item in data["findings"] if item["severity"] == "forbids"]
        expect(hints == ["sudo apt install -y python3-numpy python3-opencv"], "doctor", hints)
        proof.expect_files(proof.before)
    system = "32-bit Bookworm without Debian's numpy and OpenCV"
    step = {"exit_code": code, "conclusion": data["conclusion"], "repair": hints[0]}
    return {"system": system, "cpu": board.cpus[0], "steps": {"doctor": step}}


def main() -> None:
    """Prove both; what is missing here skips the proof, but not where CI is set."""
    parser = argparse.ArgumentParser(description="Prove edge-hdr deploy on emulated ARM boards.")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    start_s, boards = time.monotonic(), []
    try:
        for prove in (prove_64, prove_32):
            with tempfile.TemporaryDirectory(prefix="edge-hdr-deploy-") as folder:
                boards.append(prove(Path(folder)))
                print(f"{boards[-1]['system']}: {', '.join(boards[-1]['steps'])}", flush=True)
    except EdgeHdrError as error:
        missing = error.exit_code in {3, 4} and not os.environ.get("CI")
        print(f"error: {error.message}\nhint: {error.hint}", file=sys.stderr)
        if missing:
            print("skipped", file=sys.stderr)
        sys.exit(0 if missing else error.exit_code)
    record = {"command": "make deploy-aarch64", "about": ABOUT, "host": platform.machine()}
    write_atomic(options.out, json.dumps(record | {"boards": boards}, indent=1) + "\n")
    print(f"proven in {time.monotonic() - start_s:.0f} s")


if __name__ == "__main__":
    main()
