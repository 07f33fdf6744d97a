"""Requests over real sockets: what is refused, what is followed, and where an answer is cut."""

import asyncio
import gzip
import ipaddress
import ssl
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agent.web_addresses import Address, refusal
from agent.web_client import WebClient, WebLimits, WebResponse
from shared.errors import DependencyUnavailable, InvalidRequest, RequestError
from tests.web_server import Received, reply, web_server

LOCAL = WebLimits(allow_private=True, seconds=5)

# `PORT` is a port of this machine on which a server listens and counts.
SSRF_URLS = (
    "http://127.0.0.1:PORT/",
    "http://localhost:PORT/",
    "http://LOCALHOST.:PORT/",
    "http://127.1:PORT/",
    "http://127.0.1:PORT/",
    "http://127.8.9.10:PORT/",
    "http://0:PORT/",
    "http://0.0.0.0:PORT/",
    "http://2130706433:PORT/",
    "http://017700000001:PORT/",
    "http://0x7f000001:PORT/",
    "http://0x7f.0.0.1:PORT/",
    "http://0177.0.0.1:PORT/",
    "http://127.0.0.1.:PORT/",
    "http://①②⑦.⓪.⓪.①:PORT/",
    "http://\uff11\uff12\uff17.0.0.1:PORT/",
    "http://127。0。0。1:PORT/",
    "http://[::1]:PORT/",
    "http://[0:0:0:0:0:0:0:1]:PORT/",
    "http://[::]:PORT/",
    "http://[::ffff:127.0.0.1]:PORT/",
    "http://[::ffff:7f00:1]:PORT/",
    "http://[::127.0.0.1]:PORT/",
    "http://[64:ff9b::7f00:1]:PORT/",
    "http://[2002:7f00:1::]:PORT/",
    "http://[2001:0:7f00:1::]:PORT/",
    "http://[fe80::1]:PORT/",
    "http://[fe80::1%25lo]:PORT/",
    "http://[fc00::1]:PORT/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://[ff02::1]:PORT/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[::ffff:a9fe:a9fe]/latest/meta-data/",
    "http://2852039166/latest/meta-data/",
    "http://168.63.129.16/machine/",
    "http://100.100.100.200/latest/meta-data/",
    "http://10.0.0.1:PORT/",
    "http://172.16.0.1:PORT/",
    "http://192.168.0.1:PORT/",
    "http://100.64.0.1:PORT/",
    "http://192.0.2.1:PORT/",
    "http://198.18.0.1:PORT/",
    "http://224.0.0.1:PORT/",
    "http://240.0.0.1:PORT/",
    "http://255.255.255.255:PORT/",
    "http://example.com@127.0.0.1:PORT/",
    "http://127.0.0.1:PORT#@example.com/",
    "http://127.0.0.1:PORT\\@example.com/",
    "http://user:password@localhost:PORT/",
    "ftp://127.0.0.1:PORT/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:PORT/_GET",
    "data:text/plain,x",
    "unix:///run/docker.sock",
    "//127.0.0.1:PORT/",
    "/relative",
    "http://",
    "http:///path",
    "http://127.0.0.1:99999/",
    "http://local\r\nhost:PORT/",
    "",
)


async def test_no_private_address_is_ever_connected_to() -> None:
    async with (
        web_server(lambda _: reply("inside"), host="") as inside,
        WebClient.open(WebLimits(seconds=2)) as web,
    ):
        for url in SSRF_URLS:
            with pytest.raises(RequestError) as refused:
                await web.request("GET", url.replace("PORT", str(inside.port)))
            known = isinstance(refused.value, InvalidRequest) or "resolved" in refused.value.detail
            assert known, (url, refused.value)
            assert inside.connections == 0, url


@pytest.mark.parametrize(
    ("address", "private_allowed", "reachable"),
    [
        ("1.1.1.1", False, True),
        ("93.184.215.14", False, True),
        ("2606:4700::1111", False, True),
        ("127.0.0.1", True, True),
        ("10.1.2.3", True, True),
        ("172.31.255.255", True, True),
        ("172.32.0.1", False, True),
        ("192.168.1.1", True, True),
        ("::1", True, True),
        ("fd12::1", True, True),
        ("::ffff:10.0.0.1", True, True),
        ("::ffff:1.1.1.1", False, True),
        # Even where private addresses are allowed:
        ("169.254.169.254", True, False),
        ("::ffff:169.254.169.254", True, False),
        ("fd00:ec2::254", True, False),
        ("100.100.100.200", True, False),
        ("168.63.129.16", True, False),
        ("fe80::1", True, False),
        ("0.0.0.0", True, False),
        ("::", True, False),
        ("224.0.0.1", True, False),
        ("240.0.0.1", True, False),
        ("192.0.2.1", True, False),
        ("64:ff9b::a9fe:a9fe", True, False),
        ("2002:a9fe:a9fe::1", True, False),
        ("2001:db8::1", True, False),
    ],
)
def test_addresses(address: str, private_allowed: bool, reachable: bool) -> None:
    reason = refusal(ipaddress.ip_address(address), allow_private=private_allowed)
    assert (reason is None) is reachable


class Names:
    """A name server whose answers for one name change from look-up to look-up."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = iter(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> tuple[Address, ...]:
        self.asked.append(host)
        return tuple(map(ipaddress.ip_address, next(self._answers)))


async def test_a_name_is_looked_up_once_and_connected_to_as_checked() -> None:
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    async with (
        web_server(lambda _: reply("here")) as server,
        WebClient.open(LOCAL, resolve=names) as web,
    ):
        response = await web.request("GET", server.url(host="rebinding.test"))
    assert response.body == b"here"
    assert names.asked == ["rebinding.test"]
    assert server.requests[0].headers["host"] == f"rebinding.test:{server.port}"
    assert response.url == server.url(host="rebinding.test")


async def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    async with (
        web_server(lambda _: reply("inside")) as server,
        WebClient.open(WebLimits(), resolve=Names(["1.1.1.1", "127.0.0.1"])) as web,
    ):
        with pytest.raises(InvalidRequest, match=r"127\.0\.0\.1, a private"):
            await web.request("GET", server.url(host="mixed.test"))
        assert server.connections == 0


async def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    async with (
        web_server(lambda _: reply("second")) as server,
        WebClient.open(LOCAL, resolve=Names(["127.0.0.9", "127.0.0.1"])) as web,
    ):
        assert (await web.request("GET", server.url(host="two.test"))).body == b"second"


async def test_a_name_without_an_address_is_said_so() -> None:
    async with WebClient.open(LOCAL, resolve=Names([])) as web:
        with pytest.raises(DependencyUnavailable, match=r"nowhere\.test cannot be resolved"):
            await web.request("GET", "http://nowhere.test/")


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "//169.254.169.254/",
        "http://0.0.0.0:1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "http://user@127.0.0.1/",
    ],
)
async def test_a_redirect_is_checked_like_a_first_address(target: str) -> None:
    async with (
        web_server(lambda _: reply(status="302 Found", location=target)) as server,
        WebClient.open(LOCAL) as web,
    ):
        with pytest.raises(RequestError):
            await web.request("GET", server.url())
        assert server.connections == 1


async def test_redirects_are_followed_and_told() -> None:
    def respond(received: Received) -> bytes:
        if received.target == "/a":
            return reply(status="302 Found", location="/b")
        return reply(f"{received.method} {received.target}")

    async with web_server(respond) as server, WebClient.open(LOCAL) as web:
        response = await web.request("POST", server.url("/a"), body=b"x")
        assert response.body == b"GET /b"
        assert response.redirects == (server.url("/a"),)
        assert response.url == server.url("/b")


async def test_a_circle_of_redirects_ends() -> None:
    async with (
        web_server(lambda _: reply(status="302 Found", location="/")) as server,
        WebClient.open(LOCAL) as web,
    ):
        with pytest.raises(InvalidRequest, match="more than 5 redirects"):
            await web.request("GET", server.url())
        assert server.connections == 6


async def test_a_key_for_one_host_does_not_travel_to_the_next() -> None:
    async with (
        web_server(lambda _: reply("there")) as there,
        web_server(lambda _: reply(status="307 Moved", location=there.url())) as here,
        WebClient.open(LOCAL) as web,
    ):
        await web.request(
            "GET", here.url(), headers={"Authorization": "Bearer k", "X-Api-Key": "k"}
        )
        assert here.requests[0].headers["x-api-key"] == "k"
        assert not {"authorization", "x-api-key"} & there.requests[0].headers.keys()


async def test_no_cookie_is_kept() -> None:
    async with (
        web_server(lambda _: reply(set_cookie="session=1; Path=/")) as server,
        WebClient.open(LOCAL) as web,
    ):
        for _ in range(2):
            await web.request("GET", server.url())
        assert "cookie" not in server.requests[1].headers


async def test_only_listed_hosts_are_reached() -> None:
    limits = WebLimits(allow_private=True, hosts=("api.test", ".example.test"))
    names = Names(["127.0.0.1"], ["127.0.0.1"])
    async with (
        web_server(lambda _: reply("ok")) as server,
        WebClient.open(limits, resolve=names) as web,
    ):
        for host in ("api.test", "www.example.test"):
            assert (await web.request("GET", server.url(host=host))).status == 200
        for host in ("xapi.test", "example.test.evil", "127.0.0.1"):
            with pytest.raises(InvalidRequest, match="may reach"):
                await web.request("GET", server.url(host=host))


# --- limits -------------------------------------------------------------------------------------


async def fetch(answer: bytes, limits: WebLimits = LOCAL) -> WebResponse:
    async with web_server(lambda _: answer) as server, WebClient.open(limits) as web:
        return await web.request("GET", server.url())


@pytest.mark.parametrize(("size", "cut"), [(999, False), (1000, False), (1001, True)])
async def test_a_long_answer_is_cut(size: int, cut: bool) -> None:
    response = await fetch(reply(b"x" * size), WebLimits(allow_private=True, max_bytes=1000))
    assert (len(response.body), response.truncated) == (min(size, 1000), cut)


async def test_a_bomb_does_not_unfold() -> None:
    bomb = gzip.compress(bytes(20_000_000))
    response = await fetch(
        reply(bomb, content_encoding="gzip"), WebLimits(allow_private=True, max_bytes=1000)
    )
    assert (len(response.body), response.truncated) == (1000, True)


async def test_a_packed_answer_is_unpacked() -> None:
    assert (await fetch(reply(gzip.compress(b"text"), content_encoding="gzip"))).body == b"text"
    half = await fetch(reply(gzip.compress(b"text")[:-9], content_encoding="gzip"))
    assert half.truncated
    with pytest.raises(DependencyUnavailable, match="not the gzip"):
        await fetch(reply(b"text", content_encoding="gzip"))


async def test_the_deadline_holds_for_the_whole_exchange() -> None:
    started = time.perf_counter()
    async with (
        web_server(lambda _: reply("late"), pause=30) as server,
        WebClient.open(WebLimits(allow_private=True, seconds=0.1)) as web,
    ):
        with pytest.raises(DependencyUnavailable, match=r"within 0\.1 s"):
            await web.request("GET", server.url())
    assert time.perf_counter() - started < 10


async def test_a_look_up_has_a_deadline() -> None:
    async def never(host: str, port: int) -> Sequence[Address]:
        await asyncio.sleep(60)
        return ()

    limits = WebLimits(resolve_seconds=0.05)
    async with WebClient.open(limits, resolve=never) as web:
        with pytest.raises(DependencyUnavailable, match="cannot be resolved"):
            await web.request("GET", "http://slow.test/")


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", reply("x" * 10)[:-5]])
async def test_a_broken_answer_is_said_so(answer: bytes) -> None:
    with pytest.raises(DependencyUnavailable, match="did not answer properly"):
        await fetch(answer)


@pytest.mark.parametrize(
    ("method", "headers", "message"),
    [
        ("CONNECT", {}, "CONNECT"),
        ("GET", {"Host": "inside"}, "Host"),
        ("GET", {"Content-Length": "5"}, "Content-Length"),
        ("GET", {"X": "a\r\nY: 1"}, "usable URL or header"),
        ("GET", {"X": "☃"}, "usable URL or header"),
    ],
)
async def test_requests_that_cannot_be_sent(
    method: str, headers: dict[str, str], message: str
) -> None:
    async with web_server(lambda _: reply()) as server, WebClient.open(LOCAL) as web:
        with pytest.raises(RequestError, match=message):
            await web.request(method, server.url(), headers=headers)
        assert server.requests == []


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/plain; charset=iso-8859-1", "ä".encode("latin-1"), "ä"),
        ("text/plain", "ä".encode(), "ä"),
        ("text/plain; charset=nonsense", "ä".encode(), "ä"),
    ],
)
async def test_text_is_decoded(content_type: str, body: bytes, text: str) -> None:
    response = await fetch(reply(body, content_type=content_type))
    assert (response.text, response.content_type) == (text, "text/plain")


# --- TLS ------------------------------------------------------------------------------------------


async def test_a_pinned_address_still_proves_its_name(tmp_path: Path) -> None:
    names: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(tmp_path))
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    async with (
        web_server(lambda _: reply("secret"), tls=context) as server,
        WebClient.open(LOCAL, resolve=Names(["127.0.0.1"])) as web,
    ):
        with pytest.raises(DependencyUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
            await web.request("GET", f"https://name.test:{server.port}/")
        assert server.requests == []
    assert names == ["name.test"]


def _certificate(folder: Path) -> Path:
    """A certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "name.test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path
