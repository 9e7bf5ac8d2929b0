"""The document of a run, and the examples that its figures are of."""

from __future__ import annotations

import dataclasses
import gzip
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_hdr.bench.baseline import measured
from edge_hdr.bench.cautions import cautions
from edge_hdr.bench.compare import compare
from edge_hdr.bench.document import Result, assemble
from edge_hdr.bench.examples import Examples, load_examples
from edge_hdr.bench.request import Request
from edge_hdr.bench.subjects import ModelFile, Options, read_model_file
from edge_hdr.data.dataset import Dataset, Split
from edge_hdr.errors import ModelError
from edge_hdr.evaluate import evaluate_logits
from edge_hdr.report import bench_tables
from edge_hdr.report import tables as page_tables

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


FIRST, SECOND = (read_model_file(str(path)) for path in (INT8, FLOAT))


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


def test_a_path_is_told_as_it_was_typed():
    typed = dataclasses.replace(FIRST, argument="runs/mine", label="digits", name="digits")
    (entry,) = document(result(typed, [0, 1, 2, 0]))["models"]
    assert (entry["path"], entry["latency"]["path"]) == ("runs/mine", "runs/mine")
    assert (entry["name"], entry["label"], entry["own_name"]) == ("digits", "digits", "tiny-int8")
    assert measured(document(result(typed, [0, 1, 2, 0])))["digits"].argument == "runs/mine"


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
    assert examples("all").to_dict()["test_name"] == "mine training and test"
    test_alone = dataclasses.replace(dataset(), train=SPLIT.take(np.arange(0)))
    assert dataclasses.replace(examples("all"), dataset=test_alone).to_dict()["test_name"] == (
        "mine test"
    )


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


def test_digits_of_some_of_a_models_classes_are_labelled_as_its_outputs():
    known = ("c", "x", "b", "a")
    fitted = examples().fitted([("a", "b"), known])
    assert fitted.classes == known
    assert fitted.part.labels.tolist() == [3, 2, 0, 3]  # a, b, c, a
    assert fitted.sha256 == examples().sha256
    fitted.check(INT8, known)
    with pytest.raises(ModelError, match="the model has 3 classes and the data 4"):
        fitted.check(INT8, ABC)
    assert examples().fitted([("a", "b"), None]).classes == ABC


def test_a_class_without_examples_has_no_score_in_the_document():
    fitted = examples().fitted([("a", "b", "c", "d")])
    said = np.eye(4, dtype=np.float32)[[0, 1, 2, 3]]
    found = evaluate_logits(said, fitted.part.labels, classes=fitted.classes)
    entry = Result(FIRST, result(FIRST, [0, 1, 2, 0]).latency, found)
    (model,) = document(entry, labels=fitted.part.labels)["models"]
    assert model["test"]["per_class"][3] == {
        "label": "d", "precision": None, "recall": None, "f1": None, "support": 0
    }  # fmt: skip
    assert model["wrong"] == [3]
    assert page_tables.per_class(model["test"]).rows[3] == ("d", "–", "–", "–", "0")
    assert bench_tables.per_class({"models": [model]}).head[1:-1] == ("a", "b", "c")


class Quiet:
    def progress(self, text, done, total):
        pass


def test_all_of_a_folder_is_measured_and_none_of_it_is_left_to_try_on(tmp_path):
    for digit in "12":
        for number in range(10):
            image = np.full((40, 40), 255, np.uint8)
            image[8 : 20 + number, 18:22] = 0
            (tmp_path / digit).mkdir(exist_ok=True)
            cv2.imwrite(str(tmp_path / digit / f"{number}.png"), image)
    sizes = {}
    for split in ("test", "validation", "all"):
        found = load_examples(Request(data=str(tmp_path), split=split), [], Quiet())
        sizes[split] = (len(found.part), len(found.apart))
    # 15 % of 20 are the test; a fifth of the other 17 is validation
    assert sizes == {"test": (3, 17), "validation": (3, 14), "all": (20, 0)}


@pytest.mark.parametrize("origin", [{"name": "mine"}, {"sha256": SPLIT.sha256()}])
def test_a_model_that_was_built_from_all_these_examples_is_told(origin):
    built = dataclasses.replace(FIRST.manifest, data=origin)
    own = dataclasses.replace(FIRST, manifest=built)
    other = dataclasses.replace(FIRST, manifest=dataclasses.replace(built, data={"name": "x"}))
    (line,) = examples("all").warnings([own])
    assert line.startswith(f"{FIRST.name}: the model was built from mine")
    assert examples("all").warnings([other]) == examples().warnings([own]) == []


def remarked(delegate="auto", *, threads=1, path="theirs.onnx"):
    request = Request(options=Options(delegate=delegate))
    measured = {"environment": {"cores": 2}, "models": [{"threads": threads}], "notes": []}
    return cautions(request, [ModelFile("theirs", Path(path), b"", None)], measured, None)


def test_a_delegate_that_does_not_apply_is_told():
    (line,) = remarked("xnnpack")
    assert line.startswith("--delegate xnnpack does not apply to ONNX models")
    assert "theirs" in line
    assert remarked() == remarked("xnnpack", path="theirs.tflite") == []


def test_more_threads_than_cores_are_told():
    assert remarked(threads=2) == []
    (line,) = remarked(threads=4)
    assert line.startswith("4 threads share 2 cores")
