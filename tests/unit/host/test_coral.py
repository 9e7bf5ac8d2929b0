"""The target coral: running the compiler, reading its log, packing its file, reporting it."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from report_metrics import whole_build

from edge_hdr.build_folder import claim_folder, record
from edge_hdr.config import resolve
from edge_hdr.coral import for_coral
from edge_hdr.edgetpu_compiler import compile_model, parse_log
from edge_hdr.edgetpu_rules import CUSTOM_OPERATOR
from edge_hdr.errors import ConfigError
from edge_hdr.flatbuffer import read_graph
from edge_hdr.report.card import model_card
from edge_hdr.report.coral import mapped_by
from edge_hdr.report.page import render_report
from edge_hdr.slim import named, slim
from edge_hdr_device.interpreter import open_interpreter
from edge_hdr_device.manifest import read_model, unpack

ROOT = Path(__file__).parents[3]
STAND_IN = ROOT / "tests" / "data" / "edgetpu_compiler.py"
SMALL = ROOT / "models" / "ds-cnn-small-int8" / "model.tflite"
LOG = """\
Edge TPU Compiler version 16.0.384591198
Started a compilation timeout timer of 180 seconds.

Model compiled successfully in 1234 ms.

Input model: model.tflite
Input size: 1.50MiB
Output model: model_edgetpu.tflite
Output size: 1.75MiB
On-chip memory used for caching model parameters: 1.25MiB
On-chip memory remaining for caching model parameters: 6.50KiB
Off-chip memory used for streaming uncached model parameters: 0.00B
Number of Edge TPU subgraphs: 1
Total number of operations: 13
Operation log: model_edgetpu.log

Model successfully compiled but not all operations are supported by the Edge TPU.
Number of operations that will run on Edge TPU: 10
Number of operations that will run on CPU: 3
"""
TABLE = """
Operator                       Count      Status

CONV_2D                        9          Mapped to Edge TPU
FULLY_CONNECTED                1          More than one subgraph is not supported
RESHAPE                        2          Operation is working on an unsupported data type
MAX_POOL_2D                    1          Mapped to Edge TPU
"""
END = """Compilation child process completed within timeout period.
Compilation succeeded!
"""  # fmt: skip


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Put a stand-in for the compiler first in PATH."""
    program = tmp_path / "bin" / "edgetpu_compiler"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\n{STAND_IN.read_text(encoding='utf-8')}")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return program


@pytest.fixture
def no_compiler(tmp_path, monkeypatch):
    """Leave no program to be found."""
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.parametrize("log_file", ["", TABLE], ids=["printed", "in its file"])
def test_the_log_is_read(log_file):
    output = LOG + ("" if log_file else TABLE) + END
    found = parse_log(output, log_file)
    assert found.version == "16.0.384591198"
    assert [(row.name, row.count, row.mapped) for row in found.rows] == [
        ("CONV_2D", 9, True),
        ("FULLY_CONNECTED", 1, False),
        ("RESHAPE", 2, False),
        ("MAX_POOL_2D", 1, True),
    ]
    assert found.rows[1].status == "More than one subgraph is not supported"
    assert (found.mapped, found.total) == (9 + 1, 9 + 1 + 2 + 1)
    assert found.compile_ms == 1234
    assert found.subgraphs == 1
    assert found.on_chip_used_bytes == 1.25 * 1024**2
    assert found.on_chip_left_bytes == 6.5 * 1024
    assert found.off_chip_bytes == 0
    assert "RESHAPE" in found.text
    assert found.text.count("CONV_2D") == 1


def test_a_log_that_says_nothing_gives_nothing():
    found = parse_log("Segmentation fault")
    assert (found.version, found.rows, found.total) == ("", (), 0)
    assert found.on_chip_used_bytes is found.compile_ms is None


def test_names_are_given_back_and_nothing_else_changes():
    flatbuffer, _ = read_model(SMALL)
    names = [tensor.name for tensor in read_graph(named(flatbuffer)).tensors]
    assert "" not in names
    assert len(set(names)) == len(names)
    assert slim(named(flatbuffer)) == slim(flatbuffer)
    open_interpreter(named(flatbuffer))


def test_the_compiled_file_carries_the_manifest_with_its_own_hash(stand_in):
    flatbuffer, manifest = read_model(SMALL)
    outcome = for_coral(flatbuffer, manifest)
    assert outcome.warnings == ()
    compiled, packed = unpack(outcome.file)  # which compares the hash
    assert [operator.name for operator in read_graph(compiled).operators] == [CUSTOM_OPERATOR]
    assert packed.labels == manifest.labels
    assert (packed.threshold, packed.input) == (manifest.threshold, manifest.input)
    assert packed.sha256 != manifest.sha256
    assert packed.metrics["edge_tpu"]["compiled_from_sha256"] == manifest.sha256
    assert packed.metrics["test"] == manifest.metrics["test"]
    assert packed.libraries["edgetpu_compiler"] == "16.0.384591198"
    found = outcome.metrics["edge_tpu"]
    json.dumps(found)
    assert found["mapped"] == found["compiler"]["mapped"] == found["compiler"]["total"] == 15
    assert found["file_bytes"] == len(outcome.file)
    assert (found["note"], found["failure"]) == ("", "")
    assert mapped_by(found) == "15 of 15 operators, by edgetpu_compiler"
    assert str(stand_in.parent) not in found["compiler"]["text"]  # no path of this machine


def test_without_the_compiler_one_line_says_how_to_get_it(no_compiler):
    outcome = for_coral(*read_model(SMALL))
    found = outcome.metrics["edge_tpu"]
    assert outcome.file == b""
    assert outcome.warnings == ()
    assert found["note"].startswith("edgetpu_compiler is not installed")
    assert "https://coral.ai/docs/edgetpu/compiler/" in found["note"]
    assert "\n" not in found["note"]
    assert found["compiler"] is None
    assert mapped_by(found) == "15 of 15 operators by Coral's rules, not compiled"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("refused", r"failed \(ERROR: Restored original .*; Compilation failed: .* large"),
        ("silent", r"failed \(exit status 1\)"),
        ("nothing", r"failed \(nothing in its file runs on the Edge TPU\)"),
        ("another-output", r"failed \(its file has another input or output than the model\)"),
    ],
)
@pytest.mark.usefixtures("stand_in")
def test_a_failing_compiler_is_a_warning_that_names_suspects(fault, said, monkeypatch, tiny_int8):
    monkeypatch.setenv("STAND_IN", fault)
    outcome = for_coral(*read_model(SMALL))
    (warning,) = outcome.warnings
    assert outcome.file == b""
    assert re.search(said, warning), warning
    assert "a model for the CPU only; our check finds no broken rule" in warning
    flatbuffer, manifest = read_model(tiny_int8)
    warnings = for_coral(slim(flatbuffer), manifest).warnings
    assert "takes 5 of 6 operators by Coral's rules" in warnings[0]
    assert "to be suspected: operator 5 FULLY_CONNECTED (its weights have a scale" in warnings[1]


@pytest.mark.usefixtures("stand_in")
def test_what_the_compiler_leaves_to_the_cpu_is_told(monkeypatch):
    monkeypatch.setenv("STAND_IN", "partial")
    outcome = for_coral(*read_model(SMALL))
    assert outcome.file
    assert outcome.warnings == (
        "edgetpu_compiler leaves 1 of 15 operators to the CPU: "
        "1 × FULLY_CONNECTED (Operation version not supported)",
    )
    assert mapped_by(outcome.metrics["edge_tpu"]) == "14 of 15 operators, by edgetpu_compiler"


@pytest.mark.usefixtures("stand_in")
def test_a_compiler_that_hangs_is_ended_with_its_children(monkeypatch, tmp_path):
    monkeypatch.setenv("STAND_IN", "hang")
    monkeypatch.setenv("STAND_IN_PID", str(tmp_path / "child"))
    compilation = compile_model(read_model(SMALL)[0], timeout_s=3.0)
    assert compilation.failure == "no end after 3 s"
    assert compilation.flatbuffer == b""
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 5
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(child)


def alive(pid):
    """Tell whether a process runs; one that waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_program_of_another_machine_is_a_failure(stand_in):
    stand_in.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(64))
    compilation = compile_model(read_model(SMALL)[0])
    assert compilation.failure == "it cannot be run: Exec format error"


@pytest.mark.parametrize("quantize", ["float32", "float16", "dynamic"])
def test_what_can_never_run_is_refused_before_training(quantize):
    with pytest.raises(ConfigError, match=f"target coral cannot run quantize {quantize}") as caught:
        resolve({"target": "coral", "quantize": quantize}, environment={"X": ""})
    assert caught.value.exit_code == 3
    assert "--quantize int8" in caught.value.hint


def test_the_targets_are_cpu_and_coral():
    assert resolve({}, environment={"X": ""}).target == "cpu"
    assert resolve({"target": "coral"}, environment={"X": ""}).target == "coral"
    with pytest.raises(ConfigError, match="target 'tpu' is unknown"):
        resolve({"target": "tpu"}, environment={"X": ""})


def report_of(outcome):
    metrics, arrays = whole_build()
    metrics = {**metrics, **outcome.metrics, "warnings": list(outcome.warnings)}
    return render_report(metrics, arrays), model_card(metrics)


@pytest.mark.usefixtures("stand_in")
def test_the_report_shows_what_is_mapped_and_the_log(monkeypatch):
    monkeypatch.setenv("STAND_IN", "partial")
    page, card = report_of(for_coral(*read_model(SMALL)))
    for text in (
        "On the Edge TPU",
        "14 of 15 operators, by edgetpu_compiler.",
        "SPACE_TO_DEPTH",
        '<td class="text">edgetpu_compiler</td><td>16.0.384591198</td>',
        "37.4 kB",  # 36.50 KiB on the chip
        "Operation version not supported",
        "Number of operations that will run on CPU: 1",
        "leaves 1 of 15 operators to the CPU",
    ):
        assert text in page
    assert "compiled for Coral's Edge TPU:\n14 of 15 operators, by edgetpu\\_compiler." in card


@pytest.mark.usefixtures("no_compiler")
def test_the_report_says_what_is_missing():
    page, card = report_of(for_coral(*read_model(SMALL)))
    assert "15 of 15 operators by Coral&#39;s rules, not compiled." in page
    assert "edgetpu_compiler is not installed" in page
    assert "By the compiler" not in page
    assert "model_edgetpu.tflite" not in card


def test_a_compiled_file_with_a_log_of_another_form_is_no_claim():
    compiler = parse_log("Edge TPU Compiler version 99.0").to_dict()
    found = {"file_bytes": 9, "compiler": compiler, "mapped": 3, "operators": [], "failure": ""}
    assert mapped_by(found) == "compiled, but the compiler's log does not tell which operators"


def test_a_report_for_the_cpu_is_silent_about_it():
    assert "Edge TPU" not in render_report(*whole_build())


def test_another_target_resumes_a_build_and_so_does_an_older_version(tmp_path):
    config = resolve({}, environment={"X": ""})
    record(tmp_path, config, "abc", write=True)
    claim_folder(tmp_path, replace(config, target="coral"), force=False)
    state = json.loads((tmp_path / "build.json").read_text())
    del state["config"]["target"]  # which that version did not know
    (tmp_path / "build.json").write_text(json.dumps(state))
    claim_folder(tmp_path, config, force=False)


def test_info_says_what_an_edge_tpu_would_take(edge_hdr, tiny_float):
    done = edge_hdr("info", SMALL)
    assert done.returncode == 0, done.stderr
    assert re.search(r"Fit for an Edge TPU +15 of 15 operators", done.stdout)
    document = json.loads(edge_hdr("info", tiny_float, "--json").stdout)
    placements = document["data"]["edge_tpu"]["operators"]
    assert {item["mapped"] for item in placements} == {False}
    assert "computes in float32" in placements[0]["reason"]


@pytest.mark.usefixtures("stand_in")
def test_info_of_a_compiled_file_says_what_it_is(edge_hdr, tmp_path):
    path = tmp_path / "model_edgetpu.tflite"
    path.write_bytes(for_coral(*read_model(SMALL)).file)
    done = edge_hdr("info", path)
    assert done.returncode == 3
    assert "model_edgetpu.tflite: the model is compiled for the Edge TPU" in done.stderr
