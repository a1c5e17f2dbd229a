"""A runtime without a model, for tests that are about something else.

A file that starts with `ZENITH-ECHO` is a "model" whose answer depends on every byte of it and on
the question, and on nothing else. Its second line may be JSON: `delay_s` between words, `words`
to append.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

from constellation.simulator.runtimes import Question, Usage

MAGIC = b"ZENITH-ECHO\n"
DELAY_MOST_S = 5.0
WORDS_MOST = 10_000


class Echo:
    """Answers `echo <digest of the model> <the question's words>`, word by word."""

    def __init__(self, path: Path) -> None:
        content = path.read_bytes()
        self._name = hashlib.sha256(content).hexdigest()[:12]
        line = content.split(b"\n", 2)[1] if content.count(b"\n") > 1 else b""
        options = json.loads(line) if line.startswith(b"{") else {}
        self._delay_s = min(float(options.get("delay_s", 0.0)), DELAY_MOST_S)
        self._extra = min(int(options.get("words", 0)), WORDS_MOST)

    async def answer(self, question: Question) -> AsyncIterator[str | Usage]:
        asked = question.messages[-1]["content"].split()
        words = ["echo", self._name, *asked, *(f"w{n}" for n in range(self._extra))]
        kept = words[: question.max_tokens]
        for n, word in enumerate(kept):
            yield word if n == 0 else f" {word}"
            await asyncio.sleep(self._delay_s)
        prompt_tokens = sum(len(one["content"].split()) for one in question.messages)
        yield Usage(prompt_tokens, len(kept), "stop" if kept == words else "length")

    async def close(self) -> None:
        """Nothing is held."""
