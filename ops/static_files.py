"""Static files from memory of their paths, without a thread for everything else.

WhiteNoise's own middleware is synchronous: under ASGI each request behind it, and so each answer
that streams for minutes, would keep a thread. This one hands on what is not a file as it came.
"""

import os
from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile


class StaticFiles(WhiteNoiseMiddleware):
    """Serve the files that WhiteNoise found at the start, as they are now: it would send as many
    bytes of a changed file as it had then. Let every other request through."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[..., Any], *details: Any, **more: Any) -> None:
        super().__init__(get_response, *details, **more)
        self._written = {url: _written(_path(file)) for url, file in self.files.items()}
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if iscoroutinefunction(self):
            return self._answer(request)
        found = self._current(request.path_info)
        return self.get_response(request) if found is None else self.serve(found, request)

    async def _answer(self, request: HttpRequest) -> HttpResponse:
        found = self._current(request.path_info)
        if found is None:
            return await self.get_response(request)
        return await sync_to_async(self.serve, thread_sensitive=False)(found, request)

    def _current(self, url: str) -> StaticFile | None:
        if self.autorefresh:
            return self.find_file(url)
        found = self.files.get(url)
        if found is None:
            return None
        written = _written(_path(found))
        if written is None:
            return None
        if written != self._written[url]:
            found = self.files[url] = self.get_static_file(_path(found), url)
            self._written[url] = written
        return found


def _path(file: StaticFile) -> str:
    """Return where a file is; what it has besides are compressed forms of it."""
    return next(path for encoding, path, _ in file.alternatives if not encoding.pattern)


def _written(path: str) -> tuple[int, int] | None:
    """Return when a file was written and how long it is; None if it is gone."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
