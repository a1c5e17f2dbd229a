"""`/api/v1/{stations,satellites}/{code}/calendar.ics`: iCalendar feeds (RFC 5545), and tokens.

Programs that can send a header use the first form. Calendar programs cannot: for them the same
feed is at `/api/v1/calendars/{token}/…`, with a token that reads feeds and nothing else.
"""

import hashlib
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils.http import parse_etags, quote_etag
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from constellation import calendar_tokens, icalendar
from constellation.contacts import feeds
from constellation.models import CalendarToken, Satellite, Station
from constellation.questions import Named, NoQuestion, Number, asked, rfc3339
from ops import clock

THINGS: dict[str, type[Station | Satellite]] = {"stations": Station, "satellites": Satellite}


class FeedQuery(serializers.Serializer):
    days = serializers.IntegerField(
        required=False, default=feeds.DAYS, min_value=1, max_value=feeds.DAYS_MAX
    )
    min_elevation_deg = Number(required=False, default=10.0, min_value=-90, max_value=90)


class Feed(APIView):
    """`GET …/calendar.ics?days=2&min_elevation_deg=10`: passes and contacts, told apart by
    CATEGORIES and by the first word of SUMMARY. Sends an ETag and answers 304 to it."""

    permissions = {"GET": "constellation.view_pass"}

    def get(self, request: Request, kind: str, code: str, **token: str) -> HttpResponse:
        wanted = asked(FeedQuery, request)
        thing = get_object_or_404(THINGS[kind], code=code)
        body = feeds.calendar(thing, request.user, clock.now(), **wanted)
        etag = quote_etag(hashlib.sha256(body).hexdigest()[:32])
        if etag in parse_etags(request.headers.get("If-None-Match", "")):
            answer = HttpResponse(status=304)
        else:
            answer = HttpResponse(body, content_type=icalendar.MEDIA_TYPE)
            answer["Content-Disposition"] = f'inline; filename="{code}.ics"'
        answer["ETag"] = etag
        answer["Cache-Control"] = "private, no-cache"
        return answer


class TokenAuthentication(BaseAuthentication):
    """Recognises the token in the address."""

    def authenticate(self, request: Request) -> tuple[Any, CalendarToken]:
        token = request.parser_context["kwargs"]["token"]
        row = calendar_tokens.recognise(token)
        if row is None:
            raise AuthenticationFailed("This calendar address is unknown or was taken back.")
        return row.user, row

    def authenticate_header(self, request: Request) -> str:
        return "Calendar"


class FeedByToken(Feed):
    """The same, for who has the address."""

    authentication_classes = [TokenAuthentication]


class TokenRequest(Named):
    name = serializers.CharField(max_length=100)


class TokenList(APIView):
    """`GET /calendar-tokens`: one's own tokens; what they are is told only when they are made."""

    permissions = {"GET": "constellation.view_pass"}

    def get(self, request: Request) -> Response:
        asked(NoQuestion, request)
        rows = calendar_tokens.of_user(request.user)
        return Response({"next": None, "results": [token_body(row) for row in rows]})


class TokenDetail(APIView):
    """`PUT /calendar-tokens/{uuid}` makes one, `DELETE` takes it back."""

    permissions = {"PUT": "constellation.view_pass", "DELETE": "constellation.view_pass"}

    def put(self, request: Request, token_id: UUID) -> Response:
        given = TokenRequest(data=request.data)
        given.is_valid(raise_exception=True)
        row, token = calendar_tokens.issue(
            token_id=token_id, user=request.user, name=given.validated_data["name"]
        )
        if token is None:
            return Response(token_body(row))
        feed = f"/api/v1/calendars/{token}/stations/CODE.ics"
        body = {**token_body(row), "token": token, "address": request.build_absolute_uri(feed)}
        return Response(body, status=201)

    def delete(self, request: Request, token_id: UUID) -> Response:
        calendar_tokens.revoke(token_id=token_id, user=request.user)
        return Response(status=204)


def token_body(row: CalendarToken) -> dict[str, Any]:
    """Return a token as the API shows it, without itself."""
    return {
        "id": str(row.pk),
        "name": row.name,
        "prefix": row.prefix,
        "created_at": rfc3339(row.created_at),
        "revoked_at": row.revoked_at and rfc3339(row.revoked_at),
    }


urlpatterns = [
    path("calendar-tokens", TokenList.as_view()),
    path("calendar-tokens/<uuid:token_id>", TokenDetail.as_view()),
]
for _kind in THINGS:
    urlpatterns += [
        path(f"{_kind}/<str:code>/calendar.ics", Feed.as_view(), {"kind": _kind}),
        path(
            f"calendars/<str:token>/{_kind}/<str:code>.ics",
            FeedByToken.as_view(),
            {"kind": _kind},
        ),
    ]
