"""What a build learns from and is judged by: data set, validation, exposure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edge_hdr.config import BuildConfig
from edge_hdr.data.dataset import Dataset, Split
from edge_hdr.exposure.material import Exposure
from edge_hdr.progress import Reporter


@dataclass(frozen=True)
class Material:
    """A data set, its training split parted for validation, and what scenes add to both.

    Attributes:
        dataset: whole; its test split is for the end.
        train: what is learnt from.
        validation: what choices are made on.
        facts: JSON-ready, what a manifest says of all this.
        exposure: what was found in scenes written with training digits.
        scenes: what was found in scenes written with validation digits.
    """

    dataset: Dataset
    train: Split
    validation: Split
    facts: dict[str, Any]
    exposure: Exposure = field(default_factory=Exposure)
    scenes: Exposure = field(default_factory=Exposure)

    @property
    def is_exposed(self) -> bool:
        """Tell whether there is anything from scenes to train on."""
        return bool(len(self.exposure.digits) or len(self.exposure.others))


def read(
    config: BuildConfig, data_dir: Path | None, *, strict: bool, reporter: Reporter
) -> Material:
    """Read the data set that a build names and part it.

    Raises:
        DataError: see `data.load` and `data.splits`.
    """
    from edge_hdr.data.load import load
    from edge_hdr.data.splits import hold_out_validation, subset

    dataset = load(
        config.data,
        data_dir=data_dir,
        seed=config.seed,
        strict=strict,
        progress=reporter.bytes_done,
        strokes_train=config.strokes_train,
    )
    for warning in dataset.warnings:
        reporter.warn(warning)
    train, validation = hold_out_validation(
        dataset.train, wanted=config.validation, classes=len(dataset.classes), seed=config.seed
    )
    if config.limit and config.limit < len(train):
        train = subset(train, config.limit, seed=config.seed)
    facts = {
        "name": dataset.name,
        "source": dataset.source,
        "sha256": dataset.train.sha256(),
        "train_n": len(train),
        "validation_n": len(validation),
        "test_n": len(dataset.test),
        "test_name": dataset.test_name,
        "warnings": list(dataset.warnings),
    }
    return Material(dataset, train, validation, facts)


def expose(
    config: BuildConfig, material: Material, reporter: Reporter, *, judged: bool
) -> Material:
    """Add what scenes give.

    Args:
        config: how much.
        material: as `read` gives it.
        reporter: told how far it is.
        judged: gather validation's scenes as well; False on a worker that verifies nothing.
    """
    from edge_hdr.exposure.expose import for_training, for_validation

    classes, tell = material.dataset.classes, reporter.bytes_done
    exposure, scenes = for_training(material.train, config, classes, tell), Exposure()
    if judged:
        scenes = for_validation(material.validation, config, classes, tell)
    counts = {"exposure_digits": len(exposure.digits), "exposure_others": len(exposure.others)}
    facts = {**material.facts, **(counts if any(counts.values()) else {})}
    return replace(material, facts=facts, exposure=exposure, scenes=scenes)
