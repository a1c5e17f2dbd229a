"""`manage.py release_keys FOLDER --count 3 --threshold 2`: keys that sign releases."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ops import clock
from ops.errors import Refusal
from uplink.registry.trust.documents import Public
from uplink.releases import keyfiles, roots


class Command(BaseCommand):
    help = "Make the keys that sign releases, and the first root. The folder is yours to hide."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="On a medium that you take with you.")
        parser.add_argument("--count", type=int, default=roots.KEYS, help="Keys to make.")
        parser.add_argument("--threshold", type=int, default=roots.THRESHOLD, help="Must sign.")

    def handle(self, *, folder: Path, count: int, threshold: int, **options: object) -> None:
        try:
            if not 1 <= threshold <= count <= 20:
                raise CommandError("Of 1 to 20 keys, at least one has to sign, and not too many.")
            if keyfiles.load([folder]):
                raise CommandError(f"{folder} holds keys already.")
            if roots.Root.objects.exists():
                raise roots.AlreadyBegun("There are keys already; `release_rotate` changes them.")
            keys = keyfiles.make(folder, count)
            roots.begin(keys, threshold, now=clock.now())
        except Refusal as error:
            raise CommandError(str(error)) from error
        for key in keys:
            self.stdout.write(f"{folder}/release-{Public.of(key).keyid[:16]}.key")
        self.stdout.write(
            f"{threshold} of {count} sign a release. These files are the only copies."
        )
