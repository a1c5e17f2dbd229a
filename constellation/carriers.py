"""The frequencies of each hardware profile, from the reference data."""

from collections.abc import Iterable
from pathlib import Path

import orjson

from constellation.models import Carrier, HardwareProfile

REFERENCE = Path(__file__).parent / "reference" / "carriers.json"


def load(profiles: Iterable[HardwareProfile]) -> None:
    """Give profiles the carriers of the reference data that they lack; repeating is harmless.

    Frequencies that somebody changed stay as they are.
    """
    reference = orjson.loads(REFERENCE.read_bytes())
    Carrier.objects.bulk_create(
        (
            Carrier(profile=profile, code=code, **reference["carriers"][code])
            for profile in profiles
            for code in reference["profiles"].get(profile.code, [])
        ),
        ignore_conflicts=True,
    )
