"""What MNIST's files contain: read from idx files or an npz, and verified by the checksums."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_hdr.data import idx
from edge_hdr.data.dataset import Split
from edge_hdr.errors import DataError

# Name of each idx file and the md5 of its uncompressed content; gzip wrappers differ by mirror.
# Source: the content of the files published by Y. LeCun, C. Cortes and C. Burges.
CHECKSUMS: Mapping[str, str] = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
NPZ_KEYS = {
    "train-images-idx3-ubyte": "x_train",
    "train-labels-idx1-ubyte": "y_train",
    "t10k-images-idx3-ubyte": "x_test",
    "t10k-labels-idx1-ubyte": "y_test",
}
NPZ_NAME = "mnist.npz"
SIDE_PX = 28
WAYS_OUT = (
    "name a folder with the MNIST files by --data-dir or EDGE_HDR_DATA, "
    "or your own images by --data FOLDER, or use --data strokes"
)


def read(folder: Path, *, checksums: Mapping[str, str] = CHECKSUMS) -> tuple[Split, Split]:
    """Read the training and the test split.

    Args:
        folder: has the four idx files, plain or gzipped, or `mnist.npz` (x_train, y_train,
            x_test, y_test).
        checksums: md5 of each array's idx content.

    Returns:
        Training and test split as published: uint8 (N, 28, 28), ink 255 on background 0.

    Raises:
        DataError: a file is missing, truncated, of another kind, or its checksum differs.
    """
    arrays = _read_npz(folder) if (folder / NPZ_NAME).is_file() else _read_idx(folder)
    names = list(arrays)
    splits = [_pair(arrays, *names[:2]), _pair(arrays, *names[2:])]
    for (name, array), checksum in zip(arrays.items(), checksums.values(), strict=True):
        verify(idx.content_md5(idx.encode(array)), checksum, name=name)
    return splits[0], splits[1]


def _read_idx(folder: Path) -> dict[str, NDArray[np.uint8]]:
    """Read four idx files; the keys are their names as found, in the order of `CHECKSUMS`."""
    arrays = {}
    for stem in CHECKSUMS:
        path = find_file(folder, stem)
        if path is None:
            raise DataError(f"{folder} has no {stem}[.gz]", hint=WAYS_OUT)
        dimensions = 3 if "images" in stem else 1
        arrays[path.name] = idx.decode(idx.unpack(path), dimensions=dimensions, name=path.name)
    return arrays


def _read_npz(folder: Path) -> dict[str, NDArray[np.uint8]]:
    """Read `mnist.npz`; the keys are "mnist.npz: x_train" and so on, ordered as `CHECKSUMS`."""
    path = folder / NPZ_NAME
    arrays = {}
    if not zipfile.is_zipfile(path):
        raise DataError(f"{path.name} is truncated or no npz file", hint=idx.DAMAGED_HINT)
    try:
        with np.load(path, allow_pickle=False) as archive:
            for stem, key in NPZ_KEYS.items():
                if key not in archive:
                    raise DataError(f"{path.name} has no array {key}", hint=idx.DAMAGED_HINT)
                name = f"{path.name}: {key}"
                arrays[name] = _as_bytes(archive[key], 3 if "images" in stem else 1, name)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path.name} is damaged: {error}", hint=idx.DAMAGED_HINT) from error
    return arrays


def _as_bytes(array: NDArray[np.generic], dimensions: int, name: str) -> NDArray[np.uint8]:
    """Give integers in [0, 255] as uint8, whatever integer type an archive stores."""
    fits = np.issubdtype(array.dtype, np.integer) and array.ndim == dimensions
    if not fits or (array.size and not (0 <= int(array.min()) <= int(array.max()) <= 255)):
        raise DataError(
            f"{name} is {array.dtype} with {array.ndim} dimensions, "
            f"not integers in [0, 255] with {dimensions}",
            hint=idx.DAMAGED_HINT,
        )
    return array.astype(np.uint8)


def _pair(arrays: Mapping[str, NDArray[np.uint8]], images_name: str, labels_name: str) -> Split:
    images, labels = arrays[images_name], arrays[labels_name]
    if images.shape[1:] != (SIDE_PX, SIDE_PX):
        size = "×".join(str(side) for side in images.shape[1:])
        raise DataError(f"{images_name} has images of {size} px, not {SIDE_PX}×{SIDE_PX}")
    if len(images) != len(labels):
        raise DataError(
            f"{labels_name} has {len(labels):,} labels, {images_name} has {len(images):,} images",
            hint=idx.DAMAGED_HINT,
        )
    if labels.size and labels.max() > 9:
        raise DataError(f"{labels_name} has the label {labels.max()}, not only 0 to 9")
    return Split(images, labels.astype(np.int64))


def verify(found: str, expected: str, *, name: str) -> None:
    """Compare a content's md5 with MNIST's.

    Raises:
        DataError: they differ.
    """
    if found != expected:
        raise DataError(
            f"{name}: checksum differs: md5 of the content is {found}, MNIST's is {expected}",
            hint=idx.DAMAGED_HINT,
        )


def is_sound(path: Path, checksum: str) -> bool:
    """Tell whether an idx file can be read and has the content that its checksum says."""
    try:
        return idx.content_md5(idx.unpack(path)) == checksum
    except DataError:
        return False


def missing(folder: Path) -> list[str]:
    """Name the idx files that a folder lacks; none when it has them all or `mnist.npz`."""
    absent = [stem for stem in CHECKSUMS if find_file(folder, stem) is None]
    return [] if (folder / NPZ_NAME).is_file() else absent


def find_file(folder: Path, stem: str) -> Path | None:
    """Find an idx file under the names in use: gzipped or plain, with `-` or `.` before idx."""
    names = (f"{name}{end}" for name in (stem, stem.replace("-idx", ".idx")) for end in (".gz", ""))
    return next((folder / name for name in names if (folder / name).is_file()), None)
