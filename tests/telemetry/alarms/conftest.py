from ipaddress import ip_network
from uuid import uuid4

import orjson
import pytest

from telemetry.alarms import plans, reference_limits
from telemetry.alarms.models import Cadence, Limit, LimitVersion, Revision
from tests.factories import NOON, make_contact, make_profile, make_satellite
from tests.telemetry.alarms.flight import Flown
from tests.telemetry.alarms.shared import Hook, person


@pytest.fixture(autouse=True)
def fresh_plans():
    """Revisions begin anew with every test's database."""
    plans.forget()
    yield
    plans.forget()


@pytest.fixture
def limits(db):
    """The limits that Zenith starts with, in force."""
    said = orjson.loads(reference_limits.REFERENCE.read_bytes())
    rows = [Limit(id=uuid4(), name=e["name"], parameter=e["parameter"]) for e in said["limits"]]
    Limit.objects.bulk_create(rows)
    versions = [
        LimitVersion(limit=row, version=1, content=each["content"], written_at=NOON)
        for row, each in zip(rows, said["limits"], strict=True)
    ]
    for row, version in zip(rows, LimitVersion.objects.bulk_create(versions), strict=True):
        row.active = version
    Limit.objects.bulk_update(rows, ["active"])
    Cadence.objects.bulk_create(
        Cadence(group=group, **fields) for group, fields in said["cadences"].items()
    )
    Revision.objects.create(pk=1, number=1)


@pytest.fixture
def flown(limits):
    """A satellite in contact, of the profile that the reference limits know."""
    satellite = make_satellite(profile=make_profile(code="scs-01"))
    return Flown(make_contact(satellite=satellite))


@pytest.fixture
def operator(client, db):
    client.force_login(person("operator", username="ann"))
    return client


@pytest.fixture
def post(operator):
    def post(address, **body):
        return operator.post(f"/api/v1{address}", body, content_type="application/json")

    return post


@pytest.fixture
def hook(settings):
    settings.ZENITH_WEBHOOK_NETWORKS = [ip_network("127.0.0.0/8")]
    hook = Hook()
    yield hook
    hook.close()
