"""Definitions over HTTP: uploaded, refused with reasons, and in force from an instant on."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from ops import clock
from telemetry import definitions, times
from telemetry.models import Activation, DefinitionFile, Packet
from tests.factories import NOON, make_profile, make_satellite, make_user
from tests.telemetry.xtce.test_loading import make_definition

SHIPPED = (definitions._FOLDER / "scs.xml").read_bytes()
RENAMED = SHIPPED.replace(b"battery_charge", b"charge_left")
ADDRESSES = [
    "/api/v1/definitions",
    "/api/v1/definitions/{definition}",
    "/api/v1/definitions/{definition}/xtce",
    "/api/v1/definitions/{definition}/files/other.xml",
    "/api/v1/definition-activations",
    "/api/v1/definition-activations/{activation}",
    "/api/v1/satellites/{code}/telemetry/definition",
]


@pytest.fixture
def operator(db):
    client = APIClient()
    client.force_authenticate(make_user(role="operator"))
    return client


@pytest.fixture
def put(operator):
    def upload(data, name=None, kind="application/xml"):
        return operator.put(f"/api/v1/definitions/{name or uuid4()}", data, content_type=kind)

    return upload


@pytest.fixture
def activate(operator):
    def begin(definition, at, profile=None, name=None):
        body = {"definition": definition, "from": at.isoformat(), "profile": profile}
        url = f"/api/v1/definition-activations/{name or uuid4()}"
        return operator.put(url, body, format="json")

    return begin


MAIN = (
    b'<SpaceSystem name="S" xmlns:xi="http://www.w3.org/2001/XInclude">'
    b'<xi:include href="other.xml"/><TelemetryMetaData><ContainerSet><SequenceContainer name="C">'
    b'<EntryList><ParameterRefEntry parameterRef="T/A"/></EntryList></SequenceContainer>'
    b"</ContainerSet></TelemetryMetaData></SpaceSystem>"
)
OTHER = (
    b'<SpaceSystem name="T"><TelemetryMetaData><ParameterTypeSet><IntegerParameterType name="u8">'
    b'<IntegerDataEncoding sizeInBits="8"/></IntegerParameterType></ParameterTypeSet><ParameterSet>'
    b'<Parameter name="A" parameterTypeRef="u8"/></ParameterSet></TelemetryMetaData>\n'
    b"<ServiceSet/></SpaceSystem>"
)


def upload_two(operator, name=None, other=OTHER, **more):
    files = {
        "other": SimpleUploadedFile("other.xml", other, "application/xml"),
        "main": SimpleUploadedFile("mission.xml", MAIN, "application/xml"),
    }
    url = f"/api/v1/definitions/{name or uuid4()}"
    return operator.put(url, files | more, format="multipart")


def test_several_files_are_uploaded_together(operator, activate):
    name = uuid4()
    first, again = upload_two(operator, name), upload_two(operator, name)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["files"] == ["other.xml"]
    assert first.json()["left_out"] == [
        {
            "file": "other.xml",
            "line": 2,
            "element": "ServiceSet",
            "detail": "services are not told apart: packets are read by their containers",
        }
    ]
    assert upload_two(operator, name, OTHER.replace(b"u8", b"v8")).status_code == 422
    read = operator.get(f"/api/v1/definitions/{name}/files/other.xml")
    assert read.content == OTHER
    assert operator.get(f"/api/v1/definitions/{name}/files/mission.xml").status_code == 404
    (table,) = definitions.load(name).xtce.decode([b"\x07"])
    assert table.raw["T/A"].tolist() == [7]


def test_parts_that_are_no_files_of_a_definition_are_refused(operator, put):
    twice = SimpleUploadedFile("other.xml", OTHER, "application/xml")
    assert upload_two(operator, more=twice).status_code == 400
    assert upload_two(operator, colour="red").status_code == 400
    lone = operator.put(f"/api/v1/definitions/{uuid4()}", {}, format="multipart")
    assert lone.status_code == 400
    broken = upload_two(operator, other=b"<SpaceSystem")
    assert broken.status_code == 400
    assert "other.xml line 1" in broken.json()["errors"][0]["detail"]
    assert put(MAIN).status_code == 400


def test_an_activation_is_withdrawn_before_it_rules_and_not_after(put, activate, operator):
    satellite, ahead = make_satellite(), clock.now() + timedelta(days=1)
    definition = put(RENAMED).json()["id"]
    name = uuid4()
    assert activate(definition, ahead, name=name).status_code == 201

    def ruling():
        return definitions.for_satellite(satellite.pk, times.to_ns(ahead)).id

    assert str(ruling()) == definition
    url = f"/api/v1/definition-activations/{name}"
    first, again = operator.delete(url), operator.delete(url)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json() == operator.get(url).json()
    assert first.json()["withdrawn_at"] is not None
    assert ruling() is None
    # Its instant is free again, and its id is not.
    assert activate(definition, ahead, name=name).json()["code"] == "withdrawn"
    assert activate(definition, ahead).status_code == 201

    rules = activate(definition, clock.now() - timedelta(hours=1)).json()["id"]
    refused = operator.delete(f"/api/v1/definition-activations/{rules}")
    assert (refused.status_code, refused.json()["code"]) == (409, "in_force")
    assert "activate that one" in refused.json()["detail"]
    assert operator.delete(f"/api/v1/definition-activations/{uuid4()}").status_code == 404


def test_the_page_tells_what_is_not_carried_out_and_withdraws(operator, activate, client):
    definition = upload_two(operator).json()["id"]
    ahead = activate(definition, clock.now() + timedelta(days=1)).json()["id"]
    rules = activate(definition, clock.now() - timedelta(days=1)).json()["id"]

    def withdraw(activation, role):
        client.force_login(make_user(role=role))
        return client.post(f"/definitions/activations/{activation}/withdraw", follow=True)

    assert withdraw(ahead, "viewer").status_code == 403
    page = withdraw(rules, "operator").content.decode()
    assert "cannot be withdrawn" in page
    assert "ServiceSet" in page
    assert "other.xml line 2" in page
    assert f"/definitions/activations/{ahead}/withdraw" in page
    assert "will not take over" in withdraw(ahead, "operator").content.decode()
    assert Activation.objects.get(pk=ahead).withdrawn_by
    assert Activation.objects.get(pk=rules).withdrawn_at is None


def test_an_upload_may_be_repeated_and_its_id_means_one_definition(put, operator):
    name = uuid4()
    first, again = put(RENAMED, name), put(RENAMED, name)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["name"] == "SCS"
    assert first.json()["parameters"] == len(definitions.current().system.parameters)
    assert put(SHIPPED, name).status_code == 422
    read = operator.get(f"/api/v1/definitions/{name}/xtce")
    assert read.content == RENAMED
    assert operator.get("/api/v1/definitions").json()["results"] == [first.json()]


def test_everything_that_is_refused_is_listed_by_line_and_element(put):
    data = make_definition(extra="\n<Services/>\n<Nonsense/>")
    answer = put(data)
    assert answer.status_code == 400
    assert answer.json()["code"] == "bad_definition"
    listed = [(each["line"], each["element"]) for each in answer.json()["errors"]]
    assert listed == [(2, "Services"), (3, "Nonsense")]
    assert not DefinitionFile.objects.exists()


@pytest.mark.parametrize("data", [b"", b"<a", b"\xff\xfe", b"<!DOCTYPE x><x/>"])
def test_what_is_no_definition_is_refused(put, data):
    assert put(data).status_code == 400


def test_a_dictionary_is_taken_as_csv_and_refused_by_row_and_column(put):
    good = put("name,data_type,bit_length,apid\nA,uint,8,7\n", kind="text/csv")
    assert (good.status_code, good.json()["format"], good.json()["apids"]) == (201, "csv", [7])
    bad = put("name,data_type,bit_length\nA,complex,8\n", kind="text/csv")
    assert bad.status_code == 400
    assert bad.json()["errors"][0]["row"] == 2
    assert bad.json()["errors"][0]["column"] == "data_type"
    assert put(b"{}", kind="application/json").status_code == 415


def test_a_groups_own_definition_goes_before_the_one_for_all(put, activate):
    own, other = make_profile(code="own"), make_profile(code="other")
    mine, theirs = make_satellite(profile=own), make_satellite(profile=other)
    for_all, for_own = put(RENAMED).json()["id"], put(SHIPPED).json()["id"]
    assert activate(for_all, NOON).status_code == 201
    assert activate(for_own, NOON + timedelta(hours=1), "own").status_code == 201

    def at(satellite, hours):
        moment = times.to_ns(NOON + timedelta(hours=hours))
        found = definitions.for_satellite(satellite.pk, moment).id
        return str(found) if found else None

    assert [at(mine, hours) for hours in (-1, 0, 0.5, 1, 9)] == [
        *(None, for_all, for_all, for_own, for_own)
    ]
    assert [at(theirs, hours) for hours in (-1, 0, 9)] == [None, for_all, for_all]


def test_an_activation_may_be_repeated_and_its_instant_is_taken(put, activate):
    definition, name = put(RENAMED).json()["id"], uuid4()
    answers = [activate(definition, NOON, name=name) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json() == answers[1].json()
    assert activate(definition, NOON + timedelta(1), name=name).status_code == 422
    taken = activate(definition, NOON)
    assert (taken.status_code, taken.json()["code"]) == (409, "instant_taken")
    assert activate(uuid4(), NOON).status_code == 404
    assert activate(definition, NOON, "nowhere").status_code == 404
    assert Activation.objects.count() == 1


def test_unknown_fields_and_parameters_are_refused(operator, put):
    definition = put(RENAMED).json()["id"]
    body = {"definition": definition, "from": NOON.isoformat(), "colour": "red"}
    url = f"/api/v1/definition-activations/{uuid4()}"
    assert operator.put(url, body, format="json").status_code == 400
    assert operator.put(url, [1], format="json").status_code == 400
    assert operator.get("/api/v1/definitions?colour=red").status_code == 400


@pytest.mark.parametrize("address", ADDRESSES)
def test_strangers_and_customers_are_refused(operator, activate, address):
    definition, satellite = upload_two(operator).json()["id"], make_satellite()
    activation = activate(definition, NOON).json()["id"]
    url = address.format(definition=definition, activation=activation, code=satellite.code)
    client = APIClient()
    assert client.get(url).status_code == 401
    for role, status in (("customer", 403), ("viewer", 200), ("operator", 200)):
        client.force_authenticate(make_user(role=role))
        assert client.get(url).status_code == status, role
        if role != "operator":
            assert client.put(url, b"", content_type="application/xml").status_code in (403, 405)
            assert client.delete(url).status_code in (403, 405)
    assert Activation.objects.get(pk=activation).withdrawn_at is None


@pytest.mark.usefixtures("no_handlers")
def test_packets_are_read_by_the_definition_of_their_time(
    contact, board, heard, put, activate, operator
):
    change = NOON + timedelta(seconds=5)
    definition = put(RENAMED).json()["id"]
    activate(definition, change)
    packets = [board.platform(charge=n / 10, at=NOON + timedelta(seconds=n)) for n in range(10)]
    heard.receive(board.frames(packets))

    assert Packet.objects.filter(satellite=contact.satellite).count() == 10
    base = f"/api/v1/satellites/{contact.satellite.code}/telemetry"
    newest = operator.get(f"{base}/latest").json()["results"]
    assert {"battery_charge", "charge_left"} <= {each["parameter"] for each in newest}
    url = f"{base}/samples"
    span = {"start": NOON.isoformat(), "end": (NOON + timedelta(minutes=1)).isoformat()}
    found = operator.get(
        url, {"parameter": ["battery_charge", "charge_left", "uptime"], **span}
    ).json()["parameters"]
    assert found["battery_charge"]["values"] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])
    assert found["charge_left"]["values"] == pytest.approx([0.5, 0.6, 0.7, 0.8, 0.9])
    assert len(found["uptime"]["values"]) == 10


@pytest.mark.usefixtures("no_handlers")
def test_a_value_out_of_its_valid_range_is_kept_and_marked(
    contact, board, heard, put, activate, operator, client
):
    ranged = SHIPPED.replace(
        b'<FloatParameterType name="battery_charge_type">',
        b'<FloatParameterType name="battery_charge_type"><ValidRange minInclusive="0.5"/>',
    )
    activate(put(ranged).json()["id"], NOON - timedelta(days=1))
    heard.receive(board.frames([board.platform(charge=0.25, at=NOON)]))

    base = f"/api/v1/satellites/{contact.satellite.code}/telemetry"
    newest = {each["parameter"]: each for each in operator.get(f"{base}/latest").json()["results"]}
    assert newest["battery_charge"]["value"] == pytest.approx(0.25)
    assert newest["battery_charge"]["invalid"] == "is not from 0.5 to inf"
    assert newest["uptime"]["invalid"] is None


def test_the_page_shows_what_is_in_force(put, activate, client):
    assert client.get("/definitions").status_code == 302
    client.force_login(make_user(role="customer"))
    assert client.get("/definitions").status_code == 403
    client.force_login(make_user(role="viewer"))
    profile = make_profile(code="own", name="Own kind")
    assert "comes with Zenith" in client.get("/definitions").content.decode()
    name = put(RENAMED).json()["id"]
    activate(name, clock.now() - timedelta(hours=1), profile.code)
    page = client.get("/definitions").content.decode()
    assert name in page
    assert "comes with Zenith" not in page
