"""What the wheels carry."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from edge_hdr_device import released

ROOT = Path(__file__).parents[2]
DEVICE_FILES = {
    "edge_hdr_device/camera/hands.png",
    "edge_hdr_device/web/static/index.html",
    "edge_hdr_device/released/context/context.tflite",
    "edge_hdr_device/released/ds-cnn-small-int8/model.tflite",
}


def wheel_names(project: Path, folder: Path) -> set[str]:
    """Build a wheel without an environment of its own and list its files."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_carries_models_templates_and_allographs(tmp_path: Path) -> None:
    names = wheel_names(ROOT, tmp_path)
    assert released.names() == ["ds-cnn-nano-int8", "ds-cnn-small-int8"]
    for model in released.names():
        for file in ("model.tflite", "manifest.json", "MODEL_CARD.md"):
            assert f"edge_hdr_device/released/{model}/{file}" in names
    assert "edge_hdr/report/templates/report.html.j2" in names
    assert names >= DEVICE_FILES
    assert "edge_hdr/data/allographs.txt" in names
    assert {"edge_hdr/py.typed", "edge_hdr_device/py.typed"} <= names
    assert not any(name.startswith(("tests/", "benchmarks/", "device/")) for name in names)


def test_the_device_wheel_carries_the_device_package_alone(tmp_path: Path) -> None:
    names = wheel_names(ROOT / "device", tmp_path)
    rooms = {name.split("/")[0] for name in names}
    assert {room for room in rooms if not room.endswith(".dist-info")} == {"edge_hdr_device"}
    assert names >= DEVICE_FILES


@pytest.mark.parametrize("name", released.names())
def test_released_models_match_their_manifests_and_their_limits(name: str) -> None:
    from edge_hdr_device.manifest import Manifest, read_model

    path = released.find(name)
    _, packed = read_model(path)  # raises when the hash differs
    beside = Manifest.from_json(path.with_name("manifest.json").read_text())
    assert packed == beside
    limit = {"ds-cnn-nano-int8": 15_000, "ds-cnn-small-int8": 40_000}[name]
    assert path.stat().st_size <= limit
    assert name in path.with_name("MODEL_CARD.md").read_text()
