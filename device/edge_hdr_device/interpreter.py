"""The only file that knows which TFLite interpreter this machine has."""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np

from edge_hdr_device.errors import DependencyError, ModelError
from edge_hdr_device.file_kinds import is_tflite, no_tflite
from edge_hdr_device.manifest import read_file
from edge_hdr_device.quiet import native_output_hidden

Delegate = Literal["xnnpack", "none", "edgetpu"]
EDGETPU_OPERATOR = b"edgetpu-custom-op"
EDGETPU_LIBRARY = "libedgetpu.so.1"


def open_interpreter(
    model: Path | bytes, *, num_threads: int = 1, delegate: Delegate = "xnnpack"
) -> Any:
    """Open a model with ai-edge-litert, or with tflite-runtime where that is not installed.

    Args:
        model: a file, or the bytes of one.
        num_threads: threads of the kernels, ≥ 1.
        delegate: "xnnpack" (the interpreter's default on CPUs), "none", or "edgetpu", which runs
            models that edgetpu_compiler made.

    Returns:
        An interpreter whose tensors are allocated.

    Raises:
        DependencyError: no interpreter, or no Edge TPU runtime, is installed; the hint names the
            package for this machine.
        ModelError: the file is missing, is no TFLite file, or is damaged.
    """
    make, resolver, load = _load_runtime()
    name = model.name if isinstance(model, Path) else "the model"
    content = model if isinstance(model, bytes) else read_file(model)
    if not is_tflite(content):
        raise no_tflite(name, content)
    options: dict[str, Any] = {"model_content": content, "num_threads": num_threads}
    if delegate == "none":
        options["experimental_op_resolver_type"] = resolver.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    if delegate == "edgetpu":
        options["experimental_delegates"] = [_load_edgetpu(load)]
    try:
        with native_output_hidden():
            interpreter = make(**options)
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        compiled = EDGETPU_OPERATOR in content
        hint = (
            "it is compiled for the Edge TPU; take the file that it was compiled from"
            if compiled
            else "the file is damaged; build or copy it again"
        )
        raise ModelError(f"{name} cannot be loaded: {reason}", hint=hint) from error
    return interpreter


def import_runtime() -> None:
    """Import the interpreter's package, which takes longer than to open a model.

    Raises:
        DependencyError: none is installed.
    """
    _load_runtime()


def runtime_name() -> str:
    """Name the interpreter package in use and its version, as "ai-edge-litert 2.3.0"."""
    from importlib.metadata import PackageNotFoundError, version

    for package in ("ai-edge-litert", "tflite-runtime"):
        try:
            return f"{package} {version(package)}"
        except PackageNotFoundError:
            continue
    return "none"


def _load_edgetpu(load: Callable[[str], Any]) -> Any:
    try:
        ctypes.CDLL(EDGETPU_LIBRARY)  # tells why it cannot be loaded; the interpreter does not
        with native_output_hidden():
            return load(EDGETPU_LIBRARY)
    except (OSError, ValueError, RuntimeError) as error:
        reason = (str(error).strip().splitlines() or ["no reason given"])[0]
        raise DependencyError(
            f"the Edge TPU cannot be used: {reason}",
            hint="plug in the Coral and install libedgetpu1-std, matched to this interpreter",
        ) from error


def _load_runtime() -> tuple[Callable[..., Any], Any, Callable[[str], Any]]:
    for real in (np.float32, np.float64):
        np.finfo(real)  # kept by numpy; later it would warn: 32-bit ARM's runtime cuts subnormals
    try:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType, load_delegate
    except ImportError:
        try:
            from tflite_runtime.interpreter import Interpreter, OpResolverType, load_delegate
        except ImportError as error:
            raise DependencyError(
                "no TFLite interpreter is installed", hint=_install_hint()
            ) from error
    return Interpreter, OpResolverType, load_delegate


def _install_hint() -> str:
    wide = sys.maxsize > 2**32  # of the userland: a 64-bit kernel may carry a 32-bit system
    if wide and platform.machine() in {"x86_64", "aarch64", "arm64"}:
        return "pip install ai-edge-litert"
    if tuple(sys.version_info) < (3, 12):
        return "pip install tflite-runtime 'numpy<2'"
    return "a 32-bit system with this Python has no interpreter package; use a 64-bit image"
