import sys
from pathlib import Path

import pytest

from edge_hdr_device import interpreter
from edge_hdr_device.errors import DependencyError, ModelError


def test_no_tflite_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "photo.tflite"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    with pytest.raises(ModelError, match=r"photo\.tflite is no TFLite file"):
        interpreter.open_interpreter(path)


def test_an_empty_file_is_no_model() -> None:
    with pytest.raises(ModelError, match="no TFLite file"):
        interpreter.open_interpreter(b"")


def test_a_missing_interpreter_names_the_package(
    monkeypatch: pytest.MonkeyPatch, tiny_float: Path
) -> None:
    for module in ("ai_edge_litert.interpreter", "tflite_runtime.interpreter"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DependencyError, match="no TFLite interpreter") as caught:
        interpreter.open_interpreter(tiny_float)
    assert "pip install" in caught.value.hint


@pytest.mark.parametrize(
    ("bits", "machine", "python", "package"),
    [
        (64, "aarch64", (3, 13), "pip install ai-edge-litert"),
        (32, "aarch64", (3, 11), "pip install tflite-runtime 'numpy<2'"),
        (32, "armv7l", (3, 13), "use a 64-bit image"),
    ],
)
def test_the_hint_fits_the_machine(
    monkeypatch: pytest.MonkeyPatch, bits: int, machine: str, python: tuple[int, int], package: str
) -> None:
    monkeypatch.setattr(interpreter.sys, "maxsize", 2 ** (bits - 1) - 1)
    monkeypatch.setattr(interpreter.platform, "machine", lambda: machine)
    monkeypatch.setattr(interpreter.sys, "version_info", python)
    assert package in interpreter._install_hint()
