"""A customer that loses no answer: asks under an id of its own, and reads on after every cut."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx

AGAIN_S = 0.2
AWAY = (502, 503, 504)
"""What a door says while something behind it is away, and that asking again may help."""


@dataclass
class Answer:
    """An answer as it was read: the text, the number of each segment, how it ended."""

    query_id: UUID
    text: str = ""
    numbers: list[int] = field(default_factory=list)
    finish_reason: str = ""
    completion_tokens: int | None = None
    cuts: int = 0
    """How often the connection broke."""
    refusals: list[int] = field(default_factory=list)
    """Status codes that said `not now`."""
    is_whole: bool = False


class Customer:
    """A client of the customers' API, with one key."""

    def __init__(self, address: str, key: str) -> None:
        # A stream says something every 10 s; silence three times as long is a cut.
        self._http = httpx.Client(
            base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=30
        )

    def close(self) -> None:
        self._http.close()

    def models(self) -> list[dict[str, Any]]:
        answer = self._http.get("/v1/models")
        answer.raise_for_status()
        return answer.json()["data"]

    def story(self, query_id: UUID) -> dict[str, Any]:
        """Return what the API tells of a question that was asked: text, usage, legs."""
        answer = self._http.get(f"/v1/queries/{query_id}")
        answer.raise_for_status()
        return answer.json()

    def ask(
        self,
        prompt: str,
        *,
        model: str,
        max_tokens: int,
        timeout_s: float = 240,
        on_text: Callable[[str], None] = lambda text: None,
    ) -> Answer:
        """Ask, read the answer to its end over as many connections as it takes, and return it.

        `on_text` is called with the text so far whenever there is more of it. An answer that is
        refused, that fails or that does not end in time is an AssertionError.
        """
        answer = Answer(uuid4())
        question = {
            "model": model,
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": max_tokens,
            "messages": [{"role": "user", "content": prompt}],
        }
        give_up_at_s = time.monotonic() + timeout_s
        is_taken = False
        while time.monotonic() < give_up_at_s:
            request = self._resumption(answer) if is_taken else self._question(answer, question)
            try:
                with self._http.stream(**request) as response:
                    is_taken |= response.status_code == 200
                    self._read(response, answer, on_text)
            except httpx.TransportError:
                answer.cuts += 1
            if answer.is_whole:
                return answer
            time.sleep(AGAIN_S)
        raise AssertionError(f"not whole in {timeout_s:g} s: {answer}")

    def _question(self, answer: Answer, question: dict[str, Any]) -> dict[str, Any]:
        # Asked again under the same key it is the same question, whether or not it was heard.
        key = {"Idempotency-Key": str(answer.query_id)}
        return {"method": "POST", "url": "/v1/chat/completions", "json": question, "headers": key}

    def _resumption(self, answer: Answer) -> dict[str, Any]:
        headers = {"Accept": "text/event-stream"}
        if answer.numbers:
            headers["Last-Event-ID"] = str(answer.numbers[-1])
        return {"method": "GET", "url": f"/v1/queries/{answer.query_id}", "headers": headers}

    def _read(self, response: httpx.Response, answer: Answer, on_text: Callable) -> None:
        if response.status_code in AWAY:
            answer.refusals.append(response.status_code)
            return
        assert response.status_code == 200, (response.status_code, response.read())
        number = None
        for line in response.iter_lines():
            name, _, value = line.partition(": ")
            if name == "id":
                number = int(value)
            elif name == "data" and value == "[DONE]":
                answer.is_whole = True
                return
            elif name == "data":
                self._take(json.loads(value), number, answer)
                if number is not None:
                    on_text(answer.text)
                number = None

    def _take(self, chunk: dict[str, Any], number: int | None, answer: Answer) -> None:
        assert "error" not in chunk, chunk
        if number is not None:
            answer.numbers.append(number)
        for choice in chunk["choices"]:
            answer.text += choice["delta"].get("content") or ""
            answer.finish_reason = choice["finish_reason"] or answer.finish_reason
        if chunk.get("usage"):
            answer.completion_tokens = chunk["usage"]["completion_tokens"]
