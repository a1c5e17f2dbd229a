"""Which packs of an artefact a satellite holds and where each came from, as it signs for it.

Neighbours hand these reports on: the signature lets the ground believe them whoever brought them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from telemetry import onboard

SIGNATURE_BYTES = 64
_AFTER = struct.calcsize(">H")
_SIGNED_UP_TO = onboard.HOLDINGS_LAYOUT.size - _AFTER - SIGNATURE_BYTES
PACKS_MOST = 65_536


class BadHoldings(ValueError):
    """Not a report of this satellite; the message says why."""


@dataclass(frozen=True, slots=True)
class Span:
    """Packs `first` to `last`, both included, and the entity that they came from."""

    source: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Holdings:
    """One report; `onboard.HOLDINGS_LAYOUT` says what the fields mean."""

    entity_id: int
    at_ns: int
    artefact: str
    packs: int
    first: int
    count: int
    laser_bytes: int
    spans: tuple[Span, ...]
    refused: tuple[int, ...] = ()

    def encode(self, satellite: str, key: Ed25519PrivateKey) -> bytes:
        """Return the payload of a HOLDINGS packet."""
        rows = [(one, 1, 0) for one in self.refused]
        rows += [(span.source, span.first, span.last) for span in self.spans]
        blank = onboard.HOLDINGS_LAYOUT.pack(
            self.entity_id,
            self.at_ns,
            bytes.fromhex(self.artefact),
            self.packs,
            self.first,
            self.count,
            self.laser_bytes,
            bytes(SIGNATURE_BYTES),
            len(rows),
        ) + b"".join(onboard.HOLDINGS_RANGE.pack(*row) for row in rows)
        signature = key.sign(_signed(satellite, blank))
        return _with(blank, signature)

    @classmethod
    def decode(cls, payload: bytes, satellite: str, key: Ed25519PrivateKey) -> Holdings:
        """Read a payload that `satellite` signed; `BadHoldings` when it did not."""
        try:
            *said, signature, count = onboard.HOLDINGS_LAYOUT.unpack_from(payload)
            key.public_key().verify(
                signature, _signed(satellite, _with(payload, bytes(SIGNATURE_BYTES)))
            )
            rows = list(_rows(payload[onboard.HOLDINGS_LAYOUT.size :], count))
        except InvalidSignature:
            raise BadHoldings("the signature is not this satellite's")
        except struct.error as error:
            raise BadHoldings(str(error)) from error
        entity_id, at_ns, artefact, packs, first, covered, laser_bytes = said
        spans = tuple(row for row in rows if row.first <= row.last)
        if packs > PACKS_MOST or first + covered > packs:
            raise BadHoldings(f"packs {first} and {covered} more of {packs}")
        if any(span.first < first or span.last >= first + covered for span in spans):
            raise BadHoldings("a range lies outside of what the report is about")
        refused = tuple(row.source for row in rows if row.first > row.last)
        return cls(
            *(entity_id, at_ns, artefact.hex(), packs, first, covered, laser_bytes),
            spans=spans,
            refused=refused,
        )

    def parts(self) -> Iterator[Holdings]:
        """Yield the report in parts that fit a packet each: as a rule, itself alone."""
        most = onboard.HOLDINGS_RANGES_MAX
        if len(self.spans) <= most:
            yield self
            return
        first = self.first
        for at in range(0, len(self.spans), most):
            spans = self.spans[at : at + most]
            is_last = at + most >= len(self.spans)
            end = self.first + self.count if is_last else spans[-1].last + 1
            yield replace(self, first=first, count=end - first, spans=spans)
            first = end


def entity_of(payload: bytes) -> int:
    """Return whose report this says that it is, before anything of it is believed."""
    if len(payload) < onboard.HOLDINGS_LAYOUT.size:
        raise BadHoldings(f"{len(payload)} bytes are no report")
    return int.from_bytes(payload[:2])


def spans_of(sources: Iterable[int | None]) -> tuple[Span, ...]:
    """Return the ranges of packs held, from where each came: None for a pack that is not there."""
    spans: list[Span] = []
    for number, source in enumerate(sources):
        if source is None:
            continue
        if spans and (spans[-1].source, spans[-1].last) == (source, number - 1):
            spans[-1] = Span(source, spans[-1].first, number)
        else:
            spans.append(Span(source, number, number))
    return tuple(spans)


def _rows(field: bytes, count: int) -> Iterator[Span]:
    size = onboard.HOLDINGS_RANGE.size
    if len(field) != count * size:
        raise BadHoldings(f"{count} ranges need {count * size} bytes, got {len(field)}")
    for row in onboard.HOLDINGS_RANGE.iter_unpack(field):
        yield Span(*row)


def _with(payload: bytes, signature: bytes) -> bytes:
    return payload[:_SIGNED_UP_TO] + signature + payload[_SIGNED_UP_TO + SIGNATURE_BYTES :]


def _signed(satellite: str, blank: bytes) -> bytes:
    return onboard.HOLDINGS_DOMAIN + satellite.encode() + blank
