"""What a model must not forget while it learns a new hand: examples of what it was made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from edge_hdr.data.dataset import DIGITS, Dataset, Progress, Split, joined
from edge_hdr.data.load import load
from edge_hdr.data.splits import hold_out_validation, subset
from edge_hdr.errors import ConfigError
from edge_hdr.evaluate import relabelled
from edge_hdr.exposure.gather import gather as look
from edge_hdr.exposure.keep import kept
from edge_hdr.exposure.material import Exposure
from edge_hdr.measure import held_out_by
from edge_hdr_device.manifest import Manifest

LEARNT = 4000  # digits that are rehearsed as they are
SEEN, OTHERS = 1000, 600  # digits found again in scenes, and what is no digit
CHECKED_SEEN, CHECKED_OTHERS = 400, 400  # the same, of the validation split
STROKES = 12_000  # drawn where MNIST cannot be had


@dataclass(frozen=True)
class Rehearsal:
    """What is rehearsed, and what tells whether that was enough.

    Attributes:
        train: digits, some of them found in scenes, and, labelled −1, what is none.
        validation: digits that neither the old model nor the new one was trained on.
        scenes: the same digits found in scenes, and, labelled −1, what is none.
        name: what figures on the validation split are called.
        source: where the digits came from.
        warnings: what a report must repeat, one line each.
    """

    train: Split
    validation: Split
    scenes: Split
    name: str
    source: str
    warnings: tuple[str, ...] = ()

    def facts(self) -> dict[str, Any]:
        """Give JSON-ready what a manifest says of it."""
        digits = int((self.train.labels >= 0).sum())
        return {
            "source": self.source,
            "sha256": self.train.sha256(),
            "digits": digits,
            "others": len(self.train) - digits,
            "validation": self.name,
            "validation_n": len(self.validation),
        }


def gather(
    manifest: Manifest,
    *,
    data: str,
    data_dir: Path | None,
    seed: int,
    progress: Progress | None = None,
) -> Rehearsal:
    """Draw the rehearsal of a model.

    Args:
        manifest: of the model that is adapted; says which examples its build held out.
        data: as `data.load` takes it; "auto" is MNIST, or strokes where it cannot be had.
        data_dir: where MNIST may lie.
        seed: of what is drawn.
        progress: called while data are read.

    Raises:
        ConfigError: the data have classes that the model does not know.
        DataError, UnreachableError: see `data.load`.
    """
    dataset = load(data, data_dir=data_dir, seed=manifest.seed, progress=progress,
                   strokes_train=STROKES, strokes_test=0)  # fmt: skip
    known = relabelled(dataset.train, dataset.classes, manifest.labels)
    if known is None:
        raise ConfigError(
            f"the model's classes are {', '.join(manifest.labels)}, those of {dataset.name} "
            f"{', '.join(dataset.classes)}",
            hint="name the folder that the model was built from by --data",
        )
    wanted, own_seed = held_out_by(manifest)
    rest, validation = hold_out_validation(
        known, wanted=wanted, classes=len(dataset.classes), seed=own_seed
    )
    digits = subset(rest, LEARNT, seed=seed)
    seen = scenes = Exposure()
    if manifest.labels == DIGITS:
        seen, scenes = _seen(digits, validation, seed, progress)
    return Rehearsal(
        train=joined(digits, seen.as_split()),
        validation=validation,
        scenes=scenes.as_split(),
        name=f"{dataset.name} validation",
        source=dataset.source,
        warnings=(*dataset.warnings, *_unlike(dataset, manifest)),
    )


def _seen(
    digits: Split, validation: Split, seed: int, progress: Progress | None
) -> tuple[Exposure, Exposure]:
    """Look at scenes of both splits, as one piece of work; the cache keeps them."""
    wanted = ((digits, SEEN, OTHERS), (validation, CHECKED_SEEN, CHECKED_OTHERS))
    total = sum(found + others for _, found, others in wanted)
    looks, before = [], 0
    for split, found, others in wanted:
        tell = _part(progress, before, total) if progress else None
        make = partial(look, split, digits=found, others=others, seed=seed, progress=tell)
        looks.append(kept(make, "adapt", split.sha256(), found, others, seed))
        before += found + others
    return looks[0], looks[1]


def _part(progress: Progress, before: int, total: int) -> Progress:
    """Tell how far a part is as a part of the whole."""

    def tell(name: str, done: int, _: int | None) -> None:
        progress(name, before + done, total)

    return tell


def _unlike(dataset: Dataset, manifest: Manifest) -> list[str]:
    """Say where the rehearsal is not what the model was built from."""
    if manifest.data.get("sha256") == dataset.train.sha256():
        return []
    built = manifest.data.get("name") or "other data"
    return [
        f"the model was built from {built} and rehearses {dataset.name}: whether it forgets is "
        "judged on that alone"
    ]
