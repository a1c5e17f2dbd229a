"""The first start registers the shipped model and sends it to the fleet; the second, nothing."""

import pytest

from tests.factories import NOON, make_organisation, make_profile, make_satellite
from tests.uplink.registry import files
from uplink.conduct import firstlight
from uplink.registry import shipped
from uplink.releases import roots
from uplink.transfers.models import Deployment, Transfer

pytestmark = pytest.mark.django_db


@pytest.fixture
def fleet(tmp_path, settings, monkeypatch):
    settings.ARTEFACT_ROOT = tmp_path / "artefacts"
    model = tmp_path / "model.gguf"
    model.write_bytes(files.gguf())
    monkeypatch.setattr(shipped, "find", lambda: model)
    make_organisation(operates_fleet=True)
    profile = make_profile()
    return [make_satellite(profile=profile) for _ in range(3)]


def prepare() -> list[str]:
    return list(firstlight.prepare(now=NOON))


def test_the_first_start_sends_the_model_to_every_satellite_in_orbit(fleet):
    make_satellite(profile=fleet[0].profile, planned=True)
    make_satellite(profile=fleet[0].profile, is_active=False)
    said = prepare()
    assert any(line.startswith("Registered smollm2") for line in said)
    assert any("release 1 with development keys" in line for line in said)
    assert {each.satellite for each in Transfer.objects.all()} == set(fleet)
    assert all(each.activate for each in Transfer.objects.all())


def test_a_second_start_repeats_nothing_even_what_was_cancelled(fleet):
    prepare()
    Transfer.objects.filter(satellite=fleet[0]).update(state="CANCELLED")
    said = prepare()
    assert not said
    assert Transfer.objects.count() == 3


def test_where_the_keys_are_elsewhere_nothing_is_sent_and_it_is_said(fleet, settings, tmp_path):
    roots.current(now=NOON)
    settings.RELEASE_KEYS = tmp_path / "moved"
    (said,) = [line for line in prepare() if "not sent" in line]
    assert "manage.py release_sign" in said
    assert not Transfer.objects.exists()


def test_who_has_a_model_already_is_left_alone(fleet):
    Deployment.objects.create(satellite=fleet[0], active_sha256="ab" * 32)
    prepare()
    assert {each.satellite for each in Transfer.objects.all()} == set(fleet[1:])


def test_without_an_operator_there_is_nobody_to_do_it_for():
    with pytest.raises(firstlight.NobodyOperates):
        prepare()
