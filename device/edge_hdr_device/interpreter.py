"""The only file that knows which TFLite interpreter this machine has."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from edge_hdr_device.errors import DependencyError, ModelError
from edge_hdr_device.manifest import read_file
from edge_hdr_device.quiet import native_output_hidden

Delegate = Literal["xnnpack", "none"]


def open_interpreter(
    model: Path | bytes, *, num_threads: int = 1, delegate: Delegate = "xnnpack"
) -> Any:
    """Open a model with ai-edge-litert, or with tflite-runtime where that is not installed.

    Args:
        model: a file, or the bytes of one.
        num_threads: threads of the kernels, ≥ 1.
        delegate: "xnnpack" (the interpreter's default on CPUs) or "none".

    Returns:
        An interpreter whose tensors are allocated.

    Raises:
        DependencyError: no interpreter is installed; the hint names the package for this machine.
        ModelError: the file is missing, is no TFLite file, or is damaged.
    """
    make, resolver = _load_runtime()
    name = model.name if isinstance(model, Path) else "the model"
    content = model if isinstance(model, bytes) else read_file(model)
    if content[4:8] != b"TFL3":
        raise ModelError(
            f"{name} is no TFLite file (its identifier is {content[4:8]!r})",
            hint="give a .tflite file made by `edge-hdr build` or another TFLite converter",
        )
    options: dict[str, Any] = {"model_content": content, "num_threads": num_threads}
    if delegate == "none":
        options["experimental_op_resolver_type"] = resolver.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    try:
        with native_output_hidden():
            interpreter = make(**options)
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(
            f"{name} cannot be loaded: {reason}", hint="the file is damaged; build or copy it again"
        ) from error
    return interpreter


def runtime_name() -> str:
    """Name the interpreter package in use and its version, as "ai-edge-litert 2.3.0"."""
    from importlib.metadata import PackageNotFoundError, version

    for package in ("ai-edge-litert", "tflite-runtime"):
        try:
            return f"{package} {version(package)}"
        except PackageNotFoundError:
            continue
    return "none"


def _load_runtime() -> tuple[Callable[..., Any], Any]:
    try:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
    except ImportError:
        try:
            from tflite_runtime.interpreter import Interpreter, OpResolverType
        except ImportError as error:
            raise DependencyError(
                "no TFLite interpreter is installed", hint=_install_hint()
            ) from error
    return Interpreter, OpResolverType


def _install_hint() -> str:
    wide = sys.maxsize > 2**32  # of the userland: a 64-bit kernel may carry a 32-bit system
    if wide and platform.machine() in {"x86_64", "aarch64", "arm64"}:
        return "pip install ai-edge-litert"
    if tuple(sys.version_info) < (3, 12):
        return "pip install tflite-runtime 'numpy<2'"
    return "a 32-bit system with this Python has no interpreter package; use a 64-bit image"
