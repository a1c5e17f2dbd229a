"""Satellites that run another model than they should, told to the alarms."""

from datetime import datetime

from telemetry.alarms import conditions
from telemetry.alarms.levels import Level
from uplink.rollouts.models import Divergence


def find(now: datetime) -> list[conditions.Found]:
    """Find every satellite whose active digest is not the wanted one and nothing brings it.

    Offers are still made while it is not flagged; then a person has to look.
    """
    return [
        conditions.Found(
            satellite_id=row.satellite_id,
            since=row.since_at,
            level=Level.DISTRESS if row.is_flagged else Level.WARNING,
            value=row.reported_sha256,
            detail=f"Runs {row.reported_sha256[:12] or 'no model'}, wanted is "
            f"{row.desired_id[:12]}",
        )
        for row in Divergence.objects.all()
    ]


CONDITION = conditions.Condition(
    "model_digest", "Model is not the one wanted", find, parameter="active_digest"
)
