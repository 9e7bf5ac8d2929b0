"""What is sent to a board to be measured there: models and digits in one archive."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.manifest import read_file

if TYPE_CHECKING:
    from edge_hdr.bench.subjects import ModelFile

DIGITS = "digits.npz"
TPU, SUFFIX = "_edgetpu", ".tflite"


class Parcel:
    """Models and digits, each model in a folder of its own under the name that it has here.

    Args:
        models: of this computer.
        images: uint8 (N, 28, 28), ink 255 on background 0; None sends none.
        with_twins: send what lies beside a model for the Edge TPU, or for the processor, too.

    Attributes:
        words: where the models lie there, in their order.
    """

    def __init__(
        self, models: Sequence[ModelFile], images: NDArray[np.uint8] | None, *, with_twins: bool
    ) -> None:
        self._models = {f"model-{index}": file for index, file in enumerate(models)}
        self._images, self._with_twins = images, with_twins
        self.words = [f"{folder}/{_name(file)}" for folder, file in self._models.items()]

    def pack(self) -> bytes:
        """Give the tar archive; the digits are compressed.

        Raises:
            ModelError: a file beside a model cannot be read.
        """
        found = io.BytesIO()
        with tarfile.open(fileobj=found, mode="w") as archive:
            for word, file in zip(self.words, self._models.values(), strict=True):
                _add(archive, word, file.content or b"")
                twin = file.path.with_name(_twin(file.path.name))
                if self._with_twins and twin.is_file():
                    _add(archive, _twin(word), read_file(twin))
            if self._images is not None:
                packed = io.BytesIO()
                np.savez_compressed(packed, images=self._images)
                _add(archive, DIGITS, packed.getvalue())
        return found.getvalue()

    def file_at(self, place: str) -> ModelFile:
        """Give the model that a path there is of.

        Raises:
            KeyError: none was sent there.
        """
        return self._models[Path(place).parts[0]]

    def at_home(self, text: str) -> str:
        """Put the paths of this computer in place of those there."""
        for word, file in zip(self.words, self._models.values(), strict=True):
            text = text.replace(word, str(file.path))
            text = text.replace(_twin(word), str(file.path.with_name(_twin(file.path.name))))
        return text


def _name(file: ModelFile) -> str:
    """Name a model's file so that it is called there as here, and by no odd letters."""
    mark = TPU if file.path.stem.endswith(TPU) else ""
    return re.sub(r"[^A-Za-z0-9.+=_-]", "_", file.name.removesuffix(TPU)) + mark + SUFFIX


def _twin(path: str) -> str:
    """Name the file for the Edge TPU that belongs to one for the processor, or the reverse."""
    stem = path.removesuffix(SUFFIX)
    return (stem.removesuffix(TPU) if stem.endswith(TPU) else stem + TPU) + SUFFIX


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o600
    archive.addfile(entry, io.BytesIO(content))
