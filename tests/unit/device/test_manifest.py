import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from edge_hdr_device.errors import ModelError
from edge_hdr_device.interpreter import open_interpreter
from edge_hdr_device.manifest import Manifest, TensorSpec, pack, read_model, unpack

MANIFEST = Manifest(
    name="m",
    version="0",
    architecture="a",
    variant="int8",
    labels=tuple("0123456789"),
    input=TensorSpec((1, 28, 28, 1), "int8", 1 / 255, -128),
    output=TensorSpec((1, 10), "int8", 0.1, 3),
)


def test_json_round_trip_keeps_every_field() -> None:
    assert Manifest.from_json(MANIFEST.to_json()) == MANIFEST


def test_packed_file_is_flatbuffer_then_zip_and_still_loads(tiny_int8: Path) -> None:
    flatbuffer, _ = read_model(tiny_int8)
    packed = pack(flatbuffer, MANIFEST)
    assert packed.startswith(flatbuffer)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert json.loads(archive.read("manifest.json"))["name"] == "m"
    again, manifest = unpack(packed)
    assert again == flatbuffer
    assert manifest is not None
    assert replace(manifest, sha256="") == MANIFEST
    open_interpreter(packed)


def test_packing_twice_gives_the_same_bytes(tiny_float: Path) -> None:
    flatbuffer = tiny_float.read_bytes()
    assert pack(flatbuffer, MANIFEST) == pack(flatbuffer, MANIFEST)


def test_a_model_without_manifest_has_none(tiny_float: Path) -> None:
    assert unpack(tiny_float.read_bytes())[1] is None


def test_a_changed_flatbuffer_does_not_match_its_manifest(tiny_int8: Path) -> None:
    data = bytearray(tiny_int8.read_bytes())
    data[400] ^= 1
    with pytest.raises(ModelError, match="does not match the hash"):
        unpack(bytes(data))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "damaged"),
        ('{"name": "x"}', "damaged"),
        ('{"schema_version": 99}', "schema 99, newer than 1"),
        ('{"schema_version": 1, "name": "x"}', "lacks or garbles"),
    ],
)
def test_bad_manifests_are_named(text: str, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        Manifest.from_json(text)


def test_another_file_that_names_a_manifest_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text("# edge-hdr\n\nThe model carries a manifest.json.\n")
    assert read_model(path) == (path.read_bytes(), None)
    with pytest.raises(ModelError, match=r"README\.md is no TFLite file"):
        open_interpreter(path)


def test_a_model_cut_short_within_its_manifest_is_damaged(tiny_int8: Path) -> None:
    data = tiny_int8.read_bytes()
    with pytest.raises(ModelError, match="the manifest in the model is damaged"):
        unpack(data[:-30])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot read the model .*none\.tflite"):
        read_model(tmp_path / "none.tflite")
