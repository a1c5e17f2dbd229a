"""Any OpenAI-compatible server by URL."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import httpx

from constellation.simulator.runtimes import Question, RuntimeFailed, Usage

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 120.0


class Remote:
    """Streams `POST {url}/chat/completions`."""

    def __init__(self, url: str, model: str, api_key: str = "") -> None:
        self._url, self._model = f"{url.rstrip('/')}/chat/completions", model
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        timeout = httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
        self._client = httpx.AsyncClient(headers=headers, timeout=timeout)

    async def answer(self, question: Question) -> AsyncIterator[str | Usage]:
        request = {
            "model": self._model,
            "messages": question.messages,
            "max_tokens": question.max_tokens,
            "temperature": question.temperature,
            "seed": question.seed,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        usage, finish_reason = {}, "stop"
        try:
            async with self._client.stream("POST", self._url, json=request) as response:
                if response.status_code != httpx.codes.OK:
                    body = (await response.aread())[:300].decode(errors="replace")
                    raise RuntimeFailed(f"{self._url} answered {response.status_code}: {body}")
                async for line in response.aiter_lines():
                    data = line.removeprefix("data:").strip()
                    if not line.startswith("data:") or data == "[DONE]":
                        continue
                    chunk = json.loads(data)
                    usage = chunk.get("usage") or usage
                    for choice in chunk.get("choices", []):
                        finish_reason = choice.get("finish_reason") or finish_reason
                        if text := (choice.get("delta") or {}).get("content"):
                            yield text
        except (httpx.HTTPError, ValueError) as error:
            raise RuntimeFailed(f"{self._url}: {error!r}") from error
        yield Usage(usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0), finish_reason)

    async def close(self) -> None:
        await self._client.aclose()
