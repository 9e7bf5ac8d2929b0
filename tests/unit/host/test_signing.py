"""Keys that sign payloads: made here or by OpenSSH, and what is no such key."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge_hdr import signing
from edge_hdr.errors import StorageError
from edge_hdr.signing import SigningKeyError

MESSAGE = b'{"format":1}\n'
PASSPHRASE = "four words or so"


def keygen(*arguments: str | Path) -> str:
    """Run OpenSSH's generator of keys."""
    program = shutil.which("ssh-keygen")
    if program is None:
        reason = "ssh-keygen is not installed: apt install openssh-client"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    command = [program, *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return done.stdout


def made_by_openssh(path: Path, kind: str = "ed25519", passphrase: str = "", *more: str) -> Path:
    keygen("-q", "-t", kind, "-N", passphrase, "-C", "by OpenSSH", "-f", path, *more)
    return path


def is_good(line: str, message: bytes = MESSAGE) -> bool:
    """Check a signature's line by the library's own verifier."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    kind, blob, signature = line.split(" ")
    public = load_ssh_public_key(f"{kind} {blob}".encode())
    assert isinstance(public, Ed25519PublicKey)
    try:
        public.verify(base64.b64decode(signature, validate=True), message)
    except InvalidSignature:
        return False
    return True


def test_a_new_key_signs_and_is_loaded_again(tmp_path: Path) -> None:
    made = signing.create(tmp_path / "key", comment="class 5b")
    assert (tmp_path / "key.pub").read_text() == f"{made.public}\n"
    assert made.public.endswith(" class 5b")
    line = signing.load(tmp_path / "key").sign(MESSAGE)
    assert line == made.sign(MESSAGE)
    assert is_good(line)
    assert not is_good(line, MESSAGE + b" ")


def test_the_board_accepts_what_is_signed_here(tmp_path: Path) -> None:
    from edge_hdr_device.install import ed25519, trust

    made = signing.create(tmp_path / "key")
    keys = trust.load(tmp_path / "key.pub")
    assert [key.fingerprint for key in keys] == [made.fingerprint]
    assert trust.check(MESSAGE, made.sign(MESSAGE), keys) == keys[0]
    blob, signature = (base64.b64decode(word) for word in made.sign(MESSAGE).split(" ")[1:])
    assert ed25519.verify(blob[-32:], MESSAGE, signature)
    assert not ed25519.verify(blob[-32:], MESSAGE + b" ", signature)


def test_only_the_owner_may_read_the_private_key(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        signing.create(tmp_path / "keys/key")
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()}
    assert modes == {"key": 0o600, "key.pub": 0o644}


@pytest.mark.parametrize("taken", ["key", "key.pub"])
def test_no_file_is_overwritten(taken: str, tmp_path: Path) -> None:
    (tmp_path / taken).write_text("mine")
    with pytest.raises(StorageError, match=f"{taken} exists"):
        signing.create(tmp_path / "key")
    assert [path.name for path in tmp_path.iterdir()] == [taken]
    assert (tmp_path / taken).read_text() == "mine"


def test_a_file_that_appears_meanwhile_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check before is taken out, as if somebody were faster right after it."""
    (tmp_path / "key.pub").write_text("mine")
    monkeypatch.setattr(signing, "check_free", lambda path: None)
    with pytest.raises(StorageError, match=r"key\.pub exists"):
        signing.create(tmp_path / "key")
    assert [path.name for path in tmp_path.iterdir()] == ["key.pub"]
    assert (tmp_path / "key.pub").read_text() == "mine"


def test_a_full_disk_leaves_no_half_key(tmp_path: Path) -> None:
    script = (
        "import resource, sys; from pathlib import Path; from edge_hdr import signing\n"
        "import cryptography.hazmat.primitives.serialization\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "signing.create(Path(sys.argv[1]))"
    )
    command = [sys.executable, "-B", "-c", script, str(tmp_path / "key")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert "StorageError: cannot write" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_key_shows_nothing_secret(tmp_path: Path) -> None:
    made = signing.create(tmp_path / "key")
    assert repr(made) == f"SigningKey(public={made.public!r})"


# --- with OpenSSH


def test_openssh_knows_our_public_key(tmp_path: Path) -> None:
    made = signing.create(tmp_path / "key", comment="class 5b")
    shown = keygen("-l", "-f", tmp_path / "key.pub").split()
    assert shown == ["256", made.fingerprint, "class", "5b", "(ED25519)"]


@pytest.mark.parametrize("passphrase", ["", PASSPHRASE])
def test_openssh_opens_our_private_key(passphrase: str, tmp_path: Path) -> None:
    made = signing.create(tmp_path / "key", passphrase=passphrase)
    public = keygen("-y", "-P", passphrase, "-f", tmp_path / "key")
    assert public.split()[:2] == made.public.split()[:2]


@pytest.mark.parametrize("passphrase", ["", PASSPHRASE])
def test_a_key_of_openssh_signs(passphrase: str, tmp_path: Path) -> None:
    path = made_by_openssh(tmp_path / "key", passphrase=passphrase)
    asked = []

    def ask() -> str:
        asked.append(path)
        return passphrase

    key = signing.load(path, ask)
    assert is_good(key.sign(MESSAGE))
    assert key.public.split()[:2] == path.with_suffix(".pub").read_text().split()[:2]
    assert len(asked) == bool(passphrase)


# --- what is refused


def test_a_wrong_or_missing_passphrase_is_told(tmp_path: Path) -> None:
    signing.create(tmp_path / "key", passphrase=PASSPHRASE)
    for wrong in ("five words or so", ""):
        with pytest.raises(SigningKeyError, match="the passphrase does not open"):
            signing.load(tmp_path / "key", lambda wrong=wrong: wrong)  # type: ignore[misc]
    with pytest.raises(SigningKeyError, match="is protected by a passphrase"):
        signing.load(tmp_path / "key")


@pytest.mark.parametrize(
    ("kind", "named", "more"),
    [("rsa", "an RSA key", ("-b", "1024")), ("ecdsa", "ecdsa-sha2-nistp256", ())],
)
def test_other_kinds_are_refused_by_name_before_a_passphrase_is_asked(
    kind: str, named: str, more: tuple[str, ...], tmp_path: Path
) -> None:
    path = made_by_openssh(tmp_path / "key", kind, PASSPHRASE, *more)
    with pytest.raises(SigningKeyError, match=named):
        signing.load(path, lambda: pytest.fail("asked"))


def test_a_public_key_is_refused_with_its_private_ones_name(tmp_path: Path) -> None:
    signing.create(tmp_path / "key")
    with pytest.raises(SigningKeyError, match="is a public key") as caught:
        signing.load(tmp_path / "key.pub")
    assert caught.value.hint == f"name {tmp_path / 'key'}"


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    for content in (b"", b"\0\xff" * 50, b"-----BEGIN PRIVATE KEY-----\nAAAA\n"):
        path.write_bytes(content)
        with pytest.raises(SigningKeyError, match="no private key in OpenSSH's format"):
            signing.load(path)
    with pytest.raises(SigningKeyError, match="cannot read the key"):
        signing.load(tmp_path / "none")


@pytest.mark.parametrize("cut", [1, 2, 3, 4])
def test_a_damaged_key_is_refused(cut: int, tmp_path: Path) -> None:
    signing.create(tmp_path / "key")
    lines = (tmp_path / "key").read_text().splitlines(keepends=True)
    (tmp_path / "key").write_text("".join(lines[:cut] + lines[cut + 1 :]))
    with pytest.raises(SigningKeyError, match="is damaged"):
        signing.load(tmp_path / "key")
