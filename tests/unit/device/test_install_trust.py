from __future__ import annotations

import base64
import hashlib
import random
from pathlib import Path

import pytest

from edge_hdr_device.errors import ConfigError
from edge_hdr_device.install import ed25519, trust
from edge_hdr_device.install.index import PayloadError
from edge_hdr_device.install.trust import PublicKey

# RFC 8032, section 7.1: public key, message, signature
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701c"
        "f9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0"
        "f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984"
        "dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        hashlib.sha512(b"abc").hexdigest(),
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431"
        "e0303dca179c138ac17ad9bef1177331a704",
    ),
]
KEY, MESSAGE, SIGNATURE = (bytes.fromhex(text) for text in VECTORS[2])
L = 2**252 + 27742317777372353535851937790883648493
SMALL = [  # points of order 1, 2, 4 and 8
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
]


@pytest.mark.parametrize("vector", VECTORS, ids=["empty", "one", "two", "sha-abc"])
def test_the_vectors_of_the_standard_pass(vector: tuple[str, str, str]) -> None:
    assert ed25519.verify(*(bytes.fromhex(text) for text in vector))


def test_any_bit_that_changed_is_refused() -> None:
    for place in range(0, 512, 5):
        changed = bytearray(SIGNATURE)
        changed[place // 8] ^= 1 << place % 8
        assert not ed25519.verify(KEY, MESSAGE, bytes(changed)), place
    for place in range(0, 256, 5):
        other = bytearray(KEY)
        other[place // 8] ^= 1 << place % 8
        assert not ed25519.verify(bytes(other), MESSAGE, SIGNATURE), place
    assert not ed25519.verify(KEY, MESSAGE + b"\0", SIGNATURE)


def test_encodings_that_the_standard_does_not_allow_are_refused() -> None:
    s = int.from_bytes(SIGNATURE[32:], "little")
    assert not ed25519.verify(KEY, MESSAGE, SIGNATURE[:32] + (s + L).to_bytes(32, "little"))
    for length in (0, 31, 63, 65):
        assert not ed25519.verify(KEY, MESSAGE, (SIGNATURE + b"\0")[:length])
    for length in (0, 31, 33):
        assert not ed25519.verify((KEY + b"\0")[:length], MESSAGE, SIGNATURE)


def test_what_is_no_point_is_refused() -> None:
    two = (2).to_bytes(32, "little")  # x² = (y² - 1) / (dy² + 1) has no root for y = 2
    assert not ed25519.verify(two, MESSAGE, SIGNATURE)
    assert not ed25519.verify(KEY, MESSAGE, two + SIGNATURE[32:])
    minus_zero = (1 | 1 << 255).to_bytes(32, "little")  # x = 0 has no sign
    for reduced_not in (minus_zero, (2**255 - 19 + 1).to_bytes(32, "little")):
        assert not ed25519.verify(reduced_not, MESSAGE, reduced_not + bytes(32))


@pytest.mark.parametrize("key", SMALL)
def test_a_key_that_nobody_owns_signs_nothing(key: str) -> None:
    point = bytes.fromhex(SMALL[0])  # the neutral one: s = 0 fits it for every message
    assert not ed25519.verify(bytes.fromhex(key), b"any", point + bytes(32))


def test_another_implementation_agrees() -> None:
    keys = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    dice = random.Random(8032)
    for size in (0, 1, 31, 64, 1000, 65537):
        private = keys.Ed25519PrivateKey.from_private_bytes(dice.randbytes(32))
        public, message = private.public_key().public_bytes_raw(), dice.randbytes(size)
        assert ed25519.verify(public, message, private.sign(message))
        assert not ed25519.verify(public, message + b"x", private.sign(message))


def line(key: bytes = KEY, comment: str = "") -> str:
    blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + key
    return f"ssh-ed25519 {base64.b64encode(blob).decode()} {comment}".strip()


def seal(signature: bytes = SIGNATURE, key: bytes = KEY) -> str:
    return f"{line(key)} {base64.b64encode(signature).decode()}\n"


def test_a_fingerprint_is_that_of_openssh() -> None:
    text = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl host"
    key = PublicKey.parse(text)  # GitHub's, whose fingerprint it publishes
    assert key.fingerprint == "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"
    assert key.comment == "host"


@pytest.mark.parametrize(
    "text",
    [
        "ssh-rsa AAAA x",
        "no-pty " + line(),
        "ssh-ed25519",
        "ssh-ed25519 !!!",
        line()[:-8],
        line(b"x"),
    ],
)
def test_what_is_no_such_key_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        PublicKey.parse(text)


def test_the_keys_of_a_board_are_read(tmp_path: Path) -> None:
    path = tmp_path / "trusted-keys"
    assert trust.load(path) == ()
    path.write_text(f"# ours\n\n{line(comment='ann at home')}\n  {line(b'k' * 32)}\r\n")
    assert trust.load(path) == (PublicKey(KEY, "ann at home"), PublicKey(b"k" * 32))
    path.write_text(f"# ours\n{line()}\nssh-rsa AAAA\n")
    with pytest.raises(ConfigError, match="trusted-keys, line 3: 'ssh-rsa'"):
        trust.load(path)


def test_a_file_without_a_key_never_means_everyone(tmp_path: Path) -> None:
    path = tmp_path / "trusted-keys"
    path.write_text("# none yet\n")
    with pytest.raises(ConfigError, match="has no key"):
        trust.load(path)
    path.unlink()
    path.symlink_to("gone")
    with pytest.raises(ConfigError, match="cannot read the trusted keys"):
        trust.load(path)
    path.unlink()
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot read the trusted keys"):
        trust.load(path)


def test_a_board_without_keys_takes_everything() -> None:
    assert trust.check(MESSAGE, None, ()) is None
    assert trust.check(MESSAGE, "rubbish", ()) is None


def test_a_board_with_keys_takes_only_what_they_signed() -> None:
    keys = (PublicKey(b"k" * 32, "bob"), PublicKey(KEY, "ann"))
    assert trust.check(MESSAGE, seal(), keys) == keys[1]
    for index, signature, said in (
        (MESSAGE, None, "is not signed"),
        (MESSAGE, "", "signature cannot be read"),
        (MESSAGE, line(), "signature cannot be read"),
        (MESSAGE, seal().replace("ssh-ed25519", "ssh-rsa"), "signature cannot be read"),
        (MESSAGE, seal(key=b"o" * 32), "which this board does not trust"),
        (MESSAGE, seal(key=b"k" * 32), "it was changed since"),
        (MESSAGE, seal(SIGNATURE[:-1]), "it was changed since"),
        (MESSAGE + b" ", seal(), "it was changed since"),
    ):
        with pytest.raises(PayloadError, match=said):
            trust.check(index, signature, keys)
