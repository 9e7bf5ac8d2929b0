"""Import picamera2, which comes with the board's system, and say what keeps it away."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from edge_hdr_device.errors import CameraError

SYSTEM_PACKAGES = Path("/usr/lib/python3/dist-packages")
INSTALL = "sudo apt install -y python3-picamera2"
NUMPY_LIKE_SYSTEM = (
    """pip install "numpy==$(/usr/bin/python3 -c 'import numpy; print(numpy.__version__)')\""""
)


def load() -> Any:
    """Import picamera2.

    Raises:
        CameraError: it is not installed, not visible in this virtual environment, or built for
            another numpy; the hint is the command that repairs it.
    """
    # a dozen lines of libcamera's at every start tell nothing that our own errors do not
    os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:ERROR")
    try:
        import picamera2
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    except Exception as error:
        raise _broken(error) from error
    return picamera2


def _missing(error: ModuleNotFoundError) -> CameraError:
    name = (error.name or "").partition(".")[0]
    if name not in {"picamera2", "libcamera"}:
        return CameraError(f"picamera2 cannot be imported: {error}", hint=INSTALL)
    if is_hidden(name):
        return CameraError(
            f"{name} is installed for the system, but this virtual environment does not see it",
            hint=f"python3 -m venv --system-site-packages {sys.prefix}",
        )
    return CameraError(f"{name} is not installed", hint=INSTALL)


def _broken(error: Exception) -> CameraError:
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if "numpy" in text.lower():
        return CameraError(
            f"picamera2 was built for the system's numpy, not for this one: {text}",
            hint=NUMPY_LIKE_SYSTEM,
        )
    return CameraError(f"picamera2 cannot be imported: {text}", hint=f"{INSTALL} --reinstall")


def is_hidden(name: str, packages: Path = SYSTEM_PACKAGES) -> bool:
    """Tell whether a package lies in the system's Python, and this one does not look there."""
    inside = sys.prefix != sys.base_prefix and str(packages) not in sys.path
    return inside and (packages / name).exists()
