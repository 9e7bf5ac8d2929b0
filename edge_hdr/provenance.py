"""What a manifest says about how a model was made."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
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
