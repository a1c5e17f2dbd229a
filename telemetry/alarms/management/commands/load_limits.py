"""`manage.py load_limits`: the limits of our satellites, and those of the definition in force."""

from typing import Any

from django.core.management.base import BaseCommand

from ops import clock
from telemetry import definitions, times
from telemetry.alarms import reference_limits
from telemetry.alarms.models import Limit


class Command(BaseCommand):
    help = "Load reference limits and those of the XTCE definition. Safe to repeat."

    def handle(self, **options: Any) -> None:
        now = clock.now()
        reference_limits.load(now)
        edition = definitions.calendar().timeline("").at(times.to_ns(now))
        for said in reference_limits.install(edition.xtce, now):
            self.stdout.write(f"Alarm left out: {said}")
        self.stdout.write(f"{Limit.objects.exclude(active=None).count()} limits in force.")
