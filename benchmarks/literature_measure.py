"""Measure the trained systems in one run and write `results/literature.json`."""

from __future__ import annotations

import json
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from literature_systems import LABELS, RUNS, TABLE, System, systems
from numpy.typing import NDArray

from edge_hdr import classical
from edge_hdr.data.dataset import Dataset, Split
from edge_hdr.data.load import load
from edge_hdr.data.splits import hold_out_validation, subset
from edge_hdr.evaluate import evaluate_logits
from edge_hdr.evaluation import Evaluation
from edge_hdr.robustness import measure as robustness
from edge_hdr_device import released
from edge_hdr_device.bench.measure import Plan, measure
from edge_hdr_device.bench.subject import Subject, TfliteSubject
from edge_hdr_device.classifier import as_logits
from edge_hdr_device.manifest import read_model
from edge_hdr_device.storage import write_atomic

RESULTS = Path(__file__).parent / "results"
BASE = "lenet5"  # the others' times are stated as a ratio to its
TIMED = {"literature", "transfer", "ours"}
SECONDS = 60.0
EXAMINED = 1000  # digits a kind of damage
ATTACKED = "ds-cnn-small-int8"  # whose float model the adversarial digits are made for
# shown damaged digits, non-digits and adversarial ones: one system of each form
ROBUSTNESS = {
    "mlp", "lenet5", "light-cnn", "resnet", "cnn5", "ciresan", "alexnet", "fine-tuned",
    "ds-cnn-small-float32", "ds-cnn-small-int8", "ds-cnn-small-int8-pruned",
    *(f"{name}-released" for name in released.names()),
}  # fmt: skip
COMMITTEE = "ciresan"


@dataclass(frozen=True)
class Trained:
    """A system with the folders of its finished runs."""

    system: System
    folders: tuple[Path, ...]

    def metrics(self) -> list[dict[str, Any]]:
        """Read what each run's build measured: the exported file on validation and test."""
        return [json.loads((folder / "metrics.json").read_text()) for folder in self.folders]

    @property
    def file(self) -> Path:
        """Give the exported file of the first run."""
        return self.folders[0] / released.FILE


class Committee:
    """The mean of several models' probabilities; a Subject of `bench`."""

    kind = "committee"

    def __init__(self, name: str, members: list[TfliteSubject]) -> None:
        self.name, self.members = name, members
        self.classes = members[0].classes

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Give the logarithm of the mean probability, float32 (N, classes)."""
        shares = []
        for member in self.members:
            scores = member.logits(images)
            powers = np.exp(scores - scores.max(axis=1, keepdims=True))
            shares.append(powers / powers.sum(axis=1, keepdims=True))
        return np.asarray(np.log(np.mean(shares, axis=0) + 1e-12), np.float32)

    def invoke(self) -> None:
        """Run the kernels of all members."""
        for member in self.members:
            member.invoke()

    def reader(self) -> None:
        """Give None: devices read with one model."""

    def reopened(self, threads: int, delegate: str) -> None:
        """Give None: there is one way."""

    def cold_argv(self) -> None:
        """Give None: a cold start is not measured."""


def measure_all(names: list[str]) -> int:
    """Time all finished systems in turns, put them beside their accuracy, and write the result."""
    trained = [item for item in _finished() if not names or item.system.name in names]
    dataset = load("mnist", data_dir=None, seed=0)
    fitted = _classical(dataset)
    subjects: list[Subject] = [
        TfliteSubject(item.file, name=item.system.name)
        for item in trained
        if item.system.group in TIMED
    ]
    columns = next((item for item in trained if item.system.name == COMMITTEE), None)
    if columns and len(columns.folders) > 1:
        members = [
            TfliteSubject(folder / released.FILE, name=folder.name) for folder in columns.folders
        ]
        subjects.append(Committee(f"{COMMITTEE}-committee", members))
    subjects += [found for found, _ in fitted.values()]
    subjects += [
        TfliteSubject(released.find(name), name=f"{name}-released") for name in released.names()
    ]
    plan = Plan(seconds=SECONDS, frame=False, cold=0)
    document = measure(subjects, plan, progress=_tell)
    timed = {entry["name"]: entry for entry in document.pop("models")}
    rows = [_trained_row(item, timed) for item in trained]
    if columns and len(columns.folders) > 1:
        rows.append(_committee_row(columns, subjects, dataset.test, timed))
    rows += [
        _classical_row(name, found, cpu_s, dataset.test, timed)
        for name, (found, cpu_s) in fitted.items()
    ]
    rows += [_few_neighbours(dataset, labels) for labels in LABELS]
    rows += [_released_row(name, timed) for name in released.names()]
    examined = _examined(subjects, dataset.test)
    for row in rows:
        row["robustness"] = examined.get(row["system"])
    base = timed.get(BASE, {}).get("invoke", {}).get("p50_ms")
    for row in rows:
        time_us = row["invoke_p50_us"]
        row["ratio_to_lenet5"] = round(time_us / base / 1e3, 4) if base and time_us else None
    result = {
        "data": {"name": "MNIST", "test_n": len(dataset.test), "sha256": dataset.test.sha256()},
        "measurement": document,
        "systems": rows,
    }
    write_atomic(RESULTS / "literature.json", json.dumps(result, indent=1) + "\n")
    return 0


def _examined(subjects: list[Subject], test: Split) -> dict[str, dict[str, Any]]:
    """Show some systems the same damaged digits, non-digits and attacks; figures by name."""
    chosen = [subject for subject in subjects if subject.name in ROBUSTNESS]
    folder = RUNS / ATTACKED / "seed0"
    found = robustness.measure_all(
        [_as_released(subject) for subject in chosen],
        test,
        n=EXAMINED,
        adversary=folder if (folder / "driver.json").exists() else None,
        progress=_tell,
    )
    return {subject.name: one for subject, one in zip(chosen, found, strict=True)}


def _as_released(subject: Subject) -> robustness.Examined:
    """Examine a model at the temperature and threshold of its own manifest."""
    assert isinstance(subject, TfliteSubject)
    manifest = read_model(subject.path)[1]
    if manifest is None:
        return robustness.Examined(subject.logits)
    return robustness.Examined(subject.logits, manifest.temperature, manifest.threshold)


def _finished() -> list[Trained]:
    found = []
    for system in systems():
        folders = [
            RUNS / system.name / f"seed{seed}"
            for seed in range(system.seeds)
            if (RUNS / system.name / f"seed{seed}" / "driver.json").exists()
        ]
        if folders:
            found.append(Trained(system, tuple(folders)))
        else:
            print(f"not trained yet: {system.name}", file=sys.stderr)
    return found


def _trained_row(item: Trained, timed: dict[str, Any]) -> dict[str, Any]:
    system, metrics = item.system, item.metrics()
    first = metrics[0]
    runs = [
        {
            "seed": one["config"]["seed"],
            **_scores(one["test"]),
            "validation_accuracy": (one.get("validation") or {}).get("accuracy"),
            "cpu_s": json.loads((folder / "driver.json").read_text())["cpu_s"],
            "epochs": sum(1 for row in one["history"] if row["phase"] == "float"),
        }
        for one, folder in zip(metrics, item.folders, strict=True)
    ]
    cost = first["footprint"]
    return _row(
        system=system.name, title=system.title, group=system.group, reported=system.reported,
        where=system.where, architecture=first["model"]["architecture"],
        variant=first["model"]["variant"], epochs=_epochs(first),
        augmentation=system.augmentation, train_n=first["data"]["train_n"], start=system.start,
        runs=runs, interval=first["test"]["interval"], parameters=cost["parameters"],
        macs=cost["macs"], file_bytes=cost["file_bytes"],
        flatbuffer_bytes=cost["flatbuffer_bytes"], notes=system.notes,
        labels_per_class=system.labels, hidden_layers=system.hidden, timed=timed.get(system.name),
        shares=system.shares,
    )  # fmt: skip


def _epochs(metrics: dict[str, Any]) -> str:
    """Say how many epochs each phase had, as "8 + 2 qat"."""
    phases: dict[str, int] = {}
    for row in metrics["history"]:
        phases[row["phase"]] = phases.get(row["phase"], 0) + 1
    rest = [f"{count} {phase}" for phase, count in phases.items() if phase != "float"]
    return " + ".join([str(phases.get("float", 0)), *rest])


def _committee_row(
    columns: Trained, subjects: list[Subject], test: Split, timed: dict[str, Any]
) -> dict[str, Any]:
    committee = next(item for item in subjects if item.kind == "committee")
    found = _evaluated(committee, test)
    metrics, one = columns.metrics(), _trained_row(columns, {})
    cost = [entry["footprint"] for entry in metrics]
    count = len(columns.folders)
    return _row(
        system=committee.name, title=f"The same, a committee of {count}", group="literature",
        reported=0.9977, where=TABLE, architecture=one["architecture"], variant=one["variant"],
        epochs=one["epochs"], augmentation=one["augmentation"], train_n=one["train_n"], start="",
        runs=[{"seed": 0, **_scores(found.to_dict()), "validation_accuracy": None,
               "cpu_s": sum(run["cpu_s"] for run in one["runs"]), "epochs": None}],
        interval=found.interval, parameters=sum(entry["parameters"] for entry in cost),
        macs=sum(entry["macs"] for entry in cost),
        file_bytes=sum(entry["file_bytes"] for entry in cost), flatbuffer_bytes=None,
        notes=f"mean probability of {count} columns of other seeds; the source had 35 columns",
        timed=timed.get(committee.name),
    )  # fmt: skip


def _classical(dataset: Dataset) -> dict[str, tuple[classical.Classical, float]]:
    """Fit the classical methods, or take them from an earlier run, with their processor time."""
    train, validation = hold_out_validation(dataset.train, wanted=5000, classes=10, seed=0)
    found = {}
    for name in classical.METHODS:
        folder = RUNS / name
        note = folder / "driver.json"
        if not note.exists():
            started = time.process_time()
            model = classical.fit(name, train, validation, progress=_tell)
            model.save(folder)
            spent_s = round(time.process_time() - started, 1)
            note.write_text(json.dumps({"system": name, "seed": 0, "cpu_s": spent_s}) + "\n")
        found[name] = (classical.load(folder), json.loads(note.read_text())["cpu_s"])
    return found


def _classical_row(
    name: str, found: classical.Classical, cpu_s: float, test: Split, timed: dict[str, Any]
) -> dict[str, Any]:
    result = _evaluated(found, test)
    settings = ", ".join(f"{key} = {value:g}" for key, value in found.settings.items())
    return _row(
        system=name, title=classical.METHODS[name].title, group="classical", reported=None,
        where="named as a classical method", architecture="scikit-learn", variant="",
        epochs=None, augmentation="none", train_n=found.trained_on, start="",
        runs=[{"seed": 0, **_scores(result.to_dict()),
               "validation_accuracy": found.validation_accuracy, "cpu_s": cpu_s, "epochs": None}],
        interval=result.interval, parameters=found.parameters, macs=found.macs,
        file_bytes=found.file_bytes, flatbuffer_bytes=None, notes=settings,
        timed=timed.get(name),
    )  # fmt: skip


def _few_neighbours(dataset: Dataset, labels: int) -> dict[str, Any]:
    """Give the nearest neighbour among few labelled digits, over several draws."""
    runs, interval = [], None
    for seed in range(5):
        few = subset(dataset.train, 10 * labels, seed)
        model = classical.fit("knn", few, name=f"knn-{labels}", seed=seed, settings={"k": 1})
        result = _evaluated(model, dataset.test)
        interval = interval or result.interval
        runs.append({"seed": seed, **_scores(result.to_dict()), "validation_accuracy": None,
                     "cpu_s": None, "epochs": None})  # fmt: skip
    plural = "s" if labels > 1 else ""
    return _row(
        system=f"knn-{labels}", title=f"{labels} labelled digit{plural} a class, nearest neighbour",
        group="few-shot", reported=None, where="", architecture="scikit-learn", variant="",
        epochs=None, augmentation="none", train_n=10 * labels, start="", runs=runs,
        interval=interval, parameters=None, macs=None, file_bytes=None, flatbuffer_bytes=None,
        notes="k = 1", labels_per_class=labels, timed=None,
    )  # fmt: skip


def _released_row(name: str, timed: dict[str, Any]) -> dict[str, Any]:
    metrics = json.loads((RESULTS / f"release-{name}.json").read_text())
    cost = metrics["footprint"]
    return _row(
        system=name + "-released", title=f"{name}, as released", group="ours", reported=None,
        where="", architecture=metrics["model"]["architecture"],
        variant=metrics["model"]["variant"], epochs=_epochs(metrics), augmentation="affine",
        train_n=metrics["data"]["train_n"], start="",
        runs=[{"seed": metrics["config"]["seed"], **_scores(metrics["test"]),
               "validation_accuracy": (metrics.get("validation") or {}).get("accuracy"),
               "cpu_s": None, "epochs": None}],
        interval=metrics["test"]["interval"], parameters=cost["parameters"], macs=cost["macs"],
        file_bytes=cost["file_bytes"], flatbuffer_bytes=cost["flatbuffer_bytes"],
        notes="the file in models/", timed=timed.get(f"{name}-released"),
    )  # fmt: skip


def _row(
    *, runs: list[dict[str, Any]], timed: dict[str, Any] | None, **facts: Any
) -> dict[str, Any]:
    found = [run["accuracy"] for run in runs]
    return {
        "labels_per_class": None,
        "hidden_layers": None,
        **facts,
        "runs": runs,
        "n_test": 10_000,
        "accuracy": statistics.fmean(found),
        "sd": statistics.stdev(found) if len(found) > 1 else None,
        "call_p50_us": _us(timed, "call"),
        "invoke_p50_us": _us(timed, "invoke"),
    }


def _us(timed: dict[str, Any] | None, what: str) -> float | None:
    return round(1e3 * timed[what]["p50_ms"], 2) if timed else None


def _scores(test: dict[str, Any]) -> dict[str, Any]:
    macro = {key: round(test["macro"][key], 6) for key in ("precision", "recall", "f1")}
    return {"accuracy": test["accuracy"], "errors": test["errors"], **macro}


def _evaluated(subject: Subject, test: Split) -> Evaluation:
    logits = as_logits(subject.logits(test.images))
    classes = tuple(str(digit) for digit in range(10))
    return evaluate_logits(logits, test.labels, classes=classes)


def _tell(text: str, done: int, total: int | None) -> None:
    print(f"{text} ({done} of {total})", file=sys.stderr, flush=True)
