"""One runtime for each model digest, made when it is first needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from constellation.simulator.runtimes import Runtime, RuntimeFailed, echo, llama

RUNTIMES_MOST = 4
"""Models held in memory at once; the one unused for longest gives way."""


@dataclass(frozen=True, slots=True)
class Server:
    """An OpenAI-compatible server that answers in the place of llama.cpp."""

    url: str
    model: str
    api_key: str = ""


class Pool:
    """The runtimes of the fleet, by the digest of their model."""

    def __init__(self, folder: Path, server: Server | None = None) -> None:
        self._folder, self._server = folder, server
        self._runtimes: dict[str, Runtime] = {}

    @property
    def digests(self) -> list[str]:
        return list(self._runtimes)

    async def runtime(self, digest: str, path: Path) -> Runtime:
        """Return what answers with the model file at `path`; RuntimeFailed when nothing can."""
        known = self._runtimes.pop(digest, None) or self._make(digest, path)
        self._runtimes[digest] = known
        while len(self._runtimes) > RUNTIMES_MOST:
            await self._runtimes.pop(next(iter(self._runtimes))).close()
        return known

    async def warm_up(self, digest: str, path: Path) -> None:
        """Load a model before it is asked; RuntimeFailed when it cannot be."""
        runtime = await self.runtime(digest, path)
        if isinstance(runtime, llama.Llama):
            await runtime.warm_up()

    async def close(self) -> None:
        while self._runtimes:
            await self._runtimes.popitem()[1].close()

    def _make(self, digest: str, path: Path) -> Runtime:
        with path.open("rb") as file:
            start = file.read(16)
        if start.startswith(echo.MAGIC):
            return echo.Echo(path)
        if not start.startswith(llama.MAGIC):
            raise RuntimeFailed("the model file is of no format that runs here (GGUF does)")
        if self._server is not None:
            # The HTTP client is a fifth of the time that a start takes, and few have a server.
            from constellation.simulator.runtimes import remote

            return remote.Remote(self._server.url, self._server.model, self._server.api_key)
        return llama.Llama(path, digest, self._folder / f"{digest[:16]}.log")
