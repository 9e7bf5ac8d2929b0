import itertools
import json
import sys
import time
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from serving import (
    DIGITS,
    Site,
    decode,
    make_live,
    read_events,
    read_parts,
    served,
    show,
    showing,
    wait_until,
)

from edge_hdr_device import live as live_module
from edge_hdr_device.live import Part
from edge_hdr_device.metrics import Metrics
from edge_hdr_device.web import feed as feed_module
from edge_hdr_device.web.answers import HEADERS
from edge_hdr_device.web.feed import LISTENERS, VIEWERS
from edge_hdr_device.web.pictures import view_jpeg


@pytest.fixture
def site() -> Iterator[Site]:
    with served() as site:
        yield site


def test_the_reading_is_what_live_says(site: Site) -> None:
    show(site.live)
    answer = site.ask("/api/reading")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    expected = json.loads(json.dumps(site.live.to_dict()))
    assert {**answer.json, "uptime_s": 0} == {**expected, "uptime_s": 0}
    assert answer.json["frame"]["digits"][1]["accepted"] is False
    assert answer.json["health"]["level"] == "ok"


def test_the_history_has_the_newest_first(site: Site) -> None:
    assert site.ask("/api/history").json == {"events": 0, "history": []}
    for text in ("1", "2"):
        show(site.live, 1, text=text)
    answer = site.ask("/api/history").json
    assert answer["events"] == 2
    assert [event["text"] for event in answer["history"]] == ["2", "1"]


def test_a_frame_is_given_with_and_without_boxes(site: Site) -> None:
    show(site.live, 7)
    plain = site.ask("/api/frame.jpg?overlay=0")
    assert plain.headers["content-type"] == "image/jpeg"
    assert plain.headers["x-frame-number"] == "7"
    assert decode(plain.body).shape == (120, 160)
    boxed = decode(site.ask("/api/frame.jpg").body)
    assert boxed.ndim == 3
    assert np.ptp(decode(plain.body)) < 5 < np.ptp(boxed)


def test_a_switch_that_is_none_is_refused(site: Site) -> None:
    show(site.live)
    answer = site.ask("/api/frame.jpg?overlay=yes")
    assert answer.status == 400
    assert "overlay='yes'" in answer.json["error"]["message"]


def test_no_frame_is_no_picture(site: Site) -> None:
    answer = site.ask("/api/frame.jpg")
    assert answer.status == 503
    assert "camera is away" in answer.json["error"]["message"]


def test_a_frame_of_a_camera_that_has_gone_is_not_shown(site: Site) -> None:
    show(site.live)
    site.live.clear(())
    assert site.ask("/api/frame.jpg").status == 503
    assert site.ask("/api/reading").json["reading"] == []


def test_a_frame_that_grew_old_is_not_shown_either() -> None:
    with served(make_live(fresh_s=0.05)) as site:
        show(site.live)
        time.sleep(0.1)
        assert site.ask("/api/frame.jpg").status == 503
        told = site.ask("/api/reading").json
        assert (told["reading"], told["frame"]) == ([], None)


def test_a_stream_gives_frame_after_frame_and_what_was_read(site: Site) -> None:
    with showing(site.live), site.watch("/stream.mjpg?overlay=0&digits=1") as stream:
        parts = list(itertools.islice(read_parts(stream), 4))
    told = [json.loads(headers["X-Edge-HDR"]) for headers, _ in parts]
    numbers = [one["frame"] for one in told]
    assert numbers == sorted(set(numbers))
    assert told[0]["digits"] == [digit.to_dict() for digit in DIGITS]
    assert (told[0]["width"], told[0]["height"]) == (160, 120)
    for one, (_, jpeg) in zip(told, parts, strict=True):
        expected = 100 + one["frame"] % 100
        assert abs(int(decode(jpeg).mean()) - expected) <= 1, "the digits of another frame"


def test_a_stream_for_other_programs_has_no_headers_of_ours(site: Site) -> None:
    with showing(site.live), site.watch("/stream.mjpg") as stream:
        headers, jpeg = next(read_parts(stream))
    assert set(headers) == {"Content-Type", "Content-Length"}
    assert np.ptp(decode(jpeg)) > 5, "boxes are drawn"


def test_a_stream_is_read_by_other_programs_too(site: Site) -> None:
    with showing(site.live):
        capture = cv2.VideoCapture(f"http://127.0.0.1:{site.port}/stream.mjpg", cv2.CAP_FFMPEG)
        frames = [capture.read() for _ in range(3)]
        capture.release()
    assert [whole for whole, _ in frames] == [True] * 3
    assert frames[0][1].shape == (360, 480, 3), "enlarged, so that there is room for labels"


def test_a_stream_is_capped() -> None:
    path = "/stream.mjpg?overlay=0&digits=1"
    with served(stream_fps=10) as site, showing(site.live, fps=200), site.watch(path) as stream:
        parts = itertools.islice(read_parts(stream), 5)
        numbers = [json.loads(headers["X-Edge-HDR"])["frame"] for headers, _ in parts]
    # at most 200 frames a second are shown and 10 taken: about 20 lie between two
    assert np.diff(numbers).mean() > 2


def test_while_the_camera_is_away_the_stream_says_so(site: Site) -> None:
    show(site.live, level=255)
    with site.watch("/stream.mjpg?overlay=0&digits=1") as stream:
        parts = read_parts(stream)
        assert decode(next(parts)[1]).mean() > 250
        site.live.clear(())
        jpeg = next(jpeg for headers, jpeg in parts if headers["X-Edge-HDR"] == "null")
    assert decode(jpeg).mean() < 100, "the last picture must not stand there"


def test_a_scene_that_holds_still_is_sent_seldom(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = count_encodings(monkeypatch)
    show(site.live)
    with site.watch("/stream.mjpg?overlay=0") as stream:
        list(itertools.islice(read_parts(stream), 3))
    assert len(encoded) == 1


def test_a_frame_is_encoded_once_for_all_viewers(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = count_encodings(monkeypatch)
    with showing(site.live), site.watch("/stream.mjpg") as first, site.watch("/stream.mjpg") as two:
        pairs = list(itertools.islice(zip(read_parts(first), read_parts(two), strict=True), 5))
    assert len(pairs) == 5
    assert len(encoded) == len(set(encoded))


def test_nothing_is_encoded_while_nobody_looks(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = count_encodings(monkeypatch)
    with showing(site.live):
        with site.watch("/stream.mjpg") as stream:
            next(read_parts(stream))
        feed = site.server._app.state.feed
        wait_until(lambda: feed._turn is None)
        before = len(encoded)
        time.sleep(0.3)
    assert before > 0
    assert len(encoded) == before


def count_encodings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note the number of each frame that is encoded."""
    encoded: list[int] = []

    def counted(view: live_module.View, *, overlay: bool) -> bytes:
        encoded.append(view.frame.number if view.frame else 0)
        return view_jpeg(view, overlay=overlay)

    monkeypatch.setattr(feed_module, "view_jpeg", counted)
    return encoded


@pytest.mark.parametrize(
    ("path", "places"), [("/stream.mjpg?overlay=0", VIEWERS), ("/api/events", LISTENERS)]
)
def test_places_are_limited_and_come_free_again(site: Site, path: str, places: int) -> None:
    show(site.live)
    with site.watch(path) as last:
        watches = [site.watch(path) for _ in range(places - 1)]
        for watch in watches:
            watch.__enter__().readline()
        last.readline()
        answer = site.ask(path)
        assert answer.status == 503
        assert answer.headers["retry-after"] == "5"
        for watch in watches:
            watch.__exit__(None, None, None)

    def is_free() -> bool:
        with site.watch(path) as answer:
            return answer.status == 200

    wait_until(is_free)


def test_a_look_at_the_headers_takes_no_place(site: Site) -> None:
    for _ in range(VIEWERS + 1):
        answer = site.ask("/stream.mjpg", "HEAD")
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("multipart/x-mixed-replace")


def test_events_tell_the_state_again_and_again(site: Site) -> None:
    show(site.live)
    with site.watch("/api/events") as stream:
        assert stream.getheader("content-type") == "text/event-stream; charset=utf-8"
        events = read_events(stream)
        assert next(events)["reading"][0]["text"] == "42"
        show(site.live, 2, text="43")
        assert next(event for event in events if event["reading"][0]["text"] == "43")
        site.live.clear(())
        assert next(event for event in events if event["frame"] is None)["reading"] == []


def test_events_come_while_the_camera_is_away(site: Site) -> None:
    with site.watch("/api/events") as stream:
        first, second = itertools.islice(read_events(stream), 2)
    assert first["frame"] is second["frame"] is None
    assert first.keys() == site.ask("/api/reading").json.keys()


def test_health_is_good_while_the_frame_loop_beats(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert site.ask("/healthz").status == 200
    monkeypatch.setattr(live_module, "ALIVE_S", 0.0)
    answer = site.ask("/healthz")
    assert (answer.status, answer.json["status"]) == (503, "stuck")
    assert answer.json["parts"]["camera"]["state"] == "streaming"


def test_ready_means_that_frames_come(site: Site) -> None:
    assert site.ask("/readyz").status == 503
    show(site.live)
    assert site.ask("/readyz").json["status"] == "ready"


def test_a_camera_that_fails_is_not_ready() -> None:
    with served(make_live(Part("camera", "failing", "waiting", "unplugged"))) as site:
        show(site.live)
        answer = site.ask("/readyz")
    assert answer.status == 503
    assert answer.json["parts"]["camera"]["detail"] == "unplugged"


def test_metrics_are_in_prometheus_own_format() -> None:
    metrics = Metrics()
    with served(metrics=metrics) as site:
        metrics.observe(show(site.live))
        answer = site.ask("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert b"edge_hdr_frames_total 1.0\n" in answer.body
    assert b"edge_hdr_camera_up 1.0\n" in answer.body


def test_metrics_without_their_package_say_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with served(metrics=Metrics()) as site:
        answer = site.ask("/metrics")
    assert answer.status == 501
    assert "pip install prometheus-client" in answer.json["error"]["hint"]


@pytest.mark.parametrize(
    "path", ["/", "/api/reading", "/nowhere", "/api/frame.jpg", "/static/page.js", "/static/none"]
)
def test_every_answer_keeps_browsers_careful(site: Site, path: str) -> None:
    answer = site.ask(path)
    for name, value in HEADERS.items():
        assert answer.headers[name.lower()] == value
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "server" not in answer.headers


def test_unknown_addresses_and_methods_answer_with_json(site: Site) -> None:
    assert site.ask("/nowhere").json == {"error": {"message": "Not Found", "hint": None}}
    assert site.ask("/api/reading", "POST").status == 405


def test_files_are_asked_for_again_only_when_they_changed(site: Site) -> None:
    answer = site.ask("/static/page.js")
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    again = site.ask("/static/page.js", If_None_Match=answer.headers["etag"])
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("name", ["..%2Fapp.py", "%2e%2e/app.py", "../app.py", "app.py", "%00"])
def test_no_other_file_is_served(site: Site, name: str) -> None:
    assert site.ask(f"/static/{name}").status == 404


def test_a_fault_is_told_without_its_inside(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("inside")

    monkeypatch.setattr(site.live, "_parts", fail)
    answer = site.ask("/api/reading")
    assert answer.status == 500
    assert b"inside" not in answer.body
    wait_until(lambda: "inside" in caplog.text)
