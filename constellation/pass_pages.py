"""Passes in pages: in order of AOS, satellite and station, resumed behind a cursor."""

import base64
import binascii
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isfinite

import numpy as np
import orjson

from constellation import visibility
from constellation.pass_question import Question
from constellation.visibility import Table, View
from ops.errors import Invalid


@dataclass(frozen=True)
class Cursor:
    """The last pass of a page, and the orbits and stations that the first page was of."""

    aos_s: float
    satellite: str
    station: str
    version: str


@dataclass
class Gathered:
    """The passes of one page, and whether there are more."""

    tables: list[Table] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    more: bool = False


def gather(tables: Iterable[Table], limit: int) -> Gathered:
    """Return the first passes of some tables; no more tables are taken than needed."""
    page, left = Gathered(), limit
    for table in tables:
        page.refused |= table.refused
        if len(table.rows):
            if not left:
                page.more = True
                break
            page.tables.append(table.part(np.arange(min(left, len(table.rows)))))
            if len(table.rows) > left:
                page.more = True
                break
            left -= len(table.rows)
    return page


def after(question: Question, view: View, cursor: Cursor | None) -> Iterator[Table]:
    """Yield the passes that a question asks for, behind a cursor if there is one."""
    for table in visibility.walk(view, start_of(question, cursor), question.end_at):
        some = question.answer(table)
        yield some if cursor is None else some.part(_behind(some, cursor))


def start_of(question: Question, cursor: Cursor | None) -> datetime:
    """Return from where on passes have to be looked at."""
    if cursor is None:
        return question.start_at
    aos_at = datetime.fromtimestamp(cursor.aos_s, UTC)
    return min(max(question.start_at, aos_at), question.end_at)


def _behind(table: Table, cursor: Cursor) -> np.ndarray:
    behind = table.rows["aos_s"] > cursor.aos_s
    for number in np.flatnonzero(table.rows["aos_s"] == cursor.aos_s).tolist():
        behind[number] = place_of(table, number)[1:] > (cursor.satellite, cursor.station)
    return behind


def place_of(table: Table, number: int) -> tuple[float, str, str]:
    """Return what orders passes, of one of a table."""
    row = table.rows[number]
    satellite = table.element_sets[int(row["satellite"])].satellite
    return float(row["aos_s"]), satellite.code, table.stations[int(row["station"])].code


def write(cursor: Cursor) -> str:
    """Return a cursor as text; callers need not understand it."""
    return base64.urlsafe_b64encode(orjson.dumps(cursor)).decode().rstrip("=")


def read(text: str) -> Cursor:
    """Return the cursor that a page gave."""
    try:
        data = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        cursor = Cursor(**data)
        datetime.fromtimestamp(cursor.aos_s, UTC)
        names = (cursor.satellite, cursor.station, cursor.version)
        if isfinite(cursor.aos_s) and all(isinstance(name, str) for name in names):
            return cursor
    except (binascii.Error, ValueError, TypeError, OverflowError, OSError) as error:
        raise Invalid("This cursor is not one that a page gave.") from error
    raise Invalid("This cursor is not one that a page gave.")
