"""Limit wrong tokens: few a minute from one address, some from all together, in bounded memory.

A right token is never limited: see `auth.Keys.try_token`.
"""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict, deque
from collections.abc import Callable

PERIOD_S = 60.0
EACH = 5  # wrong tokens a minute from one address
ALL = 50  # and from all together: many addresses are cheap
ADDRESSES = 1000  # remembered; the one longest ago is forgotten first


class Attempts:
    """Remember wrong tokens of the last minute.

    Args:
        clock: seconds that never jump.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._all: deque[float] = deque(maxlen=ALL)
        self._each: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, address: str) -> float:
        """Tell how long wrong tokens of an address are refused; 0 when they are not."""
        known = self._each.get(_network(address), deque())
        return max(self._left_s(known, EACH), self._left_s(self._all, ALL))

    def note(self, address: str) -> bool:
        """Note a wrong token; True when it is the last before a pause."""
        network, now_s = _network(address), self._clock()
        self._each.setdefault(network, deque(maxlen=EACH)).append(now_s)
        self._each.move_to_end(network)
        if len(self._each) > ADDRESSES:
            self._each.popitem(last=False)
        self._all.append(now_s)
        return self.wait_s(address) > 0

    def _left_s(self, times: deque[float], limit: int) -> float:
        return max(0.0, times[0] + PERIOD_S - self._clock()) if len(times) == limit else 0.0


def _network(address: str) -> str:
    """Give the network that one person has: an IPv4 address, or the 64 bits of an IPv6 one."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    mapped = parsed.ipv4_mapped
    return str(mapped or ipaddress.ip_network((parsed, 64), strict=False))
