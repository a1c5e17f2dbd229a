"""`/api/v1/passes`: when satellites are in view, as JSON pages or as one stream of CSV."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import orjson
from asgiref.sync import sync_to_async
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from constellation import pass_csv, pass_pages, pass_question, pass_waiting
from constellation.pass_details import Teller
from constellation.pass_pages import Cursor
from constellation.pass_question import Question
from constellation.questions import asked, rfc3339
from constellation.visibility import View
from ops import clock

LIMIT, LIMIT_MAX = 200, 2000
LINES_AT_ONCE = 1_000
CSV_TYPE = "text/csv; charset=utf-8; header=present"


class PassQuery(pass_question.PassFilter):
    details = serializers.BooleanField(required=False, default=True)
    limit = serializers.IntegerField(required=False, min_value=1, max_value=LIMIT_MAX)
    cursor = serializers.CharField(required=False, default="")
    format = serializers.ChoiceField(choices=["json", "csv"], required=False)


class Csv(BaseRenderer):
    """Makes DRF choose by `Accept`, `?format=` or suffix; a refusal is JSON all the same."""

    media_type, format, charset = "text/csv", "csv", "utf-8"

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None):
        return orjson.dumps(data)


class PassList(APIView):
    """`GET /passes?satellite=A,B&station=C&start=…&end=…&min_elevation_deg=…`, by AOS.

    Passes that overlap the span come whole. The element sets are those of record at its start;
    `refused` names satellites that SGP4 refuses. `details=false` leaves out what takes longest:
    azimuth rates, keyholes, sun and moon. JSON comes in pages: follow `next` until it is null;
    `changed` says that element sets or stations have changed since the first page, so that one
    who wants all passes of one and the same orbits starts again. CSV is streamed whole, unless
    `limit` is given: then `Link` leads to the next page.
    """

    permissions = {"GET": "constellation.view_pass"}
    renderer_classes = [JSONRenderer, Csv]

    def get(self, request: Request, **suffix: str) -> HttpResponseBase:
        wanted = asked(PassQuery, request)
        question = pass_question.understood(wanted, clock.now())
        view = question.view()
        teller = Teller(with_details=wanted["details"])
        cursor = pass_pages.read(wanted["cursor"]) if wanted["cursor"] else None
        as_csv = request.accepted_renderer.format == "csv"
        if as_csv and not wanted.get("limit"):
            return stream(question, view, teller, cursor)
        return page(request, question, view, teller, cursor, wanted.get("limit") or LIMIT, as_csv)


def page(
    request: Request,
    question: Question,
    view: View,
    teller: Teller,
    cursor: Cursor | None,
    limit: int,
    as_csv: bool,
) -> HttpResponseBase:
    """Answer with one page, which is of the same span as the first, even when that was now."""
    version = view.version
    pass_waiting.check(view, pass_pages.start_of(question, cursor), question.end_at)
    gathered = pass_pages.gather(pass_pages.after(question, view, cursor), limit)
    bodies = [body for table in gathered.tables for body in teller.bodies(table)]
    following = None
    if gathered.more:
        last = pass_pages.place_of(gathered.tables[-1], -1)
        changes = {
            "start": rfc3339(question.start_at),
            "end": rfc3339(question.end_at),
            "cursor": pass_pages.write(Cursor(*last, cursor.version if cursor else version)),
        }
        following = address(request, changes)
    if as_csv:
        writer = pass_csv.Writer(teller.carriers_of(view), with_details=teller.with_details)
        answer = HttpResponse(writer.header() + writer.lines(bodies), content_type=CSV_TYPE)
        if following:
            answer["Link"] = f'<{following}>; rel="next"'
        return answer
    return Response(
        {
            "next": following,
            "results": bodies,
            "refused": gathered.refused,
            "changed": cursor is not None and cursor.version != version,
        }
    )


def stream(
    question: Question, view: View, teller: Teller, cursor: Cursor | None
) -> StreamingHttpResponse:
    """Answer with all passes, line by line as they are computed."""
    writer = pass_csv.Writer(teller.carriers_of(view), with_details=teller.with_details)

    def parts() -> Iterator[str]:
        yield writer.header()
        for table in pass_pages.after(question, view, cursor):
            for first in range(0, len(table.rows), LINES_AT_ONCE):
                some = table.part(np.arange(first, min(first + LINES_AT_ONCE, len(table.rows))))
                yield writer.lines(teller.bodies(some))

    answer = StreamingHttpResponse(_in_thread(parts()), content_type=CSV_TYPE)
    answer["Content-Disposition"] = 'attachment; filename="passes.csv"'
    # A proxy that waits for all of it would hold back what is already known.
    answer["X-Accel-Buffering"] = "no"
    return answer


async def _in_thread(parts: Iterator[str]) -> AsyncIterator[bytes]:
    """Take one part at a time: Django would take all of a plain iterator before the first."""
    take = sync_to_async(lambda: next(parts, None))
    while (part := await take()) is not None:
        yield part.encode()


def address(request: Request, changes: dict[str, str]) -> str:
    """Return the address of this request with some of its query changed."""
    query = request.query_params.copy()
    for name, value in changes.items():
        query[name] = value
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
