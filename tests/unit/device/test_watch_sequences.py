"""What holds for any sequence of frames: random pages, flicker, misses, specks, shakes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
from written import Show, jittered, moved, write

from edge_hdr_device.pipeline import UNREAD, Digit, text_lines
from edge_hdr_device.settings import ReadConfig
from edge_hdr_device.tracking.consensus import Quorum
from edge_hdr_device.tracking.roi import Roi
from edge_hdr_device.tracking.watch import Watch, make_rules

PAGES = 5
PAIRS = ("01", "23", "45", "67", "89")  # so that a label, even misread, tells its page
Place = tuple[int, int]  # number of the page, place on it


@dataclass(frozen=True)
class Shown:
    """One frame: what it shows, and where on which page that was written."""

    digits: tuple[Digit, ...]
    said: dict[Place, str]
    page: int


@dataclass(frozen=True)
class Trouble:
    """How likely each digit is misread, rejected or missed, a frame has a speck; px of shake."""

    wrong: float
    reject: float
    miss: float
    speck: float
    shake_px: int


def draw(rng: np.random.Generator) -> tuple[ReadConfig, Trouble]:
    config = ReadConfig(
        agree=int(rng.integers(1, 6)),
        share=float(rng.choice([0.51, 0.6, 0.75, 0.9])),
        forget=int(rng.integers(1, 9)),
    )
    wrong, reject, miss = rng.choice([0, 0.03, 0.1], 3)
    return config, Trouble(wrong, reject, miss, rng.choice([0, 0.3]), int(rng.choice([0, 5, 60])))


def frames(
    rng: np.random.Generator, trouble: Trouble, labels: tuple[str, ...] = ("0123456789",) * PAGES
) -> Iterator[Shown]:
    """Show pages of one line each, some empty; digits of following pages differ in size."""
    for page, known in enumerate(labels):
        text = "".join(rng.choice(list(known), rng.integers(0, 7)))
        line = write(text, y=100 + 300 * page, height=40 << page % 3)
        for _ in range(rng.integers(1, 30)):
            yield spoil(line, page, rng, trouble)


def spoil(line: tuple[Digit, ...], page: int, rng: np.random.Generator, trouble: Trouble) -> Shown:
    digits, said = [], {}
    for place, digit in enumerate(line):
        luck = rng.random()
        if luck < trouble.miss:
            continue
        luck -= trouble.miss
        label = str(int(digit.label) ^ 1) if luck < trouble.wrong else digit.label
        rejected = trouble.wrong <= luck < trouble.wrong + trouble.reject
        digits.append(replace(digit, label=label, reason="low confidence" if rejected else ""))
        said[page, place] = UNREAD if rejected else label
    shake = rng.integers(-trouble.shake_px, trouble.shake_px + 1, 2)
    found = moved(jittered(tuple(digits), rng, 1), *shake)
    if rng.random() < trouble.speck:
        x, y, width, height = map(int, rng.integers([0, 3000, 9, 12], [600, 3200, 40, 50]))
        speck = Digit("4", 0.4, (x, y, width, height), "low confidence", line=min(1, len(found)))
        found = (*found, speck)
    return Shown(found, said, page)


def supported(text: str, recent: list[Shown], agree: int) -> bool:
    """Tell whether each character was read in enough frames, at places of one page in order."""
    votes = Counter(item for shown in recent for item in shown.said.items())
    for page in {shown.page for shown in recent}:
        place = -1
        for character in text:
            place = next(
                (
                    later
                    for later in range(place + 1, 7)
                    if character == UNREAD or votes[(page, later), character] >= agree
                ),
                99,
            )
        if place < 99:
            return True
    return False


@pytest.mark.parametrize("block", range(2))
def test_no_text_is_announced_that_too_few_frames_support(block: int) -> None:
    told = 0
    for seed in range(40):
        rng = np.random.default_rng([block, seed])
        config, trouble = draw(rng)
        quorum = Quorum(config.agree, config.share, config.forget)
        memory = 2 * quorum.window + max(config.forget, config.agree)
        show, past = Show(Watch(Roi(), make_rules(config))), []
        for shown in frames(rng, trouble):
            past.append(shown)
            before = len(show.events)
            show(shown.digits)
            for event in show.events[before:]:
                if event.change != "dropped":
                    told += 1
                    text = event.standing.lines[0]
                    assert supported(text, past[-memory:], config.agree), (seed, event)
    assert told > 150


def test_no_text_stands_long_after_its_digits_have_left() -> None:
    dropped = 0
    for seed in range(60):
        rng = np.random.default_rng([10, seed])
        config, trouble = draw(rng)
        window = Quorum(config.agree, config.share, config.forget).window
        show, seen = Show(Watch(Roi(), make_rules(config))), dict.fromkeys(range(PAGES), -999)
        for shown in frames(rng, trouble, labels=PAIRS):
            show(shown.digits)
            if shown.said:
                seen[shown.page] = show.frame
            standing = show.watch.standing
            for character in standing.text.replace(UNREAD, "") if standing is not None else "":
                assert show.frame - seen[int(character) // 2] <= config.forget + window, seed
        show((), times=config.forget)
        assert show.watch.standing is None
        dropped += sum(event.change == "dropped" for event in show.events)
    assert dropped > 80


def test_without_trouble_only_whole_pages_are_announced() -> None:
    for seed in range(40):
        rng = np.random.default_rng([20, seed])
        config, _ = draw(rng)
        show, pages = Show(Watch(Roi(), make_rules(config))), Counter()
        for shown in frames(rng, Trouble(0, 0, 0, 0, int(rng.choice([0, 60])))):
            pages[text_lines(shown.digits)] += 1
            show(shown.digits)
            for event in show.events[-1:]:
                if event.change != "dropped" and event.frame == show.frame:
                    assert pages[event.standing.lines] >= config.agree, (seed, event)
        assert len(show.events) >= PAGES // 2 or min(pages.values()) < 2 * config.agree


def test_a_page_that_holds_still_is_read_in_the_end_whatever_was_before() -> None:
    for seed in range(50):
        rng = np.random.default_rng([30, seed])
        config, trouble = draw(rng)
        window = Quorum(config.agree, config.share, config.forget).window
        show = Show(Watch(Roi(), make_rules(config)))
        for shown in frames(rng, trouble):
            show(shown.digits)
        page = moved(write("1?3", "?", "42"), *rng.integers(0, 300, 2))
        show(page, times=3 * window + max(config.forget, config.agree))
        assert show.watch.settled, seed
        assert show.watch.standing is not None
        assert show.watch.standing.lines == text_lines(page), seed


@pytest.mark.parametrize("rules", [{}, {"digits": 4}, {"monotonic": True, "accept_after_s": 0}])
def test_when_settled_more_of_the_same_changes_nothing(rules: dict[str, int]) -> None:
    """So that frames that did not change need not be read."""
    settled = 0
    for seed in range(25):
        rng = np.random.default_rng([40, seed])
        config, trouble = draw(rng)
        show = Show(Watch(Roi(), make_rules(replace(config, **rules))))
        for shown in frames(rng, trouble):
            show(shown.digits)
            if show.watch.settled and rng.random() < 0.2:
                settled += 1
                assert show(shown.digits, times=30) == [], seed
                assert show.watch.settled
    assert settled > 50


def test_many_unsteady_digits_are_read_all_the_same() -> None:
    """Hardly a frame shows all of them right."""
    rng = np.random.default_rng(50)
    lines = tuple("".join(map(str, rng.integers(0, 10, 10))) for _ in range(5))
    show, whole = Show(Watch(Roi(), make_rules(ReadConfig()))), 0
    for _ in range(60):
        digits = tuple(
            replace(digit, reason="low confidence" if rng.random() < 0.03 else "")
            for digit in write(*lines)
            if rng.random() > 0.03
        )
        whole += text_lines(digits) == lines
        show(jittered(digits, rng, 1))
    assert whole < 10
    assert show.told == [f"announced {' '.join(lines)}"]
