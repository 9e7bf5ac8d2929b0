"""What a person writes for a board, taken apart."""

from __future__ import annotations

import pytest

from edge_hdr.errors import UsageError
from edge_hdr.target import Target

ACCEPTED = {
    "pi@host": Target("pi", "host"),
    "host": Target("", "host"),
    "pi@host:2222": Target("pi", "host", 2222),
    "host:1": Target("", "host", 1),
    "pi@raspberrypi.local:65535": Target("pi", "raspberrypi.local", 65535),
    "pi@192.168.1.7": Target("pi", "192.168.1.7"),
    "class_room-3": Target("", "class_room-3"),
    "küche": Target("", "küche"),
    "_gateway": Target("", "_gateway"),
    "first.last-2@host": Target("first.last-2", "host"),
    "machine$@host": Target("machine$", "host"),
    "ssh://host": Target("", "host"),
    "ssh://pi@host:22": Target("pi", "host", 22),
    "ssh://pi@host:22/": Target("pi", "host", 22),
    "[::1]": Target("", "::1"),
    "pi@[::1]:22": Target("pi", "::1", 22),
    "pi@[fe80::1%eth0]:22": Target("pi", "fe80::1%eth0", 22),
    "ssh://pi@[fe80::1%25eth0]": Target("pi", "fe80::1%eth0"),
    "ssh://[2001:db8::7]:2222/": Target("", "2001:db8::7", 2222),
    "local": Target("", "local"),  # only with its colon is it this machine
    "localhost": Target("", "localhost"),
    "local:": Target(),
}
REFUSED = {
    "": "there is no host",
    "@host": "there is no user before @",
    "pi@": "there is no host",
    "pi@:22": "there is no host",
    "ssh://": "there is no host",
    "host:": "there is no port after ':'",
    "pi@local:": "there is no port after ':'",
    "host:0": "'0' is no port",
    "host:65536": "'65536' is no port",
    "host:22x": "'22x' is no port",
    "host:-1": "'-1' is no port",
    "host:٢٢": "'٢٢' is no port",
    "-oProxyCommand=id": "'-oProxyCommand=id' is no host",
    "pi@-oProxyCommand=id": "'-oProxyCommand=id' is no host",
    "ssh://-oProxyCommand=id": "'-oProxyCommand=id' is no host",
    "-l@host": "'-l' is no user",
    "a b@host": "'a b' is no user",
    "pi;id@host": "'pi;id' is no user",
    "a@b@host": "'a@b' is no user",
    "$(id)@host": "'$(id)' is no user",
    "pi@ho st": "'ho st' is no host",
    "pi@host/folder": "'host/folder' is no host",
    "pi@host;id": "'host;id' is no host",
    "pi@host\n": "'host\\n' is no host",
    "ftp://host": "'//host' is no port",
    "pi@fe80::1": "write the IPv6 address in brackets, as [fe80::1]",
    "::1:22": "in brackets",
    "pi@[::1": "is no IPv6 address in brackets",
    "pi@[::1]22": "is no IPv6 address in brackets",
    "pi@[host]:22": "is no IPv6 address in brackets",
    "pi@[fe80::1%]": "is no IPv6 address in brackets",
    "pi@[fe80::1%eth0;id]": "is no IPv6 address in brackets",
    "pi@[::1]:": "there is no port after ':'",
}


@pytest.mark.parametrize("text", ACCEPTED)
def test_an_accepted_form(text: str) -> None:
    assert Target.parse(text) == ACCEPTED[text]


@pytest.mark.parametrize("text", ACCEPTED)
def test_what_it_shows_is_the_same_target(text: str) -> None:
    assert Target.parse(str(ACCEPTED[text])) == ACCEPTED[text]


@pytest.mark.parametrize("text", REFUSED)
def test_anything_else_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        Target.parse(text)
    assert REFUSED[text] in caught.value.message
    assert "\n" not in caught.value.message
    assert "pi@[fe80::1%eth0]:2222" in caught.value.hint


def test_only_local_is_this_machine() -> None:
    assert [text for text, target in ACCEPTED.items() if target.is_local] == ["local:"]


def test_a_password_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError) as caught:
        Target.parse("ssh://pi:tulip7@host")
    assert "tulip7" not in caught.value.message + caught.value.hint
