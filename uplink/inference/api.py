"""Questions by REST, for programs of our own: the same questions as under `/v1`, under an id that
the caller chose. The body of a PUT is that of a chat completion."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
from django.db.models import QuerySet
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from constellation.models import Satellite
from constellation.questions import PageQuestion, asked, named
from ops import clock, errors
from ops.api import Page
from uplink.inference import answers, catalogue, queries, wire
from uplink.inference.models import Query, State


class BadQuestion(errors.Invalid):
    code = "bad_question"


class QueryPage(Page):
    ordering = ("-created_at", "-id")


class QueryFilter(PageQuestion):
    state = serializers.ChoiceField(choices=State.choices, required=False)
    satellite = serializers.CharField(required=False, default="")


def _body(query: Query) -> dict[str, Any]:
    asked = {"messages": query.messages, "max_tokens": query.max_tokens}
    used = {
        "prompt_tokens": query.prompt_tokens,
        "completion_tokens": query.completion_tokens,
        "finish_reason": query.finish_reason,
    }
    return {**answers.story(query), **asked, **used}


def _whole_body(query_id: UUID) -> dict[str, Any]:
    progress = answers.read(query_id)
    return _body(progress.query) | {"text": "".join(text for _, text in progress.pieces)}


def _asked(request: Request) -> wire.ChatRequest:
    try:
        return wire.read_request(orjson.dumps(request.data))
    except wire.Malformed as error:
        raise BadQuestion(str(error), param=error.param) from error


class QueriesView(APIView):
    """`GET /queries?state=…&satellite=CODE`: one's own organisation's, the newest first."""

    permissions = {"GET": "inference.view_query"}

    def get(self, request: Request) -> Response:
        page = QueryPage()
        shown = page.paginate_queryset(self.rows(request), request, view=self)
        return page.get_paginated_response([_body(query) for query in shown])

    def rows(self, request: Request) -> QuerySet[Query]:
        rows = Query.objects.select_related(*answers.STORY)
        if not request.user.organisation.operates_fleet:
            rows = rows.filter(organisation=request.user.organisation)
        wanted = asked(QueryFilter, request)
        if state := wanted.get("state"):
            rows = rows.filter(state=state)
        if satellites := named(Satellite, wanted["satellite"]):
            rows = rows.filter(satellite__in=satellites)
        return rows


class QueryView(APIView):
    """One question: asked by PUT (201, again 200), told by GET, taken back by DELETE."""

    permissions = {
        "GET": "inference.view_query",
        "PUT": "inference.add_query",
        "DELETE": "inference.add_query",
    }

    def get(self, request: Request, query_id: UUID) -> Response:
        queries.of_organisation(query_id, request.user.organisation)
        return Response(_whole_body(query_id))

    def put(self, request: Request, query_id: UUID) -> Response:
        asked = _asked(request)
        _, is_new = queries.ask(
            query_id=query_id,
            organisation=request.user.organisation,
            user=request.user,
            version=catalogue.version_of(asked.model),
            messages=asked.messages,
            max_tokens=asked.max_tokens,
            temperature=asked.temperature,
            seed=asked.seed,
            lifetime_s=asked.lifetime_s,
            now=clock.now(),
        )
        return Response(_whole_body(query_id), status=201 if is_new else 200)

    def delete(self, request: Request, query_id: UUID) -> Response:
        queries.of_organisation(query_id, request.user.organisation)
        queries.cancel(query_id=query_id, now=clock.now())
        return Response(_whole_body(query_id))


urlpatterns = [
    path("queries", QueriesView.as_view(), name="queries"),
    path("queries/<uuid:query_id>", QueryView.as_view(), name="query"),
]
