"""What a manifest or a result says about how it was made."""

from __future__ import annotations

import shlex
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from edge_hdr.config import BuildConfig

LIBRARIES = ("tensorflow", "tf-keras", "tensorflow-model-optimization", "ai-edge-litert", "numpy",
             "opencv-python-headless")  # fmt: skip


def changed(config: BuildConfig) -> dict[str, Any]:
    """Give the settings that differ from the defaults: enough to repeat a build, and short."""
    plain = BuildConfig().to_dict()
    return {key: value for key, value in config.to_dict().items() if value != plain[key]}


def versions() -> dict[str, str]:
    """Give the versions of the libraries that decide what a build makes."""
    found = {}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def command_line(script: str) -> str:
    """Give the command that runs in this process, without where on this computer things lie.

    Args:
        script: the file that was run, as a reader would name it.
    """
    shown = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:]]
    return shlex.join(["python", script, *shown])
