"""What answers questions: one small interface, one module a kind of runtime.

Which runtime a model file gets is told by the file itself: GGUF goes to llama.cpp in a child
process of its own, `ZENITH-ECHO` to the deterministic echo. With an OpenAI-compatible server
configured, GGUF goes there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Question:
    """What a runtime is asked. Temperature 0 is greedy; the seed makes the rest repeatable."""

    messages: list[dict[str, str]]
    max_tokens: int
    temperature: float
    seed: int


@dataclass(frozen=True, slots=True)
class Usage:
    """The last thing a runtime says."""

    prompt_tokens: int
    completion_tokens: int
    finish_reason: str


class RuntimeFailed(Exception):
    """The runtime cannot answer; the message says why."""


class Runtime(Protocol):
    """Answers questions with one model file."""

    def answer(self, question: Question) -> AsyncIterator[str | Usage]:
        """Yield text as it comes and `Usage` last; RuntimeFailed instead. Closing the iterator
        early stops the work."""
        ...

    async def close(self) -> None:
        """Let go of processes and memory."""
        ...
