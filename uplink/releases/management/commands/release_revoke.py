"""`manage.py release_revoke 12 --keys FOLDER --reason "answers in verse"`."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ops import clock
from ops.errors import Refusal
from uplink.releases import keyfiles, signing


class Command(BaseCommand):
    help = "Take a release back, for all satellites."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("counter", type=int)
        parser.add_argument("--keys", type=Path, action="append", required=True, help="Folders.")
        parser.add_argument("--reason", required=True)

    def handle(self, **options: object) -> None:
        try:
            keys = keyfiles.load(options["keys"])
            row = signing.withdraw(
                options["counter"], options["reason"], keys=keys, now=clock.now()
            )
        except Refusal as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{row} is withdrawn: {row.reason}")
