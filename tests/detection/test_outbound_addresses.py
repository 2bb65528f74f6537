"""Addresses that strangers name are opened only where the whole internet may look."""

import socket
from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import pytest

from detection.outbound import OutboundRefused, Rules, address_parse, addresses_of, is_public
from detection.outbound.addresses import system_resolver
from detection.outbound.contract import Clock

RULES = Rules()


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.255.254", "0.0.0.1", "10.0.0.1", "172.16.5.4", "192.168.1.1"),
        *("169.254.169.254", "100.64.0.1", "192.0.0.8", "192.0.2.1", "192.88.99.1", "198.18.0.1"),
        *("198.51.100.7", "203.0.113.7", "224.0.0.1", "239.1.2.3", "240.0.0.1"),
        *("255.255.255.255", "::1", "::", "::ffff:127.0.0.1", "::ffff:169.254.169.254"),
        *("::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe"),
        *("64:ff9b:1::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001::1", "2001:db8::1"),
        *("fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1", "100::1"),
        *("3fff::1", "5f00::1", "4000::1"),
    ],
)
def test_what_is_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"],
)
def test_what_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("file:///etc/passwd", "scheme_not_allowed"),
        ("ftp://example.org/a.png", "scheme_not_allowed"),
        ("gopher://example.org/", "scheme_not_allowed"),
        ("javascript:alert(1)", "scheme_not_allowed"),
        ("data:image/png;base64,AAAA", "scheme_not_allowed"),
        ("//example.org/a.png", "scheme_not_allowed"),
        ("example.org/a.png", "scheme_not_allowed"),
        ("", "scheme_not_allowed"),
        ("http://", "address_malformed"),
        ("http:///a.png", "address_malformed"),
        ("http://example.org/a b.png", "address_malformed"),
        ("http://example.org/\r\nHost: other", "address_malformed"),
        ("http://example.org\\@127.0.0.1/", "address_malformed"),
        ("http://example.org:port/", "address_malformed"),
        ("http://[::1/", "address_malformed"),
        (f"http://{'a' * 64}.example.org/", "address_malformed"),
        ("http://example.org/" + "a" * 2000, "address_malformed"),
        ("http://alice@example.org/", "user_info_not_allowed"),
        ("https://alice:secret@example.org/", "user_info_not_allowed"),
        ("http://@example.org/", "user_info_not_allowed"),
        ("http://example.org:22/", "port_not_allowed"),
        ("http://example.org:6379/", "port_not_allowed"),
        ("https://example.org:0/", "port_not_allowed"),
        ("http://127.0.0.1/", "address_not_allowed"),
        ("http://[::1]/", "address_not_allowed"),
        ("http://[::ffff:169.254.169.254]/latest/meta-data/", "address_not_allowed"),
        ("http://\uff11\uff12\uff17.0.0.1/", "address_not_allowed"),
    ],
)
def test_what_is_refused_before_anybody_is_asked(url: str, code: str) -> None:
    with pytest.raises(OutboundRefused) as refused:
        address_parse(url, RULES)
    assert refused.value.code == code
    assert refused.value.sentence.endswith(".")
    assert not refused.value.is_temporary


@pytest.mark.parametrize(
    ("url", "host", "port", "target"),
    [
        ("https://example.org", "example.org", 443, "/"),
        ("http://EXAMPLE.org:443/a.png?b=c&d=%20#part", "example.org", 443, "/a.png?b=c&d=%20"),
        ("https://bücher.example/bär.png", "xn--bcher-kva.example", 443, "/b%C3%A4r.png"),
        ("http://[2606:4700::1111]/", "2606:4700::1111", 80, "/"),
    ],
)
def test_an_address_is_taken_apart(url: str, host: str, port: int, target: str) -> None:
    address = address_parse(url, RULES)
    assert (address.host, address.port, address.target) == (host, port, target)


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "localhost.", "127.1", "2130706433", "0x7f000001", "0177.0.0.1"),
        *("0x7f.0x0.0x0.0x1", "0"),
    ],
)
def test_this_machine_is_found_out_under_all_its_names(host: str) -> None:
    address = address_parse(f"http://{host}/", RULES)
    with pytest.raises(OutboundRefused) as refused:
        addresses_of(address, RULES, Clock(5), system_resolver)
    assert refused.value.code in ("address_not_allowed", "name_unknown")


def test_one_private_answer_among_public_ones_is_enough() -> None:
    def answers(host: str, port: int) -> Sequence[str]:
        return ["93.184.215.14", "10.0.0.5"]

    with pytest.raises(OutboundRefused) as refused:
        addresses_of(address_parse("http://example.org/", RULES), RULES, Clock(5), answers)
    assert refused.value.code == "address_not_allowed"


def test_networks_can_be_exempt() -> None:
    rules = Rules(networks=(ip_network("10.1.0.0/16"), ip_network("fd00::/8")))
    address = address_parse("http://images.internal/", rules)

    def found(*answers: str) -> list[str]:
        return [str(one) for one in addresses_of(address, rules, Clock(5), lambda *_: answers)]

    assert found("10.1.2.3", "fd00::1") == ["10.1.2.3", "fd00::1"]
    assert found("::ffff:10.1.2.3") == ["::ffff:a01:203"]
    with pytest.raises(OutboundRefused, match="not opened from here"):
        found("10.2.0.1")


@pytest.mark.parametrize(
    ("error", "is_temporary"),
    [
        (socket.gaierror(socket.EAI_NONAME, "unknown"), False),
        (socket.gaierror(socket.EAI_AGAIN, "later"), True),
    ],
)
def test_a_name_that_is_not_found(error: OSError, is_temporary: bool) -> None:
    def answers(host: str, port: int) -> Sequence[str]:
        raise error

    with pytest.raises(OutboundRefused) as refused:
        addresses_of(address_parse("http://example.org/", RULES), RULES, Clock(5), answers)
    assert (refused.value.code, refused.value.is_temporary) == ("name_unknown", is_temporary)
