"""
Which addresses this edge may connect to: the public ones, and those an operator lists.

``ipaddress.is_global`` does not answer that. It changes with the patch release of Python, and
calls addresses global that carry an IPv4 address inside them, which a translator or a tunnel on
the way then delivers to 127.0.0.1 or to a cloud's metadata service. So the tables of RFC 6890 and
the IANA registries are written out here, and IPv6 is read the other way round: nothing outside
2000::/3 is public, and within it only what is not set aside.
"""

from collections.abc import Iterable, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NOT_PUBLIC_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private use
            "100.64.0.0/10",  # shared address space of carriers
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # Azure's host agent: public in form, local in fact
            "169.254.0.0/16",  # link local, and metadata services
            "172.16.0.0/12",  # private use
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # automatic multicast tunnels
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",  # private use
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarking
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)

# Mapped, compatible, NAT64, loopback, unique local, link local and multicast are all outside.
_GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")

_NOT_PUBLIC_V6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments: Teredo, benchmarking, ORCHID
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4
            "2620:4f:8000::/48",  # AS112
            "3fff::/20",  # documentation
        ),
    )
)

# Interface identifiers with an IPv4 address behind them, in any prefix (ISATAP, RFC 5214, 6.1).
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """
    Read networks in CIDR notation; a single address is a network of one.

    Raises:
        ValueError: A text is no network, or has bits set beyond its prefix.
    """
    return tuple(ip_network(text.strip()) for text in texts)


def is_address(text: str) -> bool:
    """Tell whether *text* is the canonical spelling of an address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_public(address: str | Address, allow_networks: Sequence[Network] = ()) -> bool:
    """
    Tell whether *address* is on the public Internet, or inside one of *allow_networks*.

    A text that is not the canonical spelling of an address is not public.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if is_listed(parsed, allow_networks):
        return True
    if isinstance(parsed, IPv4Address):
        return not any(parsed in network for network in _NOT_PUBLIC_V4)
    return (
        parsed.scope_id is None
        and parsed in _GLOBAL_UNICAST_V6
        and not any(parsed in network for network in _NOT_PUBLIC_V6)
        and (int(parsed) >> 32) & 0xFFFF_FFFF not in _ISATAP
    )


def is_listed(address: str | Address, allow_networks: Sequence[Network]) -> bool:
    """Tell whether *address* is inside one of *allow_networks*, as it stands."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in allow_networks)
