"""The systems of the literature: how each is trained here, and what its source reports.

A system is one or several runs of `edge-hdr build`; its flags below are all that differs. Where a
source leaves a detail open, the choice is ours and stands in the notes. Epochs are a budget for
two cores, not always the source's own number.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Group = Literal["literature", "sweep", "transfer", "few-shot", "classical", "ours"]
RUNS = Path("runs/literature")
TABLE = "a published comparison table"

# The plain training of courses and papers: Adam, nothing averaged, smoothed or decayed.
PLAIN = {
    "optimizer": "adam", "schedule": "constant", "learning_rate": 0.001, "weight_decay": 0,
    "label_smoothing": 0, "ema": 0, "clean_share": 1,
}  # fmt: skip
ANNEALED = {**PLAIN, "schedule": "one-cycle", "learning_rate": 0.002, "ema": 0.998}
AFFINE = {"clean_share": 0.3}
LABELS = (1, 5, 10, 50)  # labelled digits a class
SWEEP_EPOCHS, SWEEP_HIDDEN = (2, 4, 8), ((120,), (120, 84), (120, 84, 84))


@dataclass(frozen=True)
class System:
    """A system and how it is trained.

    Attributes:
        name: of its folder under `runs/literature/`.
        title: for people.
        group: part of the table.
        flags: of `edge-hdr build`, by their settings' names; float32 unless they quantize.
        seeds: a run for each.
        reported: accuracy that the source gives; None where it gives none.
        where: the source.
        start: a system whose run of seed 0 training starts from, or empty.
        shares: a system whose float phase this one takes over, or empty.
        notes: what is ours in it.
        labels: labelled digits a class; None is all.
        hidden: hidden layers, in the sweep.
        augmentation: none, affine or elastic.
    """

    name: str
    title: str
    group: Group
    flags: dict[str, object]
    seeds: int = 1
    reported: float | None = None
    where: str = ""
    start: str = ""
    shares: str = ""
    notes: str = ""
    labels: int | None = None
    hidden: int | None = None
    augmentation: str = "none"


def systems() -> list[System]:
    """List every trained system, the cheap ones first."""
    return [*references(), *ours(), *transfer(), *sweep(), *few_shot(), *long_ones()]


def references() -> list[System]:
    """Give the systems of the literature that train in minutes."""
    return [
        System(
            "mlp", "Feed-forward 784-128-64-10", "literature",
            {"architecture": "mlp", **PLAIN, "epochs": 5, "batch_size": 32}, seeds=5,
            reported=0.974, where="a Keras course report",
        ),
        System(
            "lenet5", "LeNet-5", "literature",
            {"architecture": "lenet5", **PLAIN, "schedule": "cosine", "epochs": 15}, seeds=3,
            reported=0.9905, where="LeCun 1998; " + TABLE,
            notes="ReLU and max pooling in place of tanh and subsampling; Adam",
        ),
        System(
            "light-cnn", "Lightweight CNN for edge devices", "literature",
            {"architecture": "light-cnn", "epochs": 8}, seeds=3, augmentation="affine",
            reported=0.9912, where="Zhao 2020, " + TABLE,
            notes="the common form of such networks; the source's layers were not at hand",
        ),
    ]  # fmt: skip


def long_ones() -> list[System]:
    """Give the systems that take long: fewer epochs than their sources gave them."""
    elastic = {"elastic_px": 1.2, "rotation_deg": 10, "clean_share": 0.1, "stroke": 0}
    return [
        System(
            "resnet", "ResNet (8 layers)", "literature",
            {"architecture": "resnet", "epochs": 5}, augmentation="affine",
            reported=0.9972, where=TABLE, notes="one block a stage",
        ),
        System(
            "cnn5", "CNN 5×5, pool, 5×5, 128, dropout", "literature",
            {"architecture": "cnn5", **PLAIN, "epochs": 5, "batch_size": 64},
            reported=0.9915, where="a deep-learning paper", notes="32 and 64 kernels",
        ),
        System(
            "ciresan", "Deep CNN with elastic distortions, one column", "literature",
            {"architecture": "ciresan", **ANNEALED, **elastic, "epochs": 5}, seeds=3,
            augmentation="elastic", notes="without width normalization; the source's table "
            "gives the committee",
        ),
        System(
            "alexnet", "AlexNet-style, 28×28", "literature",
            {"architecture": "alexnet", **ANNEALED, **AFFINE, "epochs": 3},
            augmentation="affine", reported=0.9915, where=TABLE,
        ),
    ]  # fmt: skip


def sweep() -> list[System]:
    """Give the LeNet-5-based network with augmentation, hidden layers by epochs."""
    return [
        System(
            f"lenet5-h{len(hidden)}-e{epochs}",
            f"LeNet-5-based, augmented, {len(hidden)} hidden, {epochs} epochs", "sweep",
            {"architecture": "lenet5", "channels": (6, 16, *hidden), **ANNEALED, **AFFINE,
             "epochs": epochs},
            augmentation="affine", reported=0.9923, where="IJISAE 2024", hidden=len(hidden),
        )
        for epochs in SWEEP_EPOCHS
        for hidden in SWEEP_HIDDEN
    ]  # fmt: skip


def transfer() -> list[System]:
    """Give fine-tuning of what was trained on procedural handwriting, beside the same without."""
    flags = {"architecture": "ds-cnn-small", "epochs": 5}
    return [
        System(
            "strokes", "Procedural handwriting only", "transfer",
            {"architecture": "ds-cnn-small", "data": "strokes", "epochs": 5},
            augmentation="affine", notes="no digit of MNIST was trained on",
        ),
        System(
            "fine-tuned", "Transfer: trained on strokes, then fine-tuned", "transfer",
            {**flags, "learning_rate": 0.03}, start="strokes", reported=0.996, where=TABLE,
            augmentation="affine",
        ),
        System(
            "from-scratch", "The same network and epochs without", "transfer", flags,
            augmentation="affine",
        ),
    ]  # fmt: skip


def few_shot() -> list[System]:
    """Give training with few labels, from random weights and from procedural handwriting."""
    flags = {"architecture": "ds-cnn-small", "epochs": 40, "validation": 500, "ema": 0.9}
    found = []
    for labels in LABELS:
        for start, rate in (("", 0.05), ("strokes", 0.005)):
            found.append(
                System(
                    f"few-{labels}{'-' + start if start else ''}",
                    f"{labels} labelled digit{'s' if labels > 1 else ''} a class, "
                    + ("from strokes" if start else "from scratch"),
                    "few-shot",
                    {**flags, "limit": 10 * labels, "learning_rate": rate},
                    seeds=3,
                    start=start,
                    labels=labels,
                    augmentation="affine",
                )
            )
    return found


def ours() -> list[System]:
    """Give our three sizes in four variants; one float phase serves all of a size."""
    found = []
    for size in ("nano", "small", "base"):
        flags = {"architecture": f"ds-cnn-{size}", "epochs": 8, "qat_epochs": 2}
        whole, title = f"ds-cnn-{size}-int8", f"ds-cnn-{size}"
        found += [
            System(whole, f"{title}, int8", "ours", {**flags, "quantize": "int8"},
                   augmentation="affine"),
            System(f"ds-cnn-{size}-int8-ptq", f"{title}, int8-ptq", "ours",
                   {**flags, "quantize": "int8-ptq"}, shares=whole, augmentation="affine"),
            System(f"ds-cnn-{size}-int8-pruned", f"{title}, int8-pruned (half zeros)", "ours",
                   {**flags, "quantize": "int8", "sparsity": {"*": 0.5}, "prune_epochs": 2},
                   shares=whole, augmentation="affine"),
            System(f"ds-cnn-{size}-float32", f"{title}, float32", "ours",
                   {**flags, "quantize": "float32"}, shares=whole, augmentation="affine"),
        ]  # fmt: skip
    return found
