"""Measure deployments to boards of this machine, each beside a plain scp of the same bytes.

Usage: python benchmarks/deploy.py [--runs N] [--fleets 1,10,100] [--out FILE]

The boards are those of the integration tests: a Debian booted in a container for single
deployments, the same Debian without systemd for fleets. Root only.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests" / "integration"))
from board_access import Access  # noqa: E402
from deployments import BASE, SETTINGS, model  # noqa: E402
from real_boards import SystemBoard, plain_boards  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results"
WINDOW = ("--window", "1")


def sent_over_wire(board: SystemBoard) -> int:
    """Read how many bytes this machine has sent through the board's cable, all protocols."""
    return int(Path(f"/sys/class/net/{board.cable}/statistics/tx_bytes").read_text())


def timed(action: Any, board: SystemBoard) -> tuple[Any, dict[str, Any]]:
    """Run something; give its result, and its wall time and bytes on the wire."""
    before, start_s = sent_over_wire(board), time.monotonic()
    result = action()
    took_s = round(time.monotonic() - start_s, 3)
    return result, {"seconds": took_s, "wire_bytes": sent_over_wire(board) - before}


def copied(board: SystemBoard, access: Access, size_bytes: int) -> dict[str, Any]:
    """Copy so many bytes with scp."""
    source = access.folder / "bytes"
    source.write_bytes(os.urandom(size_bytes))
    command = [
        "scp",
        "-q",
        "-F",
        str(access.config),
        str(source),
        f"pi@{board.name}:/var/tmp/bytes",
    ]
    _, found = timed(lambda: subprocess.run(command, check=True), board)
    board.sh("rm /var/tmp/bytes")
    source.unlink()
    return found


def update(board: SystemBoard, access: Access, number: int) -> dict[str, Any]:
    """Deploy a model that the board has not seen, by the command in a fresh process."""
    path = model(access.folder, f"model-{number}")
    answer, found = timed(
        lambda: access.command("deploy", "pi@board", *WINDOW, "--model", path).data, board
    )
    assert answer["changed"]
    folder = f"{BASE}/releases/{answer['id']}"
    changed = board.sh(f"stat -c %s {folder}/model.tflite {folder}/canary.json").split()
    found["sent_bytes"], found["changed_bytes"] = answer["sent_bytes"], sum(map(int, changed))
    return found | {"scp": copied(board, access, answer["sent_bytes"])}


def first(board: SystemBoard, access: Access) -> dict[str, Any]:
    """Deploy to a fresh board that has no network, with all packages."""
    (access.folder / "device.toml").write_text(SETTINGS)
    words = ("deploy", "pi@board", "--offline", *WINDOW, "--config", "device.toml")
    answer, found = timed(lambda: access.command(*words).data, board)
    assert answer["ready"]
    found["sent_bytes"] = answer["sent_bytes"]
    return found | {"scp": copied(board, access, answer["sent_bytes"])}


def singles(folder: Path, runs: int) -> dict[str, Any]:
    """Measure first deployments to fresh boards, and model-only updates of the last of them."""
    firsts, updates = [], []
    for number in range(3):
        place = folder / f"single-{number}"
        access = Access(place / "access")
        with SystemBoard(place / "boards", access) as board:
            if not number:
                access.command("deploy", "pi@board", "--offline", "--dry-run")  # fetches packages
            firsts.append(first(board, access))
            if number == 2:
                update(board, access, 0)
                updates = [update(board, access, 1 + run) for run in range(runs)]
    return {
        "first_deployment_offline": summary(firsts),
        "model_only_update": summary(updates),
    }


def summary(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Give medians, and the slowest."""
    middle: dict[str, Any] = {
        key: statistics.median(run[key] for run in found)
        for key in found[0]
        if not isinstance(found[0][key], dict)
    }
    middle["slowest_s"] = max(run["seconds"] for run in found)
    middle["scp"] = {
        key: statistics.median(run["scp"][key] for run in found) for key in found[0]["scp"]
    }
    if "changed_bytes" in middle:
        middle["sent_to_changed"] = round(middle["sent_bytes"] / middle["changed_bytes"], 3)
        middle["wire_to_scp"] = round(middle["wire_bytes"] / middle["scp"]["wire_bytes"], 3)
    return middle | {"runs": len(found)}


def fleet(folder: Path, count: int) -> dict[str, Any]:
    """Deploy to fresh boards in waves, then another model to the same ones."""
    access = Access(folder / "access")
    words = ("deploy", "--inventory", "fleet.yml", "--no-service", "--model")
    with plain_boards(folder / "boards", access, count) as boards:
        names = "".join(f"    {board.name}:\n" for board in boards)
        (access.folder / "fleet.yml").write_text(f"all:\n  hosts:\n{names}")
        found: dict[str, Any] = {"boards": count}
        for kind, name in (("first", "ds-cnn-nano-int8"), ("update", "ds-cnn-small-int8")):
            start_s = time.monotonic()
            results = access.command(*words, name).data["boards"]
            took_s = time.monotonic() - start_s
            assert [board["result"] for board in results] == ["updated"] * count
            found[f"{kind}_s"] = round(took_s, 1)
            found[f"{kind}_s_per_board"] = round(took_s / count, 2)
    return found


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--fleets", default="1,10,100")
    parser.add_argument("--out", type=Path, default=RESULTS / "deploy.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        result: dict[str, Any] = {
            "command": "python benchmarks/deploy.py",
            **singles(folder, options.runs),
        }
        counts = [int(count) for count in options.fleets.split(",") if count]
        result["fleets"] = [fleet(folder / f"fleet-{count}", count) for count in counts]
    result |= {
        "window_s": 1,
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "load_average_at_end": os.getloadavg()[0],
    }
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
