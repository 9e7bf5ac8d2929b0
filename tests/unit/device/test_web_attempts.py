import pytest

from edge_hdr_device.web.attempts import ADDRESSES, ALL, EACH, PERIOD_S, Attempts


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def attempts(clock: Clock) -> Attempts:
    return Attempts(clock)


def test_five_wrong_tokens_a_minute_are_looked_at(attempts: Attempts, clock: Clock) -> None:
    limited = []
    for _ in range(EACH):
        assert attempts.wait_s("192.0.2.1") == 0
        limited.append(attempts.note("192.0.2.1"))
        clock.now_s += 1
    assert limited == [False] * (EACH - 1) + [True]
    assert attempts.wait_s("192.0.2.1") == PERIOD_S - EACH
    assert attempts.wait_s("192.0.2.2") == 0


def test_the_oldest_is_forgiven_after_a_minute(attempts: Attempts, clock: Clock) -> None:
    for _ in range(EACH):
        attempts.note("192.0.2.1")
        clock.now_s += 1
    clock.now_s += PERIOD_S - EACH
    assert attempts.wait_s("192.0.2.1") == 0
    attempts.note("192.0.2.1")
    assert attempts.wait_s("192.0.2.1") == 1


def test_an_ipv6_network_counts_as_one_address(attempts: Attempts) -> None:
    for host in range(EACH):
        attempts.note(f"2001:db8:1:2::{host:x}")
    assert attempts.wait_s("2001:db8:1:2:ffff::1") > 0
    assert attempts.wait_s("2001:db8:1:3::1") == 0


def test_an_ipv4_address_written_as_ipv6_is_itself(attempts: Attempts) -> None:
    for _ in range(EACH):
        attempts.note("::ffff:192.0.2.1")
    assert attempts.wait_s("192.0.2.1") > 0
    assert attempts.wait_s("::ffff:192.0.2.2") == 0


def test_many_addresses_together_are_limited_too(attempts: Attempts, clock: Clock) -> None:
    for host in range(ALL):
        attempts.note(f"192.0.2.{host}")
    assert attempts.wait_s("198.51.100.1") == PERIOD_S
    clock.now_s += PERIOD_S
    assert attempts.wait_s("198.51.100.1") == 0


def test_what_is_remembered_is_bounded(attempts: Attempts) -> None:
    for number in range(3 * ADDRESSES):
        attempts.note(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(attempts._each) == ADDRESSES
