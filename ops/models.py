"""The clock's one row."""

from django.db import models
from django.db.models import Q


class ClockRow(models.Model):
    """Mission time for every process: `ops.clock` reads and changes it."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    simulated = models.BooleanField()
    wall_anchor = models.DateTimeField()
    mission_anchor = models.DateTimeField()
    rate = models.FloatField(help_text="Simulated seconds a second; 0 is paused.")
    resume_rate = models.FloatField(default=1.0, help_text="The rate to go on with after a pause.")
    generation = models.BigIntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(name="clock_is_one_row", condition=Q(id=1)),
            models.CheckConstraint(name="clock_never_runs_back", condition=Q(rate__gte=0)),
            models.CheckConstraint(
                name="clock_real_time_runs_at_1", condition=Q(simulated=True) | Q(rate=1)
            ),
        ]
