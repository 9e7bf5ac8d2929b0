"""The label page's program: order by doubt, who may ask, and answers to what makes no sense."""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import cv2
import numpy as np
import pytest
from test_label_journal import largest_file, rows

from edge_hdr.data.folder import load_folder
from edge_hdr.errors import ConfigError, DataError, DependencyError, StorageError
from edge_hdr.labelling import doubt
from edge_hdr.labelling.session import Session, serving
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.images import read_image

MODEL = Path(__file__).parents[2] / "data" / "tiny-int8.tflite"
LIMIT_S = 20.0


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Visitor:
    """One browser: it keeps its cookie."""

    def __init__(self, session: Session) -> None:
        self.address = urlsplit(session.address)
        self.once = urlsplit(session.address_once)
        self.cookie = ""

    def ask(self, path: str, body: Any = None, method: str = "", **headers: str) -> Answer:
        assert self.address.hostname and self.address.port
        connection = http.client.HTTPConnection(
            self.address.hostname, self.address.port, timeout=LIMIT_S
        )
        sent = {"Cookie": self.cookie} if self.cookie else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = json.dumps(body) if body is not None and not isinstance(body, bytes) else body
        connection.request(method or ("POST" if data is not None else "GET"), path, data, sent)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        result = Answer(answer.status, found, answer.read())
        connection.close()
        return result

    def enter(self) -> Visitor:
        answer = self.ask(f"{self.address.path}?{self.address.query}")
        assert answer.status == 303
        self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return self

    def say(self, sample: int, said: str, was: str = "") -> Answer:
        return self.ask("/api/say", {"sample": sample, "said": said, "was": was})


def draw(path: Path, digit: str, variant: int = 0) -> None:
    image = np.full((60, 60), 235, np.uint8)
    cv2.putText(image, digit, (15 + variant, 45), 0, 1.5, 20, 3, cv2.LINE_AA)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image)


def draw_all(folder: Path) -> Path:
    for digit in "0123456789":
        for variant in range(2):
            draw(folder / f"{digit}-{variant}.png", digit, variant)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return draw_all(tmp_path / "crops")


@contextmanager
def served(folder: Path) -> Iterator[tuple[Session, Visitor]]:
    with serving(folder, MODEL) as session:
        yield session, Visitor(session).enter()


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """Serve a folder that the tests only ask about; afterwards nothing was said of it."""
    folder = draw_all(tmp_path_factory.mktemp("crops"))
    with served(folder) as (session, _):
        yield session
        assert session.result()["open"] == 10 * 2
    assert not (folder / "labels.jsonl").exists()


def test_the_most_doubtful_come_first(asked: Session) -> None:
    state = Visitor(asked).enter().ask("/api/samples").json
    assert len(state["samples"]) == 10 * 2
    confidences = [confidence for _, _, confidence, _ in state["samples"]]
    assert confidences == sorted(confidences)
    assert len(set(confidences)) > 2
    assert state["classes"] == list(map(str, range(10)))
    assert not asked.warnings


def test_what_is_said_already_is_doubted_by_what_the_model_reads(folder: Path) -> None:
    classifier, files = Classifier(MODEL), sorted(path.name for path in folder.iterdir())
    plain, _ = doubt.sort_by_doubt(folder, files, classifier, {})
    surest = plain[-1]
    wrong = str((int(surest.guess) + 1) % 10)
    told, _ = doubt.sort_by_doubt(folder, files, classifier, {surest.file: wrong})
    now = next(sample for sample in told if sample.file == surest.file)
    assert now.doubt > 1 - now.confidence
    right, _ = doubt.sort_by_doubt(folder, files, classifier, {surest.file: surest.guess})
    assert right[-1].doubt == pytest.approx(surest.doubt)
    none, _ = doubt.sort_by_doubt(folder, files, classifier, {surest.file: "none"})
    told_none = next(sample for sample in none if sample.file == surest.file)
    assert told_none.doubt == pytest.approx(surest.confidence)


def test_pictures_of_every_kind_are_shown_and_what_is_none_is_left_out(folder: Path) -> None:
    cv2.imwrite(str(folder / "blank.png"), np.full((40, 40), 200, np.uint8))
    (folder / "broken.png").write_bytes((folder / "1-0.png").read_bytes()[:60])
    large = np.full((900, 600), 235, np.uint8)
    cv2.putText(large, "5", (150, 650), 0, 18, 20, 40, cv2.LINE_AA)
    cv2.imwrite(str(folder / "large.tiff"), large)
    with served(folder) as (session, visitor):
        assert visitor.ask("/api/samples").json["samples"][0] == ["blank.png", "", 0.0, ""]
        assert len(session.samples) == 10 * 2 + 2
        place = [sample.file for sample in session.samples].index("large.tiff")
        answer = visitor.ask(f"/picture/{place}")
        assert answer.headers["content-type"] == "image/png"
        assert read_image(answer.body).shape == (256, 171)  # 256 * 600 / 900 = 170.7
        assert visitor.ask("/picture/22").status == 404
        (folder / "large.tiff").unlink()
        assert visitor.ask(f"/picture/{place}").status == 404
    assert len(session.warnings) == 1
    assert "broken.png" in session.warnings[0] and "truncated" in session.warnings[0]


def test_whole_photos_are_told_from_crops(tmp_path: Path) -> None:
    for number, shape in enumerate([(300, 200), (50, 190), (40, 170)]):  # height and width
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full(shape, 235, np.uint8))
    (first, *_), _ = doubt.sort_by_doubt(tmp_path, ["0.png"], Classifier(MODEL), {})
    assert first.size_px == (200, 300)
    with served(tmp_path) as (session, _):  # 3.8 times as wide as high, the one in the middle
        assert "these look like whole photos" in session.warnings[0]
    cv2.imwrite(str(tmp_path / "2.png"), np.full((100, 80), 235, np.uint8))
    with served(tmp_path) as (session, _):
        assert not session.warnings


def test_what_the_page_leaves_is_what_training_takes(folder: Path) -> None:
    with served(folder) as (session, visitor):
        for place, sample in enumerate(session.samples):
            digit = sample.file[0]
            word = {"8": "none", "9": "skipped"}.get(digit, digit)
            assert visitor.say(place, word).json == {"said": word}
        assert not session.desk.finished.is_set()
        assert visitor.ask("/api/finish", {}).status == 200
        assert session.desk.finished.is_set()
        result = session.result()
    assert (result["labelled"], result["non_digits"], result["skipped"]) == (8 * 2, 2, 2)
    assert rows(folder) == {
        f"{digit}-{variant}.png": digit for digit in "01234567" for variant in range(2)
    }
    data = load_folder(folder, seed=0)
    assert data.classes == tuple("01234567")
    assert len(data.train) + len(data.test) == 8 * 2
    assert not data.warnings


def test_other_windows_are_told(folder: Path) -> None:
    with served(folder) as (_, one):
        other = Visitor(_).enter()
        assert other.ask("/api/changes?since=0").json == {"number": 0, "said": {}, "trouble": ""}
        one.say(3, "7")
        one.say(4, "none")
        one.say(3, "2", "7")
        news = other.ask("/api/changes?since=0").json
        assert (news["number"], news["said"]) == (3, {"3": "2", "4": "none"})
        assert other.ask("/api/changes?since=3").json["said"] == {}
        refused = other.say(3, "9")
        assert (refused.status, refused.json) == (409, {"said": "2"})
    assert set(rows(folder).values()) == {"2"}


def test_who_was_not_given_the_address_sees_nothing(asked: Session) -> None:
    stranger = Visitor(asked)
    paths = ("/api/samples", "/api/changes?since=0", "/picture/0", "/static/page.js", "/nothing")
    for cookie in ("", "edge-hdr-label-00000000=wrong"):
        stranger.cookie = cookie
        assert [stranger.ask(path).status for path in paths] == [401] * 5
        assert stranger.say(0, "3").status == 401
    assert stranger.ask("/").headers["location"] == "/enter"
    closed = stranger.ask("/enter?token=wrong")
    assert closed.status == 401 and b"shows in its terminal" in closed.body
    stranger.enter()
    assert [stranger.ask(path).status for path in paths] == [200] * 4 + [404]


def test_the_address_for_the_browser_opens_once(asked: Session) -> None:
    visitor, second = Visitor(asked), Visitor(asked)
    path = f"{visitor.once.path}?{visitor.once.query}"
    assert visitor.ask(path).status == 303
    assert second.ask(path).status == 401
    assert second.enter().ask("/api/samples").status == 200


def test_another_sites_page_cannot_label(asked: Session) -> None:
    visitor = Visitor(asked).enter()
    port = visitor.address.port or 0
    for headers in (
        {"Origin": "https://example.org"},
        {"Origin": f"http://127.0.0.1:{port + 1}"},  # has the cookie, too
        {"Sec_Fetch_Site": "same-site"},
    ):
        said = {"sample": 0, "said": "3", "was": ""}
        assert visitor.ask("/api/say", said, **headers).status == 403
        assert visitor.ask("/api/finish", {}, **headers).status == 403
    own = {"sample": 0, "said": "", "was": ""}
    assert visitor.ask("/api/say", own, Origin=f"http://127.0.0.1:{port}").status == 200


def test_every_answer_is_careful(asked: Session) -> None:
    visitor = Visitor(asked).enter()
    for path in ("/", "/static/page.js", "/static/icon.svg", "/api/samples", "/nothing"):
        headers = visitor.ask(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    tag = visitor.ask("/").headers["etag"]
    assert visitor.ask("/", If_None_Match=tag).status == 304
    assert visitor.ask("/enter").headers["location"] == "/", "who is known goes in"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"3", {"sample": 0}, {"sample": 0, "said": "13", "was": ""},
        {"sample": 20, "said": "3", "was": ""}, {"sample": -1, "said": "3", "was": ""},
        {"sample": True, "said": "3", "was": ""}, {"sample": 0, "said": ["3"], "was": ""},
        {"sample": 0, "said": "3", "was": 3}, {"sample": "0", "said": "3", "was": ""},
    ],
)  # fmt: skip
def test_nonsense_is_refused(asked: Session, body: Any) -> None:
    answer = Visitor(asked).enter().ask("/api/say", body)
    assert answer.status == 400 and answer.json["error"]["message"]


def test_too_much_and_unknown_numbers_are_refused(asked: Session) -> None:
    visitor = Visitor(asked).enter()
    assert visitor.ask("/api/say", b"x" * 5000).status == 413
    for since in ("", "-1", "1", "x", "٣"):
        assert visitor.ask(f"/api/changes?since={quote(since)}").status == 400


def test_a_full_disk_is_told_and_the_key_does_not_count(folder: Path) -> None:
    with served(folder) as (session, visitor):
        visitor.say(0, "3")
        with largest_file(8):
            answer = visitor.say(1, "4")
        assert answer.status == 507
        assert "labels.jsonl" in answer.json["error"]["message"]
        assert "space" in answer.json["error"]["hint"]
        assert session.result()["labelled"] == 1
        assert visitor.say(1, "4").status == 200
    assert sorted(rows(folder).values()) == ["3", "4"]


def test_without_its_packages_the_page_is_one_clear_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("starlette", "uvicorn"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, name, None)
            with pytest.raises(DependencyError, match="starlette and uvicorn") as caught:
                serving(folder, MODEL).__enter__()
            assert "pip install" in caught.value.hint


def test_what_goes_wrong_at_the_start_leaves_the_folder_free(folder: Path) -> None:
    with served(folder) as (_, visitor):
        port = visitor.address.port
        other = folder.parent / "other"
        draw(other / "a.png", "3")
        with pytest.raises(ConfigError, match="in use"):
            serving(other, MODEL, port=port or 0).__enter__()
        with pytest.raises(StorageError, match="another edge-hdr label"):
            serving(folder, MODEL).__enter__()
    (folder.parent / "bad").mkdir()
    (folder.parent / "bad" / "a.png").write_text("no picture")
    for _ in range(2):
        with pytest.raises(DataError, match=r"none of 1 files .* can be read"):
            serving(folder.parent / "bad", MODEL).__enter__()
    with served(other), served(folder):
        pass
