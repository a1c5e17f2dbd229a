"""Makers of rows for tests: each fills in what a test does not care about."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.db import transaction

import constellation
from constellation.contacts.models import Contact
from constellation.models import Antenna, ElementSet, HardwareProfile, Satellite, Station
from constellation.orbits import elements, omm
from ops.accounts.models import Organisation, User
from telemetry.models import Newest
from uplink.inference.models import Query
from uplink.registry import formats, registering
from uplink.registry.models import Artefact, Model, Version
from uplink.transfers import requests
from uplink.transfers.models import Transfer

NOON = datetime(2026, 8, 22, 12, tzinfo=UTC)
"""The instant at which tests take place unless they say otherwise."""
PASS = timedelta(minutes=8)

_numbers = count(1)


@contextmanager
def standing(blocker: Any) -> Iterator[None]:
    """Give many tests the rows made inside, once: what one of them changes is undone behind it,
    and these behind the last. `blocker` is pytest-django's."""
    with blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)


def make_organisation(**details: Any) -> Organisation:
    number = next(_numbers)
    return Organisation.objects.create(
        **{"slug": f"org-{number}", "name": f"Organisation {number}", **details}
    )


def make_user(**details: Any) -> User:
    """A user; operators and viewers are the fleet's own unless an organisation is given."""
    if details.get("organisation") is None:
        is_customer = details.get("role") == "customer"
        details["organisation"] = make_organisation(operates_fleet=not is_customer)
    password = details.pop("password", None)  # hashing one takes most of a second
    user = User(**{"username": f"user-{next(_numbers)}", "role": "operator", **details})
    user.set_password(password)
    user.save()
    return user


def make_newest(
    satellite: Satellite, group: str, known: dict[str, tuple[Any, Any]], ns: int
) -> Newest:
    """The newest sample of a parameter group: (value, raw value) by parameter, made at `ns`."""
    row, _ = Newest.objects.update_or_create(
        satellite=satellite,
        group=group,
        defaults={
            "generated_ns": ns,
            "received_ns": ns,
            "value": {name: value for name, (value, _) in known.items()},
            "raw": {name: raw for name, (_, raw) in known.items()},
        },
    )
    return row


def make_profile(**details: Any) -> HardwareProfile:
    number = next(_numbers)
    return HardwareProfile.objects.create(
        **{
            "code": f"profile-{number}",
            "name": f"Profile {number}",
            "storage_bytes": 10**12,
            **details,
        }
    )


def make_satellite(**details: Any) -> Satellite:
    number = next(_numbers)
    details.setdefault("profile", details.pop("profile", None) or make_profile())
    return Satellite.objects.create(
        **{
            "code": f"SAT-{number}",
            "name": f"Satellite {number}",
            "spacecraft_id": number % 256,
            "entity_id": 1000 + number,
            **details,
        }
    )


def make_station(**details: Any) -> Station:
    number = next(_numbers)
    return Station.objects.create(
        **{
            "code": f"STATION-{number}",
            "name": f"Station {number}",
            "country": "NO",
            "latitude_deg": 78.23,
            "longitude_deg": 15.39,
            "altitude_m": 460,
            **details,
        }
    )


def make_antenna(**details: Any) -> Antenna:
    details.setdefault("station", details.pop("station", None) or make_station())
    return Antenna.objects.create(
        **{
            "code": f"ANTENNA-{next(_numbers)}",
            "uplink_bit_per_s": 4_000_000,
            "downlink_bit_per_s": 8_000_000,
            **details,
        }
    )


def make_contact(**details: Any) -> Contact:
    """A contact from `aos_at` (noon) to `los_at` (8 minutes later), padded by its antenna."""
    antenna = details.setdefault("antenna", details.pop("antenna", None) or make_antenna())
    details.setdefault("satellite", details.pop("satellite", None) or make_satellite())
    aos_at = details.setdefault("aos_at", NOON)
    los_at = details.setdefault("los_at", aos_at + PASS)
    details.setdefault("organisation", details.pop("organisation", None) or make_organisation())
    return Contact.objects.create(
        **{
            "starts_at": aos_at - timedelta(seconds=antenna.setup_s),
            "ends_at": los_at + timedelta(seconds=antenna.teardown_s),
            "tca_at": aos_at + (los_at - aos_at) / 2,
            "max_elevation_deg": 45.0,
            **details,
        }
    )


def make_version(**details: Any) -> Version:
    """A model version with an artefact of its own."""
    number = next(_numbers)
    organisation = details.pop("organisation", None) or make_organisation()
    name = details.pop("name", f"model-{number}")
    sha256 = details.pop("sha256", hashlib.sha256(name.encode()).hexdigest())
    artefact = Artefact.objects.create(
        sha256=sha256, organisation=organisation, size_bytes=1000, format="echo"
    )
    model, _ = Model.objects.get_or_create(name=name, defaults={"organisation": organisation})
    return Version.objects.create(
        **{
            "model": model,
            "version": "1",
            "artefact": artefact,
            "licence": "Apache-2.0",
            **details,
        }
    )


def make_query(**details: Any) -> Query:
    details.setdefault("organisation", details.pop("organisation", None) or make_organisation())
    details.setdefault("version", details.pop("version", None) or make_version())
    created_at = details.setdefault("created_at", NOON)
    return Query.objects.create(
        **{
            "messages": [{"role": "user", "content": "hello"}],
            "due_at": created_at + timedelta(hours=1),
            **details,
        }
    )


def make_element_set(**details: Any) -> ElementSet:
    """SCS-01 A's element set of 2026-08-21; `elements` takes another parsed one."""
    mean = details.pop("elements", None) or _reference_elements()
    details.setdefault("satellite", details.pop("satellite", None) or make_satellite())
    return ElementSet.objects.create(
        **{
            "epoch_at": mean.epoch_at,
            "newness_at": mean.epoch_at,
            "source": "test",
            "omm": omm.to_fields(mean),
            "loaded_at": NOON,
            **details,
        }
    )


@cache
def _reference_elements() -> elements.ElementSet:
    folder = Path(constellation.__file__).parent / "reference"
    return elements.parse((folder / "computing-satellites.tle").read_bytes()).taken[0]


def make_artefact(content: bytes | None = None, **details: Any) -> Artefact:
    """An artefact whose bytes really lie in the store; `content` follows the echo magic."""
    number = next(_numbers)
    body = content if content is not None else f"model {number}".encode()
    artefact, _ = registering.store_artefact(
        [formats.ECHO_MAGIC, body],
        form="echo",
        organisation=details.pop("organisation", None) or make_organisation(),
    )
    return artefact


def make_transfer(**details: Any) -> Transfer:
    """A transfer of a small artefact, asked for as an operator would."""
    artefact = details.pop("artefact", None) or make_artefact()
    fields = {
        "transfer_id": uuid4(),
        "satellite": details.pop("satellite", None) or make_satellite(),
        "artefact": artefact,
        "version": None,
        "organisation": artefact.organisation,
        "now": NOON,
        **details,
    }
    transfer, _ = requests.request(**fields)
    return transfer
