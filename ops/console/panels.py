"""What the rooms above put on the console: pages, panels and facts, registered in their `ready`.

The console and the constellation's pages know nothing of telemetry or models; those rooms register
what they have to say about a satellite, and the pages show whatever is there.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ops.accounts import roles


@dataclass(frozen=True)
class Page:
    """An entry of the navigation. `key` is the letter that goes there after `g`."""

    label: str
    url_name: str
    permission: str
    key: str
    order: int = 100


@dataclass(frozen=True)
class Panel:
    """A part of the page of one thing. `context` gets the thing and mission time.

    `of` says of which: "satellite" or "contact".
    """

    of: str
    name: str
    template: str
    permission: str
    context: Callable[[Any, datetime], dict[str, Any]]
    column: str = "side"
    order: int = 100


@dataclass(frozen=True)
class HeaderPart:
    """A part of every page's header, and the streams by which it stays up to date."""

    template: str
    permission: str
    context: Callable[[Any, datetime], dict[str, Any]]
    streams: str = ""


@dataclass(frozen=True)
class Fact:
    """What a room says about one satellite in a list of many.

    `status` is one of the six of the design tokens; the worst-ranked word of all rooms is shown.
    `values` go to the list's columns.
    """

    status: str = ""
    words: str = ""
    values: dict[str, Any] = field(default_factory=dict)


Facts = Callable[[Iterable[int], datetime], dict[int, Fact]]
NextContacts = Callable[[Any, datetime], list[dict[str, Any]]]

RANKS = ["", "off", "standby", "normal", "caution", "serious", "critical"]
"""Which status is shown when rooms say different things: the later one."""

_pages: list[Page] = []
_panels: list[Panel] = []
_header: list[HeaderPart] = []
_facts: list[Facts] = []
_next_contacts: list[NextContacts] = []


def register_page(page: Page) -> None:
    _pages.append(page)


def register_panel(panel: Panel) -> None:
    _panels.append(panel)


def register_header(part: HeaderPart) -> None:
    _header.append(part)


def register_satellite_facts(facts: Facts) -> None:
    _facts.append(facts)


def register_next_contacts(next_contacts: NextContacts) -> None:
    _next_contacts.append(next_contacts)


def pages_for(user: Any) -> list[Page]:
    """Return the pages that `user` may open, in order."""
    return sorted((p for p in _pages if roles.may(user, p.permission)), key=lambda p: p.order)


def header_for(user: Any, now: datetime) -> list[dict[str, Any]]:
    """Return the parts of the header that `user` may see, with what they show."""
    return [
        {"template": part.template, "streams": part.streams, "shown": part.context(user, now)}
        for part in _header
        if roles.may(user, part.permission)
    ]


def panels_of(of: str, thing: Any, user: Any, now: datetime) -> dict[str, list[dict[str, Any]]]:
    """Return what the panels of `thing` show to `user`, by column and in order."""
    columns: dict[str, list[dict[str, Any]]] = {"main": [], "side": []}
    for panel in sorted(_panels, key=lambda p: p.order):
        if panel.of == of and roles.may(user, panel.permission):
            shown = {"template": panel.template, "panel": panel.context(thing, now)}
            columns[panel.column].append(shown)
    return columns


def facts_about(satellite_ids: Iterable[int], now: datetime) -> dict[int, Fact]:
    """Return, for each satellite, all rooms' values and the status that ranks highest."""
    ids = list(satellite_ids)
    told = {satellite_id: Fact() for satellite_id in ids}
    for facts in _facts:
        for satellite_id, fact in facts(ids, now).items():
            told[satellite_id] = _joined(told[satellite_id], fact)
    return told


def next_contacts(user: Any, now: datetime) -> list[dict[str, Any]]:
    """Return the contacts `user` may know of, under way and next, for the countdown."""
    return [contact for source in _next_contacts for contact in source(user, now)]


def _joined(one: Fact, other: Fact) -> Fact:
    worse = max(one, other, key=lambda fact: RANKS.index(fact.status))
    return Fact(worse.status, worse.words, {**one.values, **other.values})
