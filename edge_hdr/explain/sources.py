"""Find what an explanation needs beside the model file; what is not there becomes a note."""

from __future__ import annotations

from pathlib import Path

from edge_hdr.data import mnist_places
from edge_hdr.data.dataset import Dataset, Progress
from edge_hdr.data.load import load
from edge_hdr.errors import ConfigError, DataError, DependencyError
from edge_hdr.explain.gradients import FloatModel
from edge_hdr_device.manifest import Manifest

NONE = "none"
STROKES = 10_000  # drawn to look for likeness in: a few seconds' worth


def find_examples(
    spec: str, data_dir: Path | None, manifest: Manifest | None, progress: Progress | None = None
) -> tuple[Dataset | None, str]:
    """Load the data set whose training split likeness is looked for in; nothing is downloaded.

    Args:
        spec: what `--data` says: mnist, strokes, a folder, or none.
        data_dir: where MNIST is looked for first.
        manifest: of the model; its seed draws the strokes.
        progress: see `load`.

    Returns:
        The data set, or None and a note that says why.

    Raises:
        DataError: `spec` names no data set, or what it names is damaged.
    """
    if spec == NONE:
        return None, ""
    if spec == "auto":
        raise DataError("--data auto", hint="give mnist, strokes, a folder, or none")
    if spec == "mnist":
        places = mnist_places.places(data_dir)
        if mnist_places.find(places) is None:
            return None, (
                f"no similar training examples: MNIST is not in {mnist_places.searched(places)}; "
                "`edge-hdr data fetch` gets it"
            )
    seed = manifest.seed if manifest else 0
    dataset = load(spec, data_dir=data_dir, seed=seed, progress=progress,
                   strokes_train=STROKES, strokes_test=0)  # fmt: skip
    if not len(dataset.train):
        return None, f"no similar training examples: {dataset.source} has no training split"
    return dataset, ""


def find_float_model(folder: Path | None, classes: int) -> tuple[FloatModel | None, str]:
    """Open the float model of a build.

    Args:
        folder: of the build; None gives neither model nor note.
        classes: number of its outputs.

    Returns:
        The model, or None and a note that says why.
    """
    if folder is None:
        return None, ""
    try:
        return FloatModel(folder, classes), ""
    except (ConfigError, DependencyError) as error:
        return None, f"no integrated gradients: {error.message}; {error.hint}"
