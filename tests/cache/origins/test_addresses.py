"""Which addresses may be connected to."""

from ipaddress import ip_address

import pytest

from cache.origins.addresses import is_listed, is_public, parse_networks

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "168.63.129.15",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2606:4700:4700::1111",
    "2a00:1450:4001:800::200e",
    "2003::1",
]

NOT_PUBLIC = {
    "unspecified": ["0.0.0.0", "0.0.0.1", "0.255.255.255", "::"],
    "loopback": ["127.0.0.1", "127.0.0.0", "127.255.255.255", "127.1.2.3", "::1"],
    "private": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255"],
    "carrier": ["100.64.0.0", "100.100.100.200", "100.127.255.255"],
    "link local": ["169.254.0.1", "169.254.169.254", "fe80::1", "febf::1", "fe80::1%eth0"],
    "site and unique local": ["fec0::1", "fc00::1", "fd00:ec2::254", "fdff::1"],
    "cloud": ["168.63.129.16"],
    "assignments": ["192.0.0.1", "192.0.0.9", "192.0.0.170", "192.0.0.192", "2001:1::1"],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    "benchmarking": ["198.18.0.1", "198.19.255.255", "2001:2::1"],
    "relays": ["192.88.99.1", "192.52.193.1", "192.31.196.1", "192.175.48.1", "2620:4f:8000::1"],
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"],
    "reserved": ["240.0.0.1", "255.255.255.254", "255.255.255.255"],
    "v4-mapped": ["::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:a9fe:a9fe"],
    "v4-translated": ["::ffff:0:127.0.0.1"],
    "v4-compatible": ["::127.0.0.1", "::8.8.8.8", "::7f00:1"],
    "NAT64": ["64:ff9b::127.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "64:ff9b:1:ffff::1"],
    "6to4": ["2002:7f00:1::", "2002:808:808::1", "2002::1"],
    "ISATAP": ["2a00:1450::5efe:7f00:1", "2a00:1450::200:5efe:a9fe:a9fe", "2600::5efe:808:808"],
    "Teredo": ["2001::1", "2001:0:7f00:1::1"],
    "ORCHID": ["2001:10::1", "2001:20::1", "2001:2f:ffff::1"],
    "discard, segment routing, unassigned": ["100::1", "5f00::1", "4000::1", "1::1", "e000::1"],
    "scoped": ["2606:4700:4700::1111%eth0"],
    "no address": [
        "",
        "localhost",
        "127.1",
        "0x7f.0.0.1",
        "2130706433",
        "0177.0.0.1",
        "8.8.8.8.",
        " 8.8.8.8",
        "8.8.8.8/32",
        "①.1.1.1",
        "[::1]",
    ],
}


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address: str) -> None:
    assert is_public(address)
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        pytest.param(address, id=f"{kind} {address}")
        for kind, addresses in NOT_PUBLIC.items()
        for address in addresses
    ],
)
def test_all_others(address: str) -> None:
    assert not is_public(address)


def test_listed_networks_override() -> None:
    networks = parse_networks(["10.1.0.0/16", "::1", " fd00::/8 "])

    answers = {
        address: (is_public(address, networks), is_listed(address, networks))
        for address in ("10.1.2.3", "10.2.0.1", "::1", "fd12::1", "8.8.8.8", "::ffff:10.1.2.3", "x")
    }

    assert answers == {
        "10.1.2.3": (True, True),
        "10.2.0.1": (False, False),
        "::1": (True, True),
        "fd12::1": (True, True),
        "8.8.8.8": (True, False),
        "::ffff:10.1.2.3": (False, False),
        "x": (False, False),
    }


@pytest.mark.parametrize("text", ["10.1.0.0/8", "localhost", "", "10.0.0.0/33"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"network|host bits"):
        parse_networks([text])
