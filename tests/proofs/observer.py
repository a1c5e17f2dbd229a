"""Looks at a running Zenith from the outside: its database, its simulator, its customers' API."""

import hashlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import psycopg

from constellation.stations import control
from tests.running import Zenith


class Observer:
    """Asks the three that know: PostgreSQL, the simulator, and the web process."""

    def __init__(self, zenith: Zenith) -> None:
        self.zenith = zenith
        self.key = zenith.word("Customer key").strip()
        self.address = f"http://127.0.0.1:{zenith.port}"

    # --- the database

    def rows(self, sql: str, *values: Any) -> list[tuple]:
        """Return a query's rows; a server that is just starting again is waited for."""
        for _ in range(120):
            try:
                url = self.zenith.environment["DATABASE_URL"]
                with psycopg.connect(url, connect_timeout=5) as connection:
                    return connection.execute(sql, values).fetchall()
            except psycopg.OperationalError:
                time.sleep(0.25)
        raise AssertionError("the database stayed away for 30 s")

    def value(self, sql: str, *values: Any) -> Any:
        return self.rows(sql, *values)[0][0]

    def acknowledged_bytes(self) -> int:
        return int(
            self.value("SELECT coalesce(sum(acknowledged_bytes), 0) FROM transfers_shipment")
        )

    def active_satellites(self) -> list[str]:
        sql = (
            "SELECT s.code FROM transfers_transfer t JOIN constellation_satellite s "
            "ON s.id = t.satellite_id WHERE t.state = 'ACTIVE' ORDER BY 1"
        )
        return [code for (code,) in self.rows(sql)]

    def satellites(self) -> list[tuple[int, str]]:
        return self.rows("SELECT id, code FROM constellation_satellite ORDER BY code")

    # --- the simulator

    @property
    def control_address(self) -> str:
        return self.zenith.environment["ZENITH_SIMULATOR_CONTROL"]

    def sent_packets(self, code: str) -> set[tuple]:
        return {tuple(row) for row in control.manifest(self.control_address, code)}

    def stored_packets(self, satellite_id: int) -> set[tuple]:
        sql = (
            "SELECT volume, boot, serial, apid, data FROM telemetry_packet WHERE satellite_id = %s"
        )
        return {
            (volume, boot, serial, apid, hashlib.sha256(data).hexdigest()[:16])
            for volume, boot, serial, apid, data in self.rows(sql, satellite_id)
        }

    def explained_serials(self, satellite_id: int) -> list[tuple[int, int, int]]:
        """Return (volume, first, following) of gaps that are rows: open, or lost with a reason."""
        sql = (
            "SELECT volume, lower(serials), upper(serials) FROM telemetry_gap "
            "WHERE satellite_id = %s AND state IN ('open', 'lost')"
        )
        return self.rows(sql, satellite_id)

    # --- the customers' API

    def answer(self, prompt: str, *, max_tokens: int, on_text: Any = None) -> str:
        """Ask and return the whole answer, over as many connections as it takes."""
        text = ""
        for kind, piece in self._stream(prompt, max_tokens):
            if kind == "text":
                text += piece
                if on_text:
                    on_text(text)
            elif kind == "query":
                query_id = piece
            elif kind == "cut":
                return self._whole(query_id)
        return text

    def _stream(self, prompt: str, max_tokens: int) -> Iterator[tuple[str, str]]:
        body = {
            "model": self._model(),
            "stream": True,
            "max_tokens": max_tokens,
            "temperature": 0,
            "messages": [{"role": "user", "content": prompt}],
        }
        request = self._request("/v1/chat/completions", body)
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:
                for line in answer:
                    if not line.startswith(b"data: "):
                        continue
                    data = line[6:].strip()
                    if data == b"[DONE]":
                        return
                    chunk = json.loads(data)
                    yield "query", chunk["id"]
                    for choice in chunk.get("choices", []):
                        yield "text", choice["delta"].get("content") or ""
        except (OSError, urllib.error.HTTPError):
            pass
        yield "cut", ""

    def _whole(self, chunk_id: str) -> str:
        """Read an answer from the database once it is whole: what a client that resumes gets."""
        query_id = chunk_id.removeprefix("chatcmpl-")
        give_up_at = time.monotonic() + 180
        while time.monotonic() < give_up_at:
            state = self.value("SELECT state FROM inference_query WHERE id = %s", query_id)
            if state in ("DELIVERED", "FAILED", "EXPIRED"):
                assert state == "DELIVERED", state
                return self.stored_answer(query_id)
            time.sleep(0.5)
        raise AssertionError(f"query {query_id} was not answered")

    def stored_answer(self, query_id: str) -> str:
        sql = (
            "SELECT string_agg(s.text, '' ORDER BY s.number) FROM inference_segment s "
            "JOIN inference_query q ON q.id = s.query_id "
            "WHERE q.id = %s AND s.kind = 1 AND s.satellite_id = q.answered_by_id"
        )
        return self.value(sql, query_id)

    def _model(self) -> str:
        with urllib.request.urlopen(self._request("/v1/models"), timeout=30) as answer:
            return json.load(answer)["data"][0]["id"]

    def _request(self, path: str, body: dict | None = None) -> urllib.request.Request:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        data = json.dumps(body).encode() if body else None
        return urllib.request.Request(self.address + path, data, headers)
