"""Run the reader for a long time and make trouble: does it grow, lose frames, or come back?

A looped video of written numbers is served as MJPEG over HTTP faster than the reader takes it;
page, metrics and MQTT are on, a viewer looks at the page, the metrics are scraped. Meanwhile the
camera is cut again and again, and the broker is killed and started again.

    python benchmarks/soak.py --minutes 30 --out benchmarks/results/soak.json
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

from edge_hdr_device.bench.environment import environment as machine
from edge_hdr_device.camera.spec import make_source
from edge_hdr_device.interpreter import runtime_name
from edge_hdr_device.settings import CameraConfig
from edge_hdr_device.storage import write_atomic

LOOP = 300  # frames of the video
RATE = 200  # frames a second that the camera offers: more than the reader takes
DARK_S = 1.0  # how long the camera is away at each cut
WARM_UP_SHARE = 0.15  # of the time, before memory is compared
TOPIC = "soak"


class Camera:
    """An MJPEG camera over HTTP that can be cut."""

    def __init__(self) -> None:
        self.pictures = _video()
        self.sent = self.connections = 0
        self._on = threading.Event()
        self._on.set()
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                camera.serve(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        """Send the video in a loop until the camera is cut."""
        if not self._on.is_set():
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        self.connections += 1
        with contextlib.suppress(OSError):
            handler.send_response(200)
            handler.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            handler.end_headers()
            number, start = 0, time.monotonic()
            while self._on.is_set():
                jpeg = self.pictures[number % len(self.pictures)]
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                handler.wfile.write(head.encode() + jpeg + b"\r\n")
                self.sent += 1
                number += 1
                time.sleep(max(0.0, start + number / RATE - time.monotonic()))
            handler.connection.shutdown(socket.SHUT_RDWR)  # in the middle of the stream

    def stop(self) -> None:
        """Send nothing more."""
        self._on.clear()

    def cut(self) -> None:
        """Pull the plug and put it back after a while."""
        self._on.clear()
        time.sleep(DARK_S)
        self._on.set()


class Broker:
    """A mosquitto of our own that can be killed."""

    def __init__(self, folder: Path) -> None:
        self.port = _free_port()
        self._config = folder / "mosquitto.conf"
        self._config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        command = [program, "-c", str(self._config)]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdout=quiet, stderr=quiet)
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.05)
        raise SystemExit("mosquitto does not start")

    def kill(self) -> None:
        """Kill it without a goodbye."""
        if self._process:
            self._process.kill()
            self._process.wait()


class Reader:
    """The process under test, seen from outside."""

    def __init__(self, camera: Camera, broker: Broker, folder: Path) -> None:
        self.port = _free_port()
        self.log = folder / "log"
        command = [sys.executable, "-m", "edge_hdr_device", "run", "--camera", camera.url]
        command += ["--port", str(self.port), "--mqtt", f"127.0.0.1:{broker.port}"]
        command += ["--set", f"mqtt.topic={TOPIC}", "--set", "mqtt.content=frames"]
        command += ["--stdout", "none", "--no-gate"]
        environment = {**os.environ, "EDGE_HDR_STATE": str(folder), "MALLOC_ARENA_MAX": "2"}
        self.process = subprocess.Popen(command, env=environment, stderr=self.log.open("wb"))

    def get(self, path: str) -> bytes:
        """Fetch a page of the reader's."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return bytes(answer.read())

    def status(self) -> dict[str, Any]:
        """Give what the API says of the reader."""
        return dict(json.loads(self.get("/api/reading")))

    def count(self, name: str) -> int:
        """Give a counter of the metrics."""
        rows = self.get("/metrics").decode().splitlines()
        (line,) = (row for row in rows if row.startswith(name))
        return int(float(line.split()[-1]))

    def resident_bytes(self) -> int:
        """Give the memory that the process has in use now."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0

    def wait(self) -> None:
        """Wait until it reads."""
        for _ in range(200):
            with contextlib.suppress(OSError):
                if self.status()["frame"]:
                    return
            time.sleep(0.1)
        raise SystemExit(f"the reader does not start: {self.log.read_text()}")

    def stop(self) -> float:
        """End it as systemd would; gives the seconds that it took."""
        start = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        return time.monotonic() - start


def look(reader: Reader, over: threading.Event) -> None:
    """Watch the stream as a visitor of the page does, coming back when it ends."""
    url = f"http://127.0.0.1:{reader.port}/stream.mjpg"
    while not over.is_set():
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=10) as stream:
            while not over.is_set() and stream.read(65536):
                pass
        over.wait(0.5)


def soak(minutes: float, cuts: int, kills: int) -> dict[str, Any]:
    """Run for so long with so many faults; gives the figures."""
    over = threading.Event()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        camera, broker = Camera(), Broker(folder)
        reader = Reader(camera, broker, folder)
        try:
            reader.wait()
            threading.Thread(target=look, args=(reader, over), daemon=True).start()
            rows = _make_trouble(reader, camera, broker, minutes, cuts, kills)
            camera.stop()
            time.sleep(3)  # until what was captured is read
            status = reader.status()
            read = reader.count("edge_hdr_frames_total")
            over.set()
            stop_s = reader.stop()
            log = reader.log.read_text().splitlines()
        finally:
            over.set()
            broker.kill()
            if reader.process.poll() is None:
                reader.process.kill()
    return {"broker_kills": kills, **_figures(rows, status, read, camera, log, stop_s)}


def _make_trouble(
    reader: Reader, camera: Camera, broker: Broker, minutes: float, cuts: int, kills: int
) -> list[dict[str, float]]:
    start, length = time.monotonic(), 60 * minutes
    cut_at = [length * (index + 1) / (cuts + 1) for index in range(cuts)]
    kill_at = [length * (index + 0.75) / kills for index in range(kills)]
    rows: list[dict[str, float]] = []
    while (now := time.monotonic() - start) < length:
        if cut_at and now >= cut_at[0]:
            cut_at.pop(0)
            camera.cut()
        if kill_at and now >= kill_at[0]:
            kill_at.pop(0)
            broker.kill()
            time.sleep(5)
            broker.start()
        reader.get("/metrics")
        status = reader.status()
        rows.append({"s": now, "rss": reader.resident_bytes(), "fps": status["fps"]})
        if sys.stderr.isatty() or len(rows) % 60 == 0:
            sys.stderr.write(f"{now:6.0f} s  {rows[-1]['rss'] / 1e6:.1f} MB  {status['fps']} fps\n")
        time.sleep(1)
    return rows


def _figures(
    rows: list[dict[str, float]],
    status: dict[str, Any],
    read: int,
    camera: Camera,
    log: list[str],
    stop_s: float,
) -> dict[str, Any]:
    parts = status["health"]["parts"]
    after = [row for row in rows if row["s"] >= WARM_UP_SHARE * rows[-1]["s"]]
    tenth = max(1, len(after) // 10)
    first, last = (float(np.median([row["rss"] for row in part]))
                   for part in (after[:tenth], after[-tenth:]))  # fmt: skip
    seen = parts["camera"]
    return {
        "minutes": round(rows[-1]["s"] / 60, 1),
        "processor": machine()["processor"],
        "runtime": runtime_name(),
        "resident_first_bytes": int(first),
        "resident_last_bytes": int(last),
        "growth": round(last / first - 1, 4),
        "fps_median": float(np.median([row["fps"] for row in rows])),
        "camera": seen,
        "camera_connections": camera.connections,
        "frames_sent": camera.sent,
        "frames_read": read,
        "frames_unaccounted": seen["frames"] - seen["dropped"] - read,
        "mqtt": parts["mqtt"],
        "stages": status["stages"],
        "log_lines": len(log),
        "stop_s": round(stop_s, 2),
    }


def _video() -> list[bytes]:
    """Film the synthetic camera, as JPEGs."""
    import cv2

    found: list[bytes] = []
    with make_source(CameraConfig(source="synthetic:3", fast=True)) as source:
        while len(found) < LOOP:
            picture = source.read()
            assert picture is not None
            found.append(bytes(cv2.imencode(".jpg", picture.image)[1]))
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    """Run the soak from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--cuts", type=int, default=20, help="times that the camera goes away")
    parser.add_argument("--kills", type=int, default=2, help="times that the broker is killed")
    parser.add_argument("--out", type=Path, help="write the JSON here as well")
    arguments = parser.parse_args()
    figures = soak(arguments.minutes, arguments.cuts, arguments.kills)
    text = json.dumps(figures, indent=1) + "\n"
    if arguments.out:
        write_atomic(arguments.out, text)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
