"""Fetching and posting against real servers on loopback, of which most mean no good."""

import gzip
import io
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_network
from pathlib import Path

import pytest

from detection.outbound import Fetched, OutboundRefused, Resolver, Rules, fetch_image, post
from detection.outbound.addresses import system_resolver
from tests import images
from tests.certificates import web_certificate
from tests.receivers import Receiver, Request, receiving

PNG = images.plain("red")


def answer(request: Request) -> None:
    """What the path says."""
    PATHS[request.path.partition("?")[0]](request)


def lead_to(target: str) -> Callable[[Request], None]:
    return lambda request: request.give(302, Location=target)


PATHS: dict[str, Callable[[Request], None]] = {
    "/red%20one.png": lambda request: request.give(200, PNG, Content_Type="image/png"),
    "/unnamed": lambda request: request.give(200, PNG, Content_Type="application/octet-stream"),
    "/": lambda request: request.give(200, PNG),
    "/moved": lead_to("/red%20one.png"),
    "/round": lead_to("/round"),
    "/inside": lead_to("http://169.254.169.254/latest/meta-data/"),
    "/mapped": lead_to("http://[::ffff:10.0.0.1]/"),
    "/to-file": lead_to("file:///etc/passwd"),
    "/to-redis": lead_to("http://127.0.0.1:6379/"),
    "/page": lambda request: request.give(200, b"<html>", Content_Type="text/html; charset=utf-8"),
    "/drawing": lambda request: request.give(200, b"<svg/>", Content_Type="image/svg+xml"),
    "/packed": lambda request: request.give(
        200, gzip.compress(bytes(10_000_000)), Content_Type="image/png", Content_Encoding="gzip"
    ),
    "/large": lambda request: request.give(200, b"", Content_Length="30000000"),
    "/missing": lambda request: request.give(404),
    "/broken": lambda request: request.give(500),
    "/hang": lambda request: request.hang(),
    "/cut": lambda request: request.give(200, PNG, Content_Length=str(len(PNG) + 100)),
}


def another_protocol(request: Request) -> None:
    request.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")


def endless(request: Request) -> None:
    request.send_response(200)
    request.end_headers()
    request.drip(bytes(100_000))


def slow(request: Request) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "100000")
    request.end_headers()
    request.drip(b"\0")


def slow_headers(request: Request) -> None:
    request.send_response(200)
    request.flush_headers()
    request.drip(b"X-More: 1\r")


def only_continue(request: Request) -> None:
    request.drip(b"HTTP/1.1 100 Continue\r\n\r\n")


PATHS |= {
    "/nonsense": another_protocol,
    "/endless": endless,
    "/slow": slow,
    "/slow-headers": slow_headers,
    "/continue": only_continue,
}


@pytest.fixture
def server() -> Iterator[Receiver]:
    """The server that does all of it."""
    with receiving(answer) as receiver:
        yield receiver


def rules(server: Receiver, *, seconds: float = 10, ca_file: str = "") -> Rules:
    """As the portal has them, but for this server."""
    return Rules(
        ports=frozenset({80, 443, server.port}),
        networks=(ip_network("127.0.0.1/32"),),
        seconds=seconds,
        max_bytes=1_000_000,
        ca_file=ca_file,
    )


def fetched(server: Receiver, path: str, *, seconds: float = 10) -> tuple[Fetched, bytes]:
    target = io.BytesIO()
    found = fetch_image(server.url(path), target, rules(server, seconds=seconds))
    return found, target.getvalue()


def test_an_image_is_fetched(server: Receiver) -> None:
    found, content = fetched(server, "/red%20one.png?size=large#top")
    assert content == PNG
    assert (found.name, found.byte_size) == ("red one.png", len(PNG))
    (request,) = server.seen
    assert request.headers["Host"] == f"127.0.0.1:{server.port}"
    assert request.headers["Accept-Encoding"] == "identity"
    assert request.headers["User-Agent"] == "Veripix"


@pytest.mark.parametrize("path", ["/unnamed", "/"])
def test_a_server_need_not_know_that_it_is_an_image(server: Receiver, path: str) -> None:
    assert fetched(server, path)[1] == PNG


def test_a_redirect_is_followed(server: Receiver) -> None:
    found, content = fetched(server, "/moved")
    assert content == PNG
    assert found.url == server.url("/red%20one.png")


@pytest.mark.parametrize(
    ("path", "code", "is_temporary"),
    [
        ("/round", "too_many_redirects", False),
        ("/inside", "address_not_allowed", False),
        ("/mapped", "address_not_allowed", False),
        ("/to-file", "scheme_not_allowed", False),
        ("/to-redis", "port_not_allowed", False),
        ("/page", "not_an_image", False),
        ("/drawing", "not_an_image", False),
        ("/packed", "compressed", False),
        ("/large", "too_large", False),
        ("/endless", "too_large", False),
        ("/missing", "bad_status", False),
        ("/broken", "bad_status", True),
        ("/cut", "answer_not_understood", True),
        ("/nonsense", "answer_not_understood", True),
    ],
)
def test_what_is_not_taken(server: Receiver, path: str, code: str, is_temporary: bool) -> None:
    with pytest.raises(OutboundRefused) as refused:
        fetched(server, path)
    assert (refused.value.code, refused.value.is_temporary) == (code, is_temporary)
    assert len(server.seen) <= 4


@pytest.mark.parametrize("path", ["/hang", "/slow", "/slow-headers", "/continue"])
def test_there_is_one_limit_on_all_of_it(server: Receiver, path: str) -> None:
    with pytest.raises(OutboundRefused) as refused:
        fetched(server, path, seconds=0.5)
    assert (refused.value.code, refused.value.is_temporary) == ("too_slow", True)


def test_nobody_listens(server: Receiver) -> None:
    url, limits = server.url(), rules(server)
    server.server_close()
    with pytest.raises(OutboundRefused) as refused:
        fetch_image(url, io.BytesIO(), limits)
    assert (refused.value.code, refused.value.is_temporary) == ("unreachable", True)


def test_a_resolver_that_never_answers(server: Receiver) -> None:
    never = threading.Event()

    def answers(host: str, port: int) -> Sequence[str]:
        never.wait()
        return []

    with pytest.raises(OutboundRefused) as refused:
        fetch_by_name(server, answers, seconds=0.3)
    never.set()
    assert refused.value.code == "too_slow"


def test_the_connection_goes_to_the_address_that_was_checked(server: Receiver) -> None:
    """A name that answers with an allowed address first and with another one ever after."""
    asked: list[str] = []

    def answers(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    assert fetch_by_name(server, answers).byte_size == len(PNG)
    assert asked == ["rebinding.example"]
    assert server.seen[0].headers["Host"] == f"rebinding.example:{server.port}"
    with pytest.raises(OutboundRefused, match="not opened from here"):
        fetch_by_name(server, answers)
    assert len(server.seen) == 1


def test_each_redirect_is_resolved_and_checked_anew(server: Receiver) -> None:
    PATHS["/other-name"] = lead_to(server.url("/red%20one.png", host="second.example"))
    places = {"rebinding.example": ["127.0.0.1"], "second.example": ["127.0.0.1", "10.0.0.1"]}
    with pytest.raises(OutboundRefused) as refused:
        fetch_by_name(server, lambda host, _: places[host], path="/other-name")
    assert refused.value.code == "address_not_allowed"
    assert len(server.seen) == 1


def test_of_several_addresses_one_that_answers_is_enough(server: Receiver) -> None:
    answers = ["127.0.0.2", "127.0.0.1"]
    limits = Rules(ports=frozenset({server.port}), networks=(ip_network("127.0.0.0/8"),))
    url = server.url("/red%20one.png", host="two.example")
    assert fetch_image(url, io.BytesIO(), limits, resolver=lambda *_: answers).byte_size


def test_proxies_of_the_environment_are_not_asked(
    server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert fetched(server, "/red%20one.png")[1] == PNG


def fetch_by_name(
    server: Receiver,
    resolver: Resolver,
    *,
    path: str = "/red%20one.png",
    seconds: float = 10,
) -> Fetched:
    """Fetch under a name that only this resolver knows."""
    url = server.url(path, host="rebinding.example")
    return fetch_image(url, io.BytesIO(), rules(server, seconds=seconds), resolver=resolver)


def test_with_tls_the_server_has_to_prove_the_name(tmp_path: Path) -> None:
    certificate = web_certificate(tmp_path, "images.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with receiving(answer, tls=context) as server:

        def fetch(host: str, ca_file: str) -> Fetched:
            url = server.url("/red%20one.png", scheme="https", host=host)
            limits = rules(server, ca_file=ca_file)
            here = lambda *_: ["127.0.0.1"]  # noqa: E731
            return fetch_image(url, io.BytesIO(), limits, resolver=here)

        assert fetch("images.example", str(certificate)).byte_size == len(PNG)
        for host, ca_file in (("other.example", str(certificate)), ("images.example", "")):
            with pytest.raises(OutboundRefused) as refused:
                fetch(host, ca_file)
            assert refused.value.code == "certificate_not_trusted"
        assert len(server.seen) == 1


def test_a_message_is_handed_over(server: Receiver) -> None:
    said = post(server.url("/"), b'{"a": 1}', {"Content-Type": "application/json"}, rules(server))
    assert said.status == 200
    assert server.seen[0].command == "POST"
    assert server.seen[0].body == b'{"a": 1}'


@pytest.mark.parametrize(
    ("path", "code", "status"),
    [
        ("/broken", "bad_status", 500),
        ("/missing", "bad_status", 404),
        ("/moved", "redirected", 302),
        ("/inside", "redirected", 302),
        ("/hang", "too_slow", None),
        ("/slow-headers", "too_slow", None),
    ],
)
def test_a_message_that_is_not_taken(
    server: Receiver, path: str, code: str, status: int | None
) -> None:
    with pytest.raises(OutboundRefused) as refused:
        post(server.url(path), b"{}", {}, rules(server, seconds=0.5))
    assert (refused.value.code, refused.value.status) == (code, status)
    assert len(server.seen) == 1


def test_a_message_goes_nowhere_inside(server: Receiver) -> None:
    for url in (server.url(), "http://169.254.169.254/", "http://[::ffff:127.0.0.1]/"):
        with pytest.raises(OutboundRefused) as refused:
            post(url, b"{}", {}, Rules(ports=frozenset({80, server.port})))
        assert refused.value.code == "address_not_allowed"
    assert server.seen == []


def test_the_system_resolver_knows_this_machine() -> None:
    assert "127.0.0.1" in system_resolver("127.0.0.1", 80)
