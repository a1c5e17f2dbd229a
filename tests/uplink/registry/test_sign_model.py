"""Signatures of versions by command."""

import io

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from django.core.management import CommandError, call_command

from tests.factories import make_artefact, make_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair(tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    private.write_bytes(pem_of(key))
    public.write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return private, public


def pem_of(key):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def run(version, *options):
    told = io.StringIO()
    name = version.model.name, version.version
    call_command("sign_model", *name, *map(str, options), stdout=told)
    return told.getvalue()


def test_a_signature_is_good_for_the_version_that_was_signed_alone(pair, tmp_path):
    private, public = pair
    version, other = (make_version(artefact=make_artefact(one)) for one in (b"one", b"other"))
    signature = tmp_path / "model.sig"
    run(version, "--key", private, "--signature", signature)
    assert "good" in run(version, "--key", public, "--signature", signature, "--verify")
    with pytest.raises(CommandError, match="not among those signed"):
        run(other, "--key", public, "--signature", signature, "--verify")
    signature.write_bytes(signature.read_bytes().replace(b"payload", b"payroll", 1))
    with pytest.raises(CommandError, match="not a model's signature"):
        run(version, "--key", public, "--signature", signature, "--verify")


def test_keys_that_the_form_does_not_know_are_refused(tmp_path):
    path = tmp_path / "key.pem"
    path.write_bytes(pem_of(ed25519.Ed25519PrivateKey.generate()))
    with pytest.raises(CommandError, match="P-256"):
        run(make_version(), "--key", path, "--signature", tmp_path / "model.sig")
