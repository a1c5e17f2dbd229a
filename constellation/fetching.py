"""Asking an address over HTTP, once and politely: conditional, bounded in size and in time.

Only http and https are asked, nothing that stands on a link-local or multicast address, and a
redirect leads neither from https to http nor from the outside to an address inside.
"""

import ipaddress
import socket
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import httpx

from constellation.orbits.elements import MAX_FILE_BYTES

TIMEOUT_S = 20.0
"""For a connection, and for each piece of the answer."""
DEADLINE_S = 90.0
"""For all of it: a server that drips is given up."""
REDIRECTS_MOST = 3
RETRY_AFTER_MOST_S = 7 * 86_400
AGENT = "Zenith ground segment (element sets)"
_REDIRECTS = (301, 302, 303, 307, 308)


class Failed(Exception):
    """No element sets this time; the message says why, in a line."""

    def __init__(self, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Answer:
    """What an address gave: nothing new, or a file and what to ask with next time."""

    data: bytes | None
    etag: str = ""
    last_modified: str = ""


def check_url(url: str) -> None:
    """Raise `Failed` unless `url` is one that may be asked."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise Failed(f"{url[:80]!r} is not an address: {error}") from error
    if parts.scheme not in ("http", "https"):
        raise Failed(f"the address begins with {parts.scheme[:20]!r}; right is http or https")
    if not host or not url.isascii() or not url.isprintable() or " " in url:
        raise Failed(f"{url[:80]!r} is not an address; right is as https://example.org/file")
    if parts.username is not None or parts.password is not None:
        raise Failed("the address has a name or a password in it, which would be shown and logged")


def fetch(
    url: str, *, etag: str = "", last_modified: str = "", most: int = MAX_FILE_BYTES
) -> Answer:
    """Ask for a file unless it is still the one that `etag` or `last_modified` name."""
    headers = {"User-Agent": AGENT, "Accept-Encoding": "gzip"}
    if etag:
        headers["If-None-Match"] = etag
    if last_modified:
        headers["If-Modified-Since"] = last_modified
    ends_at_s = time.monotonic() + DEADLINE_S
    inside = None
    # Proxies of the environment would be asked for addresses that only we can judge.
    with httpx.Client(timeout=TIMEOUT_S, trust_env=False, follow_redirects=False) as client:
        for _ in range(REDIRECTS_MOST + 1):
            check_url(url)
            inside = _check_host(url, was_inside=inside)
            try:
                with client.stream("GET", url, headers=headers) as response:
                    if response.status_code in _REDIRECTS:
                        url = _following(url, response)
                        continue
                    return _answer(response, most, ends_at_s)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise Failed(f"no answer: {type(error).__name__}: {error}"[:250]) from error
    raise Failed(f"redirected more than {REDIRECTS_MOST} times")


def _check_host(url: str, *, was_inside: bool | None) -> bool:
    """Refuse where nobody publishes element sets; say whether the address is one of our own net."""
    parts = urlsplit(url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Failed(f"{parts.hostname} is not found: {error}") from error
    addresses = [ipaddress.ip_address(each[4][0].partition("%")[0]) for each in found]
    for address in addresses:
        if address.is_link_local or address.is_multicast or address.is_unspecified:
            raise Failed(f"{parts.hostname} is {address}, where nobody publishes element sets")
    inside = any(not address.is_global for address in addresses)
    if was_inside is False and inside:
        raise Failed(f"redirected to {parts.hostname}, which is inside our own network")
    return inside


def _following(url: str, response: httpx.Response) -> str:
    place = response.headers.get("Location", "")
    if not place:
        raise Failed(f"HTTP {response.status_code} without saying where to")
    following = urljoin(url, place)
    if url.startswith("https:") and not following.startswith("https:"):
        raise Failed("redirected from https to http")
    return following


def _answer(response: httpx.Response, most: int, ends_at_s: float) -> Answer:
    status = response.status_code
    if status == 304:
        return Answer(None)
    if status != 200:
        raise Failed(_in_words(status), _retry_after_s(response))
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    length = response.headers.get("Content-Length", "")
    if length.isdigit() and int(length) > most:
        raise Failed(f"the file has {int(length):,} bytes; at most {most:,} are taken")
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity", "gzip"):
        raise Failed(f"the answer is encoded as {encoding[:20]!r}; asked for was gzip")
    pieces, size, raw_size = [], 0, 0
    unpack = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
    try:
        for raw in response.iter_raw():
            raw_size += len(raw)
            for piece in _unpacked(unpack, raw, most - size + 1):
                pieces.append(piece)
                size += len(piece)
            if size > most:
                raise Failed(f"the file has over {most:,} bytes, which is the most that is taken")
            if time.monotonic() > ends_at_s:
                raise Failed(f"the answer took over {DEADLINE_S:.0f} s ({raw_size:,} bytes came)")
    except zlib.error as error:
        raise Failed(f"the answer says that it is gzip, and is not: {error}") from error
    if unpack is not None and not unpack.eof:
        raise Failed("the answer broke off in the middle of its gzip")
    data = b"".join(pieces)
    if kind == "text/html" or data[:300].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        raise Failed("the answer is a page (HTML) and no element sets")
    if not data.strip():
        raise Failed("the answer is empty")
    headers = response.headers
    return Answer(data, headers.get("ETag", "")[:300], headers.get("Last-Modified", "")[:100])


def _unpacked(unpack: "zlib._Decompress | None", raw: bytes, most: int) -> Iterator[bytes]:
    """Yield what a piece unpacks to, never more than a little over `most`."""
    if unpack is None:
        yield raw
        return
    yield unpack.decompress(raw, max(1, most))


def _in_words(status: int) -> str:
    match status:
        case 401 | 403:
            return f"HTTP {status}: we may not have it; asking too often can be why"
        case 404 | 410:
            return f"HTTP {status}: there is nothing at this address"
        case 429:
            return "HTTP 429: we asked too often"
        case _ if status >= 500:
            return f"HTTP {status}: the server is in trouble"
    return f"HTTP {status} is no answer to what was asked"


def _retry_after_s(response: httpx.Response) -> float:
    said = response.headers.get("Retry-After", "").strip()
    if said.isdigit():
        return float(min(int(said[:9]), RETRY_AFTER_MOST_S))
    return 0.0
