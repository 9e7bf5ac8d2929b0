from __future__ import annotations

import copy
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
BENCHMARKS = ROOT / "benchmarks"


@pytest.fixture(scope="module")
def tables() -> Iterator[Any]:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import literature_tables

        yield literature_tables
    finally:
        sys.path.remove(str(BENCHMARKS))


def row(system: str, group: str, accuracies: list[float], **facts: Any) -> dict[str, Any]:
    """Give an entry of literature.json with plain figures where none is given."""
    runs = [
        {"seed": seed, "accuracy": value, "errors": round(10_000 * (1 - value)),
         "validation_accuracy": value - 0.001, "cpu_s": 60.0 + 60 * seed, "epochs": 5,
         "precision": 0.97, "recall": 0.96, "f1": 0.95}
        for seed, value in enumerate(accuracies)
    ]  # fmt: skip
    return {
        "system": system, "title": system.upper(), "group": group, "reported": None, "where": "",
        "architecture": system, "variant": "float32", "epochs": "5", "augmentation": "none",
        "train_n": 55_000, "start": "", "runs": runs, "n_test": 10_000,
        "accuracy": statistics.fmean(accuracies),
        "sd": statistics.stdev(accuracies) if len(accuracies) > 1 else None,
        "interval": [accuracies[0] - 0.002, accuracies[0] + 0.002], "parameters": 109_386,
        "macs": 109_184, "file_bytes": 440_000, "flatbuffer_bytes": 439_000,
        "call_p50_us": 8.04, "invoke_p50_us": 7.0, "ratio_to_lenet5": 0.25, "notes": "",
        "labels_per_class": None, "hidden_layers": None, **facts,
    }  # fmt: skip


@pytest.fixture
def document() -> dict[str, Any]:
    kernel = {"parameters": 7_000_000, "file_bytes": 9_000_000, "flatbuffer_bytes": None}
    few = {"file_bytes": None, "call_p50_us": None, "invoke_p50_us": None, "ratio_to_lenet5": None}
    return {
        "measurement": {
            "environment": {"board": "a board", "processor": "a processor"},
            "method": {"threads": 1}, "interpreter": "an interpreter", "marks": [],
        },
        "data": {},
        "systems": [
            row("mlp", "literature", [0.97, 0.98], reported=0.974, where="a report"),
            row("ciresan", "literature", [0.996], notes="one column of 35"),
            row("fine", "transfer", [0.995], start="strokes"),
            row("svm", "classical", [0.98], epochs=None, variant="", call_p50_us=1800.0,
                invoke_p50_us=1750.0, ratio_to_lenet5=62.5, **kernel),
            row("nano", "ours", [0.994], shares="base", epochs="8 + 2 qat", file_bytes=12_345),
            *(row(f"h{hidden}-e{epochs}", "sweep", [accuracy], hidden_layers=hidden,
                  epochs=str(epochs), reported=0.9923, where="IJISAE")
              for hidden, epochs, accuracy in
              [(1, 3, 0.98), (1, 12, 0.991), (2, 3, 0.985), (2, 12, 0.99)]),
            *(row(f"few-{count}", "few-shot", [low, low + 0.02], labels_per_class=count, **few)
              for count, low in [(1, 0.40), (10, 0.80)]),
            row("few-1-strokes", "few-shot", [0.96, 0.98], start="strokes", labels_per_class=1,
                **few),
            row("knn-1", "few-shot", [0.44, 0.46], architecture="scikit-learn",
                labels_per_class=1, **few),
        ],
    }  # fmt: skip


def cells(table: str, title: str) -> list[str]:
    line = next(text for text in table.splitlines() if text.startswith(f"| {title} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_page_is_made_from_the_results() -> None:
    command = [sys.executable, "benchmarks/literature_tables.py", "--check"]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0, (
        "run: python benchmarks/literature_tables.py"
    )


def test_accuracy_is_a_mean_over_seeds_or_has_an_interval(
    tables: Any, document: dict[str, Any]
) -> None:
    table = tables.accuracy(document)
    sd = (2 * 0.005**2) ** 0.5  # of 0.97 and 0.98, over n − 1 = 1
    assert cells(table, "MLP") == [
        "MLP", "97.40 % (a report)", f"97.50 ± {100 * sd:.2f} %", "2",
        "97.00 %", "96.00 %", "95.00 %", "55,000", "none", "5",
        "1.5",  # (60 s + 120 s) / 2 / 60
    ]  # fmt: skip
    assert cells(table, "CIRESAN")[1:4] == ["–", "99.60 % (99.40–99.80 %)", "1"]
    assert cells(table, "FINE")[-1] == "1.0 + strokes"
    assert cells(table, "NANO")[-2:] == ["8 + 2 qat", "1.0 + the float phase of base"]
    assert cells(table, "SVM")[-2] == "–"
    assert "FEW-1" not in table
    assert "H1-E3" not in table


def test_each_group_has_its_line_and_all_lines_have_the_same_columns(
    tables: Any, document: dict[str, Any]
) -> None:
    for make in (tables.accuracy, tables.cost):
        lines = make(document).splitlines()
        assert {line.count("|") for line in lines} == {lines[0].count("|")}
        names = [line.strip("| ") for line in lines if line.startswith("| **")]
        assert names == [
            "**systems of the literature**", "**transfer**", "**classical methods**", "**ours**",
        ]  # fmt: skip


def test_cost_states_bytes_and_times(tables: Any, document: dict[str, Any]) -> None:
    table = tables.cost(document)
    assert cells(table, "NANO") == [
        "NANO", "float32", "109,386", "109,184", "12,345 B", "439,000 B", "8.0 µs", "7.0 µs",
        "0.25 ×",
    ]  # fmt: skip
    assert cells(table, "SVM")[5:] == ["–", "1,800 µs", "1,750 µs", "62.50 ×"]


def test_the_sweep_is_chosen_by_validation_alone(tables: Any, document: dict[str, Any]) -> None:
    systems = {entry["system"]: entry for entry in document["systems"]}
    systems["h2-e3"]["runs"][0]["validation_accuracy"] = 0.999  # though worse on test
    table = tables.hidden_by_epochs(document)
    assert cells(table, "1") == ["1", "97.90 %, 98.00 %", "99.00 %, 99.10 %"]
    assert cells(table, "2") == ["2", "99.90 %, 98.50 %", "98.90 %, 99.00 %"]
    assert "chooses 2 hidden layers and 3 epochs: reported 99.23 % (IJISAE); here 98.50 %" in table


def test_few_labels_are_beside_each_other_with_the_gain(
    tables: Any, document: dict[str, Any]
) -> None:
    table = tables.few_labels(document)
    assert table.splitlines()[0] == (
        "| labelled digits a class | from scratch | from strokes | nearest neighbour "
        "| gain from strokes |"
    )
    sd = f"± {100 * 0.02 / 2**0.5:.2f} % (2)"  # two draws 0.02 apart
    assert cells(table, "1") == [
        "1", f"41.00 {sd}", f"97.00 {sd}", f"45.00 {sd}", "+56.00 points",  # 97 − 41
    ]  # fmt: skip
    assert cells(table, "10") == ["10", f"81.00 {sd}", "–", "–", "–"]


def test_robustness_is_shown_where_it_was_measured(tables: Any, document: dict[str, Any]) -> None:
    assert tables.robustness(document) == ""
    document["systems"][0]["robustness"] = {
        "n": 1000, "clean": {"plain": 0.03, "normalized": 0.04},
        "mean": {"plain": 0.25, "normalized": 0.125}, "auroc": 0.98765,
        "selective": {"target": 0.999, "coverage": 0.9, "coverage_with_non_digits": 0.45},
            "adversarial": {"source": "other", "pgd": {"0.1": 0.125, "0.2": 0.5}},
    }  # fmt: skip
    assert cells(tables.robustness(document), "MLP") == [
        "MLP", "3.00 %", "25.0 %", "12.5 %", "0.988", "90.0 %", "45.0 %", "12.5 %, 50.0 %",
    ]  # fmt: skip


def test_a_disturbed_run_says_so(tables: Any, document: dict[str, Any]) -> None:
    assert tables.conditions(document) == (
        "Times: a board, a processor, an interpreter; medians, 1 thread, all systems in turns."
    )
    document["measurement"]["marks"] = ["busy", "unsteady"]
    assert "marked busy, unsteady: its times should not be compared" in tables.conditions(document)


def test_notes_and_summary(tables: Any, document: dict[str, Any]) -> None:
    assert tables.notes(document) == "- CIRESAN: one column of 35."
    assert cells(tables.summary(document), "MLP")[1] == "97.40 %"
    assert "SVM" not in tables.summary(document)


def page(tmp_path: Path) -> Path:
    made = tmp_path / "LITERATURE.md"
    made.write_text((BENCHMARKS / "LITERATURE.md").read_text())
    (tmp_path / "results").mkdir()
    return made


def test_nothing_measured_is_said(tables: Any, tmp_path: Path) -> None:
    made = page(tmp_path)
    tables.run(made, made.parent / "results", check=False)
    assert made.read_text().count(tables.UNMEASURED) == len(tables.PARTS) + len(tables.FIGURES)
    assert tables.run(made, made.parent / "results", check=True)


def test_old_results_and_old_figures_are_noticed(
    tables: Any, document: dict[str, Any], tmp_path: Path
) -> None:
    made = page(tmp_path)
    folder = made.parent / "results"
    results = folder / "literature.json"
    results.write_text(json.dumps(document))
    tables.run(made, folder, check=False)
    assert sorted(path.stem for path in folder.glob("*.png")) == sorted(tables.FIGURES)
    assert tables.run(made, folder, check=True)

    other = copy.deepcopy(document)
    other["systems"][-1]["runs"][0]["validation_accuracy"] = 0.5  # in no table, but in the results
    results.write_text(json.dumps(other))
    assert not tables.run(made, folder, check=True)

    results.write_text(json.dumps(document))
    figure = folder / "literature-sweep.png"
    figure.write_bytes((folder / "literature-few-shot.png").read_bytes())
    assert not tables.run(made, folder, check=True)
    tables.run(made, folder, check=False)
    assert tables.run(made, folder, check=True)
