"""Questions cut into PROMPT packets, answers acknowledged by number. Pure.

Layouts are those of `telemetry.onboard`; this module decides only how a whole becomes parts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from uuid import UUID

from telemetry import onboard

BITMAP_BITS = 64


def encode_messages(messages: list[dict[str, str]]) -> bytes:
    """Return the UTF-8 JSON of the messages as it travels: compact, characters not escaped."""
    return json.dumps(messages, ensure_ascii=False, separators=(",", ":")).encode()


def with_system(messages: list[dict[str, str]], system_prompt: str) -> list[dict[str, str]]:
    """Return the messages, behind the model's own system prompt when they bring none."""
    if not system_prompt or any(message["role"] == "system" for message in messages):
        return messages
    return [{"role": "system", "content": system_prompt}, *messages]


def prompt_parts(
    *,
    query_id: UUID,
    messages: list[dict[str, str]],
    max_tokens: int,
    temperature: float,
    seed: int,
    lifetime_s: int,
) -> list[bytes]:
    """Return the payloads of the PROMPT packets of one question, in order, at least one.

    `lifetime_s` is mission time from the reception of the last part; the field holds 32 bits.
    """
    text = encode_messages(messages)
    step = onboard.PROMPT_PART_BYTES
    cuts = [text[start : start + step] for start in range(0, len(text), step)] or [b""]
    return [
        onboard.PromptPart(
            query_id=query_id,
            number=number,
            parts=len(cuts),
            max_tokens=max_tokens,
            temperature=temperature,
            seed=seed,
            lifetime_s=max(1, min(lifetime_s, 0xFFFF_FFFF)),
            text=cut,
        ).encode()
        for number, cut in enumerate(cuts)
    ]


def cancellation(query_id: UUID) -> bytes:
    """Return the payload of the PROMPT packet that takes a question back."""
    return onboard.PromptPart(query_id, 0, onboard.CANCEL_PARTS, 0, 0.0, 0, 0, b"").encode()


def following(held: Iterable[int]) -> int:
    """Return the number below which every segment is held."""
    number = 0
    for present in sorted(set(held)):
        if present != number:
            break
        number += 1
    return number


def acknowledgement(query_id: UUID, held: Iterable[int]) -> bytes:
    """Return the payload of the TOKEN_ACK packet that says which segments are on the ground."""
    numbers = set(held)
    first_missing = following(numbers)
    reach = range(first_missing, first_missing + BITMAP_BITS)
    also = frozenset(number for number in numbers if number in reach)
    return onboard.TokenAck(query_id, first_missing, also).encode()
