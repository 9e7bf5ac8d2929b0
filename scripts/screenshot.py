"""Photograph the live page of a real reader before the synthetic camera, for the README.

python scripts/screenshot.py [--dark] [--width 1440] [--height 900] [--out FILE.png]
"""

from __future__ import annotations

import argparse
import base64
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
OUT = ROOT / "benchmarks" / "results" / "live-page.png"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--force-color-profile=srgb", "--hide-scrollbars",
)  # fmt: skip
SETTLED = """
  return document.querySelector("#cover").hidden
    && document.querySelectorAll("#history tr").length >= 3
    && !document.querySelector(".none");
"""
LIMIT_S = 60.0


@contextmanager
def reader(state: str, camera: str) -> Iterator[str]:
    """Run the reader; gives the address of its page."""
    command = [sys.executable, "-m", "edge_hdr_device", "run", "--camera", camera]
    process = subprocess.Popen(
        [*command, "--port", "0", "--stdout", "none"],
        env={**os.environ, "EDGE_HDR_STATE": state},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        line = next(line for line in process.stderr if "live page on " in line)
        yield line.split("live page on ")[1].split()[0]
    finally:
        process.send_signal(signal.SIGTERM)
        process.stderr.close()
        process.wait(10)


def photograph(url: str, options: argparse.Namespace, profile: str) -> bytes:
    """Open the page and wait until it has something to show; gives a PNG."""
    from selenium import webdriver

    programs = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    if not all(programs.values()):
        raise SystemExit("error: no Chromium\nhint: apt install chromium chromium-driver")
    settings = webdriver.ChromeOptions()
    settings.binary_location = programs["chromium"] or ""
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        settings.add_argument(flag)
    service = webdriver.ChromeService(programs["chromedriver"])
    driver = webdriver.Chrome(options=settings, service=service)
    try:
        _look(driver, options)
        driver.get(url)
        end_s = time.monotonic() + LIMIT_S
        while not driver.execute_script(SETTLED):
            if time.monotonic() > end_s:
                raise SystemExit("error: the page shows no reading")
            time.sleep(0.1)
        for _ in range(0 if options.height else 2):  # a taller screen makes a taller picture
            time.sleep(1)
            tall = driver.execute_script("return document.documentElement.scrollHeight")
            _look(driver, argparse.Namespace(**{**vars(options), "height": tall}))
        time.sleep(0.5)  # for the next picture to be drawn
        taken = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
        return base64.b64decode(taken["data"])
    finally:
        driver.quit()


def _look(driver: Any, options: argparse.Namespace) -> None:
    """Take a screen of a size and scheme."""
    size = {"width": options.width, "height": options.height or 900, "mobile": False}
    scheme = {"name": "prefers-color-scheme", "value": "dark" if options.dark else "light"}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {**size, "deviceScaleFactor": 1})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})


def main() -> None:
    """Take the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--camera", default="synthetic:7")
    parser.add_argument("--width", type=int, default=1440)
    parser.add_argument("--height", type=int, default=0, help="0 is the whole page")
    parser.add_argument("--dark", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, reader(folder, options.camera) as url:
        options.out.write_bytes(photograph(url, options, f"{folder}/profile"))
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
