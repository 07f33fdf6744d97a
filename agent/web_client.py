"""HTTP for agents that cannot be turned against the network it runs in.

The address is resolved once, checked, and connected to as checked: there is no second look-up in
which a name could point elsewhere. Every redirect goes the same way. What comes back is bounded
in time and in bytes, after decompression as well.
"""

import asyncio
import contextlib
import ipaddress
import ssl
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from agent.web_addresses import Address, Resolve, look_up, refusal
from shared.errors import DependencyUnavailable, InvalidRequest

USER_AGENT = "Quintet/0.1"
CONNECT_SECONDS = 10.0
ADDRESSES_TRIED = 3
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

_OWN_HEADERS = frozenset(
    ("host", "connection", "content-length", "transfer-encoding", "accept-encoding", "upgrade")
)


_UNSENDABLE = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, ValueError)


@dataclass(frozen=True, slots=True)
class WebLimits:
    """What one request may take; `hosts` (exact, or `.example.org`) are all hosts when empty."""

    seconds: float = 30.0
    resolve_seconds: float = 5.0
    max_bytes: int = 2 * 1024 * 1024
    redirects: int = 5
    hosts: tuple[str, ...] = ()
    allow_private: bool = False


@dataclass(frozen=True, slots=True)
class WebResponse:
    """What a server answered; `body` is at most the limit, `truncated` says when it was more."""

    url: str
    status: int
    headers: httpx.Headers
    body: bytes
    truncated: bool
    redirects: tuple[str, ...]

    @property
    def content_type(self) -> str:
        """The media type alone, in lower case."""
        return str(self.headers.get("content-type", "")).partition(";")[0].strip().lower()

    @property
    def text(self) -> str:
        """The body in the charset that the server named, or UTF-8."""
        charset = httpx.Response(200, headers=self.headers).charset_encoding or "utf-8"
        try:
            return self.body.decode(charset, "replace")
        except LookupError:
            return self.body.decode("utf-8", "replace")


class WebClient:
    """Requests to hosts that may be reached; no cookies, no proxies, no connection kept."""

    def __init__(self, limits: WebLimits, http: httpx.AsyncClient) -> None:
        self._limits = limits
        self._http = http

    @classmethod
    @asynccontextmanager
    async def open(
        cls, limits: WebLimits | None = None, *, resolve: Resolve | None = None
    ) -> AsyncIterator["WebClient"]:
        """A client for the length of an attempt."""
        limits = limits or WebLimits()
        async with httpx.AsyncClient(
            transport=_CheckedTransport(limits, resolve or look_up),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            timeout=httpx.Timeout(limits.seconds, connect=min(limits.seconds, CONNECT_SECONDS)),
            trust_env=False,
        ) as http:
            yield cls(limits, http)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> WebResponse:
        """One request and its redirects; refusals are `InvalidRequest`, failures are
        `DependencyUnavailable`."""
        if method.upper() not in METHODS:
            raise InvalidRequest(
                f"the method {method!r} is not available", remedy=f"use one of {', '.join(METHODS)}"
            )
        given = headers or {}
        try:
            request = self._http.build_request(
                method.upper(), url, headers=_headers(given), content=body
            )
            async with asyncio.timeout(self._limits.seconds):
                return await self._follow(request, frozenset(given))
        except _UNSENDABLE as error:
            raise InvalidRequest(
                f"not a usable URL or header: {error}",
                remedy="give an absolute http:// or https:// URL",
            ) from None
        except (TimeoutError, httpx.TimeoutException):
            raise DependencyUnavailable(
                f"no complete answer within {self._limits.seconds:g} s",
                remedy="try again, or ask for less",
            ) from None
        except httpx.HTTPError as error:
            raise DependencyUnavailable(
                f"the server did not answer properly: {error or type(error).__name__}",
                remedy="check the address, or try again",
            ) from None

    async def _follow(self, request: httpx.Request, given: frozenset[str]) -> WebResponse:
        passed: list[str] = []
        while True:
            response = await self._http.send(request, stream=True)
            try:
                following = response.next_request
                if following is None:
                    body, truncated = await _read(response, self._limits.max_bytes)
                    return WebResponse(
                        url=str(response.url),
                        status=response.status_code,
                        headers=response.headers,
                        body=body,
                        truncated=truncated,
                        redirects=tuple(passed),
                    )
            finally:
                await response.aclose()
            if len(passed) == self._limits.redirects:
                raise InvalidRequest(
                    f"more than {len(passed)} redirects", remedy="use the final address"
                )
            passed.append(str(request.url))
            if _origin(following.url) != _origin(request.url):
                for name in given:  # a key meant for one host is not for the next
                    following.headers.pop(name, None)
            request = following


class _CheckedTransport(httpx.AsyncBaseTransport):
    """Below httpx's own redirects, so that each of them passes here."""

    def __init__(self, limits: WebLimits, resolve: Resolve) -> None:
        self._limits = limits
        self._resolve = resolve
        # A kept connection would be reused for another name at the same address, whose
        # certificate was never looked at.
        self._transport = httpx.AsyncHTTPTransport(
            verify=_certificates(),
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        _check_url(request.url, self._limits.hosts)
        host = request.url.raw_host.decode("ascii").strip("[]")
        addresses = await self._addresses(host, request.url.port or 0)
        for address in addresses:
            reason = refusal(address, allow_private=self._limits.allow_private)
            if reason:
                raise InvalidRequest(
                    f"{host} is {address}, {reason}; it is not reachable from here",
                    remedy="only public addresses can be fetched",
                )
        *alternatives, last = addresses[:ADDRESSES_TRIED]
        for address in alternatives:
            with contextlib.suppress(httpx.ConnectError, httpx.ConnectTimeout):
                return await self._transport.handle_async_request(_pinned(request, host, address))
        return await self._transport.handle_async_request(_pinned(request, host, last))

    async def _addresses(self, host: str, port: int) -> Sequence[Address]:
        try:
            return (ipaddress.ip_address(host),)
        except ValueError:
            pass
        try:
            async with asyncio.timeout(self._limits.resolve_seconds):
                addresses = await self._resolve(host, port)
        except (TimeoutError, OSError, UnicodeError):
            addresses = ()
        if not addresses:
            raise DependencyUnavailable(
                f"the name {host} cannot be resolved", remedy="check the name"
            )
        return addresses

    async def aclose(self) -> None:
        await self._transport.aclose()


def _pinned(request: httpx.Request, host: str, address: Address) -> httpx.Request:
    """The same request to a checked address; the name stays in Host and in the TLS handshake."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=str(address)),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": host},
    )


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _check_url(url: httpx.URL, hosts: tuple[str, ...]) -> None:
    if url.scheme not in ("http", "https") or not url.host:
        raise InvalidRequest(
            "only http:// and https:// URLs with a host can be fetched",
            remedy="give an absolute URL",
        )
    if url.userinfo:
        raise InvalidRequest(
            "a user name in the URL hides where it goes", remedy="use an Authorization header"
        )
    host = url.host.lower().rstrip(".")
    if hosts and not any(
        host == entry or (entry.startswith(".") and host.endswith(entry)) for entry in hosts
    ):
        raise InvalidRequest(
            f"the host {host} is not one of those this agent may reach",
            remedy=f"reachable: {', '.join(hosts)}",
        )


def _headers(given: Mapping[str, str]) -> httpx.Headers:
    refused = sorted(name for name in given if name.lower() in _OWN_HEADERS)
    if refused:
        raise InvalidRequest(
            f"the headers {', '.join(refused)} are set by the client",
            remedy="leave them out",
        )
    headers = httpx.Headers({"User-Agent": USER_AGENT, "Accept": "*/*"})
    headers.update(given)
    headers["Accept-Encoding"] = "gzip"
    return headers


async def _read(response: httpx.Response, limit: int) -> tuple[bytes, bool]:
    """At most `limit` bytes, decompressed piece by piece so that no bomb unfolds in memory."""
    packed = response.headers.get("content-encoding", "").strip().lower() in ("gzip", "x-gzip")
    unpack = zlib.decompressobj(wbits=31) if packed else None
    body = bytearray()
    try:
        async for piece in response.aiter_raw():
            room = limit + 1 - len(body)
            body += unpack.decompress(piece, room) if unpack else piece[:room]
            if len(body) > limit:
                return bytes(body[:limit]), True
    except zlib.error:
        raise DependencyUnavailable(
            "the server's answer is not the gzip that it says it is", remedy="try another address"
        ) from None
    return bytes(body), unpack is not None and not unpack.eof


@cache
def _certificates() -> ssl.SSLContext:
    """Read once: it takes tens of milliseconds, in which the event loop would stand still."""
    return httpx.create_ssl_context()
