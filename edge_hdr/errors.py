"""The error tree of `edge_hdr_device.errors`, under the host's own name."""

from __future__ import annotations

from edge_hdr_device.errors import (
    CameraError,
    CheckFailedError,
    ConfigError,
    DataError,
    DependencyError,
    DeviceStepError,
    EdgeHdrError,
    ImageError,
    InputError,
    ModelError,
    StorageError,
    UnreachableError,
    UsageError,
    nearest,
)

__all__ = [
    "CameraError",
    "CheckFailedError",
    "ConfigError",
    "DataError",
    "DependencyError",
    "DeviceStepError",
    "EdgeHdrError",
    "ImageError",
    "InputError",
    "ModelError",
    "StorageError",
    "UnreachableError",
    "UsageError",
    "nearest",
]
