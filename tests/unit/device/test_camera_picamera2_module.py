"""Modules that fail to import as picamera2 does on boards, imported for real from a folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from edge_hdr_device.camera import picamera2_module
from edge_hdr_device.camera.picamera2_module import is_hidden, load
from edge_hdr_device.errors import CameraError

MISSING = """raise ModuleNotFoundError("No module named 'picamera2'", name="picamera2")"""


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("picamera2", "libcamera"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(
        picamera2_module, "is_hidden", lambda name: is_hidden(name, tmp_path / "dist-packages")
    )
    return tmp_path


def write(packages: Path, text: str) -> None:
    (packages / "picamera2.py").write_text(text)


def test_what_is_there_is_imported(packages: Path) -> None:
    write(packages, "Picamera2 = 'the class'")
    assert load().Picamera2 == "the class"
    sys.modules.pop("picamera2")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (MISSING, "picamera2 is not installed", "sudo apt install -y python3-picamera2"),
        (
            MISSING.replace("picamera2", "libcamera"),
            "libcamera is not installed",
            "sudo apt install -y",
        ),
        (
            "raise ValueError('numpy.dtype size changed, may indicate binary incompatibility.')",
            "built for the system's numpy, not for this one: numpy.dtype size changed",
            'pip install "numpy==$(/usr/bin/python3 -c ',
        ),
        (
            "raise ImportError('numpy.core.multiarray failed to import')",
            "built for the system's numpy",
            "pip install",
        ),
        (
            "raise ImportError('\\nA module that was compiled using NumPy 1.x cannot run\\n')",
            "built for the system's numpy",
            "pip install",
        ),
        ("import simplejpeg_of_old", "No module named 'simplejpeg_of_old'", "apt install"),
        ("raise RuntimeError('no CMA')", "cannot be imported: no CMA", "--reinstall"),
        ("raise RuntimeError", "cannot be imported: RuntimeError", "--reinstall"),
    ],
)
def test_each_way_of_failing_has_its_repair(
    packages: Path, text: str, message: str, hint: str
) -> None:
    write(packages, text)
    with pytest.raises(CameraError) as caught:
        load()
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert "\n" not in caught.value.message


def test_what_the_system_has_and_this_environment_does_not_see(
    packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (packages / "dist-packages" / "picamera2").mkdir(parents=True)
    monkeypatch.setattr(sys, "prefix", "/home/u/env")
    write(packages, MISSING)
    with pytest.raises(CameraError, match="this virtual environment does not see it") as caught:
        load()
    assert caught.value.hint == "python3 -m venv --system-site-packages /home/u/env"


def test_outside_a_virtual_environment_nothing_is_hidden(
    packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = packages / "dist-packages"
    (folder / "picamera2").mkdir(parents=True)
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    assert not is_hidden("picamera2", folder)
    monkeypatch.setattr(sys, "prefix", "/home/u/env")
    assert is_hidden("picamera2", folder)
    monkeypatch.syspath_prepend(str(folder))
    assert not is_hidden("picamera2", folder)
