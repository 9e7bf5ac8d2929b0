import stat
from pathlib import Path

import pytest

from edge_hdr_device.errors import ConfigError, StorageError
from edge_hdr_device.settings import WebConfig
from edge_hdr_device.web.token import (
    FILE,
    check_exposure,
    find_hash,
    hash_of,
    load_hash,
    make_token,
    opens,
    session_of,
)

FILE_HERE = Path("/srv/web-token")


def test_a_token_is_kept_as_a_hash_that_only_its_owner_reads(tmp_path: Path) -> None:
    file = tmp_path / "state" / FILE
    token = make_token(file)
    assert len(token) == 32
    assert token not in file.read_text()
    assert session_of(token) not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load_hash(file) == hash_of(token)


def test_each_token_is_another(tmp_path: Path) -> None:
    assert make_token(tmp_path / "a") != make_token(tmp_path / "b")


def test_an_earlier_token_is_replaced_only_by_force(tmp_path: Path) -> None:
    file = tmp_path / FILE
    first = make_token(file)
    with pytest.raises(StorageError, match="there is a token already") as caught:
        make_token(file)
    assert f"edge-hdr-device token --force --token-file {file}" in caught.value.hint
    assert load_hash(file) == hash_of(first)
    second = make_token(file, force=True)
    assert not opens(session_of(first), load_hash(file))
    assert opens(session_of(second), load_hash(file))


def test_only_the_tokens_own_session_opens() -> None:
    kept = hash_of("right")
    assert opens(session_of("right"), kept)
    assert not opens(session_of("Right"), kept)
    assert not opens("right", kept)
    assert not opens("", kept)
    assert not opens("\udc80 ü", kept)
    assert not opens(kept, kept), "who reads the file must not get in with it"


def test_a_missing_token_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no token") as caught:
        load_hash(tmp_path / FILE)
    assert caught.value.hint == (
        f"make a token: edge-hdr-device token --token-file {tmp_path / FILE}"
    )


@pytest.mark.parametrize("content", [b"", b"sha256:123", b"\xff\xfe", b"a-token-in-the-clear"])
def test_a_file_that_holds_no_hash_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_hash(tmp_path / FILE)
    assert f"token --force --token-file {tmp_path / FILE}" in caught.value.hint


def test_a_file_that_cannot_be_read_is_no_missing_one(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(ConfigError, match="cannot read"):
        find_hash(WebConfig(), tmp_path)


def test_this_machine_alone_needs_no_token(tmp_path: Path) -> None:
    assert find_hash(WebConfig(), tmp_path) is None


def test_a_token_that_is_there_is_asked_for_on_this_machine_too(tmp_path: Path) -> None:
    token = make_token(tmp_path / FILE)
    assert find_hash(WebConfig(), tmp_path) == hash_of(token)


def test_a_token_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no token"):
        find_hash(WebConfig(token_file=str(tmp_path / "other")), tmp_path)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "pi.local", "", "1.2.3.4.5"])
def test_other_machines_are_served_only_with_a_token(host: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_exposure(WebConfig(host=host), None, FILE_HERE)
    assert "edge-hdr-device token --token-file /srv/web-token" in caught.value.hint
    check_exposure(WebConfig(host=host), hash_of("token"), FILE_HERE)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]", "127.1.2.3"])
def test_this_machines_own_addresses_are_served_without(host: str) -> None:
    check_exposure(WebConfig(host=host), None, FILE_HERE)
