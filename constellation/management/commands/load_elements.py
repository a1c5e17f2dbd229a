"""`manage.py load_elements FILE`: take element sets out of a TLE or OMM file."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from constellation import catalogue
from constellation.orbits.elements import MAX_FILE_BYTES
from ops import clock


class Command(BaseCommand):
    help = "Load element sets (TLE, or OMM as JSON, XML, CSV or KVN); `-` reads standard input."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file")
        parser.add_argument("--source", help="Who published them; by default the file's name.")

    def handle(self, *, file: str, source: str | None, **options: Any) -> None:
        try:
            with sys.stdin.buffer if file == "-" else Path(file).open("rb") as stream:
                data = stream.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}") from error
        loaded = catalogue.load_elements(
            data, source=(source or Path(file).name)[:100], now=clock.now()
        )
        for line in loaded.refused:
            self.stderr.write(line)
        self.stdout.write(f"{len(loaded.taken)} taken, {len(loaded.refused)} refused.")
