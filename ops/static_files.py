"""Static files from memory of their paths, without a thread for everything else.

WhiteNoise's own middleware is synchronous: under ASGI each request behind it, and so each answer
that streams for minutes, would keep a thread. This one hands on what is not a file as it came.
"""

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware


class StaticFiles(WhiteNoiseMiddleware):
    """Serve the files that WhiteNoise found at the start; let every other request through."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[..., Any], *details: Any, **more: Any) -> None:
        super().__init__(get_response, *details, **more)
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if iscoroutinefunction(self):
            return self._answer(request)
        return super().__call__(request)

    async def _answer(self, request: HttpRequest) -> HttpResponse:
        look = self.find_file if self.autorefresh else self.files.get
        found = look(request.path_info)
        if found is None:
            return await self.get_response(request)
        return await sync_to_async(self.serve, thread_sensitive=False)(found, request)
