"""The query queue: one question at a time, answered by the model in the active slot."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import struct
import time
from collections.abc import Callable
from pathlib import Path

from constellation.simulator.board.answers import Answers, Query, Segment
from constellation.simulator.board.slots import Slots
from constellation.simulator.runtimes import Question, RuntimeFailed, Usage
from constellation.simulator.runtimes.pool import Pool
from constellation.simulator.store import Store
from telemetry import onboard
from telemetry.onboard import PromptPart, TokenAck, TokenKind, Tokens

log = logging.getLogger(__name__)

QUEUED_MOST = 64
RESEND_AFTER_S = 3.0
"""Mission time in contact without an acknowledgement."""
RESEND_MOST = 64
"""Segments sent again in one go: the window of an acknowledgement's bitmap."""
FLUSH_EVERY_S = 0.1
"""Wall time: what a runtime says meanwhile travels together. The first piece goes at once."""
SEGMENT_CHARACTERS = 240

Record = Callable[[bytes], tuple[int, bytes]]
"""Puts a TOKENS payload into the recorder and returns serial and packet."""


class _Cancelled(Exception):
    """Nobody wants the answer any more."""


class Questions:
    """Takes prompts, answers them one after the other, and sends until acknowledged."""

    def __init__(
        self,
        path: Path,
        *,
        slots: Slots,
        store: Store,
        pool: Pool,
        now_s: Callable[[], float],
        record: Record,
        recorded: Callable[[int], bytes | None],
        send: Callable[[bytes], None],
    ) -> None:
        self._answers = Answers(path)
        self._slots, self._store, self._pool, self._now_s = slots, store, pool, now_s
        self._record, self._recorded, self._send = record, recorded, send
        self._linked = False
        self._running: Query | None = None
        self._wanted = asyncio.Event()
        self._worker: asyncio.Task | None = None
        self.answered = 0
        self.tokens_per_s = 0.0
        if self._next() is not None:
            self._start()

    @property
    def queued(self) -> int:
        return sum(
            query.is_whole and not query.is_ended and query is not self._running
            for query in self._answers.queries.values()
        )

    @property
    def running(self) -> int:
        return int(self._running is not None)

    # --- what comes up ---

    def receive_prompt(self, payload: bytes, now_s: float) -> None:
        """Take one part of a question, or its cancellation."""
        try:
            part = PromptPart.decode(payload)
        except (struct.error, ValueError) as error:
            log.info("a prompt cannot be read: %s", error)
            return
        if self._answers.is_over(part.query_id):
            return
        known = self._answers.queries.get(part.query_id)
        if part.parts == onboard.CANCEL_PARTS:
            if known is not None and not known.is_ended:
                self._answers.cancel(known)
                self._start()
            return
        most = -(-onboard.PROMPT_MAX_BYTES // onboard.PROMPT_PART_BYTES)
        if not part.number < part.parts <= most or (known and known.first.parts != part.parts):
            return
        if known is not None and known.is_whole:
            self._resend(known, now_s, after_s=0.5)  # asked again: our answer may have been lost
            return
        query = self._answers.add_part(part, now_s)
        if query.is_whole:
            self._accept(query)

    def receive_ack(self, payload: bytes) -> None:
        try:
            self._answers.acknowledge(TokenAck.decode(payload))
        except struct.error as error:
            log.info("an acknowledgement cannot be read: %s", error)

    def _accept(self, query: Query) -> None:
        try:
            query.messages()
        except ValueError as error:
            self._fail(query, "bad_prompt", str(error))
            return
        if self.queued > QUEUED_MOST:
            self._fail(query, "queue_full", f"{QUEUED_MOST} questions wait on board")
        elif self._slots.is_safe:
            self._fail(query, "safe_mode", "the satellite is in safe mode and answers nothing")
        elif not self._slots.active_digest:
            self._fail(query, "no_model", "no model is active in a slot of this satellite")
        else:
            self._say(query, TokenKind.ACCEPTED, self._slots.active_digest)
            self._start()

    # --- what goes down ---

    def link(self, *, up: bool) -> None:
        self._linked = up
        if up:
            for query in self._answers.queries.values():
                for segment in query.unacknowledged.values():
                    segment.sent_s = 0.0

    def tick(self, now_s: float) -> None:
        """Send again what was not acknowledged; for the time of a contact."""
        for query in list(self._answers.queries.values()):
            self._resend(query, now_s, after_s=RESEND_AFTER_S)
        self._answers.compact()

    def _resend(self, query: Query, now_s: float, *, after_s: float) -> None:
        late = [one for one in query.unacknowledged.values() if now_s - one.sent_s >= after_s]
        for segment in late[:RESEND_MOST]:
            packet = self._recorded(segment.serial)
            if packet is None:
                serial, packet = self._record(segment.tokens.encode())
                self._answers.renew(segment, serial)
            self._transmit(segment, packet, now_s)

    def _say(self, query: Query, kind: TokenKind, text: str) -> None:
        """Give an answer its next segment: recorded, journaled, sent."""
        tokens = Tokens(query.id, len(query.segments), kind, text)
        serial, packet = self._record(tokens.encode())
        segment = self._answers.add_segment(query, tokens, serial)
        self._transmit(segment, packet, self._now_s())

    def _transmit(self, segment: Segment, packet: bytes, now_s: float) -> None:
        segment.sent_s = now_s if self._linked else 0.0
        self._send(packet)

    def _fail(self, query: Query, code: str, detail: str) -> None:
        self._say(query, TokenKind.ERROR, json.dumps({"code": code, "detail": detail}))

    # --- running ---

    def _start(self) -> None:
        self._wanted.set()
        if self._worker is None:
            self._worker = asyncio.ensure_future(self._work())

    def _next(self) -> Query | None:
        return next(
            (q for q in self._answers.queries.values() if q.is_whole and not q.is_ended), None
        )

    async def _work(self) -> None:
        while True:
            query = self._next()
            if query is None:
                self._wanted.clear()
                await self._wanted.wait()
                continue
            self._running = query
            try:
                await self._run(query)
            except RuntimeFailed as error:
                self._fail(query, "runtime_failed", str(error)[:500])
            except _Cancelled as error:
                self._fail(query, str(error), "the question was given up")
            except (OSError, ValueError) as error:
                log.exception("query %s", query.id)
                self._fail(query, "runtime_failed", str(error)[:500])
            finally:
                self._running = None

    async def _run(self, query: Query) -> None:
        self._check_wanted(query)
        accepted = query.segments[0].tokens.text if query.segments else ""
        digest = self._slots.active_digest
        if not digest:
            self._fail(query, "no_model", "no model is active in a slot of this satellite")
            return
        if not query.segments:  # killed between the prompt's last part and our word for it
            self._say(query, TokenKind.ACCEPTED, digest)
        elif digest != accepted:
            self._fail(query, "model_changed", "another model was activated meanwhile")
            return
        times = {"accepted_at": query.received_s, "started_at": self._now_s()}
        runtime = await self._pool.runtime(digest, self._store.artefact_path(digest))
        first = query.first
        question = Question(query.messages(), first.max_tokens, first.temperature, first.seed)
        usage = await self._stream(query, runtime.answer(question), times)
        times["ended_at"] = self._now_s()
        self.answered += 1
        self._say(
            query,
            TokenKind.END,
            json.dumps(
                {
                    "prompt_tokens": usage.prompt_tokens,
                    "completion_tokens": usage.completion_tokens,
                    "finish_reason": usage.finish_reason,
                }
                | times
            ),
        )

    async def _stream(self, query: Query, pieces, times: dict[str, float]) -> Usage:
        """Cut what the runtime says into segments. What was said before a restart must come
        again word for word, and is not sent a second time."""
        skip = query.text
        waiting, flushed_at, started_at, count = "", 0.0, time.monotonic(), 0
        async with contextlib.aclosing(pieces):
            async for piece in pieces:
                self._check_wanted(query)
                if isinstance(piece, Usage):
                    if skip:
                        raise RuntimeFailed("interrupted by a restart")
                    if waiting:
                        self._say(query, TokenKind.TEXT, waiting)
                    return piece
                count += 1
                times.setdefault("first_token_at", self._now_s())
                if skip:
                    common = min(len(skip), len(piece))
                    if skip[:common] != piece[:common]:
                        raise RuntimeFailed("interrupted by a restart")
                    skip, piece = skip[common:], piece[common:]
                waiting += piece
                elapsed_s = time.monotonic() - started_at
                self.tokens_per_s = count / elapsed_s if elapsed_s else 0.0
                now = time.monotonic()
                if waiting and (
                    now - flushed_at >= FLUSH_EVERY_S or len(waiting) >= SEGMENT_CHARACTERS
                ):
                    self._say(query, TokenKind.TEXT, waiting)
                    waiting, flushed_at = "", now
        raise RuntimeFailed("the runtime stopped in the middle")

    def _check_wanted(self, query: Query) -> None:
        if query.cancelled:
            raise _Cancelled("cancelled")
        if self._now_s() > query.expires_s:
            raise _Cancelled("deadline")

    def close(self) -> None:
        if self._worker is not None:
            self._worker.cancel()
