"""The labelled digits that accuracy is measured on, the same for all models of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edge_hdr.bench.request import Reporter, Request
from edge_hdr.bench.subjects import ModelFile
from edge_hdr.data.dataset import Dataset, Split
from edge_hdr.data.load import NAMES, load
from edge_hdr.errors import DataError, ModelError
from edge_hdr.evaluate import check_classes, relabelled
from edge_hdr.measure import (
    SplitName,
    drawn_strokes,
    held_out_by,
    parts,
    split_name,
    warnings_of,
)

NONE = Split(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.int64))


@dataclass(frozen=True)
class Examples:
    """What accuracy is measured on.

    Attributes:
        dataset: where it is from.
        split: which part that is.
        part: the digits, their labels being of `classes`.
        sha256: of the digits, labelled as the data set labels them.
        drawn: whether the part depends on the seed of the first model's build.
        apart: digits of the training split that are not measured on, labelled as the part is.
        outputs: what the models' outputs stand for, where they know more classes than the digits
            have; empty where they are the data set's.
    """

    dataset: Dataset
    split: SplitName
    part: Split
    sha256: str
    drawn: bool
    apart: Split = NONE
    outputs: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """Name what the labels of the part stand for."""
        return self.outputs or self.dataset.classes

    def fitted(self, known: Sequence[Sequence[str] | None]) -> Examples:
        """Label the digits as the first of some models does that knows all of their classes.

        Args:
            known: what each model's outputs stand for; None where it does not say.
        """
        for classes in known:
            names = tuple(classes or self.classes)
            part = relabelled(self.part, self.classes, names)
            apart = relabelled(self.apart, self.classes, names)
            if part is not None and apart is not None:
                return replace(self, part=part, apart=apart, outputs=names)
        return self

    def check(self, path: Path, classes: Sequence[str] | None) -> None:
        """Make sure that a model tells the classes apart that the digits have.

        Args:
            path: of the model's file.
            classes: what its outputs stand for; None where it does not say.

        Raises:
            ModelError: it has others; names the file.
        """
        try:
            check_classes(tuple(classes or self.classes), self.classes)
        except ModelError as error:
            raise ModelError(f"{path}: {error.message}", hint=error.hint) from error

    def to_dict(self) -> dict[str, Any]:
        """Give what a document says of them."""
        return {
            "name": self.dataset.name,
            "test_name": split_name(self.dataset, self.split),
            "n": len(self.part),
            "sha256": self.sha256,
            "source": self.dataset.source,
        }

    def warnings(self, files: Sequence[ModelFile]) -> list[str]:
        """Say what speaks against the models' figures on them, a sentence each."""
        found = list(self.dataset.warnings)
        for file in files:
            lines = warnings_of(self.dataset, self.split, file.manifest)
            found += [f"{file.name}: {line}" for line in lines if line not in found]
            first = files[0]
            if self.drawn and held_out_by(file.manifest) != held_out_by(first.manifest):
                found.append(
                    f"{file.name}: its build held out other examples than {first.name}'s, so that "
                    "it may have been trained on some of these"
                )
        return found


def load_examples(request: Request, files: Sequence[ModelFile], reporter: Reporter) -> Examples:
    """Load the split; what is drawn or held out is as the first model's build did it.

    Raises:
        DataError: the data set is missing, damaged or empty, or fewer are to be corrupted than it
            has classes.
    """
    manifest = files[0].manifest if files else None
    dataset = load(
        request.data,
        data_dir=request.data_dir,
        seed=manifest.seed if manifest else 0,
        progress=reporter.progress,
        strokes_train=drawn_strokes(request.split, manifest),
    )
    part, apart = parts(dataset, request.split, manifest)
    if not len(part):
        raise DataError("the split has no examples", hint="give a data set with labelled images")
    if 0 < request.robustness < len(dataset.classes):
        raise DataError(
            f"--robustness {request.robustness}: too few for {len(dataset.classes)} classes",
            hint="take 1000, or at least one of each",
        )
    drawn = request.split == "validation" or (request.split == "test" and request.data not in NAMES)
    return Examples(dataset, request.split, part, part.sha256(), drawn, apart)
