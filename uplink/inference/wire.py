"""OpenAI's wire format of chat completions: requests read, answers and errors written. Pure.

Source: OpenAI's API reference, "Chat" (create, the chat completion object, the chunk object) and
"Error codes"; held to it by the stock `openai` package in the tests.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import orjson

MESSAGES_MAX = 256
TEXT_MAX_BYTES = 200 * 1024
"""Of all messages together, in UTF-8: under `onboard.PROMPT_MAX_BYTES` with its JSON around it."""
TOKENS_MAX = 4096
TOKENS_DEFAULT = 256
TEMPERATURE_DEFAULT = 0.0
"""Not OpenAI's 1: the models that fit a satellite are small and wander, and at 0 the same question
to the same digest has the same answer."""
SEED_MAX = 0xFFFF_FFFF
TYPES = {bool: "true or false", dict: "an object", list: "an array", str: "a string"}
ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}

IGNORED = {
    "metadata", "parallel_tool_calls", "prediction", "prompt_cache_key", "prompt_cache_retention",
    "reasoning_effort", "safety_identifier", "service_tier", "store", "user", "verbosity",
}  # fmt: skip
"""Hints that change nothing in what an answer means here."""
NEUTRAL: dict[str, tuple[object, ...]] = {
    "frequency_penalty": (0,),
    "function_call": ("none",),
    "functions": ([],),
    "logit_bias": ({},),
    "logprobs": (False,),
    "modalities": (["text"],),
    "n": (1,),
    "presence_penalty": (0,),
    "response_format": ({"type": "text"},),
    "stop": ([],),
    "tool_choice": ("none", "auto"),
    "tools": ([],),
    "top_logprobs": (0,),
    "top_p": (1,),
}
"""Parameters that the runtime on board does not have, and the values that ask nothing of it."""
KNOWN = {
    "max_completion_tokens", "max_tokens", "messages", "model", "seed", "stream",
    "stream_options", "temperature", "zenith",
}  # fmt: skip


class Malformed(ValueError):
    """A request that is not what the format allows; `param` names the field that is off."""

    def __init__(self, message: str, *, param: str | None, code: str = "invalid_value") -> None:
        super().__init__(message)
        self.param = param
        self.code = code


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What a customer asks, checked and with every default filled in (`seed` None: any)."""

    model: str
    messages: list[dict[str, str]]
    max_tokens: int
    temperature: float
    seed: int | None
    stream: bool
    include_usage: bool
    lifetime_s: int | None


def read_request(body: bytes) -> ChatRequest:
    """Return the request in `body`; raise Malformed naming the first field that is off."""
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        said = f"The body is not valid JSON: {error}."
        raise Malformed(said, param=None, code="invalid_json") from error
    if not isinstance(asked, dict):
        raise Malformed("The body must be a JSON object.", param=None, code="invalid_type")
    _refuse_what_is_not_offered(asked)
    stream = _typed(asked, "stream", bool, False)
    options = _typed(asked, "stream_options", dict, {})
    if options and not stream:
        raise Malformed("'stream_options' needs 'stream' to be true.", param="stream_options")
    extension = _typed(asked, "zenith", dict, {})
    is_new = asked.get("max_completion_tokens") is not None
    most = "max_completion_tokens" if is_new else "max_tokens"
    return ChatRequest(
        model=_model(asked),
        messages=_messages(asked),
        max_tokens=_whole(asked, most, 1, TOKENS_MAX) or TOKENS_DEFAULT,
        temperature=_temperature(asked),
        seed=_whole(asked, "seed", -(2**63), 2**63 - 1),
        stream=stream,
        include_usage=bool(options.get("include_usage", False)),
        lifetime_s=_whole(extension, "lifetime_s", 1, 7 * 86_400, within="zenith."),
    )


def _refuse_what_is_not_offered(asked: dict[str, Any]) -> None:
    for name, value in asked.items():
        if name in KNOWN or name in IGNORED or value is None:
            continue
        if name not in NEUTRAL:
            raise Malformed(
                f"Unrecognized request argument supplied: {name}",
                param=name,
                code="unknown_parameter",
            )
        if not any(value == neutral for neutral in NEUTRAL[name]):
            raise Malformed(
                f"'{name}' is not supported by the models in orbit.",
                param=name,
                code="unsupported_parameter",
            )


def _typed(asked: dict[str, Any], name: str, kind: type, default: Any) -> Any:
    value = asked.get(name)
    if value is None:
        return default
    if not isinstance(value, kind):
        said = f"'{name}' must be {TYPES[kind]}."
        raise Malformed(said, param=name, code="invalid_type")
    return value


def _whole(asked: dict[str, Any], name: str, least: int, most: int, within: str = "") -> int | None:
    value = asked.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise Malformed(
            f"'{within}{name}' must be an integer.", param=within + name, code="invalid_type"
        )
    if not least <= value <= most:
        raise Malformed(
            f"'{within}{name}' must be between {least} and {most}.", param=within + name
        )
    return value


def _temperature(asked: dict[str, Any]) -> float:
    value = asked.get("temperature")
    if value is None:
        return TEMPERATURE_DEFAULT
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Malformed("'temperature' must be a number.", param="temperature", code="invalid_type")
    if not 0 <= value <= 2:
        raise Malformed("'temperature' must be between 0 and 2.", param="temperature")
    return float(value)


def _model(asked: dict[str, Any]) -> str:
    name = _typed(asked, "model", str, "")
    if not name:
        raise Malformed(
            "You must provide a model parameter.", param="model", code="missing_required_parameter"
        )
    if not name.isprintable():
        raise Malformed("'model' holds characters that no name has.", param="model")
    return name


def _messages(asked: dict[str, Any]) -> list[dict[str, str]]:
    given = _typed(asked, "messages", list, [])
    if not given:
        raise Malformed(
            "'messages' must hold at least one message.",
            param="messages",
            code="missing_required_parameter",
        )
    if len(given) > MESSAGES_MAX:
        raise Malformed(f"'messages' may hold at most {MESSAGES_MAX}.", param="messages")
    messages = [_message(each, f"messages[{number}]") for number, each in enumerate(given)]
    size = sum(len(message["content"].encode("utf-8", "replace")) for message in messages)
    if size > TEXT_MAX_BYTES:
        raise Malformed(
            f"The messages have {size} bytes of text; at most {TEXT_MAX_BYTES} go up.",
            param="messages",
            code="context_length_exceeded",
        )
    return messages


def _message(given: Any, where: str) -> dict[str, str]:
    if not isinstance(given, dict):
        raise Malformed(f"'{where}' must be an object.", param=where, code="invalid_type")
    role = given.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise Malformed(f"'{where}.role' must be one of {', '.join(ROLES)}.", param=f"{where}.role")
    return {"role": ROLES[role], "content": _content(given.get("content"), f"{where}.content")}


def _content(given: Any, where: str) -> str:
    if isinstance(given, list):
        parts = [
            part.get("text")
            for part in given
            if isinstance(part, dict) and part.get("type") == "text"
        ]
        if len(parts) == len(given) and all(isinstance(part, str) for part in parts):
            given = "".join(parts)
    if not isinstance(given, str):
        raise Malformed(
            f"'{where}' must be text: models in orbit read nothing else.",
            param=where,
            code="invalid_type",
        )
    try:
        given.encode()
    except UnicodeEncodeError as error:
        raise Malformed(f"'{where}' is not valid Unicode.", param=where) from error
    if "\x00" in given:
        raise Malformed(f"'{where}' holds U+0000, which no text has.", param=where)
    return given


# --- Answers ---------------------------------------------------------------------------------


def completion(
    *,
    completion_id: str,
    created: int,
    model: str,
    text: str,
    finish_reason: str,
    usage: dict[str, int],
    zenith: dict[str, Any],
) -> dict[str, Any]:
    """Return the whole answer as one chat completion object, with our `zenith` beside it."""
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason}
    return {
        "id": completion_id,
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": [choice],
        "usage": usage,
        "system_fingerprint": zenith.get("model_digest") or None,
        "zenith": zenith,
    }


def chunk(
    *,
    completion_id: str,
    created: int,
    model: str,
    delta: dict[str, str],
    finish_reason: str | None = None,
    with_usage: bool = False,
    zenith: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return one piece of a streamed answer; `with_usage` adds the null that OpenAI sends."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    piece: dict[str, Any] = {
        "id": completion_id,
        "object": "chat.completion.chunk",
        "created": created,
        "model": model,
        "choices": [choice],
    }
    if with_usage:
        piece["usage"] = None
    if zenith is not None:
        piece["zenith"] = zenith
    return piece


def usage_chunk(
    *, completion_id: str, created: int, model: str, usage: dict[str, int]
) -> dict[str, Any]:
    """Return the last piece of a stream asked for with `include_usage`: no choices, the usage."""
    return {
        "id": completion_id,
        "object": "chat.completion.chunk",
        "created": created,
        "model": model,
        "choices": [],
        "usage": usage,
    }


def usage(prompt_tokens: int, completion_tokens: int) -> dict[str, int]:
    """Return the usage object; the total is the sum."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


def error(
    message: str, *, kind: str, code: str | None = None, param: str | None = None
) -> dict[str, Any]:
    """Return OpenAI's error envelope."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


# --- Server-sent events (WHATWG HTML, section 9.2) -------------------------------------------

KEEP_ALIVE = b": waiting\n\n"
DONE = b"data: [DONE]\n\n"


def event(data: dict[str, Any], *, number: int | None = None) -> bytes:
    """Return one server-sent event; `number` becomes its id, from which a reader may resume."""
    line = json.dumps(data, separators=(",", ":")).encode()
    head = b"" if number is None else b"id: %d\n" % number
    return head + b"data: " + line + b"\n\n"
