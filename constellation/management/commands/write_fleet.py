"""`manage.py write_fleet FILE`: the fleet for the simulator."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from constellation import fleet_file
from ops import clock


class Command(BaseCommand):
    help = "Write satellites, elements and stations to a file that the simulator starts from."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *, file: Path, **options: Any) -> None:
        count = fleet_file.write(file, clock.now())
        self.stdout.write(f"{count} satellites written to {file}.")
