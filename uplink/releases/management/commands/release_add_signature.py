"""`manage.py release_add_signature FILE --keys /media/one`: without database and network."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ops.errors import Refusal
from uplink.releases import ceremonies, keyfiles


class Command(BaseCommand):
    help = "Add signatures to what release_prepare wrote. Shows first what is signed."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--keys", type=Path, action="append", required=True, help="Folders.")

    def handle(self, **options: object) -> None:
        try:
            found = ceremonies.read(options["file"])
            for line in found.lines():
                self.stdout.write(line)
            for name in ceremonies.add_signatures(found, keyfiles.load(options["keys"])):
                self.stdout.write(f"signed with {name[:16]}")
            ceremonies.write(found, options["file"])
        except (Refusal, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{len(found.holders)} keys have signed all of it.")
