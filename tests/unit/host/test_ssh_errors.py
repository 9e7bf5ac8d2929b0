"""The ssh client's words, as it says them, and what becomes of them."""

from __future__ import annotations

import pytest

from edge_hdr.errors import ConfigError, DeviceStepError, EdgeHdrError, UnreachableError
from edge_hdr.ssh_errors import CASES, by_hand, last_words, translate
from edge_hdr.target import Target

PI = Target("pi", "board.local", 2222)
CHANGED = """\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
The fingerprint for the ED25519 key sent by the remote host is
SHA256:5TmcS9WNx60ZBXp77b0UOlrq1SF7QZUtE5Qub0e//HU.
Please contact your system administrator.
Add correct host key in /home/a b/known to get rid of this message.
Offending ED25519 key in /home/a b/known:1
Host key for [board.local]:2222 has changed and you have requested strict checking.
Host key verification failed.
"""
# what it said, what the message begins with, what stands in the hint
SAID: dict[str, tuple[str, str, str]] = {
    "changed": (
        CHANGED,
        "THE HOST KEY OF pi@board.local:2222 HAS CHANGED",
        "ssh-keygen -f '/home/a b/known' -R '[board.local]:2222'",
    ),
    "unknown": (
        "Host key verification failed.\r\n",
        "the host key of pi@board.local:2222 is not known here",
        "--accept-new-host-key",
    ),
    "unknown, strict": (
        "No ED25519 host key is known for board.local and you have requested strict checking.\n"
        "Host key verification failed.\n",
        "the host key of pi@board.local:2222 is not known here",
        "ssh -p 2222 pi@board.local",
    ),
    "denied": (
        "pi@board.local: Permission denied (publickey).\n",
        "pi@board.local:2222 does not let this user in",
        "ssh-copy-id -p 2222 pi@board.local",
    ),
    "denied, password": (
        "pi@board.local: Permission denied (publickey,password).\n",
        "pi@board.local:2222 does not let this user in",
        "in a terminal",
    ),
    "key's mode": (
        "@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @\n"
        "Permissions 0644 for '/home/me/.ssh/id' are too open.\n"
        'Load key "/home/me/.ssh/id": bad permissions\n'
        "pi@board.local: Permission denied (publickey).\n",
        "pi@board.local:2222 does not let this user in",
        "chmod 600",
    ),
    "agent": (
        'sign_and_send_pubkey: signing failed for ED25519 "me" from agent: agent refused operation'
        "\npi@board.local: Permission denied (publickey).\n",
        "the ssh agent did not sign",
        "ssh-add -l",
    ),
    "too many": (
        "Received disconnect from 10.0.0.7 port 22:2: Too many authentication failures\n"
        "Disconnected from 10.0.0.7 port 22\n",
        "pi@board.local:2222 took none of the keys",
        "IdentitiesOnly yes",
    ),
    "name": (
        "ssh: Could not resolve hostname board.local: Name or service not known\n",
        "no host of the name pi@board.local:2222 was found",
        "mDNS",
    ),
    "refused": (
        "ssh: connect to host board.local port 2222: Connection refused\n",
        "pi@board.local:2222 refuses the connection",
        "at port 2222",
    ),
    "no route": (
        "ssh: connect to host 10.0.0.7 port 22: No route to host\n",
        "there is no way to pi@board.local:2222",
        "network",
    ),
    "unreachable": (
        "ssh: connect to host 10.0.0.7 port 22: Network is unreachable\n",
        "there is no way to pi@board.local:2222",
        "network",
    ),
    "timed out": (
        "ssh: connect to host 10.0.0.7 port 22: Connection timed out\n",
        "pi@board.local:2222 does not answer",
        "is the board on",
    ),
    "timed out, BSD": (
        "ssh: connect to host 10.0.0.7 port 22: Operation timed out\n",
        "pi@board.local:2222 does not answer",
        "is the board on",
    ),
    "silent banner": (
        "Connection timed out during banner exchange\nConnection to 10.0.0.7 port 22 timed out\n",
        "pi@board.local:2222 does not answer",
        "is the board on",
    ),
    "banner": (
        "kex_exchange_identification: Connection closed by remote host\n"
        "Connection closed by 10.0.0.7 port 2222\n",
        "pi@board.local:2222 broke the connection off before the login",
        "is it ssh that listens at port 2222",
    ),
    "reset": (
        "kex_exchange_identification: read: Connection reset by peer\n"
        "Connection reset by 10.0.0.7 port 2222\n",
        "pi@board.local:2222 broke the connection off before the login",
        "try in a minute",
    ),
    "old": (
        "Unable to negotiate with 10.0.0.7 port 22: no matching host key type found. "
        "Their offer: ssh-rsa\n",
        "this computer and pi@board.local:2222 have no cipher in common",
        "update",
    ),
    "jump host": (
        "ssh: connect to host door port 22: Connection refused\n"
        "kex_exchange_identification: Connection closed by remote host\n"
        "Connection closed by UNKNOWN port 65535\n",
        "pi@board.local:2222 refuses the connection",
        "is ssh on there",
    ),
    "silent later": (
        "Timeout, server board.local not responding.\r\n",
        "the connection to pi@board.local:2222 was lost",
        "power and network",
    ),
    "pipe": (
        "client_loop: send disconnect: Broken pipe\n",
        "the connection to pi@board.local:2222 was lost",
        "power and network",
    ),
    "anything": (
        "Warning: Permanently added 'x' (ED25519) to the list of known hosts.\n"
        "something never heard of\n",
        "no connection to pi@board.local:2222: something never heard of",
        "ssh -p 2222 pi@board.local",
    ),
    "nothing": ("", "no connection to pi@board.local:2222: it ended without a word", "by hand"),
}


@pytest.mark.parametrize("name", SAID)
def test_words_become_a_message_and_a_hint(name: str) -> None:
    said, message, hint = SAID[name]
    error = translate(said, PI)
    assert type(error) is UnreachableError
    assert error.message.startswith(message)
    assert hint in error.hint
    assert "\n" not in error.message + error.hint
    assert error.message.endswith(last_words(said) or "without a word")


def test_every_case_has_a_kind_of_its_own() -> None:
    others: list[tuple[str, type[EdgeHdrError]]] = [
        ("/home/me/.ssh/config: line 1: Bad configuration option: foo\n", ConfigError),
        ("Can't open user config file /x: No such file or directory\n", ConfigError),
        (
            "mux_client_request_session: session request failed: Session open refused by peer\n",
            DeviceStepError,
        ),
    ]
    for said, kind in others:
        assert type(translate(said, PI)) is kind, said
    texts = [said for said, _, _ in SAID.values()] + [said for said, _ in others]
    messages = [translate(text, PI).message for text in texts]
    for case in CASES:
        begin = case.what.format(target=PI)
        assert any(message.startswith(begin) for message in messages), begin


def test_the_fingerprint_to_compare_is_shown() -> None:
    assert "SHA256:5TmcS9WNx60ZBXp77b0UOlrq1SF7QZUtE5Qub0e//HU)" in translate(CHANGED, PI).hint


def test_a_name_outside_local_is_not_told_of_mdns() -> None:
    said = "ssh: Could not resolve hostname board: Name or service not known\n"
    assert "mDNS" not in translate(said, Target("pi", "board")).hint


def test_what_is_no_complaint_does_not_count() -> None:
    assert last_words("Warning: Permanently added 'x' to the list\n\n") == ""


def test_the_command_by_hand_is_one_that_a_shell_takes() -> None:
    assert by_hand(Target("", "board")) == "ssh board"
    assert by_hand(Target("pi", "fe80::1%eth0", 22)) == "ssh -p 22 pi@fe80::1%eth0"
