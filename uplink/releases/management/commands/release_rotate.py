"""`manage.py release_rotate --keys FOLDER --retire 1a2b --add 1 --director`."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ops import clock
from ops.errors import Refusal
from uplink.releases import keyfiles, roots, signing


class Command(BaseCommand):
    help = "Change keys: after a theft, or because it is time. Satellites follow by themselves."

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--keys", type=Path, action="append", required=True, help="Folders; new keys: first.")
        add("--retire", action="append", default=[], metavar="ID", help="Start of a key's id.")
        add("--add", type=int, default=0, help="How many new keys to make.")
        add("--director", action="store_true", help="Give the director another key.")
        add("--threshold", type=int, help="How many have to sign from now on.")

    def handle(self, **options: object) -> None:
        now, folders = clock.now(), options["keys"]
        try:
            row = roots.rotate(
                folders,
                retire=options["retire"],
                add=options["add"],
                director=options["director"],
                threshold=options["threshold"],
                now=now,
            )
            count = signing.renew(keyfiles.load(folders), now=now)
        except Refusal as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Root {row.version}; {count} releases signed again")
