"""`edge-hdr-device run`: read what a camera sees, until told to stop."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_hdr_device.cli import render
from edge_hdr_device.errors import UsageError

if TYPE_CHECKING:
    from edge_hdr_device.runtime import Runtime
    from edge_hdr_device.settings import RunConfig

HELP = "read what a camera sees"
DESCRIPTION = "Read what a camera sees, until told to stop; readings are lines of JSON on stdout."

# flag, setting, what the parser is told; every other setting is reached by --set or the file
FLAGS: dict[str, list[tuple[str, str, dict[str, Any]]]] = {
    "Camera": [
        ("--camera", "camera.source", {"help": "auto, csi[:N], usb[:N], a device, an rtsp:// or "
         "http:// address, a video, a picture, a folder, or synthetic (default: auto)"}),
        ("--rotate", "camera.rotate", {"help": "0, 90, 180 or 270 degrees clockwise"}),
        ("--loop", "camera.loop", {"action": "store_true", "help": "begin a file or folder again"}),
        ("--fast", "camera.fast", {"action": "store_true", "help": "a video as fast as it goes"}),
    ],
    "Reading": [
        ("--model", "read.model", {"help": "a .tflite file or a released model's name"}),
        ("--delegate", "read.delegate", {"help": "auto (measured), xnnpack, none or edgetpu"}),
        ("--threads", "read.threads", {"help": "of the model; 0 is measured"}),
        ("--fps", "read.fps", {"help": "most frames read a second"}),
        ("--agree", "read.agree", {"help": "frames that must agree on a reading"}),
        ("--share", "read.share", {"help": "share of a digit's last frames that must agree"}),
        ("--expect", "read.expect", {"help": "pattern that a line must match, as [0-9]{5}"}),
        ("--digits", "read.digits", {"help": "digits that a line must have"}),
        ("--monotonic", "read.monotonic", {"action": "store_true",
         "help": "hold back a number that is lower than the last"}),
        ("--largest-step", "read.largest_step", {"metavar": "N",
         "help": "hold back a number that differs by more"}),
        ("--still", "read.still", {"action": "store_true",
         "help": "read only when the picture holds still"}),
    ],
    "Outputs": [
        ("--stdout", "output.stdout", {"help": "readings, frames or none"}),
        ("--file", "output.file", {"help": "a rotating file of JSON lines"}),
        ("--mqtt", "mqtt.host", {"metavar": "HOST", "help": "a broker, HOST or HOST:PORT"}),
        ("--mqtt-credentials", "mqtt.credentials", {"metavar": "FILE",
         "help": "file with username and password"}),
        ("--mqtt-tls", "mqtt.tls", {"action": "store_true",
         "help": "encrypt, and check the broker's certificate"}),
        ("--mqtt-ca", "mqtt.ca", {"metavar": "FILE", "help": "authority of the broker"}),
        ("--home-assistant", "mqtt.discovery", {"action": "store_true",
         "help": "announce the reader to Home Assistant"}),
        ("--samples", "samples.folder", {"metavar": "DIR",
         "help": "keep crops of unsure digits for training"}),
        ("--samples-every", "samples.every", {"metavar": "N",
         "help": "keep every N-th sure digit as well"}),
    ],
    "Live page": [
        ("--host", "web.host", {"help": "address to listen on; others than this machine's own "
         "want a token (default: 127.0.0.1)"}),
        ("--port", "web.port", {"help": "0 takes a free one (default: 8630)"}),
    ],
}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML file of settings")
    parser.add_argument("--check", action="store_true", help="only check settings and model")
    parser.add_argument("--once", action="store_true", help="read one frame and exit")
    parser.add_argument("--frames", type=_count, default=0, metavar="N", help="stop after N frames")
    parser.add_argument("--verbose", action="store_true", help="log what is done and why")
    for title, flags in FLAGS.items():
        group = parser.add_argument_group(title)
        for flag, setting, rest in flags:
            options = {"default": None, "dest": setting, **rest}
            if "action" not in options:
                options.setdefault("metavar", flag.strip("-").upper())
            group.add_argument(flag, **options)
        if title == "Camera":
            group.add_argument("--size", metavar="WxH", help="wanted picture, as 640x480")
        if title == "Reading":
            group.add_argument(
                "--roi", action="append", metavar="[NAME=]X,Y,W,H",
                help="a region of interest, in px or shares of the frame; may be repeated",
            )  # fmt: skip
            group.add_argument("--no-gate", action="store_true", help="read unchanged frames too")
        if title == "Live page":
            group.add_argument("--no-page", action="store_true", help="serve nothing")
    parser.add_argument(
        "--set", action="append", default=[], metavar="TABLE.KEY=VALUE",
        help="any setting, as read.refresh_s=5; may be repeated",
    )  # fmt: skip


def execute(options: argparse.Namespace) -> int:
    """Run until a signal, the end of a file, or the number of frames asked for.

    Raises:
        ConfigError: a setting that cannot be used.
        CameraError: under --once, no picture came.
        UnreachableError: under --once, an output did not take the reading.
        DeviceStepError: the camera's driver hangs and only a new process can free it.
    """
    from edge_hdr_device.config import resolve, state_folder
    from edge_hdr_device.once import check, read_once
    from edge_hdr_device.runtime import Runtime
    from edge_hdr_device.system.journal import start_logging

    start_logging(verbose=options.verbose)
    for number in (signal.SIGTERM, signal.SIGINT):  # until the frame loop handles them itself
        signal.signal(number, lambda *_: sys.exit(0))
    flags = collect_flags(options)

    def read_config() -> RunConfig:
        return resolve(flags, file=options.config)

    config = read_config()
    if options.check:
        check(config, state=state_folder())
        render.emit(command="run", data={}, human="the settings are fine", as_json=options.json)
        return 0
    if options.once:
        data = read_once(config, state=state_folder()).to_dict()
        if options.json:
            render.emit(command="run", data=data, human="", as_json=True)
        elif config.output.stdout != "none":
            render.document_line(data)
        return 0
    runtime = Runtime(config, state=state_folder(), reread=read_config, frames=options.frames)
    _announce(runtime, config)
    runtime.run()
    return 0


def collect_flags(options: argparse.Namespace) -> dict[str, Any]:
    """Give the settings that the command line names, by "table.key".

    Raises:
        UsageError: a --size or --set that is none.
    """
    names = [setting for flags in FLAGS.values() for _, setting, _ in flags]
    flags: dict[str, Any] = {name: getattr(options, name) for name in names}
    if options.size:
        width, _, height = options.size.lower().partition("x")
        if not (width.isdigit() and height.isdigit()):
            raise UsageError(f"--size {options.size!r} is no size", hint="as --size 640x480")
        flags |= {"camera.width": int(width), "camera.height": int(height)}
    host, _, port = (flags["mqtt.host"] or "").rpartition(":")
    if host and port.isdigit() and (":" not in host or host.endswith("]")):
        flags |= {"mqtt.host": host.strip("[]"), "mqtt.port": int(port)}
    flags["read.roi"] = options.roi
    flags["read.gate"] = False if options.no_gate else None
    flags["web.enabled"] = False if options.no_page else None
    for pair in options.set:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"--set {pair!r} has no value", hint="as --set read.refresh_s=5")
        flags[name.strip()] = value.strip()
    return flags


def _announce(runtime: Runtime, config: RunConfig) -> None:
    """Tell a person at a terminal where to look."""
    if sys.stderr.isatty() and runtime.page_url:
        render.note(f"live page: {runtime.page_url}   (Ctrl-C ends)")


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of frames")
    return int(text)
