"""The label page in a real browser, and the command that serves it, killed in the middle."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from chromium import Browser, browsing

from edge_hdr.data.folder_index import index
from edge_hdr.labelling.session import Session, serving
from edge_hdr.labelling.tables import non_digits

pytestmark = pytest.mark.browser

MODEL = Path(__file__).parents[1] / "data" / "tiny-int8.tflite"
AUDIT = Path(__file__).with_name("page_audit.js").read_text(encoding="utf-8")
SCREENS = {"desk": (1280, 900), "phone": (360, 740)}
COMMAND = (
    "from edge_hdr.cli import app, label\n"
    "app.app.command()(label.label)\n"
    "app.main()\n"
)  # fmt: skip
KEPT = "Everything is kept"
SELECTED = "document.querySelector('[aria-selected=true]')"


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
    complaints, requests = window.complaints(), window.requests()
    window.open("about:blank")
    assert [one for one in complaints if not any(word in one for word in expected)] == []
    assert [one for one in requests if not one.startswith(("http://127.0.0.1:", "data:"))] == []


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Draw twelve digits a class."""
    return [_crop(number % 10, number // 10) for number in range(120)]


def _crop(digit: int, variant: int) -> bytes:
    image = np.full((60, 60), 235, np.uint8)
    cv2.putText(image, str(digit), (12 + variant % 6, 45), 0, 1.5, 20, 3, cv2.LINE_AA)
    return bytes(cv2.imencode(".png", image)[1])


@pytest.fixture
def folder(tmp_path: Path, crops: list[bytes]) -> Path:
    return _write(tmp_path / "crops", crops[:20])


def _write(folder: Path, crops: list[bytes]) -> Path:
    folder.mkdir()
    for number, crop in enumerate(crops):
        (folder / f"{number % 10}-{number // 10:02}.png").write_bytes(crop)
    return folder


@pytest.fixture
def session(folder: Path) -> Iterator[Session]:
    with serving(folder, MODEL) as session:
        yield session


@pytest.fixture
def page(session: Session, browser: Browser) -> Browser:
    """Open the page; it is left before its program ends."""
    return _open(browser, session.address)


def _open(browser: Browser, address: str) -> Browser:
    browser.open(address)
    browser.wait_for(lambda: browser.run(f"return Boolean({SELECTED})"), "a marked sample")
    return browser


def press(browser: Browser, *keys: str) -> None:
    """Press keys where the focus is."""
    from selenium.webdriver import ActionChains

    ActionChains(browser.driver).send_keys(*keys).perform()


def kept(browser: Browser) -> None:
    browser.wait_for(lambda: browser.text("#status") == KEPT, "all keys kept")


def marked(browser: Browser) -> int:
    """Give the place in the list of the sample that keys are about."""
    script = f"return [...document.querySelectorAll('.sample')].indexOf({SELECTED})"
    return int(browser.run(script))


def tile(browser: Browser, place: int) -> str:
    return browser.text(f".sample:nth-child({place + 1}) span")


def said(folder: Path) -> dict[str, str]:
    """Read labels.csv as training does; nothing where there is none."""
    if not (folder / "labels.csv").exists():
        return {}
    return {file.path.name: file.label for file in index(folder)}


def written(browser: Browser, folder: Path, labels: dict[str, str]) -> None:
    browser.wait_for(lambda: said(folder) == labels, f"labels.csv with {labels}")


@contextmanager
def largest_file(size_bytes: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_key_labels_and_goes_on(page: Browser, session: Session, folder: Path) -> None:
    from selenium.webdriver import Keys

    files = [sample.file for sample in session.samples]
    press(page, "3", "x", " ", Keys.ENTER, Keys.NUMPAD7)
    kept(page)
    guess = session.samples[3].guess
    shown = [tile(page, place) for place in range(5)]
    assert shown == ["✓ 3", "✓ no digit", "✓ skipped", f"✓ {guess}", "✓ 7"]
    assert marked(page) == 5
    assert page.run(f"return document.activeElement === {SELECTED}")
    assert page.text("#progress-text") == "4 of 20 done, 1 skipped"
    written(page, folder, {files[0]: "3", files[3]: guess, files[4]: "7"})
    page.wait_for(lambda: non_digits(folder) == [folder / files[1]], "what is no digit")

    press(page, "u", Keys.BACKSPACE)
    kept(page)
    assert marked(page) == 3
    written(page, folder, {files[0]: "3"})
    press(page, Keys.HOME, Keys.ARROW_RIGHT, "5")  # what was said is said anew
    kept(page)
    written(page, folder, {files[0]: "3", files[1]: "5"})
    page.wait_for(lambda: non_digits(folder) == [], "it is a digit now")
    heard = page.run("return document.querySelector('#said').textContent")
    assert heard.startswith("Sample 2 labelled 5. Next: read as ")


def test_at_the_end_come_those_that_were_skipped(
    page: Browser, session: Session, folder: Path
) -> None:
    press(page, "s", *("4" * 19))
    page.wait_for_text("#batch", "1–1 of 1")
    kept(page)
    assert tile(page, 0) == "✓ skipped"
    press(page, "n")
    page.wait_for_text("#empty", "Everything is labelled. Finish, then: edge-hdr adapt --samples")
    kept(page)
    page.click("#views [data-view=said]")
    page.wait_for_text("#batch", "1–20 of 20")
    press(page, "9")  # the most doubtful of what was said comes first
    kept(page)
    page.click("#finish")
    page.wait_for_text("body", f"The labels are in {folder}")
    assert session.desk.finished.is_set()


def test_what_a_hand_clicks_counts_as_a_key_does(page: Browser, folder: Path) -> None:
    page.click(".sample:nth-child(4)")
    assert marked(page) == 3
    page.click("#pad [data-label='6']")
    kept(page)
    assert (tile(page, 3), marked(page)) == ("✓ 6", 4)
    press(page, " ")  # a space now skips; it does not press the button again
    kept(page)
    assert (tile(page, 4), marked(page)) == ("✓ skipped", 5)
    page.run("document.querySelector('#non-digit').focus()")
    press(page, " ", " ")  # by key the button stays where the focus is
    kept(page)
    assert [tile(page, 5), tile(page, 6)] == ["✓ no digit", "✓ no digit"]
    page.click("#undo")
    page.wait_for(lambda: marked(page) == 6, "what was taken back")


def test_a_batch_is_drawn_however_many_there_are(
    browser: Browser, tmp_path: Path, crops: list[bytes]
) -> None:
    from selenium.webdriver import Keys

    folder = _write(tmp_path / "many", crops)
    with serving(folder, MODEL) as session:
        page = _open(browser, session.address)
        assert page.run("return document.querySelectorAll('.sample').length") == 100
        assert page.text("#batch") == "1–100 of 120"
        press(page, Keys.END, "1", "2")
        assert page.text("#batch") == "101–120 of 120"
        assert page.run("return document.querySelectorAll('.sample').length") == 20
        kept(page)
        assert (tile(page, 0), marked(page)) == ("✓ 2", 1)
        press(page, Keys.PAGE_UP)
        assert (tile(page, 99), marked(page)) == ("✓ 1", 0)
        pictures = "return [...document.images].every((one) => one.complete && one.naturalWidth)"
        page.wait_for(lambda: page.run(pictures), "every picture")
        page.open("about:blank")


def test_two_windows_at_once_lose_nothing(page: Browser, session: Session, folder: Path) -> None:
    files = [sample.file for sample in session.samples]
    one = page.driver.current_window_handle
    page.driver.switch_to.new_window("window")
    other = page.driver.current_window_handle
    try:
        _open(page, session.address)
        page.driver.switch_to.window(one)
        press(page, "3", "4")
        kept(page)
        page.driver.switch_to.window(other)
        page.wait_for(lambda: tile(page, 1) == "✓ 4", "what the other window said")
        page.run(
            "window.fetch = ((fetch) => (path, ...rest) => path.includes('changes') ? "
            "Promise.reject(new Error()) : fetch(path, ...rest))(window.fetch)"
        )  # it is deaf
        page.driver.switch_to.window(one)
        press(page, "5")
        kept(page)
        page.driver.switch_to.window(other)
        assert tile(page, 2).endswith("%")
        page.click(".sample:nth-child(3)")
        press(page, "6", "7")
        page.wait_for(lambda: tile(page, 2) == "✓ 5", "the first answer, which stays")
        page.wait_for(lambda: tile(page, 3) == "✓ 7", "the next key, which counts")
        assert "another window was first" in page.text("#trouble")
        assert marked(page) == 4
        written(page, folder, {files[0]: "3", files[1]: "4", files[2]: "5", files[3]: "7"})
    finally:
        page.complaints()  # of the request that was refused
        page.driver.close()
        page.driver.switch_to.window(one)


def test_a_full_disk_is_told_and_nothing_is_shown_as_kept(
    page: Browser, session: Session, folder: Path, expected: list[str]
) -> None:
    from selenium.webdriver import Keys

    expected += ["507"]
    press(page, "3")
    kept(page)
    with largest_file(8):
        press(page, "4", "5")
        page.wait_for_text("#trouble", "Not kept: cannot write")
        for words in ("labels.jsonl", "free some space"):
            assert words in page.text("#trouble")
        assert page.text("#status") == "Trouble"
        assert (marked(page), page.text("#progress-text")) == (1, "1 of 20 done")
        assert tile(page, 1).endswith("%") and tile(page, 2).endswith("%")
    press(page, "8", "u")  # typed on without looking: nothing counts until that was seen
    assert (marked(page), page.text("#progress-text")) == (1, "1 of 20 done")
    press(page, Keys.ENTER, "4")
    kept(page)
    assert not page.sees("#trouble")
    files = [sample.file for sample in session.samples]
    written(page, folder, {files[0]: "3", files[1]: "4"})


@pytest.mark.parametrize("screen", SCREENS)
def test_the_page_fits_and_can_be_read(session: Session, browser: Browser, screen: str) -> None:
    width, height = SCREENS[screen]
    for dark in (False, True):
        browser.look(width=width, height=height, dark=dark, phone=screen == "phone")
        page = _open(browser, session.address)
        press(page, "3", "x", " ")
        kept(page)
        background = page.run("return getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, background[4:-1].split(","))) < 380) == dark
        assert page.run(AUDIT) == []
        inside = f"""const both = [{SELECTED}, document.querySelector("#pad")];
            return both.map((one) => one.getBoundingClientRect())
              .every((box) => box.top >= 0 && box.bottom <= innerHeight);"""
        assert page.run(inside), "the marked sample and the digits are seen at once"
    moving = """return document.getAnimations().length + [...document.querySelectorAll("*")]
        .filter((one) => getComputedStyle(one).transitionDuration !== "0s").length"""
    assert page.run(moving) == 0


class Command:
    """`edge-hdr label` as a process of its own, on a screen whose browser notes the address."""

    def __init__(self, folder: Path, **environment: str) -> None:
        usual = {
            name: word
            for name, word in os.environ.items()
            if name not in {"SSH_CONNECTION", "DISPLAY", "WAYLAND_DISPLAY"}
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, "label", str(folder), "--model", str(MODEL), "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**usual, **environment},
        )
        assert self.process.stderr is not None
        self.notes = ""
        while "Ctrl-C" not in self.notes:
            self.notes += self.process.stderr.readline() or pytest.fail(self.notes)
        self.address = self.notes.split("label page on ")[1].split()[0]

    def end(self, number: int) -> str:
        self.process.send_signal(number)
        return self.process.communicate(timeout=30)[0]


def test_a_kill_in_the_middle_loses_nothing(
    browser: Browser, folder: Path, tmp_path: Path, expected: list[str]
) -> None:
    expected += ["net::ERR_"]
    opened, program = tmp_path / "opened", tmp_path / "browser"
    program.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}.part && mv {opened}.part {opened}\n')
    program.chmod(0o755)
    command = Command(folder, DISPLAY=":0", BROWSER=f"{program} %s")
    browser.wait_for(opened.exists, "the address in the person's browser")
    assert opened.read_text() != command.address, "others see it among a program's arguments"
    page = _open(browser, opened.read_text())
    press(page, *"012345")
    kept(page)
    press(page, *"6789")  # some of these are kept, and some are on their way
    shown = "return [...document.querySelectorAll('.sample span')].map((one) => one.textContent)"
    confirmed = [text.startswith("✓") for text in page.run(shown)].count(True)
    command.end(signal.SIGKILL)
    page.run("document.dispatchEvent(new Event('visibilitychange'))")  # it looks at once
    page.wait_for_text("#trouble", "does not answer: start it again")
    press(page, "1")
    page.wait_for_text("#trouble", "Not kept")
    assert page.text("#trouble").count("does not answer") == 1
    assert not page.run(shown)[10].startswith("✓")

    again = Command(folder, SSH_CONNECTION="192.0.2.1 1 192.0.2.2 22")
    _open(page, again.address)
    page.click("#views [data-view=said]")
    kept_now = page.run(shown)
    document = json.loads(again.end(signal.SIGINT))
    assert again.process.returncode == 0
    assert 6 <= confirmed <= document["data"]["labelled"] == len(kept_now) <= 10
    in_order = sorted(said(folder).values())
    assert in_order == [str(digit) for digit in range(len(in_order))]
    assert document["data"]["tables"] == [str(folder / "labels.csv")]
    assert "ssh -L" in again.notes
