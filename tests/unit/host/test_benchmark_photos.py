"""The benchmarks of photos, of scenes and of USPS, with models of a few kB."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_hdr.photos.summary import ACCURACIES

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture(scope="module", autouse=True)
def importable() -> Iterator[None]:
    sys.path.insert(0, str(BENCHMARKS))
    yield
    sys.path.remove(str(BENCHMARKS))


def module(name: str) -> Any:
    return import_module(name)


def one() -> NDArray[np.uint8]:
    image = np.full((120, 90), 230, np.uint8)
    cv2.line(image, (50, 25), (42, 95), 30, 7)
    return image


def test_every_reader_reads_the_same_photos(
    tmp_path: Path, tiny_int8: Path, tiny_float: Path
) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), one())
    labels = [{"file": "a.png", "digits": "1", "flags": ["ruled"]}]
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    arguments = [str(tmp_path), "--model", str(tiny_int8), "--network", str(tiny_float)]
    out = tmp_path / "found.json"
    assert module("photos").main([*arguments, "--out", str(out)]) == 0
    found = json.loads(out.read_text())
    assert found["model"] == "tiny-int8"
    tutorials = [name for name in found["readers"] if name.startswith("tutorial, ")]
    assert len(tutorials) == 4 * 2  # styles by networks
    assert "ours, an MNIST CNN" in found["readers"]
    for summary in (found["all"], *found["readers"].values(), found["groups"]["ruled"]):
        assert (summary["photos"], summary["digits"]) == (1, 1)
    assert found["photos"][0]["file"] == "a.png"
    assert module("photos").main([*arguments, "--out", str(out), "--alone", "--summary"]) == 0
    found = json.loads(out.read_text())
    assert (found["readers"], "photos" in found) == ({}, False)


def test_a_folder_without_labels_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert module("photos").main([str(tmp_path)]) == 3
    assert "labels.json is missing" in capsys.readouterr().err


def test_digits_of_16_px_are_framed_and_read_in_each_way(
    tmp_path: Path, tiny_int8: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digits = np.zeros((3, 16, 16), np.uint8)
    for image, left in zip(digits, (6, 7, 8), strict=True):
        cv2.line(image, (left, 0), (left, 15), 255, 2)
    np.savez(tmp_path / "usps.npz", images_native=digits, labels=np.array([1, 1, 1]))
    crops = [module("usps").prepared(image) for image in digits]
    assert all(np.array_equal(crops[0], crop) for crop in crops)  # one place, wherever it stood
    assert np.flatnonzero(crops[0].max(axis=1)).size == 20  # rows, as MNIST's digits have
    assert module("usps").main([str(tmp_path / "usps.npz"), "--model", str(tiny_int8)]) == 0
    (model,) = json.loads(capsys.readouterr().out)["models"]
    assert [way["n"] for way in model["ways"].values()] == [3, 3, 3]


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_a_file_that_is_no_usps_is_one_clear_line(
    tmp_path: Path, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "usps.npz"
    if content is None:
        np.savez(path, labels=np.arange(3))
    else:
        path.write_bytes(content)
    assert module("usps").main([str(path)]) == 3
    error = capsys.readouterr().err
    assert "usps.npz" in error
    assert "hint: give an .npz" in error


def test_scenes_are_drawn_and_read_by_factor_and_severity(tiny_int8: Path) -> None:
    scenes = module("scenes")
    digits = scenes.digits_of("strokes", "validation")
    desk = scenes.Desk([tiny_int8], digits)
    todo = [
        scenes.Batch("mild", 0.0, 0, 1, "validation", tutorial=True),
        scenes.Batch("clean", 0.0, 0, 1, "validation"),
        scenes.Batch("clean", 0.0, 1, 1, "validation"),
        scenes.Batch("dim", 0.5, 0, 2, "validation"),
    ]
    gathered = scenes.gather(((batch, desk.read(batch)) for batch in todo), len(todo))
    assert len(gathered[("mild", 0.0)]) == 2  # ours and the tutorial's
    clean = gathered[("clean", 0.0)]["tiny-int8"]
    assert [one.truth.file for one in clean] == ["scene 0", "scene 1"]
    assert all(one.truth.boxes and not one.truth.flags for one in clean)
    points = scenes.curve(gathered, "dim")["tiny-int8"]
    assert [point["level"] for point in points] == [0.0, 0.5]
    # a factor changes nothing but itself: the same numbers are written
    assert points[0]["digits"] == points[1]["digits"] == sum(len(one.truth.digits) for one in clean)
    found = scenes.of_severity(clean)
    assert [item["selective_accuracy"] for item in found["selective"]] == list(ACCURACIES)
    figure = module("scenes_figure").draw_curves({"curves": {"dim": {"tiny-int8": points}}})
    assert figure.axes[0].get_title() == "dim"
    assert module("scenes_figure").draw_curves({"curves": {}}) is None
