"""The live page in a real browser, over the real reading of a synthetic camera."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from chromium import Browser, browsing

from edge_hdr_device import released
from edge_hdr_device.camera.source import Frame, Picture
from edge_hdr_device.camera.synthetic import write_page
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.images import read_image
from edge_hdr_device.live import Live, Part
from edge_hdr_device.metrics import Metrics
from edge_hdr_device.observer import Observer
from edge_hdr_device.pipeline import Reader
from edge_hdr_device.settings import ReadConfig, WebConfig
from edge_hdr_device.web import server as server_module
from edge_hdr_device.web.app import make_app
from edge_hdr_device.web.feed import LISTENERS, VIEWERS
from edge_hdr_device.web.server import PageServer
from edge_hdr_device.web.token import hash_of

pytestmark = pytest.mark.browser

SAMPLE = Path(__file__).parents[1] / "data" / "sample.jpg"
AUDIT = Path(__file__).with_name("page_audit.js").read_text(encoding="utf-8")
TOKEN = "a-token-for-these-tests"
WATCH_STATUS = """
    window.statuses = [];
    new MutationObserver(() => statuses.push(document.querySelector("#status").textContent))
      .observe(document.querySelector("#status"), { childList: true, characterData: true });
"""
SCREENS = {"wide": (1600, 900), "desk": (1280, 900), "tablet": (768, 1024), "phone": (360, 740)}


class Desk:
    """A page of numbers before a camera, read frame by frame, and served."""

    def __init__(self, token: str = "") -> None:
        model = released.find(None)
        self.observer = Observer(Reader(Classifier(model)), ReadConfig())
        self.uploads = Reader(Classifier(model))
        self.live = Live(
            {"version": "0.1.0", "model": "ds-cnn-small-int8 0.1.0", "camera": "synthetic"},
            self.parts,
        )
        self.token = token
        self.present = True
        self.telling = threading.Event()  # cleared, nothing is answered
        self.telling.set()
        self.turn(1)
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.work)
        self.server = self.serve(port=0)
        self.port = self.server.port
        self.url = f"http://localhost:{self.port}/"

    def serve(self, port: int) -> PageServer:
        config = WebConfig(port=port)
        app = make_app(
            self.live,
            config,
            token_hash=hash_of(self.token) if self.token else None,
            read_upload=self.uploads.read,
            metrics=Metrics(),
        )
        server = PageServer(app, config)
        server.start()
        return server

    def restart(self) -> None:
        self.server.stop()
        self.server = self.serve(self.port)

    def turn(self, number: int) -> None:
        """Lay another page before the camera."""
        self.page = write_page((8, number), 640, 480)

    @property
    def text(self) -> str:
        return " ".join(self.page.lines)

    def parts(self) -> list[Part]:
        self.telling.wait()
        camera = (
            Part("camera", "ok", "streaming")
            if self.present
            else Part("camera", "failing", "waiting", "no such device: /dev/video0")
        )
        board = Part("board", "ok", "fine", "", {"temperature_c": 48.3, "throttled": []})
        mqtt = Part("mqtt", "degraded", "down", "connection refused", {"sent": 3, "dropped": 1})
        return [camera, Part("model", "ok", "in use"), mqtt, board]

    def work(self) -> None:
        number = 0
        while not self.over.wait(0.05):
            number += 1
            now_s = time.time()
            if not self.present:
                self.live.clear(self.observer.lose(now_s, number))
                continue
            image = np.ascontiguousarray(self.page.image[4:484, 4:644])
            frame = Frame(Picture(image), number, now_s, time.monotonic())
            self.live.show(frame, *self.observer.observe(frame))

    def __enter__(self) -> Desk:
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.over.set()
        self.thread.join()
        self.server.stop()


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def expected() -> list[str]:
    """Give the complaints that a test causes on purpose; it appends to them."""
    return []


@pytest.fixture
def browser(window: Browser, expected: list[str]) -> Iterator[Browser]:
    """Give a clean browser; afterwards nothing was wrong with the page and nothing left it."""
    window.look()
    window.complaints(), window.requests()
    yield window
    origin = window.run("return location.origin")
    complaints = window.complaints()
    requests = window.requests()
    window.open("about:blank")
    window.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
    assert [one for one in complaints if not any(word in one for word in expected)] == []
    assert len(requests) > 1
    assert [one for one in requests if not one.startswith((origin, "data:", "blob:"))] == []


@pytest.fixture
def desk() -> Iterator[Desk]:
    with Desk() as desk:
        yield desk


@pytest.fixture
def page(browser: Browser, desk: Desk) -> Browser:
    """Open the page and wait until it shows the reading and the picture."""
    browser.open(desk.url)
    shows(browser, desk)
    return browser


def shows(browser: Browser, desk: Desk) -> None:
    browser.wait_for_text("#standing", desk.text)
    browser.wait_for(lambda: not browser.sees("#cover"), "a picture")


def hold(browser: Browser) -> None:
    """Hold the picture; on a busy machine it may just be away, when there is none to hold."""

    def held() -> bool:
        browser.click("#hold")
        return browser.sees("#held")

    browser.wait_for(held, "a picture that is held")
    assert browser.text("#held").startswith("Held since")


def test_the_page_shows_the_digits_of_the_camera(page: Browser, desk: Desk) -> None:
    assert page.text("#status") == "Running with limits"
    assert desk.page.lines[0] in page.run("return document.title")
    desk.turn(2)
    shows(page, desk)
    page.wait_for_text("#history", "changed from")


def test_boxes_are_drawn_around_the_digits_and_can_be_left_out(
    page: Browser, expected: list[str]
) -> None:
    expected += ["willReadFrequently"]  # the test reads the canvas, the page does not
    green = """
        const canvas = document.querySelector("#picture");
        const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        let count = 0;
        for (let at = 0; at < data.length; at += 4) {
          if (data[at] === 26 && data[at + 1] === 116 && data[at + 2] === 52) count++;
        }
        return count;
    """
    page.wait_for(lambda: page.run(green) > 500, "boxes")
    page.click("#boxes")
    page.wait_for(lambda: page.run(green) == 0, "no boxes")


def test_each_digit_is_listed_with_its_confidence(page: Browser, desk: Desk) -> None:
    page.click("#digits summary")
    page.wait_for(lambda: page.text("#digit-rows"), "digits")
    rows = page.run("""return [...document.querySelectorAll("#digit-rows tr")].map(
        (row) => [...row.cells].map((cell) => cell.textContent))""")
    assert "".join(row[1] for row in rows) == "".join(desk.page.lines)
    assert all(row[2].endswith(" %") and row[3] == "yes" for row in rows)


def test_health_speed_and_device_are_told_in_words(page: Browser) -> None:
    page.wait_for_text("#health", "Camera streaming")
    assert "MQTT down: connection refused" in page.text("#health")
    page.wait_for(lambda: float(page.text("#fps")) > 0, "frames a second")
    assert "Classify" in page.text("#stages")
    assert "48.3 °C" in page.text("#facts")
    assert "ds-cnn-small-int8 0.1.0" in page.text("#facts")


def test_a_camera_that_goes_away_leaves_nothing_stale(page: Browser, desk: Desk) -> None:
    desk.present = False
    page.wait_for_text("#cover", "Camera is away: no such device: /dev/video0")
    page.wait_for_text("#standing", "Camera is away")
    assert page.text("#status") == "Not reading"
    page.wait_for_text("#history", "gone")
    gone = """return [...document.querySelectorAll("#history tr")].map(
        (row) => [...row.cells].map((cell) => cell.textContent)).find((row) => row[2] === "gone")"""
    assert page.run(gone)[1] == " ".join(desk.page.lines)
    page.click("#hold")  # a picture that is away cannot be held
    assert not page.sees("#held")
    cannot = "return document.querySelector('#hold').getAttribute('aria-disabled')"
    assert page.run(cannot) == "true"
    desk.present = True
    shows(page, desk)
    assert page.run(cannot) == "false"


def test_the_page_comes_back_by_itself_after_the_device_restarts(
    page: Browser, desk: Desk, expected: list[str]
) -> None:
    expected += ["ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_EMPTY_RESPONSE"]
    desk.server.stop()
    page.wait_for_text("#standing", "No connection")
    page.wait_for_text("#cover", "No connection to the device")
    desk.turn(3)
    desk.restart()
    shows(page, desk)


def test_who_finds_no_place_to_watch_still_has_the_reading(
    browser: Browser, desk: Desk, expected: list[str]
) -> None:
    expected += ["503"]
    with ExitStack() as stack:
        for _ in range(VIEWERS):
            stream = stack.enter_context(urllib.request.urlopen(f"{desk.url}stream.mjpg"))
            stream.readline()
        browser.open(desk.url)
        browser.wait_for_text("#standing", desk.text)
        browser.wait_for_text("#cover", "Too many others are watching")
    shows(browser, desk)


def test_who_finds_no_place_to_listen_asks_for_the_reading(
    browser: Browser, desk: Desk, expected: list[str]
) -> None:
    expected += ["503"]
    listeners = desk.server._app.state.feed._wanted
    with ExitStack() as stack:
        for _ in range(LISTENERS):
            stream = stack.enter_context(urllib.request.urlopen(f"{desk.url}api/events"))
            stream.readline()
        browser.open(desk.url)
        shows(browser, desk)
        assert browser.text("#status") == "Running with limits"
        desk.turn(2)
        shows(browser, desk)
        desk.present = False
        browser.wait_for_text("#standing", "Camera is away")
        desk.present = True
        browser.run(WATCH_STATUS)
        seen = desk.live.frames
        browser.wait_for(
            lambda: desk.live.frames > seen + 120, "six seconds"
        )  # longer than silence
        assert "No connection" not in browser.run("return statuses")
        assert listeners["state"] == LISTENERS
    browser.wait_for(lambda: listeners["state"] == 1, "a place that came free")
    shows(browser, desk)


def test_a_device_without_any_place_left_says_so(
    page: Browser, desk: Desk, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected += ["503", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION", "ERR_EMPTY_RESPONSE"]
    with monkeypatch.context() as full:
        full.setattr(server_module, "CONNECTIONS", 0)
        desk.restart()
        page.wait_for_text("#standing", "Too many others are watching")
        page.wait_for_text("#cover", "Too many others are watching")
        assert page.text("#status") == "Too many others are watching"
    desk.restart()
    shows(page, desk)


def test_until_the_first_answer_the_page_says_that_it_connects(
    browser: Browser, desk: Desk
) -> None:
    desk.telling.clear()
    browser.open(desk.url)
    seen = browser.text("body")
    desk.telling.set()
    assert seen.count("Connecting…") == 5, "state, reading, picture, history, speed"
    assert "Nothing has been read" not in seen
    assert "frames a second" not in seen
    shows(browser, desk)
    browser.wait_for(lambda: browser.sees("#speed") and not browser.sees("#no-speed"), "the speed")


def test_a_held_picture_stays_and_says_so(page: Browser, desk: Desk) -> None:
    pixels = "return document.querySelector('#picture').toDataURL()"
    hold(page)
    before = page.run(pixels)
    desk.turn(2)
    page.wait_for_text("#standing", desk.text)
    assert page.run(pixels) == before
    page.click("#hold")
    page.wait_for(lambda: page.run(pixels) != before, "the live picture")
    assert not page.sees("#held")


def test_the_reading_fills_the_screen_for_a_room(page: Browser, desk: Desk) -> None:
    desk.turn(4)
    shows(page, desk)
    size = "return parseFloat(getComputedStyle(document.querySelector('.number')).fontSize)"
    before = page.run(size)
    page.click("#large")
    page.wait_for(lambda: page.run(size) > before, "larger digits")
    assert page.run("return document.querySelector('#reading').offsetHeight") >= 900
    page.click("#large")
    page.wait_for(lambda: page.run(size) == before, "the page again")


def test_nobody_is_served_who_does_not_look(page: Browser, desk: Desk) -> None:
    wanted = desk.server._app.state.feed._wanted
    assert wanted["plain"] == wanted["state"] == 1
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    try:
        page.wait_for(lambda: wanted["plain"] == wanted["state"] == 0, "the end of the streams")
    finally:
        page.driver.close()
        page.driver.switch_to.window(first)
    shows(page, desk)


def test_a_wrong_token_sees_nothing(browser: Browser, expected: list[str]) -> None:
    expected += ["401"]
    with Desk(token=TOKEN) as desk:
        browser.open(desk.url)
        assert browser.run("return location.pathname") == "/login"
        browser.type("#token", "wrong\n")
        browser.wait_for_text("#message", "not the token of this device")
        source = browser.driver.page_source
        assert not any(word in source for word in ("standing", "synthetic", *desk.page.lines))
        for path in ("api/reading", "api/frame.jpg", "stream.mjpg", "static/page.js", "metrics"):
            status = "return fetch('/' + arguments[0]).then((answer) => answer.status)"
            assert browser.run(status, path) == 401
        browser.type("#token", f"{TOKEN}\n")
        shows(browser, desk)
        assert browser.run("return document.cookie") == ""
        browser.click("header form button")
        browser.wait_for(lambda: browser.run("return location.pathname") == "/login", "the login")


def test_an_upload_is_read_on_the_device(page: Browser) -> None:
    page.type("#file", str(SAMPLE))
    page.wait_for(lambda: page.sees("#photo-result"), "the result")
    assert page.text("#photo-text").split() == SAMPLE.with_suffix(".txt").read_text().split()
    assert "ms on the device" in page.text("#photo-facts")
    script = "return document.querySelector('#photo-picture').naturalWidth"
    width = read_image(SAMPLE).shape[1]
    page.wait_for(lambda: page.run(script) == width, "the annotated picture")
    assert "0123456789" in page.run("return document.querySelector('#photo-picture').alt")


def test_a_photo_is_read_where_it_is_dropped(page: Browser, desk: Desk) -> None:
    page.run("""
        return fetch("/api/frame.jpg?overlay=0").then((answer) => answer.blob()).then((blob) => {
          const carried = new DataTransfer();
          carried.items.add(new File([blob], "photo.jpg", { type: "image/jpeg" }));
          const dropped = new DragEvent("drop", { dataTransfer: carried, bubbles: true });
          document.querySelector("#drop").dispatchEvent(dropped);
        });
    """)
    page.wait_for_text("#photo-text", desk.text)


def test_a_photo_larger_than_needed_is_scaled_down_on_the_way(page: Browser) -> None:
    page.run("""
        const canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = [6000, 4000];
        const pen = canvas.getContext("2d");
        pen.fillStyle = "#fff";
        pen.fillRect(0, 0, 6000, 4000);
        return new Promise((resolve) => canvas.toBlob(resolve, "image/png")).then((blob) => {
          const carried = new DataTransfer();
          carried.items.add(new File([blob], "photo.png", { type: "image/png" }));
          const dropped = new DragEvent("drop", { dataTransfer: carried, bubbles: true });
          document.dispatchEvent(dropped);
        });
    """)
    page.wait_for_text("#photo-text", "No digits found")
    sides = """
        const picture = document.querySelector("#photo-picture");
        return picture.naturalWidth;
    """
    page.wait_for(lambda: page.run(sides) == 2000, "the annotated picture, at its largest")


def test_what_is_no_photo_is_told_so(page: Browser, tmp_path: Path, expected: list[str]) -> None:
    expected += ["400"]
    (tmp_path / "letter.jpg").write_text("no picture")
    page.type("#file", str(tmp_path / "letter.jpg"))
    page.wait_for_text("#photo-status", "this is no picture that is read here")
    assert not page.sees("#photo-result")


def test_another_file_than_a_photo_is_told_so_in_a_persons_words(
    page: Browser, tmp_path: Path
) -> None:
    (tmp_path / "reading.json").write_text("{}")
    page.type("#file", str(tmp_path / "reading.json"))
    page.wait_for_text("#photo-status", "reading.json is no photo. Choose a JPEG, PNG")
    assert not page.sees("#photo-result")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
def test_the_page_fits_and_can_be_read(
    page: Browser, tmp_path: Path, screen: str, dark: bool
) -> None:
    width, height = SCREENS[screen]
    page.look(width=width, height=height, dark=dark, phone=screen == "phone")
    page.click("#digits summary")
    page.type("#file", str(SAMPLE))
    page.wait_for(lambda: page.sees("#photo-result"), "the result of an upload")
    page.wait_for_text("#health", "Camera")
    background = page.run("return getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, background[4:-1].split(","))) < 380) == dark
    assert audit(page) == []
    page.photograph(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 10_000


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_login_fits_and_can_be_read(browser: Browser, expected: list[str], dark: bool) -> None:
    expected += ["401"]
    with Desk(token=TOKEN) as desk:
        browser.look(width=360, height=740, dark=dark, phone=True)
        browser.open(desk.url)
        browser.type("#token", "wrong\n")
        browser.wait_for_text("#message", "not the token")
        assert audit(browser) == []


def audit(browser: Browser) -> list[str]:
    """List what keeps people from using the page: names, landmarks, contrast, size, overflow."""
    return list(browser.run(AUDIT))


def test_the_audit_finds_what_it_looks_for(page: Browser) -> None:
    page.run("""
        const worse = document.createElement("section");
        worse.innerHTML = `<button></button><input><img><h5>x</h5><table><tr><th>a</th></tr></table>
          <p id="said">grey</p><div aria-labelledby="nobody">wide</div>`;
        Object.assign(worse.querySelector("p").style, { color: "#999", background: "#aaa" });
        worse.querySelector("div").style.width = "3000px";
        document.querySelector("main").append(worse);
    """)
    found = " ".join(audit(page))
    for fault in (
        "button has no name", "input has no name", "img has no name", "section has no name",
        "h5 skips a level", "th has no scope", "contrast", "wider than the screen",
        "two elements called said", "nobody",
    ):  # fmt: skip
        assert fault in found


def test_every_control_is_reached_by_keyboard_and_shows_it(page: Browser) -> None:
    from selenium.webdriver import ActionChains, Keys

    here = """
        const at = document.activeElement;
        const drawn = at.matches("input.quiet") ? at.nextElementSibling : at;
        return [at.id || at.textContent.trim(), getComputedStyle(drawn).outlineStyle];
    """
    reached: dict[str, str] = {}
    for _ in range(12):
        ActionChains(page.driver).send_keys(Keys.TAB).perform()
        name, outline = page.run(here)
        reached[name] = outline
    wanted = {"Skip to the reading", "large", "boxes", "hold", "file", "Digits in the picture"}
    assert wanted <= set(reached)
    assert all(reached[name] == "solid" or reached[name] == "auto" for name in wanted)


def test_a_screen_reader_hears_changes_and_not_frames(page: Browser, desk: Desk) -> None:
    spaced = ", ".join(" ".join(line) for line in desk.page.lines)
    assert page.run("return document.querySelector('#said').textContent") == f"Reading {spaced}"
    page.run("""
        window.heard = [];
        new MutationObserver(() => heard.push(document.querySelector("#said").textContent))
          .observe(document.querySelector("#said"), { childList: true, characterData: true });
    """)
    seen = desk.live.frames
    page.wait_for(lambda: desk.live.frames > seen + 20, "twenty frames")
    assert page.run("return heard") == []
    desk.turn(2)
    shows(page, desk)
    assert page.run("return heard.at(-1)").startswith("Reading ")


def test_nothing_moves_by_itself(page: Browser) -> None:
    assert page.run("return document.getAnimations().length") == 0
    script = """return [...document.querySelectorAll("*")].filter((one) =>
        getComputedStyle(one).transitionDuration !== "0s").length"""
    assert page.run(script) == 0


def test_the_real_reader_shows_what_it_announces(browser: Browser, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edge_hdr_device", "run", "--camera", "synthetic:7"]
    environment = {**os.environ, "EDGE_HDR_STATE": str(tmp_path / "state")}
    process = subprocess.Popen(
        [*command, "--port", "0"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None and process.stderr is not None
            line = next(line for line in process.stderr if "live page on " in line)
            browser.open(line.split("live page on ")[1].split()[0])
            announced = json.loads(process.stdout.readline())["text"]
            browser.wait_for_text("#history", announced)
            browser.wait_for(lambda: not browser.sees("#cover"), "a picture")
            browser.wait_for(lambda: float(browser.text("#fps")) > 1, "frames a second")
        finally:
            process.terminate()
            process.stdout.close()
            process.stderr.close()
    assert process.returncode == 0
