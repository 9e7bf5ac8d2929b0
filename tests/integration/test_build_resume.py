"""A build that is interrupted, killed or out of disk is resumed to the same end."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from toy_build import TOY, metrics

from tests.conftest import command_environment

pytestmark = [pytest.mark.train, pytest.mark.slow]

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def start(tmp_path: Path, *arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "edge_hdr", *map(str, arguments)],
        cwd=tmp_path,
        env=command_environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("how", "after"),
    [(signal.SIGINT, "training 2/4"), (signal.SIGKILL, "quantization-aware training 3/4")],
    ids=["ctrl-c", "kill-in-qat"],
)
def test_an_interrupted_build_resumes_to_the_same_training(
    how: signal.Signals, after: str, edge_hdr: Run, digit_folder: Path, tmp_path: Path
) -> None:
    # the last of four epochs of quantization-aware training has frozen batch norms
    command = ("build", "--data", digit_folder, *TOY, "--epochs", "4", "--qat-epochs", "4")
    process = start(tmp_path, *command, "--out", "cut")
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(after):
            os.kill(process.pid, how)
            break
    rest = process.communicate(timeout=60)[1]
    if how is signal.SIGINT:
        assert process.returncode == 130
        assert "the same command resumes" in rest
    assert not (tmp_path / "cut" / "model.tflite").exists()
    resumed = edge_hdr(*command, "--out", "cut")
    assert resumed.returncode == 0, resumed.stderr
    assert "resuming after epoch" in resumed.stderr or "were done before" in resumed.stderr
    whole = edge_hdr(*command, "--out", "whole")
    assert whole.returncode == 0, whole.stderr
    rows = [metrics(tmp_path / folder)["history"] for folder in ("cut", "whole")]
    epochs = [("float", n) for n in range(1, 5)] + [("qat", n) for n in range(1, 5)]
    assert [(row["phase"], row["epoch"]) for row in rows[0]] == epochs
    for kind in ("loss", "val_loss"):
        found, expected = ([row[kind] for row in history] for history in rows)
        np.testing.assert_allclose(found, expected, rtol=1e-3)


@pytest.mark.parametrize(
    ("limit", "file"),
    [(30_000, "checkpoints/float.npz"), (150_000, "report.html")],
    ids=["checkpoint", "export"],
)
def test_a_full_disk_is_one_line_leaves_no_half_file_and_is_resumed(
    limit: int, file: str, edge_hdr: Run, digit_folder: Path, tmp_path: Path
) -> None:
    command = ["build", "--data", str(digit_folder), *TOY, "--out", "out"]
    done = subprocess.run(
        [sys.executable, "-m", "edge_hdr", *command],
        cwd=tmp_path,
        env=command_environment(tmp_path),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert f"error: cannot write out/{file}: File too large" in done.stderr
    left = {item.name for item in (tmp_path / "out").rglob("*")}
    assert not {name for name in left if name.endswith(".part")}
    assert not left & {Path(file).name, "model.tflite"}
    resumed = edge_hdr(*command)
    assert resumed.returncode == 0, resumed.stderr
    assert (tmp_path / "out" / "model.tflite").exists()
