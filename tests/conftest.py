"""Fixtures that several rooms of tests share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

DATA = Path(__file__).parent / "data"
# The modules that take longest, longest first: one of them begun last keeps a worker waiting.
LONG = (
    "test_build_resume", "test_build", "test_distribute", "test_deploy_interrupted",
    "test_live_page", "test_deploy_updates", "test_deploy_fleet",
    "test_aarch64", "test_install_installer", "test_fleet_run", "test_deploy_here", "test_runtime",
    "test_deploy_refused", "test_demo", "test_bundle", "test_cli", "test_deploy_command",
    "test_deploy_places", "test_bench_command", "test_bench_report", "test_bench_on_board",
    "test_runtimes", "test_benchmark_peers_network",
)  # fmt: skip
# Modules that take TensorFlow into their worker, last: what it loads is no concern of the others.
LAST = (
    "test_coral_build", "test_training", "test_mobilenet", "test_robustness_adversarial",
    "test_explain_gradients", "test_adapt",
)  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Let workers take the modules in the order of the collection, not by their tests' number."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the longest modules first, and some last, where several workers share them out."""
    if hasattr(config, "workerinput"):
        place = {name: number for number, name in enumerate(LONG)}
        place |= {name: len(LONG) + 1 for name in LAST}
        items.sort(key=lambda item: place.get(item.path.stem, len(LONG)))


@pytest.fixture(scope="session")
def tiny_int8() -> Path:
    """Give a few-kB int8 digit model of ours, manifest packed."""
    return DATA / "tiny-int8.tflite"


@pytest.fixture(scope="session")
def tiny_float() -> Path:
    """Give a few-kB float digit model without a manifest, as anyone's."""
    return DATA / "tiny-float.tflite"


@pytest.fixture(scope="session")
def digit_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write 600 procedural digits as a folder with one sub-folder a class."""
    import cv2

    from edge_hdr.data.strokes import make_split

    root = tmp_path_factory.mktemp("digits")
    split = make_split(600, seed=11, workers=1)
    for index, (image, label) in enumerate(zip(split.images, split.labels, strict=True)):
        folder = root / str(label)
        folder.mkdir(exist_ok=True)
        cv2.imwrite(str(folder / f"{index:04d}.png"), 255 - image)
    return root


@pytest.fixture
def edge_hdr(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the real command in an empty folder, off the network."""

    def run(
        *arguments: str | Path, env: dict[str, str] | None = None, timeout: float = 300
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "edge_hdr", *map(str, arguments)],
            cwd=tmp_path,
            env=command_environment(tmp_path, env),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run


def command_environment(home: Path, extra: dict[str, str] | None = None) -> dict[str, str]:
    """Give an environment without the user's settings, caches and data."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("EDGE_HDR_")}
    kept |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), "NO_COLOR": "1"}
    # an address that refuses at once, so that nothing here waits for a network
    kept |= {"EDGE_HDR_MNIST_URL": "http://127.0.0.1:9/", "COLUMNS": "100"}
    # scenes take more time than all the rest of a toy build; who tests them asks for some
    kept |= {"EDGE_HDR_BUILD_EXPOSURE": "0", "EDGE_HDR_BUILD_OUTLIERS": "0"}
    return kept | (extra or {})
