"""A build that is interrupted, killed or out of disk is resumed to the same end."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from toy_build import TOY, Builder, metrics

from tests.conftest import command_environment

pytestmark = [pytest.mark.train, pytest.mark.slow]

# the last of four epochs of quantization-aware training has frozen batch norms
LONGER = ("--epochs", "4", "--qat-epochs", "4")


def start(tmp_path: Path, *arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "edge_hdr", *map(str, arguments)],
        cwd=tmp_path,
        env=command_environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def whole(
    builder: Builder, digit_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[dict]:
    """Give the rows of a training that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    builder.build(folder, digit_folder, *LONGER)
    return metrics(folder / "out")["history"]


@pytest.mark.parametrize(
    ("how", "after"),
    [(signal.SIGINT, "training 2/4"), (signal.SIGKILL, "quantization-aware training 3/4")],
    ids=["ctrl-c", "kill-in-qat"],
)
def test_an_interrupted_build_resumes_to_the_same_training(
    how: signal.Signals,
    after: str,
    builder: Builder,
    whole: list[dict],
    digit_folder: Path,
    tmp_path: Path,
) -> None:
    command = ("build", *TOY, "--out", "cut", "--data", digit_folder, *LONGER)
    process = start(tmp_path, *command)
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
    resumed = builder(*command, folder=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert "resuming after epoch" in resumed.stderr or "were done before" in resumed.stderr
    rows = metrics(tmp_path / "cut")["history"]
    epochs = [("float", n) for n in range(1, 5)] + [("qat", n) for n in range(1, 5)]
    assert [(row["phase"], row["epoch"]) for row in rows] == epochs
    for kind in ("loss", "val_loss"):
        found, expected = ([row[kind] for row in history] for history in (rows, whole))
        np.testing.assert_allclose(found, expected, rtol=1e-3)


@pytest.mark.parametrize(
    ("limit", "file"),
    [(30_000, "checkpoints/float.npz"), (150_000, "report.html")],
    ids=["checkpoint", "export"],
)
def test_a_full_disk_is_one_line_leaves_no_half_file_and_is_resumed(
    limit: int, file: str, builder: Builder, digit_folder: Path, tmp_path: Path
) -> None:
    command = ["build", *TOY, "--out", "out", "--data", str(digit_folder)]
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
    builder.build(tmp_path, digit_folder)
    assert (tmp_path / "out" / "model.tflite").exists()
