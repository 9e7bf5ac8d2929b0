"""The folder of a build: whose it is, and whether it can be resumed."""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge_hdr.config import BuildConfig
from edge_hdr.errors import StorageError
from edge_hdr_device.storage import storage_error, write_atomic

MODEL, REJECTED, FLOAT = "model.tflite", "rejected.tflite", "float.tflite"
EDGE_TPU = "model_edgetpu.tflite"  # the suffix that Coral's tools go by
PREVIOUS = "previous.tflite"
STATE = "build.json"
AFTER_TRAINING = ("max_error_ratio", "target")  # another value of these resumes a build


def claim_folder(out: Path, config: BuildConfig, *, force: bool) -> None:
    """Make sure that `out` is new, or holds an unfinished build of the same settings.

    Under `force` the folder becomes unfinished; its model is kept as `previous.tflite` until a
    new one is there.

    Raises:
        StorageError: it holds something else, and `force` is not given.
    """
    if force:
        _clear(out)
        return
    if (out / MODEL).exists():
        raise StorageError(
            f"{out} holds a finished build", hint="give --out another folder, or --force"
        )
    if not out.exists() or (
        out.is_dir() and not any(item.name != ".lock" for item in out.iterdir())
    ):
        return
    state = _state(out)
    if state is None:
        raise StorageError(
            f"{out} exists and is no build", hint="give --out another folder, or --force"
        )
    new = config.to_dict()
    old = {**BuildConfig().to_dict(), **state["config"]}  # a setting may be younger than the build
    old |= {key: new[key] for key in AFTER_TRAINING}
    if old != new:
        keys = [key for key in new if old.get(key) != new[key]]
        changes = [f"{key}: {old.get(key)} → {new[key]}" for key in keys]
        raise StorageError(
            f"{out} holds an unfinished build with other settings ({'; '.join(changes)})",
            hint="give the same settings to resume it, --force to start anew, or another --out",
        )


def _clear(out: Path) -> None:
    if (out / MODEL).exists():
        (out / MODEL).replace(out / PREVIOUS)
    for checkpoint in out.glob("checkpoints*/*.npz"):
        checkpoint.unlink()
    (out / STATE).unlink(missing_ok=True)


@contextlib.contextmanager
def locked(out: Path) -> Iterator[None]:
    """Hold a build's folder, so that no other build works in it.

    Raises:
        StorageError: another process holds it, it is a file, or it cannot be made.
    """
    if out.exists() and not out.is_dir():
        raise StorageError(f"{out} is a file", hint="give --out a folder")
    try:
        out.mkdir(parents=True, exist_ok=True)
        file = (out / ".lock").open("w")
    except OSError as error:
        raise storage_error(out, error) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StorageError(
                f"another build is at work in {out}", hint="wait for it, or give another --out"
            ) from error
        yield


def _state(out: Path) -> dict[str, Any] | None:
    try:
        state = json.loads((out / STATE).read_text())
        return state if isinstance(state["config"], dict) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def record(out: Path, config: BuildConfig, sha256: str, *, write: bool) -> None:
    """Note what an unfinished build is made of, so that it can be resumed.

    Args:
        out: folder of the build.
        config: all settings.
        sha256: of the training data.
        write: False on a worker that is not the chief; it checks only.

    Raises:
        StorageError: the folder holds an unfinished build on other data.
    """
    state = _state(out)
    if state is not None and state["data_sha256"] != sha256:
        raise StorageError(
            f"{out} holds an unfinished build on other data",
            hint="give --force to start anew, or another --out",
        )
    if write:
        content = {"config": config.to_dict(), "data_sha256": sha256}
        write_atomic(out / STATE, json.dumps(content, indent=1, sort_keys=True))
