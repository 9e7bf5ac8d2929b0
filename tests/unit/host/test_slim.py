from pathlib import Path

import numpy as np
import pytest

from edge_hdr.errors import ModelError
from edge_hdr.slim import slim
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.manifest import read_model


@pytest.mark.parametrize("name", ["tiny_int8", "tiny_float"])
def test_slimming_changes_no_output(name: str, request: pytest.FixtureRequest) -> None:
    flatbuffer, _ = read_model(request.getfixturevalue(name))
    small = slim(flatbuffer)
    images = np.random.default_rng(1).integers(0, 256, (40, 28, 28), dtype=np.uint8)
    np.testing.assert_array_equal(
        Classifier(small).logits(images), Classifier(flatbuffer).logits(images)
    )
    assert len(small) <= len(flatbuffer)


def test_slimming_twice_gains_nothing_more(tiny_int8: Path) -> None:
    once = slim(read_model(tiny_int8)[0])
    assert len(slim(once)) == len(once)


def test_constant_data_stay_aligned(tiny_int8: Path) -> None:
    from ai_edge_litert import schema_py_generated as schema

    small = slim(read_model(tiny_int8)[0])
    model = schema.Model.GetRootAs(small, 0)
    for index in range(model.BuffersLength()):
        buffer = model.Buffers(index)
        if not buffer.DataIsNone():
            start = buffer._tab.Vector(buffer._tab.Offset(4))
            assert start % 16 == 0


def test_names_and_metadata_are_gone(tiny_int8: Path) -> None:
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(slim(read_model(tiny_int8)[0]), 0)
    assert model.MetadataLength() == 0
    assert model.SignatureDefsLength() == 0
    assert model.Subgraphs(0).Tensors(0).Name() is None


def test_other_bytes_are_refused() -> None:
    with pytest.raises(ModelError, match="no TFLite model"):
        slim(b"PK\x03\x04abcdefgh")
