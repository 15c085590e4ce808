"""Which addresses are public: judged by the final socket address, whatever a URL or a name server said.

Sources: the IANA registries of special-purpose IPv4 and IPv6 addresses (RFC 6890), written out here because Python's
own judgement (`ipaddress.is_global`) differs between its versions.
"""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

_NOT_PUBLIC_4: Final = [
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by a carrier's customers
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, and where clouds keep their metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
]
_GLOBAL_UNICAST_6: Final = IPv6Network("2000::/3")
_NOT_PUBLIC_6: Final = [
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
]
_CARRIES_IPV4: Final = [IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96")]  # mapped; NAT64 (RFC 6052)


def is_public(address: str) -> bool:
    """Return whether *address*, as `getaddrinfo` writes it, lies in the public internet.

    A mapped address and one behind NAT64 is judged by the IPv4 address it carries; other disguises (6to4, Teredo,
    compatible, ISATAP outside global unicast) are refused. Text that is no address is not public.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return _is_public_4(parsed)
    if parsed.scope_id is not None:
        return False
    if any(parsed in network for network in _CARRIES_IPV4):
        return _is_public_4(IPv4Address(int(parsed) & 0xFFFFFFFF))
    return _is_public_6(parsed)


def is_public_or_private(address: str) -> bool:
    """Return whether *address* may be reached for a host that the operator named: never link-local or multicast.

    So an agency's own network counts, and a cloud's metadata service does not.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and any(parsed in network for network in _CARRIES_IPV4):
        parsed = IPv4Address(int(parsed) & 0xFFFFFFFF)
    return not (
        parsed.is_link_local
        or parsed.is_multicast
        or parsed.is_unspecified
        or parsed == _METADATA_6
        or (isinstance(parsed, IPv4Address) and parsed.is_reserved)
    )


_METADATA_6: Final = IPv6Address("fd00:ec2::254")


def _is_public_4(address: IPv4Address) -> bool:
    return not any(address in network for network in _NOT_PUBLIC_4)


def _is_public_6(address: IPv6Address) -> bool:
    is_isatap = int(address) >> 32 & 0xFDFFFFFF == 0x00005EFE
    return address in _GLOBAL_UNICAST_6 and not is_isatap and not any(address in network for network in _NOT_PUBLIC_6)
