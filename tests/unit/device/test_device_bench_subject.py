"""A TFLite file as a subject: its kernels, its answers, its other ways, its fresh process."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from edge_hdr_device.bench.cold import STARTED
from edge_hdr_device.bench.subject import TfliteSubject, describe
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.errors import ModelError
from edge_hdr_device.manifest import read_file, unpack

DIGITS = np.random.default_rng(3).integers(0, 256, (12, 28, 28), np.uint8)


def test_batches_and_single_digits_say_what_the_classifier_says(tiny_int8: Path) -> None:
    subject, classifier = TfliteSubject(tiny_int8), Classifier(tiny_int8)
    np.testing.assert_array_equal(subject.logits(DIGITS), classifier.logits(DIGITS))
    np.testing.assert_array_equal(subject.logits(DIGITS[:1]), classifier.logits(DIGITS[:1]))


def test_the_kernels_run_on_the_digit_last_given_alone(tiny_int8: Path) -> None:
    subject = TfliteSubject(tiny_int8)
    expected = subject.logits(DIGITS[:1])
    subject.logits(DIGITS)  # of another batch, in another interpreter
    one = subject._one
    subject.invoke()
    stored = one._interpreter.get_tensor(one._output)
    spec = one.output_spec
    assert len(stored) == 1
    np.testing.assert_allclose((stored - float(spec.zero_point)) * spec.scale, expected, rtol=1e-6)


def test_it_tells_what_it_is(tiny_int8: Path, tiny_float: Path) -> None:
    ours, theirs = TfliteSubject(tiny_int8), TfliteSubject(tiny_float, name="b", threads=2)
    manifest = unpack(read_file(tiny_int8))[1]
    assert manifest is not None
    assert (ours.name, theirs.name) == (manifest.name, "b")
    told = describe(theirs)
    assert told["sha256"] == hashlib.sha256(tiny_float.read_bytes()).hexdigest()
    assert (told["threads"], told["delegate"], told["kind"]) == (2, "xnnpack", "tflite")
    assert told["chosen_by_us"] == {}
    json.dumps(told)


def test_what_is_left_open_is_measured_and_chosen(tiny_int8: Path) -> None:
    subject = TfliteSubject(tiny_int8, delegate="auto", threads=0)
    assert f"{subject.delegate}×{subject.threads}" in subject.chosen_by_us
    assert {"xnnpack×1", "none×1"} <= set(subject.chosen_by_us)


def test_it_reopens_on_the_processor_only(tiny_float: Path) -> None:
    subject = TfliteSubject(tiny_float, input_range=(-1.0, 1.0))
    other = subject.reopened(2, "none")
    assert other is not None
    assert (other.threads, other.delegate, other.name) == (2, "none", subject.name)
    np.testing.assert_allclose(other.logits(DIGITS), subject.logits(DIGITS), atol=1e-4)
    plain = TfliteSubject(tiny_float).logits(DIGITS)
    assert np.abs(plain - subject.logits(DIGITS)).max() > 1e-3  # the range was handed on
    assert subject.reopened(1, "edgetpu") is None


def test_a_wrong_file_is_named(tmp_path: Path, tiny_int8: Path) -> None:
    bad = tmp_path / "bad.tflite"
    bad.write_bytes(tiny_int8.read_bytes()[:2000])
    for delegate in ("xnnpack", "auto"):
        with pytest.raises(ModelError, match=r"bad\.tflite"):
            TfliteSubject(bad, delegate=delegate)


def test_a_fresh_process_prints_one_line(tiny_int8: Path) -> None:
    argv = TfliteSubject(tiny_int8).cold_argv()
    assert argv is not None
    environment = os.environ | {STARTED: str(time.monotonic_ns())}
    begin = time.monotonic()
    done = subprocess.run(argv, env=environment, check=True, capture_output=True, text=True)
    took_ms = 1000 * (time.monotonic() - begin)
    (line,) = done.stdout.splitlines()
    told = json.loads(line)
    assert told["start_ms"] + told["open_ms"] + told["first_ms"] <= took_ms
    assert told["resident_bytes"] >= told["resident_base_bytes"] > 0


def test_an_edge_tpu_s_model_is_opened_once(tmp_path: Path, tiny_int8: Path) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        assert "CI" not in os.environ, "CI has a C compiler"
        pytest.skip("no C compiler for the stand-in of libedgetpu")
    source, library = Path(__file__).with_name("edgetpu_stand_in.c"), tmp_path / "libedgetpu.so.1"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    shutil.copy(tiny_int8, tmp_path / "digits_edgetpu.tflite")
    code = (
        "import json, sys; from pathlib import Path\n"
        "from edge_hdr_device.bench.measure import Plan, measure\n"
        "from edge_hdr_device.bench.subject import TfliteSubject\n"
        "subject = TfliteSubject(Path(sys.argv[1]), delegate='auto')\n"
        "assert subject._one is subject._many\n"
        "print(json.dumps(measure([subject], Plan(seconds=0.05, cold=1))))"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "digits_edgetpu.tflite")]
    environment = os.environ | {"LD_LIBRARY_PATH": str(tmp_path)}
    done = subprocess.run(words, env=environment, check=True, capture_output=True, text=True)
    (model,) = json.loads(done.stdout)["models"]
    assert (model["delegate"], model["threads"], model["cold"]) == ("edgetpu", 1, None)
    assert model["ten"]["n"] > 0
    assert model["frame"]["n"] > 0
