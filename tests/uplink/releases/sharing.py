"""The keys of the satellites' test ground, for a ground with a database."""

from cryptography.hazmat.primitives import serialization

from tests.constellation.simulator import flight
from uplink.registry.trust.documents import Public


def share_keys(settings, folder):
    """Let this ground sign with the keys that simulated satellites of the tests trust."""
    settings.RELEASE_KEYS = folder / "releases"
    settings.DIRECTOR_KEY_FILE = folder / "director.key"
    settings.RELEASE_KEYS.mkdir(parents=True)
    for key in flight.RELEASES.offline:
        write(settings.RELEASE_KEYS / f"release-{Public.of(key).keyid[:16]}.key", key)
    write(settings.DIRECTOR_KEY_FILE, flight.RELEASES.director)


def write(path, key):
    path.touch(0o600)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
