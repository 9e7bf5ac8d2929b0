"""A region read over time: what is announced, when it changes and when it is dropped."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from edge_hdr_device.pipeline import UNREAD, Digit
from edge_hdr_device.results import Change, Event, Standing
from edge_hdr_device.settings import ReadConfig
from edge_hdr_device.tracking.consensus import Quorum
from edge_hdr_device.tracking.expect import Expectation
from edge_hdr_device.tracking.layout import Layout
from edge_hdr_device.tracking.plausible import Plausibility
from edge_hdr_device.tracking.roi import Roi
from edge_hdr_device.tracking.track import Track, Tracker


@dataclass(frozen=True)
class Rules:
    """What readings must keep to, the same for every region.

    Attributes:
        quorum: how many frames make an agreement.
        expectation: what a line must look like.
        monotonic: a lower number is held back.
        largest_step: a number that differs by more is held back; 0 is off.
        accept_after_s: a held-back reading that stands so long is announced; 0 is never.
    """

    quorum: Quorum
    expectation: Expectation
    monotonic: bool = False
    largest_step: float = 0.0
    accept_after_s: float = 0.0

    def plausibility(self) -> Plausibility:
        """Begin to watch the numbers of one region."""
        return Plausibility(
            monotonic=self.monotonic,
            largest_step=self.largest_step,
            accept_after_s=self.accept_after_s,
            length=self.expectation.length,
        )


def make_rules(config: ReadConfig) -> Rules:
    """Check the settings and compile the expected pattern.

    Raises:
        ConfigError: a setting makes no sense.
    """
    return Rules(
        quorum=Quorum(config.agree, config.share, config.forget),
        expectation=Expectation(config.expect, config.digits),
        monotonic=config.monotonic,
        largest_step=config.largest_step,
        accept_after_s=config.accept_after_s,
    )


@dataclass(frozen=True)
class _Line:
    """A line on which frames agree."""

    text: str
    tracks: tuple[Track, ...]


@dataclass(frozen=True)
class _Moment:
    """When something is decided."""

    frame: int
    time_s: float
    monotonic_s: float


class Watch:
    """Follow the digits of one region, and say what frames agree on.

    A reading is announced when every digit of the frame is agreed on; it changes by new agreement
    only, and is dropped when its digits have left. A digit that stays unreadable counts as "?"
    after a window of frames; one that only flickers holds up the rest for a window at most.

    Args:
        roi: the region.
        rules: what its readings must keep to.
        numbers: gives each track its number; shared where tracks of several regions must differ.
    """

    def __init__(self, roi: Roi, rules: Rules, *, numbers: Iterator[int] | None = None) -> None:
        self.roi = roi
        self.standing: Standing | None = None
        self._quorum = rules.quorum
        self._expectation = rules.expectation
        self._plausibility = rules.plausibility()
        self._numbers = numbers or itertools.count(1)
        self._start()

    def _start(self) -> None:
        """Begin with no digits."""
        self._tracker = Tracker(self._quorum, self._numbers)
        self._layout = Layout(self._quorum)
        self._lines: tuple[_Line, ...] = ()
        self._unchanged = 0  # frames for which the text agreed on is the same
        self._holders: frozenset[int] = frozenset()  # tracks that what stands was read from
        self._incomplete = 0  # frames for which one of them has been away

    @property
    def settled(self) -> bool:
        """Tell whether nothing waits for agreement: frames like the last would change nothing."""
        tracks = self._tracker.tracks
        steady = all(track.misses == 0 and track.votes.steady for track in tracks)
        return steady and self._layout.steady and not self._incomplete

    def update(
        self, digits: Sequence[Digit], *, frame: int, time_s: float, monotonic_s: float
    ) -> tuple[tuple[Digit, ...], tuple[Event, ...]]:
        """Take in what was read in a frame.

        Args:
            digits: of this region, in reading order; none is an answer, too.
            frame: its number.
            time_s: wall clock of its capture.
            monotonic_s: `time.monotonic()` at its capture.

        Returns:
            The digits with the numbers of their tracks, and what changed.
        """
        tracks = self._tracker.update(digits)
        self._compose(digits, tracks)
        events = self._decide(_Moment(frame, time_s, monotonic_s))
        pairs = zip(digits, tracks, strict=True)
        return tuple(replace(digit, track=track.number) for digit, track in pairs), events

    def pass_over(self, *, frame: int, time_s: float, monotonic_s: float) -> tuple[Event, ...]:
        """Take note of a frame that was not read, as it equals the last one.

        A reading that was held back is announced when it has stood long enough.
        """
        if not (self._plausibility.holding and self.settled):
            return ()
        return self._decide(_Moment(frame, time_s, monotonic_s))

    def reset(self, *, frame: int, time_s: float) -> tuple[Event, ...]:
        """Forget all digits, as the camera went away: what stood is dropped."""
        events = self._drop(_Moment(frame, time_s, 0.0))
        self._start()
        return events

    def _compose(self, digits: Sequence[Digit], tracks: Sequence[Track]) -> None:
        """Write the digits agreed on as lines of text."""
        seen: dict[int, list[int]] = {}
        for digit, track in zip(digits, tracks, strict=True):
            seen.setdefault(digit.line, []).append(track.number)
        members = {
            track.number: track for track in self._tracker.tracks if track.votes.label is not None
        }
        boxes = {number: track.box for number, track in members.items()}
        self._layout.update(tuple(map(tuple, seen.values())), boxes)
        before = [line.text for line in self._lines]
        self._lines = tuple(
            _line([members[number] for number in line]) for line in self._layout.lines
        )
        same = before == [line.text for line in self._lines]
        self._unchanged = self._unchanged + 1 if same else 1

    def _decide(self, moment: _Moment) -> tuple[Event, ...]:
        events: tuple[Event, ...] = ()
        if not self._waits():
            written = [line for line in self._lines if line.text.strip(UNREAD)]
            wanted = [line for line in written if self._expectation.matches(line.text)]
            if wanted:
                events = self._propose(wanted, moment)
            elif not self._is_obscured():
                events = self._drop(moment)
        return events or (self._drop(moment) if self._has_left() else ())

    def _waits(self) -> bool:
        """Tell whether a digit must be waited for before anything may change."""
        return any(
            not track.votes.settled or track.misses >= self._quorum.agree
            if track.votes.label is not None
            else not track.votes.settled and not self._is_speck(track)
            for track in self._tracker.tracks
        )

    def _is_speck(self, track: Track) -> bool:
        """Tell whether something comes and goes: seen but once, or too rarely for a window."""
        seen, window = track.votes.seen, self._quorum.window
        if track.misses and seen <= 1:
            return True
        return self._unchanged >= window and seen < self._quorum.share * window

    def _is_obscured(self) -> bool:
        """Tell whether the expected line may be there, with a digit that cannot be read now."""
        unread = any(UNREAD in line.text for line in self._lines)
        return unread and bool(self._expectation.pattern)

    def _propose(self, lines: Sequence[_Line], moment: _Moment) -> tuple[Event, ...]:
        """Announce lines that frames agree on, unless they stand already or are held back."""
        self._holders = frozenset(track.number for line in lines for track in line.tracks)
        self._incomplete = 0
        texts = tuple(line.text for line in lines)
        standing = self.standing
        if standing is not None and texts == standing.lines:
            self._plausibility.release()
            return ()
        new = Standing(self.roi.name, texts, _confidence(lines), moment.time_s, moment.frame)
        reason = self._plausibility.check(texts, moment.monotonic_s)
        if reason:
            news = self._plausibility.is_news(new.text)
            return (self._event("implausible", new, moment, reason),) if news else ()
        change: Change = "announced" if standing is None else "changed"
        event = self._event(change, new, moment)
        self._plausibility.accept(texts)
        self.standing = new
        return (event,)

    def _has_left(self) -> bool:
        """Tell whether the digits of what stands, or for a window one of them, are not seen."""
        misses = {track.number: track.misses for track in self._tracker.tracks}
        forget = self._quorum.forget
        away = [number for number in self._holders if misses.get(number, forget) >= forget]
        self._incomplete = self._incomplete + 1 if away else 0
        return len(away) == len(self._holders) or self._incomplete > self._quorum.window

    def _drop(self, moment: _Moment) -> tuple[Event, ...]:
        """Drop what stands, if anything does."""
        standing = self.standing
        self._plausibility.release()
        self._tracker.end_unseen()
        event = standing and self._event("dropped", standing, moment)
        self._holders, self._incomplete, self.standing = frozenset(), 0, None
        return (event,) if event else ()

    def _event(self, change: Change, of: Standing, moment: _Moment, reason: str = "") -> Event:
        previous = self.standing.text if self.standing else ""
        return Event(change, of, previous, moment.time_s, moment.frame, reason)


def _line(tracks: Sequence[Track]) -> _Line:
    return _Line("".join(track.votes.label or "" for track in tracks), tuple(tracks))


def _confidence(lines: Sequence[_Line]) -> float:
    """Give the least of the digits' mean confidences; 0 where one of them is unread."""
    return min(track.votes.confidence for line in lines for track in line.tracks)
