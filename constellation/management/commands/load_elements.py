"""`manage.py load_elements FILE`: take element sets out of an OMM, OEM or TLE file."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from constellation import intake
from constellation.models_elements import MOST_PRIORITY, PUBLIC_PRIORITY
from constellation.orbits.elements import MAX_FILE_BYTES
from ops import clock


class Command(BaseCommand):
    help = (
        "Load element sets: OMM as JSON, XML, CSV or KVN, OEM as KVN or XML, or TLE. "
        "`-` reads standard input."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file")
        parser.add_argument("--source", help="Who published them; by default the file's name.")
        parser.add_argument(
            "--priority",
            type=int,
            default=PUBLIC_PRIORITY,
            help="Greater goes first; 0, the default, is that of public catalogues. What has "
            "more, and no end of its own, is trusted for 14 days from its epoch.",
        )

    def handle(self, *, file: str, source: str | None, priority: int, **options: Any) -> None:
        if not 0 <= priority <= MOST_PRIORITY:
            raise CommandError(f"--priority is {priority}; right is 0 to {MOST_PRIORITY}.")
        try:
            with sys.stdin.buffer if file == "-" else Path(file).open("rb") as stream:
                data = stream.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}") from error
        loaded = intake.load_elements(
            data, source=(source or Path(file).name)[:100], priority=priority, now=clock.now()
        )
        for line in [*loaded.refused, *loaded.kept]:
            self.stderr.write(line)
        kept = f"{len(loaded.kept)} kept as history, " if loaded.kept else ""
        told = f"{len(loaded.taken)} taken, {kept}{len(loaded.refused)} refused."
        if loaded.refused and not loaded.taken and not loaded.kept:
            raise CommandError(told)
        self.stdout.write(told)
