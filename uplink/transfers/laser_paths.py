"""Laser links as a way that packs take, for the forecasts of transfers that others help."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from constellation.models import Satellite
from uplink.transfers.forecasting.runs import Opening
from uplink.transfers.models import UNDER_WAY, Spread

KEPT = 0.99
"""So likely is it that packs come as the plan expects: neighbours fall silent now and then."""
STATION = "laser"


def of(satellites: Sequence[Satellite], now: datetime, until_at: datetime) -> list[Opening]:
    """Return, for each satellite that is planned to fetch, from when on all packs can be there."""
    rows = Spread.objects.filter(
        transfer__satellite__in=satellites,
        transfer__state__in=UNDER_WAY,
        expected_at__isnull=False,
        expected_at__lt=until_at,
    ).exclude(laser=[])
    return [
        Opening(
            f"{STATION} {row.transfer_id}",
            row.transfer.satellite_id,
            STATION,
            max(row.expected_at, now).timestamp(),
            until_at.timestamp(),
            row.transfer.satellite.profile.isl_bit_per_s,
            odds=KEPT,
            takes_place=False,
        )
        for row in rows.select_related("transfer__satellite__profile")
    ]
