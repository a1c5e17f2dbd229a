"""`manage.py model_cost qwen3-8b:q4_k_m --satellite SCS-01-A`: before a byte is sent."""

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ops.errors import Refusal
from uplink.registry import registering, terminal


class Command(BaseCommand):
    help = "Tell what carrying a version up costs: bytes on air, contacts and time, by satellite."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("version", help="model:version.")
        parser.add_argument("--satellite", default="", help="Codes, comma between. Default: all.")

    def handle(self, **options: object) -> None:
        try:
            version = registering.named_version(options["version"])
            self.stdout.write(str(version))
            for line in [*terminal.told(version), *terminal.costs(version, options["satellite"])]:
                self.stdout.write(line)
        except Refusal as error:
            raise CommandError(str(error)) from error
