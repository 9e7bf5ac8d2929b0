"""ONNX models as subjects of `bench`: layouts, batches, ranges, and files that are none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from edge_hdr.bench.run import ASKED_AT_ONCE, ask
from edge_hdr.bench.subjects import open_subject, read_model_file
from edge_hdr.errors import DependencyError, ModelError
from edge_hdr_device.pipeline import Reader
from tests.onnx_digits import WEIGHTS, onnx_model

DIGITS = np.random.default_rng(1).integers(0, 256, (7, 28, 28), np.uint8)


@pytest.fixture
def opened(tmp_path):
    """Write a model and open it."""

    def make(content=None, *, input_range=None, threads=1, **options):
        path = tmp_path / "theirs.onnx"
        path.write_bytes(onnx_model(**options) if content is None else content)
        return open_subject(str(path), input_range=input_range, threads=threads, delegate="auto")

    return make


def expected(digits, low=0.0, high=1.0):
    flat = digits.reshape(len(digits), 784).astype(np.float64)
    return (low + (high - low) * flat / 255) @ WEIGHTS


@pytest.mark.parametrize("batch", ["N", 1, 4])
@pytest.mark.parametrize("shape", [(1, 28, 28), (28, 28, 1), (28, 28), (784,)])
def test_every_layout_and_batch_gives_the_same_answers(opened, batch, shape):
    found = opened(shape=(batch, *shape)).logits(DIGITS)
    assert (found.dtype, found.shape) == (np.float32, (7, 10))
    np.testing.assert_allclose(found, expected(DIGITS), rtol=1e-4, atol=1e-4)


def test_a_file_that_leaves_the_number_of_classes_open_is_asked(opened):
    found = opened(kept=10).logits(DIGITS)
    np.testing.assert_allclose(found, expected(DIGITS), rtol=1e-4, atol=1e-4)


def test_no_digits_have_no_answers(opened):
    assert opened().logits(DIGITS[:0]).shape == (0, 10)


def test_more_digits_than_a_batch_holds(opened):
    many = np.resize(DIGITS, (300, 28, 28))
    np.testing.assert_allclose(opened().logits(many), expected(many), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("dtype", "asked", "range_"),
    [
        ("FLOAT", None, (0, 1)),
        ("FLOAT", (-1, 1), (-1, 1)),
        ("DOUBLE", (1, 0), (1, 0)),
        ("UINT8", None, (0, 255)),
        ("INT8", None, (-128, 127)),
    ],
)
def test_pixels_become_what_the_input_takes(opened, dtype, asked, range_):
    found = opened(dtype=dtype, input_range=asked).logits(DIGITS)
    np.testing.assert_allclose(found, expected(DIGITS, *range_), rtol=1e-3, atol=2e-3)


def test_the_kernels_run_on_the_last_single_digit(opened):
    subject = opened()
    subject.logits(DIGITS[:1])
    subject.logits(DIGITS)
    subject.invoke()
    (scores,) = subject._binding.copy_outputs_to_cpu()
    np.testing.assert_allclose(scores, expected(DIGITS[:1]), rtol=1e-4, atol=1e-4)


def test_it_reads_a_frame(opened):
    subject = opened()
    assert isinstance(subject.reader(), Reader)
    page = np.full((120, 160), 255, np.uint8)
    page[30:90, 70:80] = 0
    assert len(subject.reader().read(page).digits) == 1


def test_it_is_opened_again_with_other_threads_alone(opened):
    again = opened().reopened(2, "cpu")
    assert (again.threads, again.name, again.kind) == (2, "theirs", "onnx")
    assert again.reopened(1, "xnnpack") is None


def test_a_fresh_process_tells_its_times(opened):
    done = subprocess.run(
        opened().cold_argv(),
        env={**os.environ, "EDGE_HDR_STARTED_NS": str(time.monotonic_ns())},
        capture_output=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert all(found[key] > 0 for key in ("start_ms", "open_ms", "first_ms"))
    assert found["resident_bytes"] > found["resident_base_bytes"] > 0


class Quiet:
    """A reporter that counts."""

    def __init__(self):
        self.told = []

    def progress(self, text, done, total):
        self.told.append(done)

    def warn(self, message):
        raise AssertionError(message)


def zeros(pixels, classes=10):
    return np.zeros((pixels, classes), np.float32)


def bad_models():
    """Name files that cannot be measured: their bytes and what the error has to say."""
    return {
        "empty": (b"", "cannot be loaded by onnxruntime"),
        "no ONNX file": (b"hello\n" * 50, "cannot be loaded by onnxruntime"),
        "truncated": (onnx_model()[:-3000], "cannot be loaded by onnxruntime"),
        "32 pixels": (onnx_model((1, 1, 32, 32), weights=zeros(1024)), "not one 28×28 grey"),
        "colour": (onnx_model((1, 3, 28, 28), weights=zeros(3 * 784)), "not one 28×28 grey"),
        "any size": (onnx_model(("N", 1, "H", "W")), "not one 28×28 grey image"),
        "words": (onnx_model(dtype="INT64"), "input is tensor(int64)"),
        "12 classes": (
            onnx_model(weights=zeros(784, 12), classes=12),
            "outputs are scores ['N', 12]",
        ),
        "9 at last": (onnx_model(kept=9), "it gives (1, 9) for 1 images"),
        "two outputs": (onnx_model(outputs=2), "its outputs are scores ['N', 10], more"),
    }


@pytest.mark.parametrize("name", bad_models())
def test_a_bad_model_is_one_line_that_names_the_file(opened, name):
    content, message = bad_models()[name]
    with pytest.raises(ModelError) as raised:
        opened(content)
    assert "theirs.onnx" in raised.value.message
    assert message in raised.value.message
    assert "\n" not in raised.value.message
    assert raised.value.hint


def test_values_that_are_no_numbers_are_told(opened, tmp_path):
    subject = opened(onnx_model(weights=np.full((784, 10), np.nan, np.float32)))
    file = read_model_file(str(tmp_path / "theirs.onnx"))
    with pytest.raises(ModelError, match=r"theirs\.onnx gives values that are no finite numbers"):
        ask(file, subject, DIGITS, Quiet())


def test_all_digits_are_asked_in_their_order(opened, tmp_path):
    subject, quiet = opened(), Quiet()
    file = read_model_file(str(tmp_path / "theirs.onnx"))
    many = np.resize(DIGITS, (ASKED_AT_ONCE + 3, 28, 28))
    found = ask(file, subject, many, quiet)
    np.testing.assert_allclose(found, expected(many), rtol=1e-4, atol=1e-4)
    assert quiet.told == [ASKED_AT_ONCE, ASKED_AT_ONCE + 3]


def test_a_missing_onnxruntime_names_the_command(opened, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(DependencyError) as raised:
        opened()
    assert "needs onnxruntime" in raised.value.message
    assert raised.value.hint == "pip install 'edge-hdr[onnx]'"
