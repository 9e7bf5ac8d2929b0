"""Start and first answer of a model in fresh processes.

    python -m edge_hdr_device.bench.cold MODEL DELEGATE THREADS

opens the model, reads one digit and prints a line of JSON:

    {"start_ms", "open_ms", "first_ms", "resident_bytes", "resident_base_bytes"}

`start_ms` reaches from the start of the process, which the environment variable
EDGE_HDR_STARTED_NS tells by `time.monotonic_ns()`, to the imported interpreter; `resident_bytes`
is the process's after the first answer, `resident_base_bytes` before the model was opened. The
model's file is in the system's cache, as after an update of the runtime.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

STARTED = "EDGE_HDR_STARTED_NS"
FIELDS = ("start_ms", "open_ms", "first_ms", "resident_bytes", "resident_base_bytes")
LONGEST_S = 120.0  # of one process


def cold_all(
    commands: Mapping[str, Sequence[str]], n: int, tell: Callable[[str], None]
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Start fresh processes, one model after another, so that drift hits all alike.

    Args:
        commands: `Subject.cold_argv` by the model's name.
        n: processes a model.
        tell: is called with each model's name.

    Returns:
        The medians by name, with `n`; and a sentence for each model that failed.
    """
    found: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
    failed: dict[str, str] = {}
    for _ in range(n):
        for name, command in commands.items():
            if name not in failed:
                tell(name)
                try:
                    found[name].append(_run(command))
                except (OSError, ValueError, subprocess.SubprocessError) as error:
                    failed[name] = f"{name}: the cold start could not be measured: {error}"
    medians = {
        name: {"n": len(runs), **{field: _median(runs, field) for field in FIELDS}}
        for name, runs in found.items()
        if runs and name not in failed
    }
    return medians, list(failed.values())


def _run(command: Sequence[str]) -> dict[str, float]:
    environment = dict(os.environ, **{STARTED: str(time.monotonic_ns())})
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, timeout=LONGEST_S
    )
    if done.returncode:
        raise ValueError((done.stderr.strip().splitlines() or ["no reason given"])[-1])
    answer = json.loads(done.stdout.strip().splitlines()[-1] if done.stdout.strip() else "null")
    if not isinstance(answer, dict):
        raise ValueError("the process printed no figures")
    return answer


def _median(runs: list[dict[str, float]], field: str) -> float | int | None:
    values = [run[field] for run in runs if isinstance(run.get(field), int | float)]
    if not values:
        return None
    middle = median(values)
    return round(middle) if field.endswith("_bytes") else round(middle, 3)


def resident_bytes() -> int | None:
    """Give the memory of this process that is resident; None where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def main(model: str, delegate: str, threads: str) -> str:
    """Open a model and read a blank digit; gives the line of JSON."""
    from edge_hdr_device.classifier import Classifier
    from edge_hdr_device.interpreter import import_runtime

    import_runtime()
    return first_answer(
        lambda: Classifier(Path(model), num_threads=int(threads), delegate=delegate)  # type: ignore[arg-type]
    )


def first_answer(open_model: Callable[[], Any]) -> str:
    """Open a model whose runtime is imported and read a blank digit; gives the line of JSON.

    Args:
        open_model: gives what has `logits`, from uint8 (N, 28, 28) to float32 (N, classes).
    """
    import numpy as np

    from edge_hdr_device.normalize import SIDE_PX

    imported_ns = time.monotonic_ns()
    started_ns = int(os.environ.get(STARTED, imported_ns))
    base = resident_bytes()
    digit = np.zeros((1, SIDE_PX, SIDE_PX), np.uint8)
    began_ns = time.perf_counter_ns()
    opened = open_model()
    opened_ns = time.perf_counter_ns()
    opened.logits(digit)
    answered_ns = time.perf_counter_ns()
    return json.dumps(
        {
            "start_ms": (imported_ns - started_ns) / 1e6,
            "open_ms": (opened_ns - began_ns) / 1e6,
            "first_ms": (answered_ns - opened_ns) / 1e6,
            "resident_bytes": resident_bytes(),
            "resident_base_bytes": base,
        }
    )


if __name__ == "__main__":
    os.write(1, f"{main(*sys.argv[1:])}\n".encode())
