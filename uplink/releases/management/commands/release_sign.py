"""`manage.py release_sign qwen3-8b q4_k_m --keys /media/one --keys /media/two`."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ops import clock
from ops.errors import Refusal
from uplink.registry import terminal
from uplink.registry.models import Version
from uplink.releases import keyfiles, signing


class Command(BaseCommand):
    help = "Release a version: sign it under the next counter. Again is the way back to it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="Of the model.")
        parser.add_argument("version")
        parser.add_argument("--keys", type=Path, action="append", required=True, help="Folders.")
        parser.add_argument("--organisation")

    def handle(self, **options: object) -> None:
        row = Version.objects.filter(
            model__name=options["name"], version=options["version"]
        ).first()
        if row is None:
            raise CommandError(f"There is no {options['name']}:{options['version']}.")
        try:
            release = signing.sign(
                artefact=row.artefact,
                version=row,
                profiles=signing.profiles_of(row),
                organisation=terminal.organisation(options["organisation"]),
                keys=keyfiles.load(options["keys"]),
                now=clock.now(),
            )
        except Refusal as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{row} is release {release.counter} for {', '.join(release.profiles)}")
