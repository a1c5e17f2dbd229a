"""The page of subscriptions: who is told of alarms, added, changed, tried and removed."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.urls import reverse

from telemetry.alarms import sending
from telemetry.alarms.models import Subscription
from tests.telemetry.alarms.shared import person, subscribe, text_of


def fields(hook, **details):
    return {
        "name": "Night shift",
        "channel": "webhook",
        "target": hook.url,
        "minimum_level": "distress",
        "digest_s": "30",
        "hourly_most": "20",
        "quiet_from": "22:00",
        "quiet_until": "06:30",
        "quiet_except_level": "critical",
        "satellites": "",
        "profiles": "scs-01, scs-02",
        "is_active": "on",
        **details,
    }


def write(operator, subscription_id, said):
    return operator.post(reverse("write-subscription", args=[subscription_id]), said)


def test_a_subscription_is_added_tried_changed_and_removed_on_its_page(operator, hook):
    assert "Nobody is told." in text_of(operator.get("/alarms/subscriptions"))
    assert "/alarms/subscriptions" in text_of(operator.get("/alarms"))
    name = uuid4()
    page = text_of(write(operator, name, fields(hook)))
    row = Subscription.objects.get(pk=name)
    assert row.secret in page
    assert (row.minimum_level, row.quiet_until_min, row.digest_s) == (3, 390, 30.0)
    assert row.filter == {"profiles": ["scs-01", "scs-02"]}

    address = reverse("subscription", args=[name])
    assert row.secret not in text_of(operator.get(address))
    assert operator.post(reverse("test-subscription", args=[name])).url == address
    assert sending.send_due(wall=lambda: datetime.now(UTC) + timedelta(seconds=5)) == 1
    assert [body["kind"] for body in hook.bodies()] == ["test"]
    assert "<td>Sent</td>" in text_of(operator.get(address))

    changed = fields(hook, name="Day shift", quiet_from="", quiet_until="", events=["raise"])
    del changed["is_active"]
    assert write(operator, name, changed).url == address
    kept = Subscription.objects.get()
    assert (kept.name, kept.secret, kept.is_active) == ("Day shift", row.secret, False)
    assert (kept.quiet_from_min, kept.events) == (None, ["raise"])
    assert "Day shift" in text_of(operator.get("/alarms/subscriptions"))
    for _ in range(2):
        operator.post(reverse("remove-subscription", args=[name]))
    assert not Subscription.objects.exists()


@pytest.mark.parametrize(
    ("details", "says"),
    [
        ({"target": "http://10.0.0.1/"}, "inside of our own network"),
        ({"name": ""}, "name:"),
        ({"quiet_from": ""}, "a beginning and an end"),
        ({"digest_s": "soon"}, "digest_s:"),
        ({"events": ["explode"]}, "explode"),
        ({"profiles": "x" * 201}, "filter:"),
    ],
)
def test_what_is_wrong_is_said_beside_what_was_typed(operator, hook, details, says):
    page = text_of(write(operator, uuid4(), fields(hook, minimum_level="severe") | details))
    assert says in page.replace("&quot;", '"')
    assert "<option selected>severe" in page
    assert not Subscription.objects.exists()


def test_subscriptions_of_others_and_for_viewers_are_not_there(operator, client, hook):
    theirs = subscribe(hook.url)
    assert operator.get(reverse("subscription", args=[theirs.pk])).status_code == 404
    assert operator.post(reverse("test-subscription", args=[theirs.pk])).status_code == 404
    assert "already names something else" in text_of(write(operator, theirs.pk, fields(hook)))
    operator.post(reverse("remove-subscription", args=[theirs.pk]))
    assert Subscription.objects.get() == theirs
    client.force_login(person("viewer"))
    assert client.get("/alarms/subscriptions").status_code == 403
    assert write(client, uuid4(), fields(hook)).status_code == 403
    assert "/alarms/subscriptions" not in text_of(client.get("/alarms"))
