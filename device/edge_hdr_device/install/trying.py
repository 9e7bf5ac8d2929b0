"""What this board makes of a release: its virtual environment, and how its model does."""

from __future__ import annotations

import functools
import json
import signal
import subprocess
from pathlib import Path
from typing import Any

from edge_hdr_device.errors import CheckFailedError, DeviceStepError, ModelError
from edge_hdr_device.install import holding, release
from edge_hdr_device.install.requirements import EnvironmentPlan

CANARY_S = 180.0


@functools.cache
def plan_here() -> EnvironmentPlan:
    """Choose the virtual environment for this system.

    Raises:
        CheckFailedError: there is none.
    """
    from edge_hdr_device.install import probe
    from edge_hdr_device.install.requirements import Platform, plan

    return plan(Platform.of(probe.platform_facts()))


def run_canary(folder: Path, budget_ms: float) -> dict[str, Any]:
    """Let a release's own environment try its model, in a process that may crash.

    Raises:
        CheckFailedError: it failed.
        DeviceStepError: it could not be tried.
    """
    python = folder / release.VENV_LINK / "bin/python"
    argv = [str(python), "-P", "-m", "edge_hdr_device.install.canary", str(folder)]
    argv += ["--budget-ms", f"{budget_ms:g}"]
    try:
        done = holding.run(argv, timeout_s=CANARY_S, env=release.environment_of(folder))
    except DeviceStepError as error:
        raise CheckFailedError(
            f"the canary could not be tried: {error.message}",
            hint="the board is overloaded, or the model is too large for it",
        ) from error
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        raise CheckFailedError(
            f"the interpreter crashed on the model ({name})",
            hint="the model does not suit this board's interpreter; what ran before runs on",
        )
    return _canary_answer(done)


def _canary_answer(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    try:
        answer = dict(json.loads(done.stdout.splitlines()[-1]))
    except (ValueError, IndexError, TypeError):
        said = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        raise DeviceStepError(
            f"the canary could not be tried: {said[-1]}", hint="deploy it again, or look there"
        ) from None
    if answer.get("ok"):
        return answer
    error = answer["error"]
    kind = ModelError if error["code"] == ModelError.code else CheckFailedError
    raise kind(error["message"], hint=error["hint"])
