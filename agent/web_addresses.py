"""Which addresses an agent's requests may reach: public ones, and private ones by setting."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[Address]]]

# Where clouds answer with the credentials of the machine, beside the link-local addresses.
_METADATA = frozenset(
    map(ipaddress.ip_address, ("168.63.129.16", "100.100.100.200", "fd00:ec2::254"))
)
_PRIVATE = tuple(
    map(
        ipaddress.ip_network,
        (
            *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8"),
            *("fc00::/7", "::1/128"),
        ),
    )
)
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
# Within it: addresses that carry another address in them, or that are not for use.
_REFUSED_V6 = tuple(map(ipaddress.IPv6Network, ("2001::/23", "2002::/16", "2001:db8::/32")))


def refusal(address: Address, *, allow_private: bool) -> str | None:
    """Why this address must not be connected to, or None when it may."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id:
            return "an address with a scope"
        if address.ipv4_mapped:
            return refusal(address.ipv4_mapped, allow_private=allow_private)
    if address in _METADATA or address.is_link_local:
        return "a link-local or metadata address"
    if address.is_unspecified or address.is_multicast:
        return "an unspecified or multicast address"
    if any(address in network for network in _PRIVATE):
        return None if allow_private else "a private or loopback address"
    if isinstance(address, ipaddress.IPv6Address):
        usable = address in _GLOBAL_V6 and not any(address in network for network in _REFUSED_V6)
    else:
        usable = not address.is_reserved
    return None if usable and address.is_global else "not a public address"


async def look_up(host: str, port: int) -> Sequence[Address]:
    """Ask the system's resolver; `OSError` when there is no such name."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(ipaddress.ip_address(entry[4][0]) for entry in found))
