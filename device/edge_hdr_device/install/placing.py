"""Whose places a command is about: root's, or this user's own."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from edge_hdr_device.errors import UsageError
from edge_hdr_device.install.layout import Layout, Mode


def layout_of(
    mode: Mode | None,
    payload: Path | None = None,
    *,
    system: Layout | None = None,
    is_root: bool | None = None,
) -> Layout:
    """Give root's places to root and a user's to a user, unless it is said.

    Args:
        mode: "system" or "user"; None takes what this user has a right to.
        payload: to be installed, for the hint.
        system: root's places.
        is_root: whether this is root.

    Raises:
        UsageError: a user did not say whose places, and the board has an installation of root's.
    """
    system = system or Layout.system()
    is_root = os.geteuid() == 0 if is_root is None else is_root
    if mode == "user":
        return Layout.user()
    if mode == "system" or is_root:
        return system
    if is_there(system) or os.path.lexists(system.trusted):
        file = shlex.quote(str(payload)) if payload else "FILE"
        raise UsageError(
            f"this board has an installation of root's, in {system.base}",
            hint=f"sudo python3 {file} for that one, or --user for one of your own",
        )
    return Layout.user()


def find_layout(
    mode: Mode | None = None,
    *,
    system: Layout | None = None,
    user: Layout | None = None,
    is_root: bool | None = None,
) -> Layout:
    """Give the places of the deployment that is here: this user's own before the other one.

    Args:
        mode: "system" or "user"; None takes what there is.
        system: root's places.
        user: this user's places.
        is_root: whether this is root.
    """
    system, user = system or Layout.system(), user or Layout.user()
    if mode:
        return system if mode == "system" else user
    is_root = os.geteuid() == 0 if is_root is None else is_root
    own, other = (system, user) if is_root else (user, system)
    return other if is_there(other) and not is_there(own) else own


def is_there(layout: Layout) -> bool:
    """Tell whether a release was ever kept, or is on trial, in a deployment's places."""
    return layout.current.is_symlink()
