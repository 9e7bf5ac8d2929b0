"""What `make demo` runs, with fewer epochs and digits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge_hdr_device.images import read_image
from tests.conftest import command_environment

pytestmark = [pytest.mark.train, pytest.mark.slow]

ROOT = Path(__file__).parents[2]


def test_the_demo_builds_a_model_without_mnist_and_reads_the_sample(tmp_path: Path) -> None:
    fewer = {"EPOCHS": "2", "QAT_EPOCHS": "1", "STROKES_TRAIN": "2000", "MAX_ERROR_RATIO": "0"}
    settings = {f"EDGE_HDR_BUILD_{key}": value for key, value in fewer.items()}
    # the environment that runs this test, whatever it is called
    settings |= {"VENV": str(Path(sys.executable).parents[1]), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        ["bash", "scripts/demo.sh", str(tmp_path / "demo")],
        cwd=ROOT,
        env=command_environment(tmp_path, settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "warning: " in done.stderr and "strokes" in done.stderr
    read = done.stdout.split("with the new model:")[1].split("model:")[0]
    written = (ROOT / "tests/data/sample.txt").read_text().split()
    assert len(read.split()) == len(written)
    assert [len(line) for line in read.split()] == [len(line) for line in written]
    assert (tmp_path / "demo/model/report.html").stat().st_size > 50_000
    assert read_image(tmp_path / "demo/sample-read.png").ndim == 3
