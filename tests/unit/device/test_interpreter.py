import gzip
import io
import pickle
import re
import sys
import zipfile
from pathlib import Path

import pytest

from edge_hdr_device import interpreter
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.errors import DependencyError, ModelError

CONVERT = "tf.lite.TFLiteConverter"


def archive() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("config.json", "{}")
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "kind", "hint"),
    [
        (b"", "is empty", "again"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "seems to be a PNG picture", "edge-hdr recognize"),
        (b"\xff\xd8\xff\xe0" + bytes(100), "seems to be a JPEG picture", "edge-hdr recognize"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "seems to be an HDF5 file, as Keras", CONVERT),
        (archive(), "seems to be a zip archive, as .keras", CONVERT),
        (gzip.compress(b"TFL3", mtime=0), "seems to be a gzip archive", "unpack"),
        (pickle.dumps({"model": 1}), "seems to be a Python pickle", ".tflite"),
        # ir_version 10, then the graph, a field of 19,877 bytes
        (b"\x08\x0a\x3a\xa5\x9b\x01\x0a\x02", "seems to be an ONNX model", "edge-hdr bench"),
        # ir_version 8, then the producer's name
        (b"\x08\x08\x12\x07pytorch", "seems to be an ONNX model", "edge-hdr bench"),
        ("# Größe\n".encode() * 100, "seems to be text", ".tflite"),
        (("x" + "é" * 400).encode(), "seems to be text", ".tflite"),  # cut within a letter
        (
            b"version https://git-lfs.github.com/spec/v1\n",
            "seems to be the place of",
            "git lfs pull",
        ),
        (b"\x08", "is of an unknown kind", ".tflite"),
        (b"\xfe\xed\xfa\xce" + bytes(40), "is of an unknown kind", ".tflite"),
    ],
)
def test_what_is_no_tflite_file_is_told_for_what_it_is(
    tmp_path: Path, content: bytes, kind: str, hint: str
) -> None:
    path = tmp_path / "digits.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        interpreter.open_interpreter(path)
    assert caught.value.message.startswith(f"digits.tflite is no TFLite file; it {kind}")
    assert hint in caught.value.hint
    assert not re.search(r"b['\"]|\\x", caught.value.message + caught.value.hint)
    with pytest.raises(ModelError) as caught:
        Classifier(path)
    assert caught.value.message.startswith(f"the model is no TFLite file; it {kind}")


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
