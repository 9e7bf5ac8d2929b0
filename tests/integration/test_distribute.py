"""Training over replicas and workers gives what one process gives, within noise."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import command_environment

pytestmark = [pytest.mark.train, pytest.mark.slow]

Run = Callable[..., "subprocess.CompletedProcess[str]"]
BUILD = ("build", "--arch", "ds-cnn-nano", "--epochs", "5", "--qat-epochs", "2",
         "--batch-size", "64", "--max-error-ratio", "0")  # fmt: skip


def figures(folder: Path) -> tuple[list[float], float]:
    content = json.loads((folder / "metrics.json").read_text())
    return [row["loss"] for row in content["history"]], content["test"]["accuracy"]


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [item.getsockname()[1] for item in sockets]
    for item in sockets:
        item.close()
    return ports


@pytest.fixture(scope="module")
def alone(digit_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alone")
    command = [sys.executable, "-m", "edge_hdr", *BUILD, "--data", str(digit_folder)]
    subprocess.run(
        [*command, "--out", "out"], cwd=folder, env=command_environment(folder), check=True
    )
    return folder / "out"


def assert_same_within_noise(one: Path, other: Path) -> None:
    losses, accuracy = figures(one)
    other_losses, other_accuracy = figures(other)
    # batch norm sees a replica's half of a batch, so the first epochs differ most
    assert other_losses[-1] == pytest.approx(losses[-1], rel=0.15)
    assert other_accuracy == pytest.approx(accuracy, abs=0.08)  # n = 90: two sd are 0.06


def test_two_replicas_train_what_one_trains(
    edge_hdr: Run, digit_folder: Path, alone: Path, tmp_path: Path
) -> None:
    done = edge_hdr(
        *BUILD, "--data", digit_folder, "--out", "out", "--distribute", "mirrored",
        "--replicas", "2",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert_same_within_noise(alone, tmp_path / "out")


def test_two_workers_train_what_one_trains(digit_folder: Path, alone: Path, tmp_path: Path) -> None:
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    workers = []
    for index in range(2):
        task = {"type": "worker", "index": index}
        config = json.dumps({"cluster": {"worker": addresses}, "task": task})
        command = [sys.executable, "-m", "edge_hdr", *BUILD, "--data", str(digit_folder)]
        workers.append(
            subprocess.Popen(
                [*command, "--distribute", "multiworker", "--out", f"out{index}"],
                cwd=tmp_path,
                env=command_environment(tmp_path, {"TF_CONFIG": config}),
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    said = [worker.communicate(timeout=300)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], said
    assert "this worker is done; the chief exports" in said[1]
    assert not (tmp_path / "out1" / "model.tflite").exists()
    assert_same_within_noise(alone, tmp_path / "out0")


def test_multiworker_without_a_cluster_is_explained(edge_hdr: Run, digit_folder: Path) -> None:
    done = edge_hdr(*BUILD, "--data", digit_folder, "--distribute", "multiworker", "--out", "out")
    assert done.returncode == 3
    assert "error: --distribute multiworker needs TF_CONFIG" in done.stderr
