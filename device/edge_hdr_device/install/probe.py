"""What a board is and has, found out by reading alone; nothing there is changed.

Together with the modules that are named like it, it is sent to boards as a script: nothing else of
this package is there. A board whose Python is too old must be able to say so, so all of them run on
Python 3.6: hence quoted annotations and old idioms.
"""

import contextlib
import grp
import json
import os
import pwd
import re
import sys
import time
from pathlib import Path
from typing import Any

from edge_hdr_device.install.probe_board import (
    detects_cameras,
    find_cameras,
    find_coral,
    limits_memory,
    look_at_board,
)
from edge_hdr_device.install.probe_deployment import find_deployment
from edge_hdr_device.install.probe_place import Later, Place, exists

PROBE = 1  # the host sends its own where the board's has another number
INDEX_S = 3.0
LATE = {"index": False, "detail": "no answer in time"}
QUIET = "--no-network"
PACKAGES = {  # by import name: distributions that have it, spelt as their metadata's folders are
    "numpy": ("numpy",),
    "cv2": ("opencv_python_headless", "opencv_python", "opencv_contrib_python_headless"),
    "picamera2": ("picamera2",),
    "ai_edge_litert": ("ai_edge_litert",),
    "tflite_runtime": ("tflite_runtime",),
    "starlette": ("starlette",),
    "uvicorn": ("uvicorn",),
    "paho": ("paho_mqtt",),
    "prometheus_client": ("prometheus_client",),
}


def facts(
    root: "Path | str" = "/", home: "Path | str | None" = None, *, network: bool = True
) -> "dict[str, Any]":
    """Look at this machine.

    Args:
        root: of its file system; another than / only in tests.
        home: of the user; None is this user's.
        network: ask whether the package index answers, which takes long where it does not.

    Returns:
        JSON-ready values; null is what the machine does not tell.
    """
    place = Place(Path(root), (Path(home) if home else Path.home()).absolute())
    index = Later(lambda: look_at_index(place)) if network else None
    clock, board = Later(lambda: look_at_clock(place)), Later(lambda: look_at_board(place))
    systemd, rights = Later(lambda: look_at_systemd(place)), may_be_root(place)
    memory = look_at_memory(place)
    cma_bytes = memory.pop("cma_bytes")
    return {
        "probe": PROBE,
        "host": os.uname().nodename if place.live else place.text("etc/hostname"),
        "user": user_name(),
        "uid": os.getuid(),
        "home": str(place.home),
        "groups": sorted({group_name(gid) for gid in [os.getegid(), *os.getgroups()]}),
        "system": look_at_system(place),
        **platform_facts(place),
        "disk": {
            "system": look_at_disk(place, place.root / "opt/edge-hdr"),
            "home": look_at_disk(place, place.home),
            "tmp": look_at_disk(place, place.root / "var/tmp"),
        },
        "memory": {**memory, "limits": limits_memory(place)},
        "cameras": find_cameras(place),
        "detects_cameras": detects_cameras(place),
        "cma_bytes": cma_bytes,
        "clock": clock.get(),
        "board": board.get(),
        "systemd": systemd.get(),
        "sudo": rights,
        "coral": find_coral(place),
        "edge_hdr": find_deployment(place, rights in {"root", "free"}),
        "network": index.get(INDEX_S, LATE) if index else {"index": None, "detail": "not asked"},
    }


def platform_facts(place: "Place | None" = None) -> "dict[str, Any]":
    """Look only at what packages depend on; asks no program and no network.

    Args:
        place: where to look; None is this machine.
    """
    place = place or Place(Path("/"), Path.home())
    return {
        "userland": place.userland(),
        "python": {
            "version": place.python,
            "executable": str(place.program),
            "venv": all(exists(place.library / name) for name in ("venv", "ensurepip")),
            "pip": place.version("pip", "pip") is not None,
        },
        "packages": {name: place.version(name, *names) for name, names in PACKAGES.items()},
    }


def look_at_index(place: Place) -> "dict[str, Any]":
    """Ask the package index; what that needs is imported for it alone."""
    from edge_hdr_device.install.probe_index import reach_index

    return reach_index(place)


def user_name() -> str:
    """Name the user that asks."""
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(os.getuid()).pw_name
    return str(os.getuid())


def group_name(gid: int) -> str:
    """Name a group."""
    with contextlib.suppress(KeyError):
        return grp.getgrgid(gid).gr_name
    return str(gid)


def may_be_root(place: Place) -> str:
    """Tell how the user becomes root; who has sudo may still not be allowed anything by it."""
    if os.getuid() == 0:
        return "root"
    if place.where("sudo") is None:
        return "none"
    return "free" if place.run("sudo", "-n", "id", "-u") == "0" else "password"


def look_at_system(place: Place) -> "dict[str, Any]":
    """Tell the distribution and the kernel."""
    text = place.text("etc/os-release", "usr/lib/os-release")
    release = dict(re.findall(r"^(\w+)=[\"']?(.*?)[\"']?$", text, re.M))
    return {
        "name": release.get("PRETTY_NAME") or release.get("ID"),
        "id": release.get("ID"),
        "version": release.get("VERSION_ID"),
        "codename": release.get("VERSION_CODENAME"),
        "kernel": os.uname().release if place.live else place.text("proc/sys/kernel/osrelease"),
        "kernel_machine": place.kernel_machine(),
    }


def look_at_memory(place: Place) -> "dict[str, int | None]":
    """Tell how much memory there is, and how much of it cameras may share."""
    found = dict(re.findall(r"^(\w+): +(\d+) kB$", place.text("proc/meminfo"), re.M))
    names = {"total": "MemTotal", "available": "MemAvailable", "cma": "CmaTotal"}
    return {
        name + "_bytes": int(found[key]) * 1024 if key in found else None
        for name, key in names.items()
    }


def look_at_disk(place: Place, path: Path) -> "dict[str, Any]":
    """Tell the space where a path is or would be, and what keeps nothing there."""
    while not exists(path) and path != path.parent:
        path = path.parent
    inside, kind, options = str(path), "", ""
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        inside = str(Path("/") / path.resolve().relative_to(place.root.resolve()))
    mounts, longest = place.text("proc/mounts").splitlines(), ""
    for mount in (line.split() for line in mounts if line.count(" ") >= 3):
        top = mount[1].rstrip("/") + "/"
        if (inside.rstrip("/") + "/").startswith(top) and len(top) >= len(longest):
            longest, kind, options = top, mount[2], mount[3]
    space = os.statvfs(str(path))
    return {
        "path": str(path),
        "free_bytes": space.f_bavail * space.f_frsize,
        "total_bytes": space.f_blocks * space.f_frsize,
        "kind": kind or None,
        "read_only": "ro" in options.split(","),
    }


def look_at_clock(place: Place) -> "dict[str, Any]":
    """Tell the time, and whether anything keeps it right."""
    said = place.run("timedatectl", "show", "-p", "NTPSynchronized", "-p", "NTP", "-p", "Timezone")
    shown = dict(line.partition("=")[::2] for line in said.splitlines())
    states = {"yes": True, "no": False}
    synchronized = states.get(shown.get("NTPSynchronized", ""))
    if synchronized is None and exists(place.root / "run/systemd/timesync/synchronized"):
        synchronized = True
    return {
        "time_s": time.time(),
        "synchronized": synchronized,
        "kept": states.get(shown.get("NTP", "")),
        "zone": shown.get("Timezone") or place.text("etc/timezone") or None,
    }


def look_at_systemd(place: Place) -> "dict[str, Any]":
    """Tell whether systemd runs the system, and whether it runs the user's services, too."""
    found = re.match(r"systemd (\d+)", place.run("systemctl", "--version"))
    manager = place.root / f"run/user/{os.getuid()}/systemd"
    return {
        "version": int(found.group(1)) if found else None,
        "running": exists(place.root / "run/systemd/system"),
        "user_manager": any(exists(manager / name) for name in ("private", "notify")),
        "linger": exists(place.root / "var/lib/systemd/linger" / user_name()),
    }


def main() -> None:
    """Print the facts as one line, which starts with the probe's number."""
    with open(1, "w", encoding="ascii", closefd=False) as out:
        out.write(json.dumps(facts(network=QUIET not in sys.argv)) + "\n")


if __name__ == "__main__":
    main()
