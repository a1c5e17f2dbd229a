"""`manage.py release_prepare qwen3-8b q4_k_m --out FILE`, or `--withdraw 12 --reason …`."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ops import clock
from ops.errors import Refusal
from uplink.registry import terminal
from uplink.registry.models import Version
from uplink.releases import ceremonies


class Command(BaseCommand):
    help = (
        "Write what has to be signed to a file, for key holders on machines of their own: each "
        "adds a signature with release_add_signature, and release_publish takes the file."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", help="Of the model.")
        parser.add_argument("version", nargs="?")
        parser.add_argument("--withdraw", type=int, metavar="COUNTER", help="Instead of a version.")
        parser.add_argument("--reason", default="", help="Of a withdrawal.")
        parser.add_argument("--out", type=Path, required=True)
        parser.add_argument("--organisation")

    def handle(self, **options: object) -> None:
        try:
            made = self._made(**options)
            ceremonies.write(made, options["out"])
        except (Refusal, OSError) as error:
            raise CommandError(str(error)) from error
        for line in made.lines():
            self.stdout.write(line)
        self.stdout.write(f"{options['out']} is to be signed.")

    def _made(self, **options: object) -> ceremonies.Ceremony:
        if options["withdraw"] is not None:
            if options["name"] or not options["reason"]:
                raise CommandError("A withdrawal has a --reason, and no version beside it.")
            return ceremonies.prepare_withdrawal(
                options["withdraw"], options["reason"], now=clock.now()
            )
        if not options["version"]:
            raise CommandError("Name a model and its version, or a release to --withdraw.")
        row = Version.objects.filter(
            model__name=options["name"], version=options["version"]
        ).first()
        if row is None:
            raise CommandError(f"There is no {options['name']}:{options['version']}.")
        organisation = terminal.organisation(options["organisation"])
        return ceremonies.prepare_release(row, organisation, now=clock.now())
