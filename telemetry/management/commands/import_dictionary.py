"""`manage.py import_dictionary FILE.csv`: a mission's dictionary into XTCE."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from telemetry import xtce
from telemetry.definitions import dictionary


class Command(BaseCommand):
    help = "Write a dictionary in CSV as XTCE. " + (dictionary.__doc__ or "")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the dictionary, in CSV")
        parser.add_argument("--out", type=Path, help="where to write; without it, the terminal")
        parser.add_argument("--name", help="of the space system; without it, the file's")

    def handle(self, *args: Any, **options: Any) -> None:
        file: Path = options["file"]
        try:
            written = dictionary.to_xtce(file.read_bytes(), options["name"] or file.stem)
            definition = xtce.load(written)
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        except dictionary.BadDictionary as error:
            listed = "\n".join(
                f"  row {each.row}, column {each.column}: {each.detail}" for each in error.faults
            )
            raise CommandError(f"{file} is not sound:\n{listed}") from error
        except xtce.BadDefinition as error:
            raise CommandError(f"{file} makes no definition: {error}.") from error
        if options["out"] is None:
            self.stdout.write(written.decode())
            return
        options["out"].write_bytes(written)
        packets = len(definition.plans) - 1
        self.stdout.write(
            f"{options['out']}: {packets} packets, {len(definition.system.parameters)} parameters."
        )
