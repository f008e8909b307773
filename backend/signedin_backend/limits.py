"""How many requests of one kind and one origin are answered; counted in memory, so in each worker by itself."""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Limit:
    """The generic cell rate algorithm: one number per key, the moment at which its debt is paid."""

    _KEYS = 100_000

    def __init__(self, rate: tuple[int, int], clock: Callable[[], float] = time.monotonic) -> None:
        times, self._burst = rate
        self._interval = self._burst / times
        self._clock = clock
        self._paid_at: OrderedDict[str, float] = OrderedDict()  # used on the event loop only

    def take(self, key: str) -> float:
        """Count one request and return 0, or return the seconds to wait and count nothing."""
        if wait := self.wait(key):
            return wait
        self._paid_at[key] = self._next(key)
        self._paid_at.move_to_end(key)
        if len(self._paid_at) > self._KEYS:
            self._paid_at.popitem(last=False)
        return 0

    def wait(self, key: str) -> float:
        """Return the seconds until one more request may be counted, 0 if it may be now."""
        wait = self._next(key) - self._clock() - self._burst
        return wait if wait > 1e-9 else 0

    def _next(self, key: str) -> float:
        now = self._clock()
        return max(now, self._paid_at.get(key, now)) + self._interval


def origin(address: str) -> str:
    """Return what shares one limit: an IPv4 address, the /64 that one IPv6 customer gets, or all that is no address.

    Another server in front of us may believe any text of a client's, and keys of any length would be anybody's memory.
    """
    if (parsed := _parsed(address)) is None:
        return ""
    return str(parsed) if parsed.version == 4 else str(ipaddress.ip_network((parsed, 64), strict=False))


def is_loopback(address: str) -> bool:
    """Tell whether the peer is on this machine."""
    return (parsed := _parsed(address)) is not None and parsed.is_loopback


def is_within(address: str, networks: Iterable[str]) -> bool:
    """Tell whether the peer is in one of these networks."""
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network(text) for text in networks)


def network(text: str) -> Network:
    """Return this network, of IPv4 also where it is written as the part of IPv6 that stands for it.

    Raises:
        ValueError: It is none.
    """
    parsed = ipaddress.ip_network(text)
    plain = getattr(parsed.network_address, "ipv4_mapped", None)
    return ipaddress.ip_network((plain, parsed.prefixlen - 96)) if plain and parsed.prefixlen >= 96 else parsed


def mapped(network: Network) -> str:
    """Return the network as an IPv6 socket shows its addresses, that of IPv4 as ::ffff:192.0.2.0/120."""
    return str(network) if network.version == 6 else f"::ffff:{network.network_address}/{96 + network.prefixlen}"


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address, that of IPv4 also where an IPv6 socket shows it (RFC 4291, section 2.5.5.2)."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed
