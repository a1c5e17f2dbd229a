"""`/api/v1/notifications`: who is told of alarms, how, and what became of each message."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet
from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from constellation.questions import Named, NoQuestion, Number, PageQuestion, asked, rfc3339
from ops import clock
from ops.api import Page
from ops.errors import Invalid
from telemetry.alarms import sending, subscribing
from telemetry.alarms.levels import BY_NAME, Level
from telemetry.alarms.lifecycle import Event
from telemetry.alarms.models import Delivery, DeliveryState, Subscription
from telemetry.alarms.models_notices import Channel

LEVELS = [name for name in BY_NAME if name != "normal"]
FILTERS = ("satellites", "roles", "profiles", "parameters")


class ById(Page):
    ordering = "id"


class LatestFirst(Page):
    ordering = ("-opened_at", "id")


class Minute(serializers.CharField):
    """A minute of the day in UTC, as `22:30`; kept as minutes since midnight."""

    def to_internal_value(self, data: Any) -> int:
        words = super().to_internal_value(data)
        hour, _, minute = words.partition(":")
        if not (hour.isascii() and minute.isascii() and hour.isdigit() and minute.isdigit()):
            raise serializers.ValidationError("A minute of the day is written as 22:30.")
        if len(words) > 5 or int(hour) > 23 or int(minute) > 59:
            raise serializers.ValidationError("A day has minutes from 00:00 to 23:59.")
        return int(hour) * 60 + int(minute)


class SubscriptionRequest(Named):
    name = serializers.CharField(max_length=100)
    channel = serializers.ChoiceField(choices=Channel.choices)
    target = serializers.CharField(max_length=500)
    secret = serializers.CharField(
        required=False, default="", allow_blank=True, min_length=16, max_length=100
    )
    minimum_level = serializers.ChoiceField(choices=LEVELS, required=False, default="warning")
    filter = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField(max_length=200), max_length=5_000),
        required=False,
        default=dict,
    )
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=[each.value for each in Event]),
        required=False,
        default=list,
    )
    digest_s = Number(required=False, default=30.0, min_value=0.0, max_value=86_400.0)
    hourly_most = serializers.IntegerField(required=False, default=20, min_value=1, max_value=3_600)
    quiet_from = Minute(required=False, allow_null=True, default=None)
    quiet_until = Minute(required=False, allow_null=True, default=None)
    quiet_except_level = serializers.ChoiceField(choices=LEVELS, required=False, default="critical")
    is_active = serializers.BooleanField(required=False, default=True)

    def validate_filter(self, said: dict[str, list[str]]) -> dict[str, list[str]]:
        if unknown := sorted(set(said) - set(FILTERS)):
            known = ", ".join(FILTERS)
            raise serializers.ValidationError(f"{', '.join(unknown)} is not known; known: {known}.")
        return said

    def validate(self, said: dict[str, Any]) -> dict[str, Any]:
        quiet = [said.pop("quiet_from"), said.pop("quiet_until")]
        if (quiet[0] is None) != (quiet[1] is None):
            raise serializers.ValidationError("Quiet hours have a beginning and an end.")
        levels = {name: BY_NAME[said[name]] for name in ("minimum_level", "quiet_except_level")}
        return {**said, **levels, "quiet_from_min": quiet[0], "quiet_until_min": quiet[1]}


def _theirs(request: Request) -> QuerySet[Subscription]:
    return Subscription.objects.filter(organisation=request.user.organisation)


class SubscriptionList(APIView):
    """`GET /notifications/subscriptions`: those of the caller's organisation."""

    permissions = {"GET": "alarms.view_subscription"}

    def get(self, request: Request) -> Response:
        asked(PageQuestion, request)
        page = ById()
        rows = page.paginate_queryset(_theirs(request), request, view=self)
        return page.get_paginated_response([body_of(row) for row in rows])


class SubscriptionDetail(APIView):
    """`GET`, `PUT` and `DELETE /notifications/subscriptions/{subscription_id}`.

    The secret that signs webhooks is answered once: to the `PUT` that made it.
    """

    permissions = {
        "GET": "alarms.view_subscription",
        "PUT": "alarms.change_subscription",
        "DELETE": "alarms.change_subscription",
    }

    def get(self, request: Request, subscription_id: UUID) -> Response:
        asked(NoQuestion, request)
        return Response(body_of(get_object_or_404(_theirs(request), pk=subscription_id)))

    def put(self, request: Request, subscription_id: UUID) -> Response:
        if not isinstance(request.data, dict):
            raise Invalid("A subscription is a JSON object.")
        read = SubscriptionRequest(data=request.data)
        if unknown := sorted(set(request.data) - set(read.fields)):
            known = ", ".join(read.fields)
            raise Invalid(f"{', '.join(unknown)} is not known here; known are {known}.")
        read.is_valid(raise_exception=True)
        is_known = Subscription.objects.filter(pk=subscription_id).exists()
        row, secret = subscribing.write(
            subscription_id=subscription_id,
            organisation=request.user.organisation,
            by=request.user.get_username(),
            **read.validated_data,
        )
        shown = {"secret": secret} if secret else {}
        return Response(body_of(row) | shown, status=200 if is_known else 201)

    def delete(self, request: Request, subscription_id: UUID) -> Response:
        get_object_or_404(_theirs(request), pk=subscription_id).delete()
        return Response(status=204)


class SubscriptionTest(APIView):
    """`POST /notifications/subscriptions/{subscription_id}/test` sends a message of no alarm."""

    permissions = {"POST": "alarms.change_subscription"}

    def post(self, request: Request, subscription_id: UUID) -> Response:
        row = get_object_or_404(_theirs(request), pk=subscription_id)
        return Response(_delivery(subscribing.send_test(subscription=row, wall=clock.wall())), 202)


class DeliveryFilter(PageQuestion):
    subscription = serializers.UUIDField(required=False)
    state = serializers.ChoiceField(choices=DeliveryState.choices, required=False)


class DeliveryList(APIView):
    """`GET /notifications/deliveries?subscription=&state=`, the newest first."""

    permissions = {"GET": "alarms.view_subscription"}

    def get(self, request: Request) -> Response:
        wanted = asked(DeliveryFilter, request)
        rows = Delivery.objects.filter(subscription__in=_theirs(request))
        rows = rows.filter(**wanted_of(wanted)).annotate(item_count=Count("items"))
        page = LatestFirst()
        found = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response([_delivery(row) for row in found])


def wanted_of(wanted: dict[str, Any]) -> dict[str, Any]:
    return {name: wanted[name] for name in ("subscription", "state") if name in wanted}


class DeliveryRetry(APIView):
    """`POST /notifications/deliveries/{delivery_id}/retry` sends what waits or was given up."""

    permissions = {"POST": "alarms.change_subscription"}

    def post(self, request: Request, delivery_id: UUID) -> Response:
        get_object_or_404(Delivery, pk=delivery_id, subscription__in=_theirs(request))
        return Response(_delivery(sending.retry(delivery_id=delivery_id, wall=clock.wall())))


def _minute(minutes: int | None) -> str | None:
    return None if minutes is None else f"{minutes // 60:02}:{minutes % 60:02}"


def body_of(row: Subscription) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "name": row.name,
        "channel": row.channel,
        "target": row.target,
        "minimum_level": Level(row.minimum_level).name.lower(),
        "filter": row.filter,
        "events": row.events,
        "digest_s": row.digest_s,
        "hourly_most": row.hourly_most,
        "quiet_from": _minute(row.quiet_from_min),
        "quiet_until": _minute(row.quiet_until_min),
        "quiet_except_level": Level(row.quiet_except_level).name.lower(),
        "is_active": row.is_active,
    }


def _delivery(row: Delivery) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "subscription": str(row.subscription_id),
        "state": row.state,
        "alarms": getattr(row, "item_count", None),
        "opened_at": rfc3339(row.opened_at),
        "due_at": rfc3339(row.due_at),
        "attempts": row.attempts,
        "error": row.error or None,
        "sent_at": rfc3339(row.sent_at) if row.sent_at else None,
    }


_ONE = "notifications/subscriptions/<uuid:subscription_id>"
urlpatterns = [
    path("notifications/subscriptions", SubscriptionList.as_view()),
    path(_ONE, SubscriptionDetail.as_view()),
    path(f"{_ONE}/test", SubscriptionTest.as_view()),
    path("notifications/deliveries", DeliveryList.as_view()),
    path("notifications/deliveries/<uuid:delivery_id>/retry", DeliveryRetry.as_view()),
]
