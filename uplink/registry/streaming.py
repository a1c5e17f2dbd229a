"""Bodies of uploads as they arrive, through Django, in constant memory.

Django's ASGI handler puts a whole body on the disk before a view sees its first byte, so that what
was cut off on the way would be lost. For the addresses of uploads `Streamed` gives Django an empty
body and the view the real one: the view's thread asks for a piece, the event loop receives it.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import re
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

from django.http import HttpRequest
from django.http.request import RawPostDataException

from ops import errors

PIECE_BYTES = 1024 * 1024
IDLE_S = 60.0
"""A client that sends nothing for so long is gone."""
TICK_S = 1.0
"""A slow client's bytes are handed on at least this often, were it none."""
_WANTED = re.compile(r"/api/v1/(uploads|artefacts)/[^/]+")
_METHODS = ("PATCH", "PUT", "POST")
_KEY = "zenith.body"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]


class ClientGone(errors.Invalid):
    """The rest of the body never came; what came before is as good as ever."""

    code = "client_gone"


class Streamed:
    """The ASGI application around Django's."""

    def __init__(self, application: Callable[..., Awaitable[None]]) -> None:
        self._application = application

    async def __call__(self, scope: Message, receive: Receive, send: Any) -> None:
        is_upload = (
            scope["type"] == "http"
            and scope["method"] in _METHODS
            and _WANTED.fullmatch(scope["path"])
        )
        if not is_upload:
            await self._application(scope, receive, send)
            return
        body = _Body(receive)
        work = asyncio.ensure_future(
            self._application({**scope, _KEY: body}, body.for_django, send)
        )
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            # The server stops. Django waits for the view's thread while it holds the loop, and
            # the thread for the loop: tell the thread first.
            body.stop()
            await asyncio.wait([work])
            raise
        finally:
            body.stop()


class _Body:
    """One request's body. `read` belongs to the view's thread, all else to the event loop."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._loop = receive, asyncio.get_running_loop()
        self._pending: asyncio.Future[Message] | None = None
        self._asked: concurrent.futures.Future[bytes | None] | None = None
        self._is_told, self._is_over, self._is_gone = False, False, False

    async def for_django(self) -> Message:
        """Say that the body is empty, and then nothing: a client that leaves is the view's."""
        if not self._is_told:
            self._is_told = True
            return {"type": "http.request", "body": b"", "more_body": False}
        return await asyncio.Future()

    def read(self) -> bytes | None:
        """Return what has come, perhaps nothing yet; None at the end. Raises `ClientGone`."""
        if self._is_gone:
            raise ClientGone("The upload broke off.")
        self._asked = asyncio.run_coroutine_threadsafe(self._gathered(), self._loop)
        try:
            return self._asked.result()
        except concurrent.futures.CancelledError as error:
            raise ClientGone("The server stops; go on with the upload later.") from error

    def stop(self) -> None:
        self._is_gone = True
        for one in (self._asked, self._pending):
            if one is not None:
                one.cancel()

    async def _gathered(self) -> bytes | None:
        if self._is_over:
            return None
        pieces, size, began_s = [], 0, self._loop.time()
        while size < PIECE_BYTES and not self._is_over:
            if self._pending is None:
                self._pending = asyncio.ensure_future(self._receive())
            await asyncio.wait([self._pending], timeout=TICK_S)
            if not self._pending.done():
                break
            message, self._pending = self._pending.result(), None
            if message["type"] != "http.request":
                self._is_gone = True
                break
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            self._is_over = not message.get("more_body", False)
            if self._loop.time() - began_s > TICK_S:
                break
        if self._is_gone and not size:
            raise ClientGone("The upload broke off.")
        return b"".join(pieces)


def pieces(request: HttpRequest) -> Iterator[bytes]:
    """Yield the body of an upload as it comes; an empty piece says that a second went by.

    Raises `ClientGone` when it ends before its end.
    """
    body = getattr(request, "scope", {}).get(_KEY)
    if body is None:
        yield from _of_wsgi(request)
        return
    idle_s = 0.0
    while (piece := body.read()) is not None:
        idle_s = 0.0 if piece else idle_s + TICK_S
        if idle_s >= IDLE_S:
            raise ClientGone(f"Nothing came for {IDLE_S:.0f} s.")
        yield piece


def _of_wsgi(request: HttpRequest) -> Iterator[bytes]:
    try:
        while piece := request.read(PIECE_BYTES):
            yield piece
    except (RawPostDataException, OSError) as error:
        raise ClientGone(f"The upload broke off: {error}.") from error
