"""Questions on board and the numbered segments of their answers, journaled before they are sent.

Pure bookkeeping: what is known about each query, read back from the journal after a kill.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

from constellation.simulator.journal import Journal
from telemetry.onboard import PromptPart, TokenAck, TokenKind, Tokens

OVER_KEPT = 10_000
"""Queries that are over and still recognised when they are asked again."""
_LAST_KINDS = (TokenKind.END, TokenKind.ERROR)


@dataclass
class Segment:
    """One piece of an answer; `serial` is its packet in the recorder."""

    tokens: Tokens
    serial: int
    sent_s: float = 0.0


@dataclass
class Query:
    """One question, as far as it came up, and its answer, as far as it goes."""

    id: UUID
    received_s: float
    first: PromptPart
    parts: dict[int, bytes] = field(default_factory=dict)
    segments: list[Segment] = field(default_factory=list)
    unacknowledged: dict[int, Segment] = field(default_factory=dict)
    cancelled: bool = False

    @property
    def is_whole(self) -> bool:
        return len(self.parts) == self.first.parts

    @property
    def is_ended(self) -> bool:
        return bool(self.segments) and self.segments[-1].tokens.kind in _LAST_KINDS

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(
            one.tokens.text for one in self.segments if one.tokens.kind is TokenKind.TEXT
        )

    @property
    def expires_s(self) -> float:
        """When nobody wants the answer any more; a lifetime of 0 has no end."""
        return self.received_s + self.first.lifetime_s if self.first.lifetime_s else float("inf")

    def messages(self) -> list[dict[str, str]]:
        """Return the messages; ValueError when they are none."""
        content = b"".join(self.parts[n] for n in range(self.first.parts))
        messages = json.loads(content)
        if not isinstance(messages, list) or not messages:
            raise ValueError("the prompt is no list of messages")
        for one in messages:
            if not isinstance(one, dict) or not isinstance(one.get("content"), str):
                raise ValueError("a message has no text")
            if one.get("role") not in ("system", "user", "assistant"):
                raise ValueError(f"a message has the role {one.get('role')!r}")
        return [{"role": one["role"], "content": one["content"]} for one in messages]


class Answers:
    """All queries of one satellite, on disk."""

    def __init__(self, path: Path) -> None:
        self.queries: dict[UUID, Query] = {}
        self._over: dict[UUID, None] = {}
        self._journal = Journal(path)
        for record in self._journal.records:
            self._replay(json.loads(record))
        self._journal.records.clear()
        self._written = 0

    @property
    def has_unfinished(self) -> bool:
        """Say whether a question waits for its answer, or for the rest of it."""
        return any(query.is_whole and not query.is_ended for query in self.queries.values())

    def is_over(self, query_id: UUID) -> bool:
        return query_id in self._over

    def add_part(self, part: PromptPart, now_s: float) -> Query:
        """Keep a part; a part that is here already changes nothing."""
        query = self.queries.get(part.query_id)
        if query is None or part.number not in query.parts:
            self._write({"part": part.encode().hex(), "at": now_s})
            query = self._add_part(part, now_s)
        return query

    def cancel(self, query: Query) -> None:
        self._write({"cancel": query.id.hex})
        query.cancelled = True

    def add_segment(self, query: Query, tokens: Tokens, serial: int) -> Segment:
        """Keep a segment whose packet the recorder has."""
        self._write({"segment": tokens.encode().hex(), "serial": serial})
        return self._add_segment(query, tokens, serial)

    def renew(self, segment: Segment, serial: int) -> None:
        """Note that a segment went into a new packet, since the recorder let the old one go."""
        segment.serial = serial

    def acknowledge(self, ack: TokenAck) -> None:
        """Let go of what the ground holds; a query of which it holds the end is over."""
        query = self.queries.get(ack.query_id)
        if query is None:
            return
        held = [n for n in query.unacknowledged if n < ack.following or n in ack.also]
        if held:
            self._write({"ack": ack.encode().hex()})
            self._acknowledge(query, held)

    def compact(self) -> None:
        """Write the journal anew when most of it is about queries that are over."""
        if self._written < 20_000 or len(self.queries) > 100:
            return
        records = [{"over": query_id.hex} for query_id in self._over]
        for query in self.queries.values():
            for number, text in query.parts.items():
                part = replace(query.first, number=number, text=text)
                records.append({"part": part.encode().hex(), "at": query.received_s})
            for one in query.segments:
                records.append({"segment": one.tokens.encode().hex(), "serial": one.serial})
            following = min(query.unacknowledged, default=len(query.segments))
            ack = TokenAck(query.id, following)
            records.append({"ack": ack.encode().hex()})
            if query.cancelled:
                records.append({"cancel": query.id.hex})
        self._journal.rewrite(json.dumps(record).encode() for record in records)
        self._written = 0

    # --- inside ---

    def _write(self, record: dict) -> None:
        self._journal.append(json.dumps(record).encode())
        self._written += 1

    def _replay(self, record: dict) -> None:
        if "part" in record:
            self._add_part(PromptPart.decode(bytes.fromhex(record["part"])), record["at"])
        elif "segment" in record:
            tokens = Tokens.decode(bytes.fromhex(record["segment"]))
            self._add_segment(self.queries[tokens.query_id], tokens, record["serial"])
        elif "ack" in record:
            ack = TokenAck.decode(bytes.fromhex(record["ack"]))
            query = self.queries.get(ack.query_id)
            if query is not None:
                held = [n for n in query.unacknowledged if n < ack.following or n in ack.also]
                self._acknowledge(query, held)
        elif "cancel" in record:
            query = self.queries.get(UUID(record["cancel"]))
            if query is not None:
                query.cancelled = True
        elif "over" in record:
            self._over[UUID(record["over"])] = None

    def _add_part(self, part: PromptPart, now_s: float) -> Query:
        query = self.queries.setdefault(part.query_id, Query(part.query_id, now_s, part))
        query.parts[part.number] = part.text
        query.received_s = now_s
        return query

    def _add_segment(self, query: Query, tokens: Tokens, serial: int) -> Segment:
        segment = Segment(tokens, serial)
        query.segments.append(segment)
        query.unacknowledged[tokens.number] = segment
        return segment

    def _acknowledge(self, query: Query, held: list[int]) -> None:
        for number in held:
            del query.unacknowledged[number]
        if query.is_ended and not query.unacknowledged:
            del self.queries[query.id]
            self._over[query.id] = None
            while len(self._over) > OVER_KEPT:
                del self._over[next(iter(self._over))]
