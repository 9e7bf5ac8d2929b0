"""Input ranges that nobody gave: tried, told, never switched."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from edge_hdr.bench.examples import Examples
from edge_hdr.bench.ranges import (
    DRAWN,
    TRIED,
    USUAL,
    better_range,
    range_of_run,
    range_warnings,
    to_try,
)
from edge_hdr.bench.request import Request
from edge_hdr.bench.subjects import ModelFile, Options, read_model_file, start
from edge_hdr.data.dataset import DIGITS, Dataset, Split
from tests.onnx_digits import onnx_model

DATA = Path(__file__).parents[2] / "data"
NONE = Split(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.int64))
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (400, 28, 28), np.uint8)


def right(count, n=100):
    return np.arange(n) < count


def test_another_range_must_read_clearly_more():
    def found(now, then):
        return better_range(right(now), iter([((0, 255), right(then)), ((1, 0), right(0))]))

    assert found(20, 90) == ((0, 255), 90)
    # 11 digits more and none less: p = 2 / 2**11 = 0.00098; with 10 it is 0.002
    assert found(80, 91) == ((0, 255), 91)
    assert found(80, 90) is None
    assert found(80, 20) is None


def test_gains_and_losses_are_weighed_against_each_other():
    now, then = right(50), ~right(36)
    # 50 digits gained and 36 lost, of which McNemar says p = 0.16
    assert better_range(now, iter([((0, 255), then)])) is None


def test_nothing_is_tried_where_nothing_can_be_clearly_better():
    def never():
        raise AssertionError("tried")
        yield

    assert better_range(right(90), never()) is None  # ten errors


def examples(options, path):
    """Give digits whose labels are what the model says of them with these options."""
    labels = start(read_model_file(path), options).logits(IMAGES).argmax(axis=1)
    apart = Split(IMAGES, labels.astype(np.int64))
    dataset = Dataset("mine", apart, NONE, "here", "mine test")
    return Examples(dataset, "test", NONE, "", False, apart)


@pytest.fixture
def path(tmp_path):
    (tmp_path / "theirs.onnx").write_bytes(onnx_model())
    return str(tmp_path / "theirs.onnx")


def warned(path, made_for, options=None):
    file, told = read_model_file(path), []
    reporter = SimpleNamespace(progress=lambda *words: told.append(words))
    request = Request(options=options or Options())
    return range_warnings(request, [file], {}, examples(Options(made_for), path), reporter)


def test_a_wrong_range_is_told_with_both_figures_and_the_remedy(path):
    (line,) = warned(path, (1, 0))
    assert line.startswith("theirs: its input range is probably wrong")
    assert "of 400 other digits, and 100.0 % with 1,0" in line
    assert "--input-range=1,0, or input_range = [1, 0] in theirs.toml" in line


def test_a_right_or_a_given_range_is_not_questioned(path):
    assert warned(path, (0, 1)) == []
    assert warned(path, (1, 0), Options((0, 1))) == []
    Path(path).with_suffix(".toml").write_text("input_range = [0, 1]")
    assert warned(path, (1, 0), Options()) == []


def test_digits_are_tried_that_are_not_measured_on():
    many = Split(np.zeros((TRIED + 9, 28, 28), np.uint8), np.zeros(TRIED + 9, np.int64))
    assert len(to_try(many, DIGITS)) == TRIED
    assert len(to_try(NONE, DIGITS)) == DRAWN
    assert len(to_try(NONE, ("a", "b"))) == 0


def test_the_range_of_a_board_is_that_of_the_first_model_that_needs_one(path, tmp_path):
    ours = read_model_file(str(DATA / "tiny-int8.tflite"))
    shutil.copy(DATA / "tiny-float.tflite", tmp_path / "bare.tflite")
    (tmp_path / "bare.toml").write_text("input_range = [0, 255]")
    theirs = read_model_file(str(tmp_path / "bare.tflite"))
    assert range_of_run([ours, read_model_file(path), theirs], Options()) == (0, 255)
    assert range_of_run([ours, theirs], Options((-1, 1))) == (-1, 1)
    assert range_of_run([], Options((-1, 1))) == (-1, 1)
    assert range_of_run([ModelFile("x", Path("x"), b"", None)], Options()) is None


def test_the_usual_ranges_have_that_of_pytorchs_example():
    assert USUAL[-1] == pytest.approx(((0 - 0.1307) / 0.3081, (1 - 0.1307) / 0.3081), abs=1e-4)
