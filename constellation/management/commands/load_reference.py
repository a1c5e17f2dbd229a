"""`manage.py load_reference`: the satellites and stations that Zenith starts with."""

from typing import Any

from django.core.management.base import BaseCommand

from constellation import catalogue
from constellation.models import Antenna, Satellite, Station
from ops import clock


class Command(BaseCommand):
    help = "Load the reference satellites, stations and element sets. Safe to repeat."

    def handle(self, **options: Any) -> None:
        catalogue.load_reference(clock.now())
        self.stdout.write(
            f"{Satellite.objects.filter(planned=False).count()} satellites, "
            f"{Station.objects.count()} stations, {Antenna.objects.count()} antennas."
        )
