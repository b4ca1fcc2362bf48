"""How much of a process one address or one person may use, and why so much.

A whole school, even a town, may come from one address. So addresses are counted generously, to keep a single one from
taking everything; whoever guesses codes is counted apart, in the database (``channels/browser/sessions.py``), and how
fast a person may talk is looked at in the turn (``handlers/pace.py``), where nothing that a child wrote is lost.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from time import monotonic

from starlette.types import Scope

MOST_KNOWN = 20_000  # addresses or people remembered; of more, the one that was quiet longest begins anew
UNKNOWN = "unknown"  # the address of whoever comes over a socket that has none


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A token bucket of one address or person, in one process."""

    burst: float  # tokens after a pause
    per_second: float  # tokens that come back
    why: str


ADDRESS = Limit(
    burst=3_000,
    per_second=100,
    why="a school of 1,000 that signs in and checks in between 8:20 and 8:25 asks for 17,000 tokens in 300 seconds, a "
    "class of 40 for 700 at once; a process serves some three times that",
)
PAGES = Limit(
    burst=30,
    per_second=0.5,
    why="nobody opens documents faster; one of many pages with readings for a child keeps a core busy for tenths of a "
    "second",
)
UPLOADS = Limit(burst=10, per_second=1 / 60, why="a form holds 20 files and 200 MB; a lead who adds a shelf takes time")

# What a request to a path that begins so costs in tokens of its address; anything else costs one.
COSTS = (
    ("/static/", 0.2),  # small, and kept by browsers
    ("/signin", 5.0),  # writes a session
    ("/files/", 2.0),  # up to some hundred kilobytes out of the database
    ("/documents/", 5.0),  # before anybody's right to it was looked at
    ("/library", 10.0),  # uploads
)


def cost_of(path: str) -> float:
    return next((cost for start, cost in COSTS if path.startswith(start)), 1.0)


class Buckets:
    """A bucket by name, all of one limit, and never more than ``MOST_KNOWN``."""

    def __init__(self, limit: Limit, seconds: Callable[[], float] = monotonic) -> None:
        self._limit = limit
        self._seconds = seconds
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, when

    def wait(self, name: str, cost: float = 1.0) -> float:
        """Seconds until there is enough; 0.0: there was, and it is taken."""
        now = self._seconds()
        tokens, at = self._left.pop(name, (self._limit.burst, now))
        tokens = min(self._limit.burst, tokens + (now - at) * self._limit.per_second)
        missing = cost - tokens
        self._left[name] = (tokens if missing > 0 else tokens - cost, now)
        if len(self._left) > MOST_KNOWN:
            self._left.popitem(last=False)
        return max(0.0, missing / self._limit.per_second)


def address_of(scope: Scope) -> str:
    """Who asks, as far as addresses tell."""
    client = scope.get("client")
    return _network(client[0]) if client else UNKNOWN


@lru_cache(maxsize=MOST_KNOWN)
def _network(host: str) -> str:
    """Of IPv6 the network of 64 bits, in which a household has as many addresses as it likes (RFC 6177)."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{IPv6Address(int(address) >> 64 << 64)}/64"
