"""What the host expects of a model on a board: the content of canary.json."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge_hdr_device.errors import CheckFailedError
from edge_hdr_device.install.index import CANARY

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMAT = 1
AGAIN = "bundle it again with the edge-hdr that made the payload"


@dataclass(frozen=True)
class Canary:
    """What the host expects of a model.

    Attributes:
        model: id of the model.
        crops: sha256 of the golden digits' pixels.
        labels: of the golden digits.
        outputs: (N, classes), raw, of the type that the model gives.
        scale: real value of a step of the outputs; 0.0 where they are floats.
        tolerance: by how much an output may differ, in the outputs' own unit.
        least_right: of the golden digits; None for a model that has no ten digits.
    """

    model: str
    crops: str
    labels: tuple[int, ...]
    outputs: NDArray[Any]
    scale: float
    tolerance: float
    least_right: int | None

    def to_bytes(self) -> bytes:
        """Write it; the same content gives the same bytes."""
        shape, dtype = self.outputs.shape, self.outputs.dtype.newbyteorder("<")
        fields = {
            "format": FORMAT,
            "model": self.model,
            "crops": self.crops,
            "labels": list(self.labels),
            "outputs": base64.b64encode(self.outputs.astype(dtype).tobytes()).decode(),
            "dtype": self.outputs.dtype.name,
            "classes": shape[1],
            "scale": self.scale,
            "tolerance": self.tolerance,
            "least_right": self.least_right,
        }
        return json.dumps(fields, sort_keys=True).encode() + b"\n"

    @classmethod
    def from_bytes(cls, content: bytes) -> Canary:
        """Read it.

        Raises:
            CheckFailedError: it is no canary, or one of a later format.
        """
        import numpy as np

        try:
            fields = json.loads(content)
            if fields["format"] != FORMAT:
                raise ValueError(f"format {fields['format']!r}, not {FORMAT}")
            dtype = np.dtype(fields["dtype"])
            flat = np.frombuffer(base64.b64decode(fields["outputs"], validate=True), dtype)
            least = fields["least_right"]
            return cls(
                model=str(fields["model"]),
                crops=str(fields["crops"]),
                labels=tuple(int(label) for label in fields["labels"]),
                outputs=flat.reshape(len(fields["labels"]), int(fields["classes"])),
                scale=float(fields["scale"]),
                tolerance=float(fields["tolerance"]),
                least_right=None if least is None else int(least),
            )
        except (ValueError, KeyError, TypeError, binascii.Error) as error:
            raise CheckFailedError(
                f"the payload's {CANARY} cannot be read: {error}", hint=AGAIN
            ) from error
