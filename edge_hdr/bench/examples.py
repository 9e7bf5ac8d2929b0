"""The labelled digits that accuracy is measured on, the same for all models of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_hdr.bench.request import Reporter, Request
from edge_hdr.bench.subjects import ModelFile
from edge_hdr.data.dataset import Dataset, Split
from edge_hdr.data.load import NAMES, load
from edge_hdr.errors import DataError, ModelError
from edge_hdr.evaluate import check_classes
from edge_hdr.measure import SplitName, choose_split, drawn_strokes, held_out_by, warnings_of


@dataclass(frozen=True)
class Examples:
    """What accuracy is measured on.

    Attributes:
        dataset: where it is from.
        split: which part that is.
        part: the digits.
        sha256: of the digits.
        drawn: whether the part depends on the seed of the first model's build.
    """

    dataset: Dataset
    split: SplitName
    part: Split
    sha256: str
    drawn: bool

    def check(self, path: Path, classes: Sequence[str] | None) -> None:
        """Make sure that a model tells the classes apart that the digits have.

        Args:
            path: of the model's file.
            classes: what its outputs stand for; None where it does not say.

        Raises:
            ModelError: it has others; names the file.
        """
        try:
            check_classes(tuple(classes or self.dataset.classes), self.dataset.classes)
        except ModelError as error:
            raise ModelError(f"{path}: {error.message}", hint=error.hint) from error

    def to_dict(self) -> dict[str, Any]:
        """Give what a document says of them."""
        name = self.dataset.name
        return {
            "name": name,
            "test_name": self.dataset.test_name if self.split == "test" else f"{name} validation",
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
    part = choose_split(dataset, request.split, manifest)
    if not len(part):
        raise DataError("the split has no examples", hint="give a data set with labelled images")
    if 0 < request.robustness < len(dataset.classes):
        raise DataError(
            f"--robustness {request.robustness}: too few for {len(dataset.classes)} classes",
            hint="take 1000, or at least one of each",
        )
    drawn = request.split == "validation" or request.data not in NAMES
    return Examples(dataset, request.split, part, part.sha256(), drawn)
