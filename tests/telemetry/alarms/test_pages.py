"""The pages of alarms: what an operator reads at night, and what they press."""

import re
from datetime import timedelta
from uuid import uuid4

from django.urls import reverse

from ops import clock
from telemetry.alarms import keeping, limit_pages
from telemetry.alarms.levels import Level
from telemetry.alarms.models import Alarm, Limit
from tests.factories import NOON, make_satellite
from tests.telemetry.alarms.shared import find, person, text_of


def test_an_empty_list_says_that_all_is_well(operator):
    assert "All is well." in text_of(operator.get("/alarms"))
    assert "Nothing is silenced." in text_of(operator.get("/alarms/silenced"))
    assert "manage.py load_limits" in text_of(operator.get("/limits"))


def test_one_cause_on_many_satellites_is_one_line(operator):
    for n in range(40):
        find(make_satellite(code=f"S-{n:02}"))
    find(make_satellite(), "cold", level=Level.WATCH)
    page = text_of(operator.get("/alarms"))

    assert page.count("Acknowledge all 40") == 1
    assert "41 of 41 alarms not acknowledged" in page
    assert "and 28 more" in page
    assert page.index(">Heat<") < page.index(">Cold<")

    fields = {"rule": "heat", "level": int(Level.DISTRESS), "next": "/alarms"}
    assert operator.post("/alarms/group/acknowledge", fields).url == "/alarms"
    assert "1 of 41 alarms not acknowledged" in text_of(operator.get("/alarms"))


def test_every_page_counts_what_calls(operator):
    assert 'data-calling="0"' in text_of(operator.get("/contacts"))
    find(make_satellite())
    assert 'data-calling="1"' in text_of(operator.get("/contacts"))
    assert "<strong>1</strong>" in text_of(operator.get("/alarms/count"))


def test_an_alarm_is_handled_from_its_page(operator):
    alarm = find(make_satellite(), detail="84 °C: above 80 °C (Distress)")
    address = reverse("alarm", args=[alarm.pk])
    assert "84 °C: above 80 °C (Distress)" in text_of(operator.get(address))

    def press(action, **fields):
        operator.post(reverse("act-on-alarm", args=[alarm.pk, action]), fields)
        alarm.refresh_from_db()
        return alarm.state

    assert press("acknowledge", occurrence=1) == "acknowledged"
    assert press("shelve", reason="calibration", hours=8) == "shelved"
    assert alarm.shelved_until - clock.now() > timedelta(hours=7)
    assert "calibration" in text_of(operator.get("/alarms/silenced"))
    assert press("unshelve") == "unacknowledged"
    assert press("remove", reason="broken") == "out_of_service"
    assert press("restore") == "unacknowledged"
    assert press("clear") == "unacknowledged"
    assert "still holds" in text_of(operator.get(address))
    find(alarm.satellite, level=0)
    assert press("clear") == "normal"
    told = [row.by for row in alarm.transitions.exclude(by="")]
    assert told == ["ann"] * 6
    assert operator.post(reverse("act-on-alarm", args=[alarm.pk, "explode"])).status_code == 404


def test_a_stale_page_acknowledges_nothing_that_was_raised_since(operator):
    satellite = make_satellite()
    find(satellite)
    find(satellite, level=0)
    alarm = find(satellite)
    operator.post(reverse("act-on-alarm", args=[alarm.pk, "acknowledge"]), {"occurrence": 1})
    alarm.refresh_from_db()

    assert alarm.state == "unacknowledged"
    assert "raised again" in text_of(operator.get("/alarms"))


def test_going_back_leads_to_no_other_site(operator):
    alarm = find(make_satellite())
    address = reverse("act-on-alarm", args=[alarm.pk, "note"])
    for elsewhere in ("https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example"):
        answer = operator.post(address, {"reason": "x", "next": elsewhere})
        assert answer.url == reverse("alarm", args=[alarm.pk])


def test_a_limit_is_written_activated_and_withdrawn_from_its_page(operator):
    limit_id = uuid4()
    fields = {
        "name": "Heat",
        "parameter": "accelerator_temperature",
        "content": '{"kind": "static", "levels": {"warning": {"high": 70}}}',
        "activate": "on",
        "seen_version": "0",
    }
    address = reverse("write-limit", args=[limit_id])
    assert "accelerator_temperature" in text_of(operator.get("/limits/new"))
    operator.post(address, fields)
    limit = Limit.objects.get()
    assert limit.active.version == 1
    assert "> 70" in text_of(operator.get("/limits")).replace("&gt;", ">")

    wrong = fields | {"content": '{"kind": "static"}', "seen_version": "1"}
    assert "levels: at least one level has a range" in text_of(operator.post(address, wrong))
    hotter = '{"kind": "static", "levels": {"warning": {"high": 75}}}'
    assert "Version 1 is the last one" in text_of(
        operator.post(address, fields | {"content": hotter})
    )
    operator.post(address, fields | {"content": hotter, "seen_version": "1"})
    operator.post(reverse("activate-limit", args=[limit_id]), {"version": 1})
    operator.post(reverse("withdraw-limit", args=[limit_id]), {"reason": "sensor broken"})
    page = text_of(operator.get(reverse("limit", args=[limit_id])))
    assert "sensor broken" in page
    assert "Does not hold" in page


def test_newest_values_are_marked_by_their_limits(operator, flown):
    flown.seconds(4, temperature_c=84.0)
    page = text_of(operator.get(f"/satellites/{flown.satellite.code}"))

    [row] = re.findall(r'<tr id="value-accelerator_temperature">.*?</tr>', page)
    assert "out-serious" in row
    assert "Distress" in row
    [row] = re.findall(r'<tr id="value-battery_charge">.*?</tr>', page)
    assert "out-" not in row
    assert "&quot;status&quot;:&quot;serious&quot;" in page  # the plot's limits
    assert re.search(r"Alarms</h2>.*Accelerator temperature", page)
    alarm = Alarm.objects.get(name="Accelerator temperature")
    assert "data-limits=" in text_of(operator.get(reverse("alarm", args=[alarm.pk])))


def test_who_may_only_look_finds_nothing_to_press(client, db):
    alarm = find(make_satellite())
    client.force_login(person("viewer"))
    for address in ("/alarms", reverse("alarm", args=[alarm.pk]), "/alarms/silenced", "/limits"):
        page = text_of(client.get(address))
        assert "/acknowledge" not in page
        assert "New limit" not in page
    assert client.post("/alarms/group/acknowledge", {"rule": "heat"}).status_code == 403
    assert client.get("/limits/new").status_code == 403


def test_the_example_of_a_new_limit_is_a_limit():
    from telemetry.alarms import limit_reading

    assert limit_reading.read(limit_pages.EXAMPLE).default.bands


def test_a_large_group_comes_in_pages(operator):
    profile = make_satellite().profile
    satellites = [make_satellite(profile=profile) for _ in range(120)]
    keeping.keep(
        [
            keeping.Finding(each.pk, "heat", "Heat", Level.DISTRESS, round(NOON.timestamp() * 1e9))
            for each in satellites
        ],
        now=NOON,
    )
    page = text_of(operator.get("/alarms?rule=heat&level=3&page=2"))
    assert page.count('id="alarm-') == 20 + 1  # and the one in the header
    assert "Page 2 of 2" in page
