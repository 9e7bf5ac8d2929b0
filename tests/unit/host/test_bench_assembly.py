"""The document of a run, and the examples that its figures are of."""

from __future__ import annotations

import dataclasses
import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from edge_hdr.bench.baseline import measured
from edge_hdr.bench.compare import compare
from edge_hdr.bench.document import Result, assemble
from edge_hdr.bench.examples import Examples
from edge_hdr.bench.subjects import ModelFile, read_model_file
from edge_hdr.data.dataset import Dataset, Split
from edge_hdr.errors import ModelError
from edge_hdr.evaluate import evaluate_logits

DATA = Path(__file__).parents[2] / "data"
INT8, FLOAT = (DATA / f"{name}.tflite" for name in ("tiny-int8", "tiny-float"))
ABC = ("a", "b", "c")
LABELS = np.array([0, 1, 2, 0], np.int64)
SPLIT = Split(np.zeros((4, 28, 28), np.uint8), LABELS)
MEASUREMENT = {
    "comparable": True,
    "interpreter": "ai-edge-litert 2.3.0",
    "environment": {"processor": "Cortex-A72", "machine": "aarch64"},
    "models": [],
}


def result(file, said, p50_ms=0.1):
    """Give a result whose model said these classes."""
    evaluation = evaluate_logits(np.eye(3, dtype=np.float32)[said] * 5, LABELS, classes=ABC)
    latency = {
        "name": file.name,
        "kind": "tflite",
        "sha256": file.sha256 or "on the board",
        "delegate": "xnnpack",
        "threads": 1,
        "invoke": {"p50_ms": p50_ms, "windows_p50_ms": [p50_ms] * 5},
        "instructions": None,
    }
    return Result(file, latency, evaluation)


def document(*results, labels=LABELS):
    return assemble(
        list(results),
        measurement=MEASUREMENT,
        data={"sha256": "digits"},
        labels=labels,
        target=None,
        command="edge-hdr bench",
        warnings=[],
    )


FIRST, SECOND = (read_model_file(str(path), taken=()) for path in (INT8, FLOAT))


def test_the_wrong_examples_and_the_pairs_are_counted():
    found = document(result(FIRST, [0, 1, 2, 1]), result(SECOND, [1, 1, 0, 0], p50_ms=0.05))
    first, second = found["models"]
    assert (first["wrong"], second["wrong"]) == ([3], [0, 2])
    assert (first["test"]["errors"], second["test"]["errors"]) == (1, 2)
    assert first["against_first"] is None
    assert second["against_first"]["only_candidate_wrong"] == 2
    assert second["against_first"]["agreement"] == 1 / 4
    assert found["front"]["latency"] == ["tiny-float", "tiny-int8"]
    assert "models" not in found["measurement"]
    json.dumps(found)


def test_files_are_sized_and_named():
    (entry,) = document(result(FIRST, [0, 1, 2, 0]))["models"]
    content = INT8.read_bytes()
    assert entry["file_bytes"] == entry["footprint"]["file_bytes"] == len(content)
    assert entry["gzip_bytes"] == len(gzip.compress(content, 9, mtime=0))
    assert (entry["variant"], entry["runtime"]) == ("int8-ptq", "")


def test_a_file_that_is_not_here_has_no_size():
    there = ModelFile("deployed", Path("/opt/model.tflite"), None, None)
    (entry,) = document(result(there, [0, 1, 2, 0]))["models"]
    assert (entry["file_bytes"], entry["gzip_bytes"], entry["footprint"]) == (None, None, None)
    assert entry["sha256"] == "on the board"
    assert "not here" in entry["notes"][0]


def test_a_damaged_footprint_is_a_note():
    odd = dataclasses.replace(SECOND, content=b"odd", manifest=None)
    (entry,) = document(result(odd, [0, 1, 2, 0]))["models"]
    assert entry["footprint"] is None
    assert entry["notes"][0].startswith("no footprint: ")
    assert entry["file_bytes"] == 3


def test_a_document_can_be_compared_with_itself():
    found = document(result(FIRST, [0, 1, 2, 1]), result(SECOND, [1, 1, 0, 0]))
    assert measured(found)["tiny-float"].wrong == {0, 2}
    assert compare(found, found, 0.05)["regressions"] == []


def dataset(**changes):
    return Dataset("mine", SPLIT, SPLIT, "a folder", "mine test", ABC, **changes)


def examples(split="test", *, drawn=False, **changes):
    return Examples(dataset(**changes), split, SPLIT, SPLIT.sha256(), drawn)


def test_examples_say_what_they_are():
    assert examples().to_dict() == {
        "name": "mine",
        "test_name": "mine test",
        "n": 4,
        "sha256": SPLIT.sha256(),
        "source": "a folder",
    }
    assert examples("validation").to_dict()["test_name"] == "mine validation"


def test_a_model_of_other_classes_is_named():
    examples().check(INT8, None)
    examples().check(INT8, ABC)
    with pytest.raises(ModelError, match=r"tiny-int8\.tflite: the model has 2 classes"):
        examples().check(INT8, ("a", "b"))


def test_warnings_name_the_model_and_the_data_speak_once():
    found = examples(warnings=("two files were unreadable",)).warnings([FIRST, SECOND])
    assert found.count("two files were unreadable") == 1
    assert not any(line.endswith("two files were unreadable") for line in found[1:])


def test_examples_that_another_build_trained_on_are_told():
    other = dataclasses.replace(FIRST.manifest, seed=FIRST.manifest.seed + 1)
    second = dataclasses.replace(FIRST, name="second", manifest=other)
    told = [line for line in examples(drawn=True).warnings([FIRST, second]) if "held out" in line]
    assert len(told) == 1
    assert told[0].startswith(f"second: its build held out other examples than {FIRST.name}'s")
    assert not any("held out" in line for line in examples().warnings([FIRST, second]))
