"""One signed POST to an address that somebody else chose.

Addresses inside of our own network are refused, unless a setting opens them: a webhook must not
reach what only we can. The name is resolved once, every address it has is judged, and the very
address that was judged is connected to; redirects are not followed.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ipaddress
import socket
import ssl
import threading
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import orjson
from django.conf import settings

TIMEOUT_S = 10.0
"""Of each word of the other side; all of it may take twice as long."""
ANSWER_MOST = 64 * 1024
AGENT = "Zenith ground segment (alarms)"
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Failed(Exception):
    """It was not taken; the message says why, in a line."""


def check_url(url: str) -> tuple[str, str, int, str]:
    """Return scheme, host, port and path of an address that may be asked at all, or say why not."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Failed(f"{url[:80]!r} is not an address: {error}") from error
    if parts.scheme not in ("http", "https"):
        raise Failed(f"the address begins with {parts.scheme[:20]!r}; right is http or https")
    if not host or not url.isascii() or not url.isprintable() or " " in url:
        raise Failed(f"{url[:80]!r} is not an address; right is as https://example.org/hook")
    if parts.username is not None or parts.password is not None:
        raise Failed("the address has a name or a password in it, which would be shown and logged")
    path = parts.path or "/"
    if parts.query:
        path = f"{path}?{parts.query}"
    return parts.scheme, host, port or (443 if parts.scheme == "https" else 80), path


def sign(secret: str, body: bytes, at: datetime) -> str:
    """Return the header that a receiver checks: HMAC-SHA256 over `seconds.body` (RFC 2104)."""
    seconds = str(int(at.timestamp()))
    mac = hmac.new(secret.encode(), seconds.encode() + b"." + body, hashlib.sha256)
    return f"t={seconds},v1={mac.hexdigest()}"


def post(
    url: str, said: dict[str, Any], *, secret: str, delivery_id: str, attempt: int, at: datetime
) -> None:
    """Send JSON; `Failed` unless the answer is 2xx."""
    scheme, host, port, path = check_url(url)
    address = judged(host, port)
    body = orjson.dumps(said)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": AGENT,
        "Zenith-Delivery": delivery_id,
        "Zenith-Attempt": str(attempt),
        "Zenith-Signature": sign(secret, body, at),
        "Connection": "close",
    }
    lines: list[socket.socket] = []
    connection = _connection(scheme, host, port, address, lines)
    patience = threading.Timer(2 * TIMEOUT_S, _hang_up, [lines])
    patience.start()
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        answer.read(ANSWER_MOST)
    except (OSError, http.client.HTTPException) as error:
        raise Failed(f"no answer: {type(error).__name__}: {error}"[:250]) from error
    finally:
        patience.cancel()
        connection.close()
        for line in lines:
            line.close()
    if not 200 <= answer.status < 300:
        raise Failed(f"HTTP {answer.status} {answer.reason}"[:250])


def _hang_up(lines: list[socket.socket]) -> None:
    """End a conversation that is drawn out: who waits for its next word hears that it is over."""
    for line in lines:
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)


def judged(host: str, port: int) -> str:
    """Return an address of a host that we may connect to; none may lie inside our own network."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Failed(f"{host} is not found: {error}") from error
    addresses = [str(each[4][0]).partition("%")[0] for each in found]
    for each in addresses:
        if not is_allowed(ipaddress.ip_address(each)):
            raise Failed(f"{host} is {each}, which is inside of our own network")
    return addresses[0]


def is_allowed(address: Address) -> bool:
    """Say whether a webhook may go to an address: a public one, or one of the networks set."""
    if any(
        address.version == network.version and address in network
        for network in settings.ZENITH_WEBHOOK_NETWORKS
    ):
        return True
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return is_allowed(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            return is_allowed(inner)
        if address.teredo is not None:
            return False
    return address.is_global and not address.is_multicast


def _connection(
    scheme: str, host: str, port: int, address: str, lines: list[socket.socket]
) -> http.client.HTTPConnection:
    """Return a connection to the address that was judged, under the name that was asked for; a
    second handle of its socket, whatever TLS wraps around it, comes into `lines`."""

    def connect(*_: Any, **__: Any) -> socket.socket:
        made = socket.create_connection((address, port), TIMEOUT_S)
        lines.append(made.dup())
        return made

    if scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    connection._create_connection = connect
    return connection
