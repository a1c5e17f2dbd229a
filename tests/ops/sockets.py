"""A websocket to a consumer, in the test's own event loop (channels.testing would need daphne)."""

from typing import Any

import orjson
from asgiref.testing import ApplicationCommunicator


class Socket(ApplicationCommunicator):
    """The client's end of a websocket."""

    def __init__(self, application: Any, path: str, user: Any) -> None:
        super().__init__(application, {"type": "websocket", "path": path, "user": user})

    async def connect(self) -> dict[str, Any]:
        """Open the socket and return the server's first word about it."""
        await self.send_input({"type": "websocket.connect"})
        return await self.receive_output(5)

    async def send_json_to(self, message: Any) -> None:
        await self.send_text(orjson.dumps(message).decode())

    async def send_text(self, text: str) -> None:
        await self.send_input({"type": "websocket.receive", "text": text})

    async def receive_json_from(self, timeout: float = 5) -> Any:
        return orjson.loads((await self.receive_output(timeout))["text"])

    async def disconnect(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(5)
