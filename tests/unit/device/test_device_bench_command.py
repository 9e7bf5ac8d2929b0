"""`edge-hdr-device bench`: its options, its table and its document."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_hdr_device.bench import arrays
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.cli import bench
from edge_hdr_device.cli.app import parser
from edge_hdr_device.errors import DataError, EdgeHdrError, ModelError, StorageError, UsageError

IMAGES = np.random.default_rng(5).integers(0, 256, (7, 28, 28), np.uint8)


def options(*words: str) -> argparse.Namespace:
    return parser().parse_args(["bench", *words])


@pytest.fixture(scope="module")
def run(
    tmp_path_factory: pytest.TempPathFactory, tiny_int8: Path
) -> tuple[dict[str, Any], dict[str, np.ndarray[Any, Any]]]:
    """Run the command on two files of one name; gives its document and its answers."""
    folder = tmp_path_factory.mktemp("bench")
    np.savez(folder / "images.npz", images=IMAGES)
    shutil.copy(tiny_int8, folder / "file.tflite")
    words = [
        *(sys.executable, "-m", "edge_hdr_device", "bench", str(tiny_int8), "file.tflite"),
        *("--seconds", "0.1", "--cold", "0", "--threads", "1", "--delegate", "none"),
        *("--images", "images.npz", "--answers", "answers.npz", "--json"),
    ]
    done = subprocess.run(
        words,
        cwd=folder,
        env={"HOME": str(folder), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert sorted(path.name for path in folder.iterdir()) == [
        *("answers.npz", "file.tflite", "images.npz")
    ]
    with np.load(folder / "answers.npz", allow_pickle=False) as file:
        return json.loads(done.stdout), dict(file)


def test_the_document_is_the_measurement(run: tuple[dict[str, Any], Any], tiny_int8: Path) -> None:
    document = run[0]
    assert (document["ok"], document["command"], document["data"]["schema"]) == (True, "bench", 2)
    first, second = document["data"]["models"]
    name = first["name"]
    assert second["name"] == f"{name}-2"
    assert {model["delegate"] for model in (first, second)} == {"none"}
    assert (first["sweep"], first["cold"]) == ([], None)


def test_the_answers_are_the_logits_of_each_model(
    run: tuple[dict[str, Any], dict[str, np.ndarray[Any, Any]]], tiny_int8: Path
) -> None:
    document, answers = run
    assert list(answers) == [model["name"] for model in document["data"]["models"]]
    expected = Classifier(tiny_int8, delegate="none").logits(IMAGES)
    for array in answers.values():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, expected)


def test_the_table_shows_each_kind_of_call(run: tuple[dict[str, Any], Any]) -> None:
    data = run[0]["data"]
    text = "\n".join(bench.lines(data))
    for name in ("kernels", "1 digit", "10 digits", "frame", "frame: normalize"):
        row = rf"^{name} +[\d.e+-]+ +[\d.e+-]+ +[\d.e+-]+ +[\d.]+% +\d+$"
        assert len(re.findall(row, text, re.MULTILINE)) == 2
    spoilt = data | {"comparable": False, "marks": ["busy"], "notes": ["others were at work"]}
    spoilt["remarks"] = ["nothing was counted"]
    text = "\n".join(bench.lines(spoilt))
    assert "not to be compared with other runs: busy" in text
    assert "note: others were at work" in text
    assert "remark: nothing was counted" in text
    cold = {"start_ms": 300.0, "open_ms": 2.0, "first_ms": 0.2}
    memory = {"resident_bytes": 3 * 2**20, "resident_base_bytes": 2 * 2**20}
    model = data["models"][0] | {"cold": cold | memory, "frame": None, "stages": {}}
    model["best"] = {"delegate": "xnnpack", "threads": 2, "batch": 8, "images_per_second": 4321.0}
    text = "\n".join(bench.lines(data | {"models": [model]}))
    assert "3.0 MiB resident, 1.0 of them the model's" in text
    assert "4,321 images a second in batches of 8, xnnpack, 2 threads" in text
    model["best"]["threads"] = 1
    assert "xnnpack, 1 thread\n" in "\n".join(bench.lines(data | {"models": [model]}))
    assert "frame:" not in text


def test_a_model_that_cannot_be_opened_does_not_keep_others_from_it(
    tiny_float: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.tflite"
    bad.write_bytes(b"no model")
    quick = ("--seconds", "0.05", "--cold", "0", "--no-frame", "--threads", "1")
    words = (str(bad), str(tiny_float), *quick, "--delegate", "none", "--input-range=-1,1")
    with pytest.raises(ModelError, match="1 of 2 models") as caught:
        bench.execute(options(*words, "--events"))
    data = caught.value.data  # type: ignore[attr-defined]
    assert [model["name"] for model in data["models"]] == ["tiny-float"]
    assert [(failure["file"], failure["code"]) for failure in data["failed"]] == [
        (str(bad), "model")
    ]
    told = capsys.readouterr()
    assert f"error: {bad}: the model is no TFLite file" in told.err
    events = [json.loads(line) for line in told.out.splitlines()]
    assert {event["event"] for event in events} == {"step"}
    assert events[0] == {"event": "step", "text": "opening models", "done": 0, "total": 2}
    assert events[-1]["done"] == events[-1]["total"]
    with pytest.raises(ModelError, match="2 of 2 models"):
        bench.execute(options(str(bad), str(bad)))


def test_the_end_of_standard_input_ends_an_attended_run(tiny_int8: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "edge_hdr_device", "bench", str(tiny_int8)),
            *("--seconds", "600", "--attended", "--json"),
        ],
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == json.loads(done.stdout)["error"]["exit_code"] == 130


@pytest.mark.parametrize("text", ["0", "1,1", "0,nan", "a,b", "0,1,2"])
def test_an_input_range_has_two_different_numbers(text: str) -> None:
    with pytest.raises(UsageError, match="not LOW,HIGH"):
        options(f"--input-range={text}")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--seconds", "0"), UsageError),
        (("--seconds", "nan"), UsageError),
        (("--threads", "-1"), UsageError),
        (("--cold", "-1"), UsageError),
        (("--answers", "out.npz"), UsageError),
        (("--model", "no-such"), ModelError),
        (("no-such",), ModelError),
        (("--images", "no-such.npz"), DataError),
    ],
)
def test_a_wrong_command_line_is_refused(words: tuple[str, ...], error: type[EdgeHdrError]) -> None:
    with pytest.raises(error) as caught:
        bench.execute(options(*words))
    assert caught.value.hint


def test_an_unknown_delegate_is_refused() -> None:
    with pytest.raises(UsageError):
        options("--delegate", "gpu")


def test_answers_do_not_replace_a_file(tmp_path: Path) -> None:
    images, out = tmp_path / "images.npz", tmp_path / "out.npz"
    np.savez(images, images=IMAGES)
    out.write_bytes(b"kept")
    with pytest.raises(StorageError, match="exists"):
        bench.execute(options("--images", str(images), "--answers", str(out)))
    assert out.read_bytes() == b"kept"


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((3, 28, 28), np.float32),
        np.zeros((28, 28), np.uint8),
        np.zeros((3, 20, 20), np.uint8),
        np.zeros((0, 28, 28), np.uint8),
    ],
)
def test_other_images_are_refused(tmp_path: Path, images: np.ndarray[Any, Any]) -> None:
    np.savez(tmp_path / "images.npz", images=images)
    with pytest.raises(DataError, match=r"images\.npz"):
        arrays.read_images(tmp_path / "images.npz")


def test_files_without_images_are_refused_in_plain_words(tmp_path: Path) -> None:
    path = tmp_path / "images.npz"

    def told() -> str:
        with pytest.raises(DataError) as caught:
            arrays.read_images(path)
        assert "array `images`" in caught.value.hint or caught.value.hint == "check the path"
        return caught.value.message

    assert told() == f"cannot read {path}: No such file or directory"
    np.savez(path, pictures=IMAGES, labels=IMAGES)
    assert told() == f"{path} has no array `images`; it has: pictures, labels"
    np.savez(path)
    assert told() == f"{path} has no array `images`; it has: nothing"
    np.savez(path, images=np.array([{}]))  # an object, which would have to be unpickled
    assert told() == f"{path} is no .npz file, or is damaged"
    np.savez_compressed(path, images=IMAGES)
    whole = path.read_bytes()
    np.save(tmp_path / "one.npy", IMAGES)
    spoilt = bytearray(whole)
    spoilt[len(whole) // 2] ^= 255
    for content in (b"", b"text", whole[:50], (tmp_path / "one.npy").read_bytes(), bytes(spoilt)):
        path.write_bytes(content)
        assert told() == f"{path} is no .npz file, or is damaged"
    path.unlink()
    path.mkdir()
    assert told() == f"cannot read {path}: Is a directory"


def test_a_model_called_file_can_have_answers(tmp_path: Path) -> None:
    arrays.write_answers(tmp_path / "out.npz", {"file": np.ones((1, 10), np.float32)})
    with np.load(tmp_path / "out.npz") as found:
        assert found["file"].sum() == 10
