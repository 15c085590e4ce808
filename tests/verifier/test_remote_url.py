"""Which URLs and addresses may be fetched from, judged before anything is asked."""

from __future__ import annotations

import ipaddress
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import RemoteRefused
from registry.verifier.addresses import is_public, is_public_or_private
from registry.verifier.remote_url import remote_url


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://issuer.example/lists/3", "issuer.example", 443),
        ("https://Issuer.Example:8443/lists/3?x=%20y", "issuer.example", 8443),
        ("https://xn--bcher-kva.example", "xn--bcher-kva.example", 443),
        ("https://issuer.example?list=3", "issuer.example", 443),
    ],
)
def test_a_public_https_url_may_be_fetched(url: str, host: str, port: int) -> None:
    judged = remote_url(url)
    assert (host, port, False) == (judged.host, judged.port, judged.is_named)


def test_a_host_that_the_operator_named_may_have_any_name_and_the_port_named_with_it() -> None:
    named = {"lists", "10.1.2.3", "lists.agency.internal:9443"}
    assert remote_url("https://lists/3", named).is_named
    assert remote_url("https://10.1.2.3/3", named).is_named
    assert remote_url("https://lists.agency.internal:9443/3", named).is_named
    for other in ("https://lists:9443/3", "https://lists.agency.internal/3", "https://10.1.2.4/"):
        with pytest.raises(RemoteRefused):
            remote_url(other, named)


@given(st.text(max_size=40))
def test_no_text_makes_the_judgement_fail_otherwise_than_by_refusing(text: str) -> None:
    for url in (text, f"https://{text}", f"https://issuer.example/{text}"):
        with suppress(RemoteRefused):
            assert remote_url(url).text.startswith("https://")


@pytest.mark.parametrize(
    "address",
    ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101", "100.128.0.1"],
)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


NEVER = [
    "0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1",
    "172.31.255.255", "192.168.1.1", "192.0.0.8", "192.88.99.1", "198.18.0.1", "203.0.113.5", "224.0.0.1",
    "255.255.255.255", "240.0.0.1", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::ffff:169.254.169.254", "64:ff9b::a00:1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1",
    "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "3fff::1", "fc00::1", "fd00:ec2::254",
    "fe80::1", "fe80::1%lo", "fec0::1", "ff02::1", "100::1", "5f00::1", "2400::5efe:7f00:1", "", "localhost", "1.1",
    "0x7f000001", "127.1", "2130706433",
]  # fmt: skip


@pytest.mark.parametrize("address", NEVER)
def test_other_addresses_are_not(address: str) -> None:
    assert not is_public(address)


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_nothing_is_public_that_python_calls_private(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    """Ours is never laxer; what it takes more strictly differs between Python's versions."""
    carried = getattr(address, "ipv4_mapped", None)
    if is_public(str(address)) and carried is None:
        assert address.is_global


@pytest.mark.parametrize("address", ["10.0.0.1", "127.0.0.1", "192.168.1.1", "fd12::1", "1.1.1.1", "::ffff:10.0.0.1"])
def test_a_named_host_may_lie_in_a_private_network(address: str) -> None:
    assert is_public_or_private(address)


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "0.0.0.0", "::", "224.0.0.1", "255.255.255.255",
     "fd00:ec2::254", "x"],
)  # fmt: skip
def test_a_named_host_never_stands_for_a_clouds_metadata(address: str) -> None:
    assert not is_public_or_private(address)
