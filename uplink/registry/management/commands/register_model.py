"""`manage.py register_model qwen3-8b q4 --file qwen3.gguf --format gguf --licence Apache-2.0`."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from constellation.models import HardwareProfile
from ops.accounts.models import Organisation
from ops.errors import Refusal
from uplink.registry import registering
from uplink.registry.models import Format


class Command(BaseCommand):
    help = "Take a model file into the registry, and give it a model's name and version."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="Of the model, such as qwen3-8b.")
        parser.add_argument("version", help="Such as q4_k_m-2026-08.")
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("--file", type=Path, help="The model file on this machine.")
        source.add_argument("--url", help="file:, http: or https: URL of the model file.")
        parser.add_argument("--format", required=True, choices=Format.values)
        parser.add_argument("--licence", required=True, help="SPDX identifier, or a name.")
        parser.add_argument("--sha256", help="What the bytes must hash to.")
        parser.add_argument(
            "--profile", action="append", help="Hardware it is made for; repeat. Default: all."
        )
        parser.add_argument("--context", type=int, help="Tokens of context it runs with.")
        parser.add_argument(
            "--system", default="", help="Put before questions that bring no system message."
        )
        parser.add_argument("--description", default="")
        parser.add_argument("--organisation", help="Slug; default: who operates the fleet.")

    def handle(self, **options: object) -> None:
        organisation = self._organisation(options["organisation"])
        if options["file"] is not None:
            pieces = registering.read_file(options["file"])
        else:
            pieces = registering.read_url(options["url"])
        profiles = options["profile"] or HardwareProfile.objects.values_list("code", flat=True)
        try:
            artefact, _ = registering.store_artefact(
                pieces, form=options["format"], organisation=organisation, sha256=options["sha256"]
            )
            version, is_new = registering.register_version(
                name=options["name"],
                version=options["version"],
                artefact_sha256=artefact.sha256,
                profiles=list(profiles),
                licence=options["licence"],
                organisation=organisation,
                description=options["description"],
                context_tokens=options["context"],
                system_prompt=options["system"],
            )
        except Refusal as error:
            raise CommandError(str(error)) from error
        said = "registered" if is_new else "was registered already"
        self.stdout.write(f"{version} {said}: {artefact.size_bytes} bytes, {artefact.sha256}")

    def _organisation(self, slug: object) -> Organisation:
        wanted = {"slug": slug} if slug else {"operates_fleet": True}
        organisation = Organisation.objects.filter(**wanted).order_by("pk").first()
        if organisation is None:
            raise CommandError("There is no such organisation.")
        return organisation
