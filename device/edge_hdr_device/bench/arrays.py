"""The digits that models are asked, and their answers, as `.npz` files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edge_hdr_device.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEEDED = "give an .npz with the array `images`, uint8 (N, 28, 28), ink 255 on background 0"


def read_images(path: Path) -> NDArray[np.uint8]:
    """Read `images`, uint8 (N, 28, 28), N ≥ 1, of an `.npz`.

    Raises:
        DataError: the file is missing or damaged, or has other arrays.
    """
    import numpy as np

    images = _array(path)
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (28, 28):
        raise DataError(
            f"{path}: its images are {images.dtype} {images.shape}, not uint8 (N, 28, 28)",
            hint=NEEDED,
        )
    if not len(images):
        raise DataError(f"{path} has no images: the array is empty", hint="give at least one")
    return images


def _array(path: Path) -> NDArray[np.uint8]:
    """Read the array `images`, whatever it is."""
    import zipfile
    import zlib

    import numpy as np

    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            if "images" not in file.files:
                names = ", ".join(file.files) or "nothing"
                raise DataError(f"{path} has no array `images`; it has: {names}", hint=NEEDED)
            return np.asarray(file["images"])
    except OSError as error:
        reason = error.strerror or "it is damaged"
        raise DataError(f"cannot read {path}: {reason}", hint="check the path") from error
    except (
        *(AttributeError, EOFError, RuntimeError, TypeError, ValueError),
        *(zipfile.BadZipFile, zlib.error),
    ) as error:
        raise DataError(f"{path} is no .npz file, or is damaged", hint=NEEDED) from error


def write_answers(path: Path, logits: dict[str, NDArray[np.float32]]) -> None:
    """Write one array a model into an `.npz`, named by the model.

    Raises:
        StorageError: the place cannot be written.
    """
    import io
    import zipfile

    from numpy.lib import format as npy

    from edge_hdr_device.storage import write_atomic

    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:  # numpy's own takes no model called "file"
        for name, array in logits.items():
            with archive.open(f"{name}.npy", "w") as member:
                npy.write_array(member, array)
    write_atomic(path, content.getvalue())
