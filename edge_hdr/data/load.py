"""One door to all data: `mnist`, `strokes`, a folder, or whichever is in reach."""

from __future__ import annotations

from pathlib import Path

from edge_hdr.data import mnist, mnist_places
from edge_hdr.data.dataset import Dataset, Progress
from edge_hdr.data.folder import load_folder
from edge_hdr.errors import DataError, StorageError, UnreachableError, nearest

NAMES = ("auto", "mnist", "strokes")
# The same for every run, so that figures on it compare, and far from the seeds people choose.
STROKES_TEST_SEED = 990_601_000


def load(
    spec: str,
    *,
    data_dir: Path | None,
    seed: int,
    strict: bool = False,
    progress: Progress | None = None,
    strokes_train: int = 60_000,
    strokes_test: int = 10_000,
) -> Dataset:
    """Load a data set by what `--data` says.

    Args:
        spec: "mnist"; "strokes"; a folder of labelled images; or "auto", which is MNIST where it
            can be had and else strokes, with a warning that says so.
        data_dir: where MNIST is looked for first.
        seed: of what is drawn: the training strokes, a folder's held-out test split.
        strict: refuse a folder with an unusable file.
        progress: called while files are downloaded, read or drawn.
        strokes_train: how many training digits are drawn for strokes.
        strokes_test: how many test digits are drawn for strokes.

    Raises:
        DataError: the data set is unknown, missing or damaged.
        UnreachableError: MNIST was asked for, is not here, and no mirror answers.
        StorageError: MNIST was asked for and its cache cannot be written.
    """
    if spec == "auto":
        return _auto(data_dir, seed, progress, (strokes_train, strokes_test))
    if spec == "mnist":
        return _mnist(mnist_places.obtain(data_dir, progress=progress))
    if spec == "strokes":
        return _strokes(seed, progress, (strokes_train, strokes_test))
    folder = Path(spec).expanduser()
    if folder.is_dir():
        return load_folder(folder, seed=seed, strict=strict, progress=progress)
    if folder.exists():
        raise DataError(f"--data {spec} is a file, not a folder", hint="name the folder it is in")
    raise DataError(
        f"--data {spec} is no data set and no folder",
        hint=f"{nearest(spec, NAMES)}, or the path of a folder",
    )


def _auto(
    data_dir: Path | None, seed: int, progress: Progress | None, sizes: tuple[int, int]
) -> Dataset:
    """Give MNIST, or strokes where it cannot be had; what is here and damaged is an error."""
    place = mnist_places.find(mnist_places.places(data_dir))
    if place is not None:
        return _mnist(place)
    try:
        return _mnist(mnist_places.obtain(data_dir, progress=progress))
    except (DataError, StorageError, UnreachableError) as error:
        reason = error.message.replace(str(Path("~").expanduser()), "~")
    return _strokes(
        seed,
        progress,
        sizes,
        warnings=(
            f"procedural strokes stand in for MNIST: {reason}. For MNIST, name a folder with its "
            "files by --data-dir or EDGE_HDR_DATA; for your own images use --data FOLDER",
        ),
    )


def _mnist(place: mnist_places.Place) -> Dataset:
    train, test = mnist.read(place.folder)
    return Dataset(
        name="mnist",
        train=train,
        test=test,
        source=f"MNIST as published (checksums verified), {place.role}",
        test_name="MNIST test",
    )


def _strokes(
    seed: int,
    progress: Progress | None,
    sizes: tuple[int, int],
    *,
    warnings: tuple[str, ...] = (),
) -> Dataset:
    from edge_hdr.data.strokes import make_split

    train = make_split(sizes[0], seed=seed, workers=None)
    if progress is not None:
        progress("drawing strokes", sizes[0], sum(sizes))
    test = make_split(sizes[1], seed=STROKES_TEST_SEED, workers=None)
    if progress is not None:
        progress("drawing strokes", sum(sizes), sum(sizes))
    return Dataset(
        name="strokes",
        train=train,
        test=test,
        source=f"procedural strokes, training seed {seed}",
        test_name="strokes test (procedural)",
        warnings=warnings,
    )
