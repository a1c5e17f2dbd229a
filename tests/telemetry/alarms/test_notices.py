"""Who subscribed is told: signed, in digests, later and later while nobody answers, never lost.

Against an HTTP server and a mail server of the tests' own, over real sockets.
"""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from uuid import uuid4

import pytest
from aiosmtpd.controller import Controller

from ops.up import valkey
from telemetry.alarms import notices, operating, sending, subscribing, webhooks
from telemetry.alarms.levels import Level
from telemetry.alarms.models import Delivery, DeliveryState, Subscription, Transition
from tests.factories import make_satellite
from tests.telemetry.alarms.shared import SECRET, find, person, subscribe

MIDNIGHT = datetime(2026, 11, 28, tzinfo=UTC)


class Clock:
    def __init__(self):
        self.at = MIDNIGHT + timedelta(hours=12)

    def __call__(self):
        return self.at

    def run(self, **span):
        """Let wall time pass, then distribute and send as the beat does."""
        self.at += timedelta(**span)
        notices.distribute(wall=self.at)
        return sending.send_due(wall=self)


@pytest.fixture
def wall():
    return Clock()


def test_a_storm_of_alarms_is_one_signed_message(db, hook, wall):
    subscription = subscribe(hook.url)
    for _ in range(40):
        find(make_satellite())
    assert wall.run() == 0  # still collecting
    assert wall.run(seconds=31) == 1
    assert wall.run(seconds=60) == 0

    [(headers, body)] = hook.taken
    said = json.loads(body)
    assert (said["count"], said["kind"], len(said["alarms"])) == (40, "alarms", 40)
    assert said["alarms"][0]["level"] == "Distress"
    stamp, mac = (each.partition("=")[2] for each in headers["Zenith-Signature"].split(","))
    expected = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256)
    assert hmac.compare_digest(mac, expected.hexdigest())
    delivery = Delivery.objects.get(subscription=subscription)
    assert headers["Zenith-Delivery"] == said["id"] == str(delivery.pk)
    assert (delivery.state, delivery.attempts) == ("sent", 1)


def test_what_came_up_in_silence_is_told_when_it_is_let_go(db, hook, wall):
    subscribe(hook.url, digest_s=0)
    alarm = find(make_satellite(), is_suppressed=True)
    wall.run()
    assert hook.taken == []
    find(alarm.satellite)
    wall.run()
    [told] = [body["alarms"] for body in hook.bodies()]
    assert [(each["event"], each["state"]) for each in told] == [("unsuppress", "unacknowledged")]

    until = wall() + timedelta(hours=1)
    operating.shelve([alarm.pk], until=until, by="ann", now=wall(), reason="calibration")
    wall.run()
    find(alarm.satellite, level=Level.NORMAL)
    find(alarm.satellite)
    wall.run()
    assert len(hook.taken) == 1
    operating.unshelve_due(now=until)
    wall.run()
    assert [each["event"] for each in hook.bodies()[1]["alarms"]] == ["unshelve"]
    find(alarm.satellite, level=Level.NORMAL)
    operating.take_out_of_service([alarm.pk], by="ann", now=wall(), reason="replaced")
    operating.put_in_service([alarm.pk], by="ann", now=wall())
    wall.run()
    assert [each["event"] for each in hook.bodies()[2]["alarms"]] == ["return"]


def test_what_is_not_taken_is_tried_again_later_and_later_under_its_id(db, hook, wall):
    subscribe(hook.url, digest_s=0)
    hook.answers = [500, 302, 429]
    find(make_satellite())
    assert wall.run() == 0
    assert Delivery.objects.get().error == "HTTP 500 Internal Server Error"
    assert [wall.run(seconds=4), wall.run(seconds=2)] == [0, 0]  # again after 5 s, not before
    assert len(hook.taken) == 2
    assert [wall.run(seconds=9), len(hook.taken)] == [0, 2]
    wall.run(seconds=2)
    assert wall.run(seconds=21) == 1

    assert len({body["id"] for body in hook.bodies()}) == 1
    assert [headers["Zenith-Attempt"] for headers, _ in hook.taken] == ["1", "2", "3", "4"]
    assert [sending.wait_s(n) for n in (1, 2, 3, 11, 99)] == [5, 10, 20, 3600, 3600]


def test_who_is_killed_while_sending_lets_it_go_out_again_under_its_id(db, hook, wall, monkeypatch):
    subscribe(hook.url, digest_s=0)
    find(make_satellite())
    sent = webhooks.post

    def killed(*args, **kwargs):
        sent(*args, **kwargs)
        raise SystemExit

    monkeypatch.setattr(webhooks, "post", killed)
    with pytest.raises(SystemExit):
        wall.run()
    monkeypatch.undo()
    assert wall.run(seconds=60) == 0  # the lease of the dead still holds
    assert wall.run(seconds=31) == 1
    first, second = hook.bodies()
    assert first["id"] == second["id"]


def test_after_three_days_a_message_is_given_up_in_sight_and_can_be_retried(db, hook, wall):
    subscribe(hook.url, digest_s=0)
    find(make_satellite())
    hook.answers = [500, 500]
    wall.run()
    wall.run(hours=73)
    delivery = Delivery.objects.get()
    assert delivery.state == DeliveryState.FAILED
    assert wall.run(hours=10) == 0
    sending.retry(delivery_id=delivery.pk, wall=wall())
    assert wall.run() == 1


def test_what_happened_is_handed_out_once(db, hook, wall):
    subscribe(hook.url, digest_s=0)
    find(make_satellite())
    assert notices.distribute(wall=wall()) == 1
    assert notices.distribute(wall=wall()) == 0
    Transition.objects.update(is_told=False)  # as if the hand-out had been undone half-way
    notices.distribute(wall=wall())
    wall.run()

    assert [body["count"] for body in hook.bodies()] == [1]


def test_a_subscription_is_told_only_what_it_asked_for(db, hook, wall):
    satellite = make_satellite(code="MINE", role="training")
    other = make_satellite()
    subscribe(hook.url, digest_s=0, minimum_level=Level.DISTRESS, filter={"satellites": ["MINE"]})
    subscribe(hook.url, digest_s=0, events=["acknowledge"])
    subscribe(hook.url, digest_s=0, is_active=False)
    find(other)
    find(satellite, "mild", level=Level.WARNING)
    find(satellite, "bad", level=Level.SEVERE)
    find(satellite, "bad", level=0)
    find(satellite, "silent", level=Level.SEVERE, is_suppressed=True)
    wall.run()

    [said] = hook.bodies()
    assert [(each["name"], each["event"]) for each in said["alarms"]] == [
        ("Bad", "raise"),
        ("Bad", "return"),
    ]


def test_quiet_hours_end_before_a_message_goes_unless_it_is_critical(db, hook, wall):
    subscribe(hook.url, digest_s=0, quiet_from_min=22 * 60, quiet_until_min=6 * 60)
    wall.at = MIDNIGHT + timedelta(hours=23)
    find(make_satellite(), level=Level.DISTRESS)
    assert wall.run() == 0
    assert wall.run(hours=6, minutes=59) == 0
    assert wall.run(minutes=1) == 1
    wall.at += timedelta(hours=17)
    find(make_satellite(), "fire", level=Level.CRITICAL)
    assert wall.run() == 1


def test_no_more_messages_go_in_an_hour_than_wanted(db, hook, wall):
    subscribe(hook.url, digest_s=0, hourly_most=2)
    for n in range(5):
        find(make_satellite(), f"rule {n}")
        wall.run(minutes=1)
    assert len(hook.taken) == 2
    wall.run(hours=1)

    assert [body["count"] for body in hook.bodies()] == [1, 1, 3]


@pytest.mark.parametrize(
    ("address", "is_allowed"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        *((each, False) for each in (
            "127.0.0.1", "10.1.2.3", "192.168.0.9", "172.16.1.1", "169.254.169.254", "0.0.0.0",
            "100.64.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1",
            "ff02::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        )),
    ],
)  # fmt: skip
def test_a_webhook_reaches_nothing_inside(address, is_allowed):
    assert webhooks.is_allowed(ip_address(address)) == is_allowed


def test_a_network_that_is_set_is_opened_and_no_other(settings):
    settings.ZENITH_WEBHOOK_NETWORKS = [ip_network("10.1.0.0/16")]
    assert webhooks.is_allowed(ip_address("10.1.2.3"))
    assert webhooks.is_allowed(ip_address("::ffff:10.1.2.3"))
    assert not webhooks.is_allowed(ip_address("10.2.2.3"))


def test_a_name_with_one_address_inside_is_refused_and_that_judged_is_called(monkeypatch):
    def found(*addresses):
        monkeypatch.setattr(
            webhooks.socket,
            "getaddrinfo",
            lambda *_, **__: [(2, 1, 6, "", (each, 443)) for each in addresses],
        )

    found("93.184.216.34", "10.0.0.1")
    with pytest.raises(webhooks.Failed, match=r"10.0.0.1, which is inside"):
        webhooks.judged("rebinding.example", 443)
    found("93.184.216.34")
    assert webhooks.judged("good.example", 443) == "93.184.216.34"


@pytest.mark.parametrize(
    "url",
    ["ftp://example.org/", "https://", "https://user:pw@example.org/", "http://exa mple.org/",
     "https://example.org:99999/", "javascript:alert(1)", "http://127.0.0.1/", "http://[::1]/",
     "http://0x7f000001/", "http://localhost/"],
)  # fmt: skip
def test_an_address_that_cannot_be_is_refused_when_it_is_written(db, url):
    with pytest.raises(subscribing.BadTarget):
        subscribe(url)


# --- E-mail ---------------------------------------------------------------------------------


class Letters:
    def __init__(self):
        self.taken = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.taken.append((envelope.rcpt_tos, envelope.content.decode()))
        return "250 OK"


@pytest.fixture
def post_office(settings):
    letters = Letters()
    controller = Controller(letters, hostname="127.0.0.1", port=valkey.free_port())
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = controller.port
    yield letters
    controller.stop()


def test_an_e_mail_is_a_digest_that_people_can_read(db, post_office, wall):
    subscribe("night@example.org", "email")
    for n in range(12):
        find(make_satellite(code=f"SAT-A-{n:02}"), detail="84 °C: above 80 °C (Distress)")
    find(make_satellite(), "cold", level=Level.WARNING)
    assert wall.run(seconds=0) == 0
    assert wall.run(seconds=31) == 1

    [(to, letter)] = post_office.taken
    assert to == ["night@example.org"]
    assert "Subject: [Zenith] Distress: Heat and 1 more, 13 satellites" in letter
    assert f"Message-ID: <{Delivery.objects.get().pk}@zenith>" in letter
    assert "Heat: raise, 12 satellite(s)" in letter
    assert "SAT-A-09 and 2 more" in letter


def test_a_mail_server_that_is_away_is_tried_again(db, post_office, settings, wall):
    subscribe("night@example.org", "email", digest_s=0)
    find(make_satellite())
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    assert wall.run() == 0
    assert "ConnectionRefusedError" in Delivery.objects.get().error
    settings.EMAIL_PORT = port
    assert wall.run(seconds=6) == 1
    assert len(post_office.taken) == 1


# --- Over REST ------------------------------------------------------------------------------


def put(client, subscription_id, **body):
    address = f"/api/v1/notifications/subscriptions/{subscription_id}"
    return client.put(address, body, content_type="application/json")


def test_a_subscription_is_written_over_rest_and_its_secret_is_shown_once(operator, hook):
    subscription_id = uuid4()
    body = {
        "name": "Ops",
        "channel": "webhook",
        "target": hook.url,
        "quiet_from": "22:00",
        "quiet_until": "06:30",
    }
    first, again = put(operator, subscription_id, **body), put(operator, subscription_id, **body)

    assert (first.status_code, again.status_code) == (201, 200)
    assert len(first.json().pop("secret")) > 30
    assert "secret" not in again.json()
    assert again.json()["quiet_until"] == "06:30"
    address = f"/api/v1/notifications/subscriptions/{subscription_id}"
    assert operator.post(f"{address}/test").status_code == 202
    assert sending.send_due(wall=lambda: datetime.now(UTC) + timedelta(seconds=5)) == 1
    assert hook.bodies()[0]["kind"] == "test"
    listed = operator.get("/api/v1/notifications/deliveries", {"state": "sent"}).json()["results"]
    assert [row["subscription"] for row in listed] == [str(subscription_id)]
    assert operator.delete(address).status_code == 204
    assert not Subscription.objects.exists()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"target": "http://10.0.0.1/"}, "inside of our own network"),
        ({"channel": "email", "target": "nobody"}, "no e-mail address"),
        ({"channel": "pigeon"}, "pigeon"),
        ({"minimum_level": "normal"}, "minimum_level"),
        ({"filter": {"colour": ["red"]}}, "colour is not known"),
        ({"events": ["explode"]}, "explode"),
        ({"quiet_from": "25:00", "quiet_until": "06:00"}, "00:00 to 23:59"),
        ({"quiet_from": "22:00"}, "a beginning and an end"),
        ({"hourly_most": 0}, "hourly_most"),
        ({"secret": "short"}, "secret"),
        ({"colour": "red"}, "colour is not known"),
    ],
)
def test_a_subscription_that_cannot_be_is_refused_in_words(operator, hook, body, says):
    whole = {"name": "Ops", "channel": "webhook", "target": hook.url, **body}
    answer = put(operator, uuid4(), **whole)

    assert answer.status_code == 400
    assert says in str(answer.json())


def test_a_subscription_of_others_is_not_there(operator, client, hook):
    theirs = subscribe(hook.url)
    address = f"/api/v1/notifications/subscriptions/{theirs.pk}"

    assert operator.get(address).status_code == 404
    assert operator.post(f"{address}/test").status_code == 404
    body = {"name": "Ops", "channel": "webhook", "target": hook.url}
    assert put(operator, theirs.pk, **body).status_code == 422
    operator.delete(address)
    assert Subscription.objects.filter(pk=theirs.pk).exists()
    client.force_login(person("viewer"))
    for path in ("subscriptions", "deliveries", f"subscriptions/{theirs.pk}"):
        assert client.get(f"/api/v1/notifications/{path}").status_code == 403
    assert client.post(f"{address}/test").status_code == 403
