import logging
from collections.abc import Iterator

import pytest
from serving import TOKEN, Answer, Site, served, show
from starlette.routing import Route

from edge_hdr_device.web.attempts import EACH
from edge_hdr_device.web.auth import OPEN
from edge_hdr_device.web.token import hash_of, session_of

SECRET = ("42", "streaming", "1.2.3")  # what the page knows and a stranger must not


@pytest.fixture
def guarded() -> Iterator[Site]:
    with served(token=TOKEN) as site:
        show(site.live)
        yield site


@pytest.fixture
def own() -> Iterator[Site]:
    """Give a page without a token, for this machine alone."""
    with served() as site:
        show(site.live)
        yield site


def enter(site: Site, token: str, **headers: str) -> Answer:
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    return site.ask("/login", "POST", f"token={token}", **form, **headers)


def routes(site: Site) -> list[tuple[str, str]]:
    """List method and path of everything that is served."""
    found = []
    for route in site.server._app.routes:
        assert isinstance(route, Route)
        path = route.path.replace("{name}", "page.js")
        found += [(method, path) for method in sorted(route.methods or set()) if method != "HEAD"]
    return found


def shows_nothing(answer: Answer) -> bool:
    return not any(word.encode() in answer.body for word in SECRET)


def test_every_address_is_closed_without_the_token(guarded: Site) -> None:
    closed = [(method, path) for method, path in routes(guarded) if path not in OPEN]
    assert len(closed) > 8
    for method, path in closed:
        answer = guarded.ask(path, method)
        assert answer.status == (303 if path == "/" else 401), path
        assert shows_nothing(answer)


def test_what_is_open_shows_nothing_either(guarded: Site) -> None:
    for path in OPEN:
        answer = guarded.ask(path)
        assert answer.status == 200
        assert shows_nothing(answer)


def test_the_page_sends_a_stranger_to_the_login(guarded: Site) -> None:
    answer = guarded.ask("/")
    assert (answer.status, answer.headers["location"]) == (303, "/login")
    assert b'name="token"' in guarded.ask("/login").body


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_the_token_opens_everything(guarded: Site, scheme: str) -> None:
    answer = guarded.ask("/api/reading", Authorization=f"{scheme} {TOKEN}")
    assert answer.status == 200
    assert answer.json["reading"][0]["text"] == "42"


@pytest.mark.parametrize("given", ["wrong", hash_of(TOKEN), session_of(TOKEN), "", "ü" * 2000])
def test_a_wrong_token_sees_nothing(guarded: Site, given: str) -> None:
    header = f"Bearer {given}".encode().decode("latin-1")
    answer = guarded.ask("/api/reading", Authorization=header)
    assert answer.status == 401
    assert shows_nothing(answer)
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "edge-hdr-device token" in answer.json["error"]["hint"]


def test_the_token_is_no_password_of_another_scheme(guarded: Site) -> None:
    assert guarded.ask("/api/reading", Authorization=f"Basic {TOKEN}").status == 401
    assert guarded.ask(f"/api/reading?token={TOKEN}").status == 401


def test_a_wrong_token_does_not_open_what_is_open_to_all(guarded: Site) -> None:
    assert guarded.ask("/healthz", Authorization="Bearer wrong").status == 401


def test_the_login_gives_a_session_in_place_of_the_token(guarded: Site) -> None:
    answer = enter(guarded, TOKEN)
    assert (answer.status, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert TOKEN not in cookie
    assert "httponly" in cookie.lower()
    assert "samesite=strict" in cookie.lower()
    page = guarded.ask("/", Cookie=answer.cookie)
    assert page.status == 200
    assert b"Sign out" in page.body
    assert guarded.ask("/api/reading", Cookie=answer.cookie).status == 200


def test_who_is_known_is_not_asked_again(guarded: Site) -> None:
    cookie = enter(guarded, TOKEN).cookie
    assert guarded.ask("/login", Cookie=cookie).headers["location"] == "/"


@pytest.mark.parametrize("session", ["", "wrong", TOKEN, hash_of(TOKEN)])
def test_a_wrong_session_sees_nothing(guarded: Site, session: str) -> None:
    name = enter(guarded, TOKEN).cookie.partition("=")[0]
    assert guarded.ask("/api/reading", Cookie=f"{name}={session}").status == 401


def test_leaving_ends_the_session_of_the_browser(guarded: Site) -> None:
    cookie = enter(guarded, TOKEN).cookie
    answer = guarded.ask("/logout", "POST", Cookie=cookie)
    assert answer.headers["location"] == "/login"
    assert answer.cookie.endswith('=""')


def test_a_wrong_token_at_the_login_is_told_so(guarded: Site) -> None:
    answer = enter(guarded, "wrong")
    assert answer.status == 401
    assert b"not the token of this device" in answer.body
    assert "set-cookie" not in answer.headers


def test_a_form_that_is_none_is_a_wrong_token(guarded: Site) -> None:
    assert guarded.ask("/login", "POST", b"\xff\xfe{}").status == 401
    assert guarded.ask("/login", "POST", b"token=" + b"x" * 10_000).status == 413


def test_wrong_tokens_are_limited_at_every_door(
    guarded: Site, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for number in range(EACH):
            door = (
                enter
                if number % 2
                else lambda site, token: site.ask("/metrics", Authorization=f"Bearer {token}")
            )
            assert door(guarded, f"wrong-{number}").status == 401
        answer = enter(guarded, "wrong again")
        assert answer.status == 429
        assert 0 < int(answer.headers["retry-after"]) <= 60
        assert b"Too many wrong tokens" in answer.body
        assert guarded.ask("/metrics", Authorization="Bearer wrong again").status == 429
    lines = [record.getMessage() for record in caplog.records]
    assert lines == ["too many wrong tokens from 127.0.0.1"]


def test_the_limit_locks_out_nobody_who_has_the_token(guarded: Site) -> None:
    cookie = enter(guarded, TOKEN).cookie
    for _ in range(EACH + 1):
        answer = enter(guarded, "wrong")
    assert answer.status == 429
    assert guarded.ask("/api/reading", Cookie=cookie).status == 200
    assert guarded.ask("/metrics", Authorization=f"Bearer {TOKEN}").status == 200
    assert enter(guarded, TOKEN).cookie == cookie
    assert enter(guarded, "wrong").status == 429, "a right token forgives no wrong one"


def test_nothing_secret_is_logged(guarded: Site, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        cookie = enter(guarded, TOKEN).cookie
        guarded.ask("/", Cookie=cookie)
        guarded.ask("/api/reading", Authorization=f"Bearer {TOKEN}")
        guarded.ask("/api/reading", Authorization="Bearer wrong-secret")
    for secret in (TOKEN, "wrong-secret", cookie.partition("=")[2]):
        assert secret not in caplog.text


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8630", "192.0.2.1", "localhost.evil"]
)
def test_without_a_token_other_names_are_refused(own: Site, host: str) -> None:
    answer = own.ask("/api/reading", Host=host)
    assert answer.status == 403
    assert shows_nothing(answer)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1234", "[::1]:8630", "LOCALHOST:1"])
def test_without_a_token_this_machines_names_are_served(own: Site, host: str) -> None:
    assert own.ask("/api/reading", Host=host).status == 200


def test_without_a_token_there_is_no_login(own: Site) -> None:
    assert own.ask("/login").headers["location"] == "/"
    assert enter(own, "anything").headers["location"] == "/"
    assert b'action="/logout" hidden' in own.ask("/").body


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
)
def test_what_another_sites_page_sends_is_refused(own: Site, headers: dict[str, str]) -> None:
    assert own.ask("/api/read", "POST", b"x", **headers).status == 403


def test_what_the_own_page_sends_is_taken(own: Site) -> None:
    origin = f"http://127.0.0.1:{own.port}"
    headers = {"Origin": origin, "Sec_Fetch_Site": "same-origin"}
    assert own.ask("/api/read", "POST", b"x", **headers).status == 400
