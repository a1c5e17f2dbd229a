"""The eclipses that contacts are planned around, with the contact time that each still allows."""

from collections.abc import Collection
from datetime import datetime, timedelta

from constellation import eclipses
from constellation.contacts import shadow
from constellation.contacts.models import HOLDING, Contact, State
from constellation.models import HardwareProfile, Satellite

MARGIN = timedelta(minutes=80)
"""An eclipse that a span's end would cut is found whole: none of a circular orbit is longer, the
geostationary included (72 minutes)."""


def eclipses_of(
    satellites: Collection[Satellite], start_at: datetime, end_at: datetime
) -> dict[int, list[shadow.Eclipse]]:
    """Return the eclipses that passes of a span may meet, by the satellites' keys.

    What contacts that are booked or were flown use of an eclipse is off its allowance. A satellite
    that cannot be flown has none here; its passes are refused elsewhere.
    """
    by_pk = {each.pk: each for each in satellites}
    profiles = HardwareProfile.objects.in_bulk({each.profile_id for each in by_pk.values()})
    seen = eclipses.eclipses_between(start_at - MARGIN, end_at + MARGIN, by_pk.values())
    found: dict[int, list[shadow.Eclipse]] = {}
    for each in seen.eclipses:
        profile = profiles[by_pk[each.satellite.pk].profile_id]
        found.setdefault(each.satellite.pk, []).append(_eclipse(each, profile))
    spent = Contact.objects.filter(
        state__in=[*HOLDING, State.COMPLETED, State.FAILED],
        satellite__in=found,
        los_at__gt=start_at - MARGIN,
        aos_at__lt=end_at + MARGIN,
    )
    for satellite, aos_at, los_at in spent.values_list("satellite_id", "aos_at", "los_at"):
        shadow.use((aos_at.timestamp(), los_at.timestamp()), found[satellite])
    return found


def _eclipse(each: eclipses.Eclipse, profile: HardwareProfile) -> shadow.Eclipse:
    entry_s, exit_s = each.entry_at.timestamp(), each.exit_at.timestamp()
    if profile.battery_j is None:
        return shadow.Eclipse(entry_s, exit_s)
    allowed_s = shadow.allowance_s(
        exit_s - entry_s,
        battery_j=profile.battery_j,
        discharge_most=profile.discharge_most,
        load_w=profile.load_w,
        contact_w=profile.contact_w,
    )
    return shadow.Eclipse(entry_s, exit_s, allowed_s)
