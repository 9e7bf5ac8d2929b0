"""The report of a bench run in a real browser."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import Browser, browsing

sys.path.append(str(Path(__file__).parents[1] / "unit" / "host"))  # for `bench_document`
from bench_document import compared, document, pictures, throttled

from edge_hdr.report.bench_page import render_bench

pytestmark = pytest.mark.browser

# what scrolls within the page may be wider than the screen
AUDIT = (
    Path(__file__)
    .with_name("page_audit.js")
    .read_text(encoding="utf-8")
    .replace(".quiet, .skip", ".quiet, .skip, .scroll")
)
OPEN_ALL = "document.querySelectorAll('details').forEach((one) => { one.open = true; })"
WIDER_THAN_ITS_CARD = """
    return [...document.querySelectorAll(".card *")]
      .filter((one) => !one.closest(".scroll, pre"))
      .filter((one) => one.scrollWidth > one.closest(".card").clientWidth).length
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    doc = throttled(compared(document(8, sweep=True, robustness=6)))
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render_bench(doc, pictures()), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_everyone_can_use_it(browser: Browser, report: Path, width: int, *, dark: bool) -> None:
    browser.look(width=width, dark=dark, phone=width < 600)
    browser.requests()
    browser.open(report.as_uri())
    browser.run(OPEN_ALL)
    assert browser.run(AUDIT) == []
    assert browser.run(WIDER_THAN_ITS_CARD) == 0
    assert browser.complaints() == []
    asked = {url for url in browser.requests() if not url.startswith("data:")}
    assert asked == {report.as_uri()}
