from __future__ import annotations

import json
from typing import Any

from edge_hdr_device.results import Change, Event, Standing


def told(change: Change, *, previous: str = "", name: str = "") -> dict[str, Any]:
    standing = Standing("meter", ("12", "34"), 0.98765, 1.7e9, 3)
    event = Event(change, standing, previous, 1.7e9 + 1, 5, name=name)
    found: dict[str, Any] = json.loads(json.dumps(event.to_dict()))
    return found


def test_a_change_says_what_stands_and_what_stood() -> None:
    body = told("changed", previous="12 33")
    assert (body["type"], body["region"], body["frame"]) == ("reading", "meter", 5)
    assert (body["text"], body["lines"], body["previous"]) == ("12 34", ["12", "34"], "12 33")
    assert body["confidence"] == 0.9877
    assert told("announced")["previous"] is None


def test_what_was_dropped_is_told_as_previous_and_never_as_the_text() -> None:
    body = told("dropped", previous="12 34")
    assert (body["text"], body["lines"], body["confidence"]) == (None, [], None)
    assert body["previous"] == told("dropped")["previous"] == "12 34"


def test_the_file_of_a_picture_is_named() -> None:
    assert told("announced", name="a.png")["name"] == "a.png"
    assert "name" not in told("announced")
