"""A board's hardware, as the probe reads it: power, temperature, cameras, Coral.

It is sent to boards as a script with the probe, and runs on Python 3.6: hence quoted annotations.
"""

import re
from pathlib import Path
from typing import Any

from edge_hdr_device.install.probe_place import Place, exists, link

FLAGS = ("under-voltage", "clock capped", "throttled", "soft temperature limit")  # of the firmware
EVER = 16  # what a flag was since the start stands so many bits higher
PIPELINE = re.compile(r"bcm2835-|bm2835|rpivid|rpi-|pisp|unicam|rp1-cfe")  # a Pi's own nodes
LEGACY = re.compile(r"mmal service|camera\d")  # a CSI camera under the old firmware's driver
SENSOR = re.compile(r"(?!dw9|ad5398|ak73|bu64|gt97)(\S+) \d+-[0-9a-f]{4}$")  # on I2C; no lens motor
CORALS = ("1a6e:089a", "18d1:9302")  # before and after it has its firmware
BOOT = ("boot/firmware/config.txt", "boot/config.txt")


def look_at_board(place: Place) -> "dict[str, Any]":
    """Tell the board's name, temperature and complaints."""
    tree = place.text("sys/firmware/devicetree/base/model", "proc/device-tree/model")
    maker, product = (place.text("sys/class/dmi/id/" + n) for n in ("sys_vendor", "product_name"))
    flags = _flags(place)
    now = [word for bit, word in enumerate(FLAGS) if (flags or 0) >> bit & 1]
    before = [word for bit, word in enumerate(FLAGS) if (flags or 0) >> bit + EVER & 1]
    return {
        "model": tree or (maker + " " + product).strip() or None,
        "temperature_c": _temperature_c(place),
        "throttled": None if flags is None else now,
        "throttled_before": None if flags is None else before,
        "governor": place.text("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or None,
    }


def _flags(place: Place) -> "int | None":
    """Ask the firmware; its file is not read, which would put a warning into the kernel's log."""
    found = re.match(r"throttled=0x([0-9a-fA-F]+)$", place.run("vcgencmd", "get_throttled"))
    if found:
        return int(found.group(1), 16)
    for sensor in place.find("sys/class/hwmon/hwmon*"):
        folder = _inside(place, sensor)
        if place.text(folder + "/name") == "rpi_volt":
            return place.number(folder + "/in0_lcrit_alarm")
    return None


def _temperature_c(place: Place) -> "float | None":
    zones = {}
    for zone in place.find("sys/class/thermal/thermal_zone*"):
        folder = _inside(place, zone)
        value = place.number(folder + "/temp")
        if value is not None:
            zones[place.text(folder + "/type") or zone.name] = value / 1000
    of_cpu = [value for name, value in zones.items() if "cpu" in name or "pkg" in name]
    return round(max(of_cpu or zones.values()), 1) if zones else None


def find_cameras(place: Place) -> "list[dict[str, str]]":
    """List cameras: those on a ribbon cable by their sensors, others by their first node."""
    found: list[dict[str, str]] = []
    legacy: list[dict[str, str]] = []
    for node in place.find("sys/class/video4linux/v4l-subdev*"):
        sensor = SENSOR.match(_name(place, node))
        if sensor:
            found.append(_camera("csi", sensor.group(1), f"csi:{len(found)}"))
    for node in place.find("sys/class/video4linux/video*"):
        name = _name(place, node)
        if PIPELINE.match(name) or place.text(_inside(place, node) + "/index") not in {"", "0"}:
            continue  # further nodes of a camera carry metadata
        if LEGACY.match(name):
            legacy.append(_camera("csi", name, f"csi:{len(legacy)}"))
            continue
        usb = link(node / "device/subsystem") == "usb" or link(node / "device/driver") == "uvcvideo"
        found.append(_camera("usb" if usb else "other", name, "/dev/" + node.name))
    return found + legacy


def detects_cameras(place: Place) -> "bool | None":
    """Tell whether the firmware looks for cameras on ribbon cables or was told of one."""
    text = place.text(*BOOT)
    sensors = re.search(r"^ *dtoverlay *= *(imx|ov|arducam)", text, re.M)
    detect = re.search(r"^ *camera_auto_detect *= *1", text, re.M)
    return bool(sensors or detect) if text else None


def find_coral(place: Place) -> "dict[str, bool]":
    """Tell which Coral is plugged in, and whether its library is installed."""
    devices = [_inside(place, path) for path in place.find("sys/bus/usb/devices/*")]
    ids = {place.text(one + "/idVendor") + ":" + place.text(one + "/idProduct") for one in devices}
    libraries = (
        "usr/lib/*/libedgetpu.so.1*",
        "usr/lib/libedgetpu.so.1*",
        "usr/local/lib/libedget*",
    )
    return {
        "usb": any(one in ids for one in CORALS),
        "pci": bool(place.find("dev/apex_*")),
        "library": any(place.find(pattern) for pattern in libraries),
    }


def limits_memory(place: Place) -> bool:
    """Tell whether the kernel can limit a service's memory; Raspberry Pi OS leaves it off."""
    controllers = "sys/fs/cgroup/cgroup.controllers"
    return not exists(place.root / controllers) or "memory" in place.text(controllers).split()


def _camera(kind: str, name: str, device: str) -> "dict[str, str]":
    return {"kind": kind, "name": name, "device": device}


def _inside(place: Place, path: Path) -> str:
    return str(path.relative_to(place.root))


def _name(place: Place, node: Path) -> str:
    return place.text(_inside(place, node) + "/name")
