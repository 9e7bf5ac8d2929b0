"""Which delegate runs the model: measured, remembered, and the way back to the processor."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge_hdr_device import delegates
from edge_hdr_device.delegates import choose
from edge_hdr_device.errors import ModelError


def test_what_was_measured_is_remembered_and_taken_again(tmp_path: Path, tiny_int8: Path) -> None:
    first = choose(tiny_int8, state=tmp_path)
    assert first.delegate in {"xnnpack", "none"}
    assert {"xnnpack×1", "none×1"} <= set(first.times_us)
    assert min(first.times_us.values()) > 0
    memory = tmp_path / delegates.MEMORY
    (key,) = json.loads(memory.read_text())
    invented = dict.fromkeys(first.times_us, 50.0) | {"none×1": 1.0}
    memory.write_text(json.dumps({key: invented}))
    assert choose(tiny_int8, state=tmp_path).delegate == "none"


def test_another_model_is_measured_anew(tmp_path: Path, tiny_int8: Path, tiny_float: Path) -> None:
    choose(tiny_int8, state=tmp_path)
    before = json.loads((tmp_path / delegates.MEMORY).read_text())
    choose(tiny_float, state=tmp_path)
    assert json.loads((tmp_path / delegates.MEMORY).read_text()).keys() != before.keys()


@pytest.mark.parametrize("content", ["", "[]", "{", '{"x": 1}', "\x00"])
def test_a_damaged_memory_is_no_memory(tmp_path: Path, tiny_int8: Path, content: str) -> None:
    (tmp_path / delegates.MEMORY).write_text(content)
    assert choose(tiny_int8, state=tmp_path).times_us


def test_a_state_folder_that_cannot_be_written_stops_nothing(
    tmp_path: Path, tiny_int8: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    assert choose(tiny_int8, state=tmp_path / "file" / "state").times_us
    assert "not remembered" in caplog.text


def test_what_is_asked_for_is_not_measured(tiny_int8: Path) -> None:
    chosen = choose(tiny_int8, delegate="none", threads=1)
    assert (chosen.delegate, chosen.threads, chosen.times_us) == ("none", 1, {})


def test_a_second_thread_must_be_worth_it() -> None:
    one, two = delegates._Option("xnnpack", 1), delegates._Option("xnnpack", 2)
    assert delegates._fastest({str(one): 100.0, str(two): 91.0}) == one
    assert delegates._fastest({str(one): 100.0, str(two): 89.0}) == two


def test_without_an_edge_tpu_the_processor_takes_the_twin_with_one_warning(
    tmp_path: Path, tiny_int8: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _twins(tmp_path, tiny_int8)
    for asked in ("digits.tflite", "digits_edgetpu.tflite"):
        caplog.clear()
        chosen = choose(tmp_path / asked, delegate="edgetpu", threads=1)
        assert chosen.path == tmp_path / "digits.tflite"
        assert chosen.delegate in {"xnnpack", "none"}
        assert "Edge TPU" in chosen.fallback
        assert [record.levelname for record in caplog.records].count("WARNING") == 1


def test_nobody_is_warned_who_did_not_ask_for_an_edge_tpu(
    tmp_path: Path, tiny_int8: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _twins(tmp_path, tiny_int8)
    assert choose(tmp_path / "digits.tflite", threads=1).fallback == ""
    assert caplog.text == ""


def test_a_model_for_the_edge_tpu_alone_is_refused_without_one(
    tmp_path: Path, tiny_int8: Path
) -> None:
    shutil.copy(tiny_int8, tmp_path / "digits_edgetpu.tflite")
    with pytest.raises(ModelError) as caught:
        choose(tmp_path / "digits_edgetpu.tflite")
    assert "put digits.tflite beside it" in caught.value.hint


@pytest.fixture(scope="module")
def edgetpu(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the stand-in under the name of the Edge TPU's library; gives its folder."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        assert "CI" not in os.environ, "CI has a C compiler"
        pytest.skip("no C compiler for the stand-in of libedgetpu")
    folder = tmp_path_factory.mktemp("edgetpu")
    source = Path(__file__).with_name("edgetpu_stand_in.c")
    library = folder / "libedgetpu.so.1"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    return folder


@pytest.fixture
def run_choice(edgetpu: Path, tmp_path: Path, tiny_int8: Path) -> Callable[..., list[str]]:
    """Choose in a process whose loader finds the stand-in; gives delegate, batch and fallback."""
    _twins(tmp_path, tiny_int8)
    code = (
        "import sys, numpy as np; from pathlib import Path\n"
        "from edge_hdr_device.delegates import choose\n"
        "chosen = choose(Path(sys.argv[1]), threads=1)\n"
        "digits = chosen.classifier.predict(np.zeros((3, 28, 28), np.uint8))\n"
        "print(chosen.delegate, len(digits.labels), chosen.fallback, sep='|')"
    )

    def run(**extra: str) -> list[str]:
        command = [sys.executable, "-c", code, str(tmp_path / "digits_edgetpu.tflite")]
        environment = {**os.environ, "LD_LIBRARY_PATH": str(edgetpu), **extra}
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        assert done.stderr.count("\n") <= 1, done.stderr
        return done.stdout.strip().split("|")

    return run


def test_a_model_for_the_edge_tpu_runs_through_its_library(
    run_choice: Callable[..., list[str]],
) -> None:
    assert run_choice() == ["edgetpu", "3", ""]


def test_a_library_that_finds_no_device_falls_back(run_choice: Callable[..., list[str]]) -> None:
    delegate, digits, fallback = run_choice(EDGETPU_ABSENT="1")
    assert delegate in {"xnnpack", "none"}
    assert digits == "3"
    assert "Edge TPU" in fallback


def _twins(folder: Path, model: Path) -> None:
    for name in ("digits.tflite", "digits_edgetpu.tflite"):
        shutil.copy(model, folder / name)


def test_all_delegates_say_the_same(tiny_int8: Path) -> None:
    images = np.random.default_rng(1).integers(0, 256, (10, 28, 28), np.uint8)
    one, other = (
        choose(tiny_int8, delegate=name, threads=1).classifier.logits(images)
        for name in ("xnnpack", "none")
    )
    step = choose(tiny_int8, delegate="none", threads=1).classifier.output_spec.scale
    assert np.abs(one - other).max() <= 1.01 * step
