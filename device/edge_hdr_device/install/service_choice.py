"""Whether a service can be had here, and what keeps it running without a session."""

from __future__ import annotations

from pathlib import Path

from edge_hdr_device.errors import StorageError
from edge_hdr_device.install.layout import Layout
from edge_hdr_device.install.links import leads_to
from edge_hdr_device.install.systemd import Systemd, user_name
from edge_hdr_device.install.telling import Teller
from edge_hdr_device.storage import write_atomic

LINGERING = "lingering"  # in the base: that lingering was turned on for this deployment


def choose_service(
    layout: Layout, tell: Teller, *, wanted: bool, force: bool = False
) -> Systemd | None:
    """Give the service's manager; None where none is wanted or none is here.

    Args:
        layout: root's or a user's.
        tell: hears why there is none.
        wanted: whether a service is to run.
        force: a unit of somebody's own may give way.

    Raises:
        StorageError: there is a unit of somebody's own.
    """
    systemd = Systemd(layout.mode)
    if not wanted:
        return None
    own = layout.unit.is_symlink() or layout.unit.exists()
    if own and not leads_to(layout.unit, layout.base) and not force:
        raise StorageError(
            f"{layout.unit} is there already and is no deployment's",
            hint="--force puts it aside, under another name",
        )
    if not systemd.is_booted():
        start = f"{layout.command} run --config {layout.config}"
        tell.warn(f"no systemd runs here, so nothing starts by itself: {start}")
        return None
    if layout.mode == "user":
        _linger(layout, systemd, tell)
    if systemd.is_there():
        return systemd
    tell.warn(
        "this user's systemd does not answer, so nothing starts by itself: "
        f"sudo loginctl enable-linger {user_name()}, then deploy again"
        if layout.mode == "user"
        else "systemd does not answer, so nothing starts by itself: systemctl status says more"
    )
    return None


def _linger(layout: Layout, systemd: Systemd, tell: Teller) -> None:
    found = systemd.linger()
    if found == "enabled":
        write_atomic(marker(layout), "")
    if found == "refused":
        tell.warn(
            "the service ends with the last session and starts with the first one, as lingering "
            f"was refused: sudo loginctl enable-linger {user_name()}"
        )


def marker(layout: Layout) -> Path:
    """Give the file that tells that lingering was turned on for this deployment."""
    return layout.base / LINGERING
