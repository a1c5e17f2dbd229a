"""`manage.py release_publish FILE`: what enough people signed is given out, or taken back."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ops import clock
from ops.errors import Refusal
from uplink.releases import ceremonies


class Command(BaseCommand):
    help = "Take a file that enough key holders signed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, **options: object) -> None:
        try:
            row = ceremonies.publish(ceremonies.read(options["file"]), now=clock.now())
        except Refusal as error:
            raise CommandError(str(error)) from error
        what = f"withdrawn: {row.reason}" if row.withdrawn_at else f"for {', '.join(row.profiles)}"
        self.stdout.write(f"{row} is {what}")
