"""llama.cpp in a child process: the links never stutter, and a crash takes no satellite along."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict
from itertools import count
from pathlib import Path

from constellation.simulator.runtimes import Question, RuntimeFailed, Usage

log = logging.getLogger(__name__)

MAGIC = b"GGUF"
START_TIMEOUT_S = 120.0
LINE_BYTES_MAX = 4 * 1024 * 1024
CHILD = "constellation.simulator.runtimes.llama_child"
_PROJECT = Path(__file__).resolve().parents[3]


class Llama:
    """One child process for one model file; questions wait for one another."""

    def __init__(self, path: Path, digest: str, log_path: Path) -> None:
        self._path, self._digest, self._log_path = path, digest, log_path
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._numbers = count(1)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def warm_up(self) -> None:
        """Load the model now, so that the first question does not wait for it."""
        async with self._turn:
            await self._start()

    async def answer(self, question: Question) -> AsyncIterator[str | Usage]:
        async with self._turn:
            await self._start()
            number = next(self._numbers)
            over = False
            self._say({"ask": number} | asdict(question))
            try:
                while not over:
                    fields = await self._hear()
                    if fields.get("number") != number:
                        continue  # the rest of a question that was cancelled
                    over = "usage" in fields or "error" in fields
                    if "error" in fields:
                        raise RuntimeFailed(fields["error"])
                    yield Usage(**fields["usage"]) if over else fields["text"]
            finally:
                if not over:
                    self._say({"cancel": number})

    async def close(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()

    async def _start(self) -> None:
        if self._process is not None and self._process.returncode is None:
            return
        self._log_path.parent.mkdir(parents=True, exist_ok=True)
        with self._log_path.open("ab") as errors:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                CHILD,
                str(self._path.resolve()),
                self._digest,
                str(os.getpid()),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                cwd=_PROJECT,
                limit=LINE_BYTES_MAX,
            )
        try:
            ready = await asyncio.wait_for(self._hear(), START_TIMEOUT_S)
        except TimeoutError as error:
            await self.close()
            raise RuntimeFailed("the model did not load in time") from error
        if "error" in ready:
            await self.close()
            raise RuntimeFailed(ready["error"])

    def _say(self, fields: dict) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(OSError):
                process.stdin.write(json.dumps(fields).encode() + b"\n")

    async def _hear(self) -> dict:
        line = await self._process.stdout.readline()
        if not line:
            await self._process.wait()
            raise RuntimeFailed(f"the runtime ended with {self._process.returncode}")
        return json.loads(line)
