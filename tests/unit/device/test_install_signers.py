"""Whose payloads a board takes, and how it comes to trust a key."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_board import Told, board_in, put

pytest.importorskip("cryptography")

from edge_hdr import payload, signing
from edge_hdr_device.errors import ConfigError
from edge_hdr_device.install import trust
from edge_hdr_device.install.archive import Archive
from edge_hdr_device.install.index import PayloadError
from edge_hdr_device.install.layout import Layout
from edge_hdr_device.install.signers import add_keys, find_signer, told_of


def key_in(folder: Path, name: str) -> tuple[signing.SigningKey, Path]:
    """Make a key; give it and its public half."""
    signing.create(folder / name)
    return signing.load(folder / name), (folder / name).with_suffix(".pub")


def test_a_board_comes_to_trust_keys_one_by_the_other(tmp_path: Path, tiny_int8: Path) -> None:
    layout = Layout.user(tmp_path / "home")
    first, first_public = key_in(tmp_path, "first")
    second, second_public = key_in(tmp_path, "second")
    made = {"first": first, "second": second, "nobody": None}
    for name, key in made.items():
        payload.build(tiny_int8, key=key).write(tmp_path / f"{name}.pyz")

    def find(name: str, added: Path | None = None) -> tuple[str, bool]:
        with Archive([tmp_path / f"{name}.pyz"]) as archive:
            signer, is_new = find_signer(archive, layout, added)
            return (signer.fingerprint if signer else "", is_new)

    assert find("nobody") == ("", False)  # a board without keys takes everything
    with pytest.raises(PayloadError):
        find("nobody", first_public)  # but the first keys must have signed what they come with
    with pytest.raises(PayloadError):
        find("second", first_public)
    ours = trust.load(first_public)[0].fingerprint
    assert find("first", first_public) == (ours, True)
    add_keys(layout, first_public)
    with pytest.raises(PayloadError):
        find("nobody")
    with pytest.raises(PayloadError):
        find("second", second_public)  # nobody brings his own key along
    assert find("first", second_public) == (ours, True)
    add_keys(layout, second_public)
    assert find("second")[0] == trust.load(second_public)[0].fingerprint
    assert find("first", first_public) == (ours, False)


def test_roots_keys_count_for_a_user_as_well(tmp_path: Path, tiny_int8: Path) -> None:
    system, user = Layout.system(tmp_path / "root"), Layout.user(tmp_path / "home")
    key, public = key_in(tmp_path, "key")
    payload.build(tiny_int8).write(tmp_path / "nobody.pyz")
    payload.build(tiny_int8, key=key).write(tmp_path / "key.pyz")
    add_keys(system, public)
    with Archive([tmp_path / "nobody.pyz"]) as archive, pytest.raises(PayloadError):
        find_signer(archive, user, None, system=system)
    with Archive([tmp_path / "key.pyz"]) as archive:
        signer, _ = find_signer(archive, user, None, system=system)
    assert signer == trust.load(public)[0]


def test_keys_are_told_by_their_fingerprints(tmp_path: Path, tiny_int8: Path) -> None:
    key, public = key_in(tmp_path, "key")
    file = tmp_path / "key.pyz"
    payload.build(tiny_int8, key=key).write(file)
    ours, board = trust.load(public)[0], board_in(tmp_path / "home")
    told = Told()
    put(board, file, told=told)
    assert told.detail("verify").endswith(
        f"signed by {ours.fingerprint}, no key here to check it with"
    )
    told = Told()
    put(board, file, told=told, trust=public)
    assert told.detail("verify") == f"from now on {board.trusted} has {ours.named}"
    assert told_of(None, None) == "not signed"


def test_a_file_without_keys_is_refused(tmp_path: Path, tiny_int8: Path) -> None:
    payload.build(tiny_int8).write(tmp_path / "payload.pyz")
    with Archive([tmp_path / "payload.pyz"]) as archive, pytest.raises(ConfigError):
        find_signer(archive, Layout.user(tmp_path), tmp_path / "missing.pub")
