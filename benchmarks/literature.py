"""Train every system of the literature with `edge-hdr build`, then measure all in one run.

    python benchmarks/literature.py train [SYSTEM …] [--jobs 2]   hours; an interrupted one goes on
    python benchmarks/literature.py measure                       writes results/literature.json

Each run has its folder under `runs/literature/SYSTEM/seedN`, which `build` resumes by itself. The
training time is that of the processor, so that what else the machine does is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from literature_systems import RUNS, System, systems

NOTE = "driver.json"
children: set[subprocess.Popen[bytes]] = set()  # ended with us; what they did is resumed


@dataclass(frozen=True)
class Run:
    """One training of a system."""

    system: System
    seed: int

    @property
    def folder(self) -> Path:
        """Give where `build` puts it."""
        return RUNS / self.system.name / f"seed{self.seed}"

    @property
    def spent(self) -> Path:
        """Give where the processor time of broken attempts is kept, apart from the build's own."""
        return self.folder.with_suffix(".spent")

    @property
    def done(self) -> bool:
        """Tell whether it has been trained to its end."""
        return (self.folder / NOTE).exists()

    def argv(self) -> list[str]:
        """Give the command that trains it."""
        return [sys.executable, "-m", "edge_hdr", "build", "--out", str(self.folder)]

    def environment(self) -> dict[str, str]:
        """Give the settings as the environment's, which has them all; one thread a training."""
        flags = {"data": "mnist", "quantize": "float32", **self.system.flags, "seed": self.seed}
        flags["max_error_ratio"] = 0  # the figures are to be seen, whatever they are
        if self.system.start:
            flags["start"] = str(RUNS / self.system.start / "seed0")
        threads = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
        return {
            **os.environ,
            **dict.fromkeys(threads, "1"),
            **{f"EDGE_HDR_BUILD_{key.upper()}": _text(value) for key, value in flags.items()},
        }


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ",".join(f"{key}={share}" for key, share in value.items())
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def train(run: Run) -> str:
    """Train one run to its end and note what it cost; gives a line for people."""
    if run.done:
        return f"{run.folder} is done"
    if run.system.shares:
        _take_float(run)
    before = _spent_s(run)
    child = subprocess.Popen(
        run.argv(), env=run.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    children.add(child)
    said = child.stderr.read() if child.stderr else b""
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    children.discard(child)
    spent_s = before + used.ru_utime + used.ru_stime
    if child.returncode:
        run.spent.write_text(f"{spent_s}")
        return f"{run.folder} FAILED ({child.returncode}): {said.decode()[-300:]}"
    note = {"system": run.system.name, "seed": run.seed, "cpu_s": round(spent_s, 1)}
    (run.folder / NOTE).write_text(json.dumps(note) + "\n")
    return f"{run.folder} took {spent_s:.0f} s of processor time"


def _spent_s(run: Run) -> float:
    """Give the processor time of the attempts that were broken off."""
    run.folder.parent.mkdir(parents=True, exist_ok=True)
    return float(run.spent.read_text()) if run.spent.exists() else 0.0


def _take_float(run: Run) -> None:
    """Begin a build with the finished float phase of another one of the same settings."""
    source = RUNS / run.system.shares / f"seed{run.seed}"
    if (run.folder / "build.json").exists() or not (source / NOTE).exists():
        return
    (run.folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    shutil.copy(source / "checkpoints" / "float.npz", run.folder / "checkpoints" / "float.npz")
    saved = json.loads((source / "build.json").read_text())
    flags = {"sparsity": {}, **run.system.flags, "max_error_ratio": 0}
    saved["config"] |= {key: value for key, value in flags.items() if key in saved["config"]}
    (run.folder / "build.json").write_text(json.dumps(saved))


def train_all(names: list[str], jobs: int) -> int:
    """Train what is not done yet, in the order of the list; gives the number of failures."""
    chosen = [item for item in systems() if not names or item.name in names]
    most = max((item.seeds for item in chosen), default=0)
    runs = [Run(item, seed) for seed in range(most) for item in chosen if seed < item.seeds]
    ready: dict[str, object] = {}
    failures = 0
    with ThreadPoolExecutor(jobs) as pool:

        def work(run: Run) -> str:
            for name in (run.system.shares, run.system.start):
                first = ready.get(f"{name}/{run.seed if name == run.system.shares else 0}")
                if first is not None:
                    first.result()  # type: ignore[attr-defined]
            return train(run)

        for run in runs:
            ready[f"{run.system.name}/{run.seed}"] = pool.submit(work, run)
        for future in list(ready.values()):
            line = future.result()  # type: ignore[attr-defined]
            failures += "FAILED" in line
            print(line, flush=True)
    return failures


def _end(number: int, frame: object) -> None:
    """End the trainings along with us, between two of their steps."""
    for child in list(children):
        child.terminate()
    os._exit(128 + number)


def main() -> int:
    """Train or measure."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("train", "measure"))
    parser.add_argument("system", nargs="*", help="names; all by default")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time, a thread each")
    options = parser.parse_args()
    if options.what == "train":
        return int(train_all(options.system, options.jobs) > 0)
    from literature_measure import measure_all

    return measure_all(options.system)


if __name__ == "__main__":
    sys.exit(main())
