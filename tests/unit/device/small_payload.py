"""Payloads and releases that are small, for tests of the installer."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from edge_hdr_device.install.index import INDEX, MEMBERS, SIGNATURE, Index, Member
from edge_hdr_device.install.layout import Layout

CONTENT = {"runtime.zip": b"runtime", "model.tflite": b"model" * 1000, "canary.json": b"{}"}
ODD = 'a b\'c "d" $HOME `x` (y)'  # name of a home folder that a shell must not take apart


def index_of(content: Mapping[str, bytes] = CONTENT) -> Index:
    """Describe members."""
    return Index("0.1.0", "tiny@1", {name: Member.of(data) for name, data in content.items()})


def packed(
    content: Mapping[str, bytes] = CONTENT,
    *,
    index: Index | None = None,
    signature: str | None = None,
    extra: Mapping[str, bytes] | None = None,
) -> bytes:
    """Pack an archive; without an index unless one is given."""
    entries = {MEMBERS + name: data for name, data in content.items()} | dict(extra or {})
    if index is not None:
        entries[INDEX] = index.to_bytes()
    if signature is not None:
        entries[SIGNATURE] = signature.encode()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(entries):
            archive.writestr(name, entries[name])
    return file.getvalue()


def make_release(layout: Layout, name: str, content: Mapping[str, bytes] = CONTENT) -> Path:
    """Make a release as the installer leaves it, but for its program."""
    index = index_of(content)
    folder = layout.releases / name
    folder.mkdir(parents=True)
    (folder / INDEX).write_bytes(index.to_bytes())
    for member, data in content.items():
        if member == "runtime.zip":
            (layout.runtimes / index.runtime).mkdir(parents=True, exist_ok=True)
            (folder / "runtime").symlink_to(f"../../runtimes/{index.runtime}")
        else:
            (folder / member).write_bytes(data)
    environment = layout.environments / f"env-of-{name}"
    environment.mkdir(parents=True)
    (folder / "venv").symlink_to(f"../../environments/{environment.name}")
    return folder


def make_current(layout: Layout, name: str) -> None:
    """Make a release the current one, past its trial."""
    if layout.current.is_symlink():
        layout.current.unlink()
    layout.current.symlink_to(f"releases/{name}")
