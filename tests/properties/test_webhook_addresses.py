"""No way of writing, mapping or mixing addresses lets a webhook into a network that it must not reach."""

from __future__ import annotations

import asyncio
import random
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import httpcore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from results_api.webhooks.addresses import Address, carried_by, is_allowed, literal
from results_api.webhooks.connecting import CheckedNetwork, TargetRefused

INSIDE_4 = (
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
    *("0.0.0.0/8", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32"),
)
INSIDE_6 = ("::/127", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8", "2001:db8::/32", "2001::/32", "2002::/16")
NEVER = ("169.254.0.0/16", "224.0.0.0/4", "0.0.0.0/8", "168.63.129.16/32", "100.100.100.200/32", "fd00:ec2::/32")


def within_4(networks: tuple[str, ...]) -> st.SearchStrategy[IPv4Address]:
    return st.one_of([st.ip_addresses(v=4, network=IPv4Network(network)) for network in networks])


inside_4 = within_4(INSIDE_4)
inside_6 = st.one_of([st.ip_addresses(v=6, network=IPv6Network(network)) for network in INSIDE_6])
outside: st.SearchStrategy[Address] = st.sampled_from(
    [IPv4Address("8.8.8.8"), IPv4Address("93.184.216.34"), IPv6Address("2606:4700::1111"), IPv6Address("2a00::1")]
)


def wrapped(address: IPv4Address) -> list[IPv6Address]:
    """Addresses of IPv6 by which one of IPv4 is or was reached: mapped, compatible, NAT64, 6to4, Teredo, ISATAP."""
    number = int(address)
    return [
        IPv6Address(0xFFFF << 32 | number),
        IPv6Address(number),
        IPv6Address(int(IPv6Address("64:ff9b::")) | number),
        IPv6Address(int(IPv6Address("64:ff9b:1::")) | number),
        IPv6Address(0x2002 << 112 | number << 80),
        IPv6Address(0x20010000 << 96 | (number ^ 0xFFFF_FFFF)),
        IPv6Address(int(IPv6Address("fe80::5efe:0:0")) | number),
    ]


@given(inside_4)
def test_an_inner_ipv4_address_is_refused_however_it_is_wrapped(address: IPv4Address) -> None:
    assert not is_allowed(address)
    assert [str(six) for six in wrapped(address) if is_allowed(six)] == []


@given(inside_6)
def test_an_inner_ipv6_address_is_refused(address: IPv6Address) -> None:
    assert not is_allowed(address)
    assert not is_allowed(IPv6Address(f"{address}%eth0"))


@given(st.ip_addresses())
def test_nothing_is_allowed_that_python_knows_to_be_special(address: Address) -> None:
    reached = (carried_by(address) if isinstance(address, IPv6Address) else None) or address
    if is_allowed(address):
        assert not (reached.is_private or reached.is_loopback or reached.is_link_local or reached.is_multicast)
        assert not (reached.is_reserved or reached.is_unspecified)


@given(st.one_of([st.ip_addresses(network=network) for network in NEVER]))
def test_metadata_services_are_refused_even_where_private_networks_are_allowed(address: Address) -> None:
    assert not is_allowed(address, private=True)
    if isinstance(address, IPv4Address):
        assert not is_allowed(wrapped(address)[0], private=True)


def test_private_networks_are_allowed_where_the_setting_says_so() -> None:
    for one in ("127.0.0.1", "10.0.0.1", "::1", "fd12::1", "::ffff:192.168.1.1"):
        address = literal(one)
        assert address is not None
        assert is_allowed(address, private=True)
        assert not is_allowed(address)


@given(outside)
def test_public_addresses_are_allowed(address: Address) -> None:
    assert is_allowed(address)
    if isinstance(address, IPv4Address):
        # What name servers make up for machines that have IPv6 alone.
        assert is_allowed(wrapped(address)[2])


@given(inside_4)
def test_every_way_to_write_a_number_is_that_address(address: IPv4Address) -> None:
    number = int(address)
    bytes_ = str(address).split(".")
    in_octal = ".".join(f"0{int(byte):o}" for byte in bytes_)
    in_two = f"{bytes_[0]}.{number & 0xFFFFFF}"
    for written in (str(address), str(number), hex(number), f"0{number:o}", in_octal, in_two):
        assert literal(written) == address, written


@given(st.lists(outside, max_size=3), inside_4 | inside_6, st.randoms())
def test_a_name_with_one_inner_address_among_many_is_not_connected_to(
    public: list[Address], inner: Address, order: random.Random
) -> None:
    addresses = [str(address) for address in (*public, inner)]
    order.shuffle(addresses)

    async def resolve(_host: str, _port: int) -> list[str]:
        return addresses

    class NoNetwork(httpcore.AsyncNetworkBackend):
        async def connect_tcp(self, host: str, *_: object, **__: object) -> httpcore.AsyncNetworkStream:
            raise AssertionError(f"connected to {host}")

    with pytest.raises(TargetRefused):
        asyncio.run(CheckedNetwork(resolve, inner=NoNetwork()).connect_tcp("receiver.test", 443))
