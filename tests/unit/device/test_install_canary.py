"""A model is tried with golden digits: it must answer as on the host, rightly and in time."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_hdr_device import released
from edge_hdr_device.errors import CheckFailedError, ModelError
from edge_hdr_device.install.canary import attempt, compare, make, model_id
from edge_hdr_device.install.expected import Canary
from edge_hdr_device.install.golden import LABELS, golden_digits, golden_hash

ANY_TIME = 0.0


@pytest.fixture(scope="session")
def small() -> Path:
    return released.find("ds-cnn-small-int8")


@pytest.fixture
def release(tmp_path: Path, small: Path) -> Path:
    shutil.copy(small, tmp_path / "model.tflite")
    (tmp_path / "canary.json").write_bytes(make(small))
    return tmp_path


def change(release: Path, **changes: object) -> Canary:
    """Make the canary expect something else."""
    canary = Canary.from_bytes((release / "canary.json").read_bytes())
    changed = replace(canary, **changes)  # type: ignore[arg-type]
    (release / "canary.json").write_bytes(changed.to_bytes())
    return canary


def failure(release: Path, budget_ms: float = ANY_TIME) -> str:
    with pytest.raises(CheckFailedError) as caught:
        attempt(release, budget_ms)
    assert caught.value.hint
    return caught.value.message


def test_the_golden_digits_are_normalized_and_every_digit_is_there() -> None:
    crops = golden_digits()
    assert (crops.shape, crops.dtype) == ((64, 28, 28), np.uint8)
    assert (crops.max(axis=(1, 2)) == 255).all()
    inked = [(crop.any(axis=1).sum(), crop.any(axis=0).sum()) for crop in crops]
    assert {max(sides) for sides in inked} <= {19, 20}  # faint edges are lost with the grey levels
    assert [LABELS.count(digit) for digit in range(10)] == [7] * 4 + [6] * 6
    assert len({crop.tobytes() for crop in crops}) == 64


@pytest.mark.parametrize("name", released.names())
def test_a_released_model_reads_them_all(tmp_path: Path, name: str) -> None:
    model = released.find(name)
    shutil.copy(model, tmp_path / "model.tflite")
    (tmp_path / "canary.json").write_bytes(make(model))
    found = attempt(tmp_path, ANY_TIME)
    assert (found["right"], found["of"], found["other"], found["worst"]) == (64, 64, 0, 0)
    assert found["model"].startswith(f"{name}@")
    assert found["median_ms"] > 0
    assert found["batches"] >= 20


def test_a_canary_is_the_same_bytes_for_the_same_model(small: Path) -> None:
    made = make(small)
    assert make(small) == made
    fields = json.loads(made)
    assert (fields["format"], fields["dtype"], fields["tolerance"]) == (1, "int8", 4)
    assert fields["least_right"] == 58 == math.ceil(0.9 * 64)
    assert fields["crops"] == golden_hash()
    assert Canary.from_bytes(made).to_bytes() == made


def test_a_float_model_without_a_manifest_has_a_narrow_tolerance(
    tmp_path: Path, tiny_float: Path
) -> None:
    shutil.copy(tiny_float, tmp_path / "model.tflite")
    (tmp_path / "canary.json").write_bytes(make(tiny_float))
    canary = Canary.from_bytes((tmp_path / "canary.json").read_bytes())
    assert (canary.outputs.dtype, canary.scale, canary.tolerance) == (np.float32, 0.0, 1e-3)
    assert canary.model.startswith("model@")
    assert attempt(tmp_path, ANY_TIME)["worst"] == 0
    change(tmp_path, outputs=canary.outputs + np.float32(0.002))
    assert "differ from the host's by up to 0.002 in 64 of 64 digits" in failure(tmp_path)


@pytest.mark.parametrize(("steps", "passes"), [(4, True), (5, False)])
def test_outputs_may_differ_by_four_steps(release: Path, steps: int, passes: bool) -> None:
    canary = Canary.from_bytes((release / "canary.json").read_bytes())
    outputs = canary.outputs.copy()
    lowest = outputs[:12].argmin(axis=1)
    outputs[np.arange(12), lowest] += steps
    change(release, outputs=outputs)
    if passes:
        found = attempt(release, ANY_TIME)
        assert (found["worst"], found["other"]) == (4, 0)
    else:
        assert "differ from the host's by up to 5 steps in 12 of 64 digits" in failure(release)


@pytest.mark.parametrize(
    ("given", "worst", "other"),
    [
        ([10, 0, -90], 0, 0),
        ([14, -4, -90], 4, 0),
        ([10, 5, -90], 5, 1),  # one output too far
        ([6, 4, -90], 4, 0),
        ([8, 0, 9], 99, 1),  # another label, by far
        ([np.nan, 0, -90], math.inf, 1),
        ([np.inf, 0, -90], math.inf, 1),
    ],
)
def test_rows_are_compared_by_their_largest_difference(
    given: list[float], worst: float, other: int
) -> None:
    same = [1, 2, 3]
    assert compare(np.array([[10, 0, -90], same]), np.array([given, same]), 4) == (worst, other)


@pytest.mark.parametrize(("second", "other"), [(6, 0), (5, 1)])
def test_another_reading_is_allowed_only_where_the_host_s_was_close(
    second: int, other: int
) -> None:
    """4 steps ahead on the host, the first may come second here; 5 steps ahead, it may not."""
    host, board = np.array([[10, second, 0]]), np.array([[7, second + 3, 0]])
    assert compare(host, board, 4) == (3, other)


def test_a_model_that_misreads_is_refused_with_the_count(tmp_path: Path, tiny_int8: Path) -> None:
    shutil.copy(tiny_int8, tmp_path / "model.tflite")
    (tmp_path / "canary.json").write_bytes(make(tiny_int8))
    assert attempt(tmp_path, ANY_TIME)["right"] == 63
    change(tmp_path, least_right=64)
    message = failure(tmp_path)
    assert "reads 63 of 64 golden digits right, 64 are asked for" in message
    change(tmp_path, least_right=None)
    assert attempt(tmp_path, ANY_TIME)["right"] is None


def test_a_budget_that_is_too_small_names_the_time(release: Path) -> None:
    assert "ms for ten digits, budget 0.001" in failure(release, 0.001)
    assert attempt(release, 10_000)["budget_ms"] == 10_000


def test_a_canary_of_other_golden_digits_is_refused(release: Path) -> None:
    change(release, crops="0" * 64)
    assert "other golden digits" in failure(release)


def test_a_canary_of_another_model_is_refused(release: Path, tiny_int8: Path) -> None:
    shutil.copy(tiny_int8, release / "model.tflite")
    assert "the canary is of ds-cnn-small-int8@" in failure(release)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"format": 2}', b"\xff\xfe", b'{"format": 1, "dtype": "x"}']
)
def test_a_damaged_canary_is_refused(release: Path, content: bytes) -> None:
    (release / "canary.json").write_bytes(content)
    assert "canary.json cannot be read" in failure(release)


def test_a_canary_that_is_missing_or_short_is_refused(release: Path) -> None:
    whole = json.loads((release / "canary.json").read_bytes())
    short = {**whole, "outputs": whole["outputs"][:40]}
    (release / "canary.json").write_text(json.dumps(short))
    assert "cannot be read" in failure(release)
    (release / "canary.json").unlink()
    assert "canary.json: No such file" in failure(release)


def test_a_model_s_name_holds_for_any_file_name(small: Path, tiny_float: Path) -> None:
    assert model_id(small.read_bytes()).startswith("ds-cnn-small-int8@")
    assert model_id(tiny_float.read_bytes()).startswith("model@")
    with pytest.raises(ModelError):
        make(Path(__file__))


def run(release: Path, *arguments: str) -> tuple[int, dict[str, object]]:
    command = [sys.executable, "-P", "-m", "edge_hdr_device.install.canary", release, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.count("\n") == 1, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_as_a_program_it_gives_one_line_and_a_code(release: Path) -> None:
    code, answer = run(release, "--budget-ms", "10000")
    assert (code, answer["ok"], answer["right"]) == (0, True, 64)
    (release / "model.tflite").write_bytes(os.urandom(64))
    code, answer = run(release)
    assert (code, answer["ok"]) == (3, False)
    change(release, crops="")
    code, answer = run(release)
    assert code == 6
    assert answer["error"]["code"] == "check-failed"  # type: ignore[index]
