"""Asking for transfers: by function and by REST."""

from random import randbytes
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from ops import errors
from tests.factories import (
    NOON,
    make_artefact,
    make_profile,
    make_satellite,
    make_transfer,
    make_user,
    make_version,
)
from tests.uplink.registry import qwen3
from uplink.registry import bundles, folders, store
from uplink.transfers import requests
from uplink.transfers.models import Shipment, State, Transfer

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator():
    client = APIClient()
    client.force_login(make_user(role="operator"))
    return client


def test_the_same_artefact_is_not_carried_twice_at_a_time():
    transfer = make_transfer()
    with pytest.raises(requests.AlreadyUnderWay):
        make_transfer(satellite=transfer.satellite, artefact=transfer.artefact)
    requests.cancel(transfer.pk, now=NOON)
    make_transfer(satellite=transfer.satellite, artefact=transfer.artefact)
    with pytest.raises(requests.AlreadyUnderWay):
        requests.retry(transfer.pk, now=NOON)


def test_an_artefact_goes_only_where_it_fits():
    satellite = make_satellite(profile=make_profile(storage_bytes=10))
    with pytest.raises(requests.DoesNotFit, match="no room"):
        make_transfer(satellite=satellite)
    artefact = make_artefact()
    version = make_version()
    with pytest.raises(requests.DoesNotFit, match="another artefact"):
        make_transfer(artefact=artefact, version=version)
    version.artefact = artefact
    version.save()
    with pytest.raises(requests.DoesNotFit, match="not made for"):
        make_transfer(artefact=artefact, version=version)
    assert not Transfer.objects.exists()


def test_a_bundle_is_carried_after_its_parts_and_none_of_them_twice(tmp_path):
    organisation, satellite = make_user().organisation, make_satellite()
    found = folders.read(folders.listed(qwen3.write_folder(tmp_path / "qwen", shards=2)))
    bundle = bundles.store_folder(found, organisation=organisation)
    there = bundle.parts.first().artefact
    make_transfer(satellite=satellite, artefact=there)
    transfer = make_transfer(satellite=satellite, artefact=bundle)

    carried = Transfer.objects.filter(satellite=satellite)
    wanted = {part.artefact_id for part in bundle.parts.all()} | {bundle.sha256}
    assert sorted(carried.values_list("artefact", flat=True)) == sorted(wanted)
    for part in carried.exclude(artefact__in=[bundle, there]):
        assert (part.activate, part.priority > transfer.priority) == (False, True)
    narrow = make_satellite(profile=make_profile(storage_bytes=bundle.size_bytes + 1))
    with pytest.raises(requests.DoesNotFit, match=str(bundle.carried_bytes)):
        make_transfer(satellite=narrow, artefact=bundle)


def test_an_adapter_is_carried_and_not_activated_alone():
    artefact = make_artefact()
    artefact.kind = "adapter"
    artefact.save()
    with pytest.raises(requests.DoesNotFit, match="runs with its base only"):
        make_transfer(artefact=artefact)
    assert make_transfer(artefact=artefact, activate=False).activate is False


def test_bytes_that_are_gone_are_told():
    artefact = make_artefact()
    store.path_of(artefact.sha256).unlink()
    with pytest.raises(requests.BytesMissing):
        make_transfer(artefact=artefact)


def test_only_what_is_under_way_is_cancelled_and_only_what_ended_is_retried():
    transfer = make_transfer()
    with pytest.raises(requests.NotPossible):
        requests.retry(transfer.pk, now=NOON)
    requests.cancel(transfer.pk, now=NOON)
    assert requests.cancel(transfer.pk, now=NOON).state == State.CANCELLED
    Transfer.objects.update(state=State.ACTIVE)
    with pytest.raises(requests.NotPossible):
        requests.cancel(transfer.pk, now=NOON)
    with pytest.raises(errors.NotFound):
        requests.cancel(uuid4(), now=NOON)


def test_put_asks_for_a_transfer_and_may_be_repeated(operator):
    satellite, artefact = make_satellite(), make_artefact()
    url = f"/api/v1/transfers/{uuid4()}"
    body = {"satellite": satellite.code, "artefact": artefact.sha256, "slot": "B"}
    first, again = (operator.put(url, body, format="json") for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["slot"] == "B"
    assert first.json()["progress"]["packs"] == 1
    seen = operator.get(url).json()
    assert [one["number"] for one in seen["files"]] == [-2, -1, 0]
    listed = operator.get(f"/api/v1/transfers?satellite={satellite.code}&state=QUEUED").json()
    assert listed["results"] == [first.json()]
    changed = operator.put(url, {**body, "activate": False}, format="json")
    assert (changed.status_code, changed.json()["code"]) == (422, "id_reused")
    other = operator.put(f"/api/v1/transfers/{uuid4()}", body, format="json")
    assert (other.status_code, other.json()["code"]) == (409, "already_under_way")
    known = operator.get("/api/v1/deployments").json()["results"]
    assert [(one["satellite"], one["desired"]) for one in known] == [
        (satellite.code, artefact.sha256)
    ]


def test_packs_that_came_are_told_as_spans(operator):
    transfer = make_transfer(artefact=make_artefact(randbytes(18 << 20)))
    Shipment.objects.filter(transfer=transfer, number__in=[0, 1, 3]).update(delivered=True)
    (ground,) = operator.get(f"/api/v1/transfers/{transfer.pk}").json()["sources"]
    assert (ground["source"], ground["packs"]) == ("ground", 3)
    assert ground["spans"] == [[0, 1], [3, 3]]


def test_a_transfer_names_a_version_or_an_artefact(operator):
    satellite, artefact = make_satellite(), make_artefact()
    version = make_version(artefact=artefact)
    version.profiles.add(satellite.profile)
    url = f"/api/v1/transfers/{uuid4()}"
    body = {"satellite": satellite.code, "model": version.model.name, "version": "1"}
    both = operator.put(url, {**body, "artefact": artefact.sha256}, format="json")
    neither = operator.put(url, {"satellite": satellite.code}, format="json")
    unknown = operator.put(url, {**body, "version": "2"}, format="json")
    assert [both.status_code, neither.status_code, unknown.status_code] == [400, 400, 404]
    made = operator.put(url, body, format="json")
    assert (made.status_code, made.json()["version"]) == (201, str(version))


def test_what_nobody_reads_in_a_transfer_is_refused_by_name(operator):
    satellite, artefact = make_satellite(), make_artefact()
    url = f"/api/v1/transfers/{uuid4()}"
    body = {"satellite": satellite.code, "artefact": artefact.sha256}
    answer = operator.put(url, {**body, "prority": 5}, format="json")
    assert (answer.status_code, answer.json()["errors"]["prority"][0][:20]) == (
        400, "Not known; known are",
    )  # fmt: skip
    made = operator.put(url, body, format="json")
    assert (made.status_code, made.json()["version"]) == (201, None)
    answer = operator.post(f"{url}/suspend", {"why": "?"}, format="json")
    assert answer.json()["errors"] == {"why": ["Not known; known are reason."]}


def test_cancel_and_retry_by_rest(operator):
    transfer = make_transfer()
    url = f"/api/v1/transfers/{transfer.pk}"
    assert operator.post(f"{url}/cancel").json()["state"] == "CANCELLED"
    assert operator.post(f"{url}/retry").json()["state"] == "QUEUED"
    assert operator.post(f"{url}/retry").status_code == 409


@pytest.mark.parametrize("role", ["customer", "viewer", None])
def test_a_stranger_moves_nothing(role):
    transfer = make_transfer()
    client = APIClient()
    if role:
        client.force_login(make_user(role=role))
    url = f"/api/v1/transfers/{transfer.pk}"
    kept_out = 403 if role else 401
    seen = 200 if role == "viewer" else kept_out
    assert client.put(url, {}, format="json").status_code == kept_out
    assert client.post(f"{url}/cancel").status_code == kept_out
    assert client.post(f"{url}/retry").status_code == kept_out
    for address in (url, "/api/v1/transfers", "/api/v1/deployments"):
        assert client.get(address).status_code == seen
    transfer.refresh_from_db()
    assert transfer.state == State.QUEUED
