"""The unit tests of reading, run on a board."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from boards import ROOT
from emulation import Guest

from edge_hdr.errors import DeviceStepError

TESTS = Path("tests/unit/device")
# What computes, and so may differ by processor or library; what waits for threads and sockets is
# proven by the commands, because an emulated board is too slow for some of those tests' clocks.
SUBJECTS = (
    *("camera_synthetic", "cells", "classifier", "components", "consensus", "context"),
    *("dimensions", "expect", "gate", "grain", "images", "ink", "interpreter", "judge", "layout"),
    *("lines", "locate", "manifest", "normalize", "paper", "pieces", "pipeline", "plausible"),
    *("prints", "results", "roi", "on_paper", "storage", "touching", "track", "watch"),
)
PARTS = (Path("tests/conftest.py"), Path("tests/data"), Path("models"), TESTS)
TIMEOUT_S = 1800


def unit_tests(python: Guest, folder: Path) -> str:
    """Run the tests in a copy, where the project's sources are out of reach.

    Returns:
        The summary, as "170 passed, 2 skipped".

    Raises:
        DeviceStepError: a test failed.
    """
    for part in PARTS:
        target = folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, target)
    shutil.copy(ROOT / "pyproject.toml", folder)
    options = ["-q", "--timeout=300", "-p", "no:cacheprovider"]
    files = [TESTS / f"test_{subject}.py" for subject in SUBJECTS]
    done = python.run("-m", "pytest", *options, *files, cwd=folder, timeout_s=TIMEOUT_S)
    lines = done.stdout.strip().splitlines() or ["no summary"]
    if done.returncode:
        failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
        raise DeviceStepError(
            f"unit tests failed: {lines[-1]}", hint=" / ".join(failed[:10]) or done.stderr[-300:]
        )
    return re.sub(r" in .*", "", lines[-1]).strip("= ")
