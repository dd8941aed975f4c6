"""Where a request comes from."""

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# An address of IPv6 with its zone and port; whoever gets past the proxies may send anything.
_LONGEST = 80


def client_address(environ: "WSGIEnvironment", *, trusted_proxies: int) -> str:
    """The client's address, or its /64 network for IPv6, where that is what one client has.

    Each of `trusted_proxies` appends to X-Forwarded-For whom it got the request from; whatever
    stands before that was written by the client, and is not believed.
    """
    address: str = environ.get("REMOTE_ADDR", "")
    if trusted_proxies:
        hops = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if len(hops) >= trusted_proxies:
            address = hops[-trusted_proxies].strip()[:_LONGEST] or address
    return _network(address) if ":" in address else address


@lru_cache(maxsize=4096)
def _network(address: str) -> str:
    """The network of an IPv6 address; an IPv4 address may come with its port, or mapped to IPv6."""
    bare = address.removeprefix("[").partition("]")[0]
    if bare.count(":") == 1:
        return bare.partition(":")[0]
    try:
        parsed = ipaddress.IPv6Address(bare.partition("%")[0])
    except ValueError:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed), 64), strict=False))
