"""Who may steer: members of the organisation that operates the fleet, and nobody else."""

from itertools import product

import pytest
from django.urls import get_resolver
from rest_framework.test import APIRequestFactory, force_authenticate

from ops.accounts import roles
from ops.accounts.models import Role, User
from ops.live import streams
from tests.factories import make_organisation, make_satellite, make_user

STEERING = [
    "rollouts.add_rollout", "rollouts.change_rollout", "rollouts.approve_rollout",
    "rollouts.revoke_version", "releases.view_release", "commands.add_command",
    "commands.view_command", "transfers.add_transfer", "transfers.view_transfer",
    "contacts.add_maintenance", "constellation.change_station", "ops.change_clock",
    "telemetry.view_sample", "registry.add_model", "registry.view_artefact",
]  # fmt: skip


def doors():
    """Every view of the API, its methods and the permission of each."""
    for entry in get_resolver().url_patterns:
        if str(entry.pattern) != "api/v1/":
            continue
        for pattern in entry.url_patterns:
            names = dict.fromkeys(pattern.pattern.converters, "x") | pattern.default_args
            for method, permission in getattr(pattern.callback.cls, "permissions", {}).items():
                yield pattern, method, names, permission


@pytest.mark.django_db
def test_an_operator_of_another_organisation_is_refused_at_every_door_that_steers():
    stranger = make_user(role="operator", organisation=make_organisation())
    tried, let_in = set(), []
    for pattern, method, names, permission in doors():
        if permission in roles.SHARED:
            continue
        request = APIRequestFactory().generic(method, "/")
        force_authenticate(request, stranger)
        # Permissions are looked at before anything that an address names.
        if pattern.callback(request, **names).status_code != 403:
            let_in.append((method, str(pattern.pattern)))
        tried.add(permission)
    assert let_in == []
    assert tried >= set(STEERING)


@pytest.mark.django_db
def test_whoever_is_no_member_of_the_fleets_operator_holds_shared_permissions_at_most():
    stranger, ours = make_organisation(), make_organisation(operates_fleet=True)
    for role, permission in product(Role.values, [*STEERING, *roles.SHARED]):
        theirs = roles.may(User(role=role, organisation=stranger), permission)
        own = roles.may(User(role=role, organisation=ours), permission)
        assert not theirs or permission in roles.SHARED
        assert own or not theirs
        assert own or role != Role.OPERATOR


@pytest.mark.django_db
def test_streams_that_tell_of_all_organisations_are_closed_to_customers():
    ours = User(role="operator", organisation=make_organisation(operates_fleet=True))
    stranger = User(role="operator", organisation=make_organisation())
    telemetry = f"telemetry:{make_satellite().code}"
    for stream in ("contacts", "transfers", "rollouts", "commands", telemetry):
        assert streams.may_read(ours, stream)
        assert not streams.may_read(stranger, stream)
    assert streams.may_read(stranger, "fleet")


@pytest.mark.django_db
def test_one_who_leaves_the_operator_steers_no_more(client):
    user = make_user(organisation=make_organisation(operates_fleet=True))
    client.force_login(user)
    assert client.get("/api/v1/rollouts").status_code == 200
    user.organisation = make_organisation()
    user.save()
    assert client.get("/api/v1/rollouts").status_code == 403
    assert client.get("/rollouts").status_code == 403
