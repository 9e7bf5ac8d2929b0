"""What is sent to a board lies there as it is called here, and comes back under our paths."""

from __future__ import annotations

import io
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest

from edge_hdr.bench.parcel import Parcel
from edge_hdr.bench.subjects import ModelFile, read_model_file

IMAGES = np.arange(2 * 784, dtype=np.uint8).reshape(2, 28, 28)


def members(parcel: Parcel) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(parcel.pack())) as archive:
        files = {member.name: archive.extractfile(member) for member in archive}
        return {name: file.read() for name, file in files.items() if file}


def test_a_parcel_has_the_models_and_the_digits(tiny_int8: Path, tiny_float: Path) -> None:
    files = [read_model_file(str(path)) for path in (tiny_int8, tiny_float)]
    parcel = Parcel(files, IMAGES, with_twins=True)
    assert parcel.words == ["model-0/tiny-int8.tflite", "model-1/tiny-float.tflite"]
    found = members(parcel)
    digits = found.pop("digits.npz")
    assert list(found) == parcel.words
    assert list(found.values()) == [tiny_int8.read_bytes(), tiny_float.read_bytes()]
    assert np.array_equal(np.load(io.BytesIO(digits))["images"], IMAGES)
    assert parcel.file_at("model-1/tiny-float.tflite") is files[1]
    with pytest.raises(KeyError):
        parcel.file_at("model-2/other.tflite")
    assert members(Parcel([], None, with_twins=True)) == {}


def test_odd_names_are_no_words_of_a_shell(tmp_path: Path) -> None:
    path = tmp_path / "-o $(x) ½\n.tflite"
    parcel = Parcel([ModelFile(path.stem, path, b"it", None)], None, with_twins=False)
    assert parcel.words == ["model-0/-o___x____.tflite"]
    assert parcel.at_home(f"{parcel.words[0]} is bad") == f"{path} is bad"


def test_a_model_for_the_edge_tpu_brings_the_one_for_the_processor(
    tiny_int8: Path, tmp_path: Path
) -> None:
    cpu, tpu = tmp_path / "mine.tflite", tmp_path / "mine_edgetpu.tflite"
    shutil.copy(tiny_int8, cpu)
    tpu.write_bytes(b"compiled")
    for path in (cpu, tpu):
        file = ModelFile("digits", path, path.read_bytes(), None)
        parcel = Parcel([file], None, with_twins=True)
        found = members(parcel)
        assert found == {
            "model-0/digits.tflite": tiny_int8.read_bytes(),
            "model-0/digits_edgetpu.tflite": b"compiled",
        }
        assert parcel.words == [name for name in found if found[name] == path.read_bytes()]
        homes = [parcel.at_home(name) for name in sorted(found)]
        assert homes == [str(cpu), str(tpu)]
        assert list(members(Parcel([file], None, with_twins=False))) == parcel.words
