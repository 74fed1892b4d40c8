"""Which addresses a webhook may reach. Pure.

Whoever registers a webhook makes this server send requests from inside its network, so only the
public internet is allowed: what IANA's registries of special addresses keep for anything else is
refused, however it is written, and so is an address that stands for such a one.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

# https://www.iana.org/assignments/iana-ipv4-special-registry, multicast, and what is reserved.
_NOT_PUBLIC_4 = tuple(
    IPv4Network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
    )
)
# https://www.iana.org/assignments/iana-ipv6-special-registry, within what is given out at all. Teredo and 6to4
# carry IPv4 addresses of others, and nobody needs them for a server.
_GIVEN_OUT_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)
_NAT64 = IPv6Network("64:ff9b::/96")
# Never a receiver: this host without a name, one cable, everybody at once, and what tells a cloud's machines
# their secrets (169.254.169.254 is on the cable; the others are AWS's over IPv6, Alibaba's, Oracle's, Azure's).
_NEVER_4 = tuple(
    IPv4Network(network)
    for network in (
        *("0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"),
        *("100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32"),
    )
)
_NEVER_6 = tuple(IPv6Network(network) for network in ("::/128", "fe80::/10", "ff00::/8", "fd00:ec2::/32"))


def is_allowed(address: Address, *, private: bool = False) -> bool:
    """Whether to connect there. ``private`` allows loopback and private networks as well, metadata services never."""
    if isinstance(address, IPv4Address):
        return not _is_in(address, _NEVER_4 if private else (*_NEVER_4, *_NOT_PUBLIC_4))
    if (carried := carried_by(address)) is not None:
        return is_allowed(carried, private=private)
    if address.scope_id is not None or _is_in(address, _NEVER_6):
        return False
    return private or (address in _GIVEN_OUT_6 and not _is_in(address, _NOT_PUBLIC_6))


def carried_by(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that is reached by way of ``address``: mapped (::ffff:0:0/96) or translated (NAT64)."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv4Address(int(address) & 0xFFFF_FFFF) if address in _NAT64 else None


def literal(host: str) -> Address | None:
    """The address that ``host`` is, in any form that resolvers take without asking anybody; None for a name.

    Besides the usual ones these are IPv4 addresses of fewer numbers, in octal and in hexadecimal: 127.1,
    0x7f000001, 2130706433.
    """
    try:
        return ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))
    except (OSError, UnicodeEncodeError):
        return None


def _is_in(address: Address, networks: tuple[IPv4Network, ...] | tuple[IPv6Network, ...]) -> bool:
    return any(address in network for network in networks)
