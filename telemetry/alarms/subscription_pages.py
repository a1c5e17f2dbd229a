"""Pages of subscriptions: who of the organisation is told of alarms and how, and a test message."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from ops import clock
from ops.accounts import roles
from ops.errors import Refusal
from ops.pages import BadForm, needs
from telemetry.alarms import api_notices, subscribing
from telemetry.alarms.levels import Level
from telemetry.alarms.lifecycle import Event
from telemetry.alarms.models import Delivery, Subscription
from telemetry.alarms.models_notices import Channel

DELIVERIES = 20
SHOWN_MOST = 200
_TEXTS = (
    "name", "channel", "target", "minimum_level", "digest_s", "hourly_most", "quiet_except_level",
)  # fmt: skip
_MAY_BE_EMPTY = ("quiet_from", "quiet_until")
FRESH = {
    "channel": "webhook",
    "minimum_level": "warning",
    "digest_s": 30.0,
    "hourly_most": 20,
    "quiet_except_level": "critical",
    "is_active": True,
    "events": [],
    "filter": {},
}


def _theirs(request: HttpRequest) -> QuerySet[Subscription]:
    return Subscription.objects.filter(organisation=request.user.organisation)


@require_safe
@needs("alarms.view_subscription")
def subscriptions_page(request: HttpRequest) -> HttpResponse:
    """All subscriptions of the organisation, and the form for another."""
    return _page(request, None, FRESH)


@require_safe
@needs("alarms.view_subscription")
def subscription_page(request: HttpRequest, subscription_id: UUID) -> HttpResponse:
    """One of them: the form that changes it, and what became of its last messages."""
    row = _theirs(request).filter(pk=subscription_id).first()
    if row is None:
        raise Http404("There is no such subscription.")
    return _page(request, row, api_notices.body_of(row))


def _page(
    request: HttpRequest,
    chosen: Subscription | None,
    said: dict[str, Any],
    *,
    subscription_id: UUID | None = None,
    secret: str = "",
) -> HttpResponse:
    deliveries = Delivery.objects.filter(subscription=chosen) if chosen else Delivery.objects.none()
    rows = list(_theirs(request)[:SHOWN_MOST])
    for row in rows:
        row.level_word = Level(row.minimum_level).name.lower()
    return render(
        request,
        "alarms/subscriptions.html",
        {
            "rows": rows,
            "chosen": chosen,
            "chosen_id": chosen.pk if chosen else subscription_id or uuid4(),
            "said": said,
            "filters": [
                (name, ", ".join(said["filter"].get(name, []))) for name in api_notices.FILTERS
            ],
            "secret": secret,
            "levels": api_notices.LEVELS,
            "channels": Channel.choices,
            "events": [each.value for each in Event],
            "deliveries": deliveries.order_by("-opened_at")[:DELIVERIES],
            "may_change": roles.may(request.user, "alarms.change_subscription"),
            "section": "alarms",
        },
    )


@require_POST
@needs("alarms.change_subscription")
def write_subscription(request: HttpRequest, subscription_id: UUID) -> HttpResponse:
    """Add or change one. The page that answers shows a new secret, once; what is wrong is said
    beside what was typed."""
    given = _given(request)
    try:
        row, secret = subscribing.write(
            subscription_id=subscription_id,
            organisation=request.user.organisation,
            by=request.user.get_username(),
            **_read(given),
        )
    except Refusal as refusal:
        messages.error(request, str(refusal))
        known = _theirs(request).filter(pk=subscription_id).first()
        return _page(request, known, given, subscription_id=subscription_id)
    if secret and row.channel == Channel.WEBHOOK:
        return _page(request, row, api_notices.body_of(row), secret=secret)
    messages.success(request, f"{row.name} is written.")
    return redirect("subscription", subscription_id=subscription_id)


def _given(request: HttpRequest) -> dict[str, Any]:
    """Return the form as the request over REST has it."""
    form = request.POST
    given: dict[str, Any] = {name: form.get(name, "") for name in _TEXTS}
    given |= {name: form.get(name) or None for name in _MAY_BE_EMPTY}
    listed = {name: form.get(name, "").split(",") for name in api_notices.FILTERS}
    words = {name: [w.strip() for w in each if w.strip()] for name, each in listed.items()}
    given["filter"] = {name: each for name, each in words.items() if each}
    given["events"] = form.getlist("events")
    given["is_active"] = "is_active" in form
    if form.get("secret"):
        given["secret"] = form["secret"]
    return given


def _read(given: dict[str, Any]) -> dict[str, Any]:
    read = api_notices.SubscriptionRequest(data=given)
    if not read.is_valid():
        wrong = (f"{name}: {_words(said)}" for name, said in read.errors.items())
        raise BadForm(" ".join(wrong).replace("non_field_errors: ", ""))
    return dict(read.validated_data)


def _words(said: Any) -> str:
    """Return errors of a field, which may be by member, as one text."""
    if isinstance(said, dict):
        said = [_words(each) for each in said.values()]
    return " ".join(map(str, said)) if isinstance(said, list) else str(said)


@require_POST
@needs("alarms.change_subscription")
def remove_subscription(request: HttpRequest, subscription_id: UUID) -> HttpResponse:
    row = _theirs(request).filter(pk=subscription_id).first()
    if row is not None:
        row.delete()
        messages.success(request, f"{row.name} is removed: nobody is told by it any more.")
    return redirect("subscriptions")


@require_POST
@needs("alarms.change_subscription")
def test_subscription(request: HttpRequest, subscription_id: UUID) -> HttpResponse:
    """Send a message of no alarm; the list of messages says what becomes of it."""
    row = get_object_or_404(_theirs(request), pk=subscription_id)
    subscribing.send_test(subscription=row, wall=clock.wall())
    messages.success(request, "A test message is on its way.")
    return redirect("subscription", subscription_id=subscription_id)


_ONE = "alarms/subscriptions/<uuid:subscription_id>"
urlpatterns = [
    path("alarms/subscriptions", subscriptions_page, name="subscriptions"),
    path(_ONE, subscription_page, name="subscription"),
    path(f"{_ONE}/write", write_subscription, name="write-subscription"),
    path(f"{_ONE}/remove", remove_subscription, name="remove-subscription"),
    path(f"{_ONE}/test", test_subscription, name="test-subscription"),
]
