"""`/api/v1/czml`: satellites, stations, passes, contacts and laser links for Cesium."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import orjson
from django.http import HttpResponse
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from constellation import (
    catalogue,
    czml,
    links,
    pass_pages,
    pass_question,
    pass_waiting,
)
from constellation.contacts import booking
from constellation.contacts.models import HOLDING, State
from constellation.czml import Packet, Span
from constellation.pass_question import Question
from constellation.questions import Number, asked
from constellation.visibility import View
from ops import clock
from ops.accounts.models import User
from ops.errors import Invalid

KINDS = ["satellites", "stations", "passes", "contacts", "links"]
SAMPLES_MAX = 400_000
PASSES_MAX = 20_000
HOURS = timedelta(hours=3)


class TooLarge(Invalid):
    code = "too_large_document"


class CzmlQuery(pass_question.PassFilter):
    """As of passes, with what to show (by default everything) and how finely (60 s)."""

    show = serializers.CharField(required=False, default=",".join(KINDS))
    step_s = Number(required=False, default=60.0, min_value=10.0, max_value=120.0)

    def validate_show(self, value: str) -> list[str]:
        kinds = [kind.strip() for kind in value.split(",") if kind.strip()]
        if unknown := sorted(set(kinds) - set(KINDS)):
            raise serializers.ValidationError(
                f"There is no {', '.join(unknown)} to show; there are {', '.join(KINDS)}."
            )
        return kinds


class Czml(APIView):
    """`GET /czml?satellite=…&station=…&start=…&end=…&show=satellites,stations,passes`.

    The next three hours by default. Lines join satellites and stations during passes (dim) and
    contacts (bright), and satellites during windows of their laser links (red). What lines
    join is in the document too, whether or not it is to be shown by itself.
    """

    permissions = {"GET": "constellation.view_pass"}

    def get(self, request: Request) -> HttpResponse:
        wanted = asked(CzmlQuery, request)
        now = clock.now()
        start_at = wanted.setdefault("start", now)
        wanted.setdefault("end", start_at + HOURS)
        question = pass_question.understood(wanted, now)
        packets = list(_packets(question, wanted["show"], wanted["step_s"], request.user, now))
        body = HttpResponse(orjson.dumps(packets), content_type=czml.MEDIA_TYPE)
        body["Content-Disposition"] = 'inline; filename="zenith.czml"'
        return body


def _packets(
    question: Question, show: list[str], step_s: float, user: User, now: datetime
) -> Iterator[Packet]:
    span = question.start_at, question.end_at
    view = question.view()
    joins = bool({"passes", "contacts"} & set(show))
    yield czml.document("Zenith", *span, now)
    flown: set[str] = set()
    if "satellites" in show or joins or "links" in show:
        for packet in _satellites(view, span, step_s):
            flown.add(packet["id"].partition("/")[2])
            yield packet
    if "stations" in show or joins:
        wanted = [station for station in view.stations if station.pk in view.wanted]
        yield from (czml.station(each) for each in sorted(wanted, key=lambda each: each.code))
    if "passes" in show:
        yield from _passes(question, view, span, flown)
    if "contacts" in show:
        yield from _contacts(view, span, user, flown)
    if "links" in show:
        yield from _links(view, span, flown)


def _satellites(view: View, span: Span, step_s: float) -> Iterator[Packet]:
    start_s, end_s = (at.timestamp() for at in span)
    count = int(np.ceil((end_s - start_s) / step_s)) + 1 + 2 * czml.PADDING
    if count * len(view.element_sets) > SAMPLES_MAX:
        raise TooLarge(
            f"{len(view.element_sets):,} satellites at {count:,} instants are more than the "
            f"{SAMPLES_MAX:,} positions of a document. Ask for fewer satellites, a shorter span "
            "or a longer step_s."
        )
    at_s = start_s + step_s * (np.arange(count) - czml.PADDING)
    states = catalogue.orbits(view.element_sets).states(at_s)
    for row, position_m in zip(view.element_sets, states.position_m, strict=True):
        good = np.isfinite(position_m).all(axis=-1)
        known = len(good) if good.all() else int(np.argmin(good))
        # A satellite that SGP4 loses is there as long as it flew it.
        until_s = min(end_s, float(at_s[known - 1])) if known else start_s
        if until_s <= start_s:
            continue
        available = span[0], datetime.fromtimestamp(until_s, UTC)
        yield czml.satellite(row.satellite, available, start_s, at_s[:known], position_m[:known])


def _passes(question: Question, view: View, span: Span, flown: set[str]) -> Iterator[Packet]:
    pass_waiting.check(view, *span)
    pairs: dict[tuple[str, str], list[Span]] = {}
    count = 0
    for table in pass_pages.after(question, view, None):
        count += len(table.rows)
        if count > PASSES_MAX:
            raise TooLarge(
                f"There are more than the {PASSES_MAX:,} passes of a document. Ask for fewer "
                "satellites or stations, a shorter span or a higher min_elevation_deg."
            )
        for each in table.passes():
            pair = each.satellite.code, each.station.code
            pairs.setdefault(pair, []).append((each.aos_at, each.los_at))
    for (satellite, station), spans in sorted(pairs.items()):
        if satellite in flown and (shown := czml.merged(spans, span)):
            ends = f"satellite/{satellite}", f"station/{station}"
            name = f"Passes of {satellite} over {station}"
            yield czml.line(f"pass/{satellite}/{station}", name, "pass", ends, shown)


def _contacts(view: View, span: Span, user: User, flown: set[str]) -> Iterator[Packet]:
    contacts = (
        booking.visible_to(user)
        .filter(los_at__gt=span[0], aos_at__lt=span[1])
        .filter(state__in=[*HOLDING, State.COMPLETED])
        .filter(antenna__station__in=view.wanted, satellite__code__in=flown)
        .select_related("satellite", "antenna__station")
        .order_by("aos_at", "pk")
    )
    for each in contacts:
        ends = f"satellite/{each.satellite.code}", f"station/{each.antenna.station.code}"
        shown = czml.merged([(each.aos_at, each.los_at)], span)
        yield czml.line(f"contact/{each.pk}", f"Contact {each}", "contact", ends, shown)


def _links(view: View, span: Span, flown: set[str]) -> Iterator[Packet]:
    flying = [row.satellite for row in view.element_sets]
    satellites = [each for each in flying if each.profile.isl_terminals]
    if len(satellites) < 2:
        return
    seen = links.windows_between(*span, satellites=satellites, among=True)
    pairs: dict[tuple[str, str], list[Span]] = {}
    for number in range(len(seen)):
        window = seen.window(number)
        pair = window.first.code, window.second.code
        pairs.setdefault(pair, []).append((window.start_at, window.end_at))
    for (first, second), spans in sorted(pairs.items()):
        if {first, second} <= flown and (shown := czml.merged(spans, span)):
            ends = f"satellite/{first}", f"satellite/{second}"
            name = f"Laser link {first} to {second}"
            yield czml.line(f"laser/{first}/{second}", name, "laser", ends, shown)


urlpatterns = [path("czml", Czml.as_view())]
