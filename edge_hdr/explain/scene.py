"""All that is shown of a picture: its explanations, the names to tell them with, the facts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.data.dataset import Dataset
from edge_hdr.explain.explanation import Explanation
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.interpreter import runtime_name
from edge_hdr_device.pipeline import Reading


@dataclass(frozen=True)
class Naming:
    """The names that an explanation is told with.

    Attributes:
        labels: of the model's classes.
        classes: of the training split's classes.
        threshold: confidence under which the model rejects; 0 rejects nothing.
    """

    labels: tuple[str, ...]
    classes: tuple[str, ...] = ()
    threshold: float = 0.0

    @property
    def rival_of(self) -> tuple[int | None, ...]:
        """Give the place of each of the model's classes in the training split's, where it is."""
        places = {name: place for place, name in enumerate(self.classes)}
        return tuple(places.get(name) for name in self.labels)


@dataclass(frozen=True)
class Scene:
    """What is explained, and by what.

    Attributes:
        name: of the picture.
        image: uint8 (H, W) grey or (H, W, 3) BGR, the picture.
        reading: what was read in it.
        model: JSON-ready facts: name, path, sha256, temperature, interpreter.
        data: JSON-ready facts of the training split; None without one.
        naming: names of the classes, and the threshold.
        found: an explanation for each digit that was asked for.
        notes: what a reader must know, a sentence each.
    """

    name: str
    image: NDArray[np.uint8]
    reading: Reading
    model: dict[str, Any]
    data: dict[str, Any] | None
    naming: Naming
    found: tuple[Explanation, ...]
    notes: tuple[str, ...] = ()


def naming_of(classifier: Classifier, dataset: Dataset | None) -> Naming:
    """Gather the names of a model and of a data set."""
    manifest = classifier.manifest
    return Naming(
        labels=classifier.labels,
        classes=dataset.classes if dataset else (),
        threshold=manifest.threshold if manifest else 0.0,
    )


def describe_model(path: Path, classifier: Classifier) -> dict[str, Any]:
    """Give the facts of a model, JSON-ready."""
    manifest = classifier.manifest
    return {
        "name": manifest.name if manifest else path.stem,
        "path": str(path),
        "variant": manifest.variant if manifest else "",
        "sha256": manifest.sha256 if manifest else "",
        "labels": list(classifier.labels),
        "threshold": manifest.threshold if manifest else 0.0,
        "temperature": manifest.temperature if manifest else 1.0,
        "interpreter": runtime_name(),
    }


def describe_data(dataset: Dataset, classifier: Classifier) -> dict[str, Any]:
    """Give the facts of the training split that likeness is looked for in, JSON-ready."""
    sha256 = dataset.train.sha256()
    manifest = classifier.manifest
    return {
        "name": dataset.name,
        "source": dataset.source,
        "n": len(dataset.train),
        "sha256": sha256,
        "model_was_trained_on_it": bool(manifest and manifest.data.get("sha256") == sha256),
    }
