"""Find the models that are released with the package."""

from __future__ import annotations

import os
from pathlib import Path

from edge_hdr_device.errors import ModelError, nearest

DEFAULT = "ds-cnn-small-int8"
FILE = "model.tflite"
VARIABLE = "EDGE_HDR_MODEL"  # set by a deployment, so that its release's own model is the default


def folder() -> Path:
    """Give the folder of released models: in the wheel, else in the repository."""
    packaged = Path(__file__).parent / "released"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "models"


def names() -> list[str]:
    """List the names of the released models."""
    return sorted(path.parent.name for path in folder().glob(f"*/{FILE}"))


def find(model: str | None = None) -> Path:
    """Resolve a model argument.

    Args:
        model: a path, the folder of a build, a released model's name, or None for the default,
            which EDGE_HDR_MODEL names in the same ways.

    Returns:
        The path of an existing `.tflite` file.

    Raises:
        ModelError: neither a file nor a released model, or a folder without one.
    """
    name = model or os.environ.get(VARIABLE) or DEFAULT
    released = folder() / name / FILE
    if released.is_file():
        return released
    path = Path(name)
    if path.is_dir() and (path / FILE).is_file():
        return path / FILE
    if path.is_file():
        return path
    source = "" if model or name == DEFAULT else f" (from {VARIABLE})"
    if path.is_dir():
        raise ModelError(
            f"{name}{source} has no {FILE}: an unfinished build?",
            hint="the command that began a build resumes it; or name a .tflite file",
        )
    raise ModelError(
        f"no model {name!r}{source}: neither a file nor a released model",
        hint=nearest(name, names()),
    )
