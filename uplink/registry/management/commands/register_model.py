"""`manage.py register_model qwen3-8b q4_k_m --file Qwen3-8B-Q4_K_M.gguf --licence Apache-2.0`."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ops.errors import Refusal
from telemetry import onboard
from uplink.registry import registering, sources, terminal
from uplink.registry.formats import names
from uplink.registry.models import Artefact, Format, Model, Version


class Command(BaseCommand):
    help = "Take a model file into the registry, and give it a model's name and version."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="Of the model, such as qwen3-8b.")
        parser.add_argument("version", help="Such as q4_k_m-2026-08.")
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("--file", type=Path, help="The model file on this machine.")
        source.add_argument("--url", help="file:, http: or https: URL of the model file.")
        formats = [Format.GGUF, Format.SAFETENSORS, Format.ECHO]
        parser.add_argument("--format", default="", choices=formats, help="Default: as it shows.")
        parser.add_argument("--sha256", help="What the bytes must hash to.")
        terminal.add_arguments(parser)

    def handle(self, **options: object) -> None:
        organisation = terminal.organisation(options["organisation"])
        fields = terminal.fields(options)
        origin = str(options["file"] or options["url"])
        if why := names.of_name(origin):
            raise CommandError(why)
        pieces = (sources.read_file if options["file"] else sources.read_url)(
            options["file"] or options["url"]
        )
        try:
            artefact, _ = registering.store_artefact(
                pieces, form=options["format"], organisation=organisation, sha256=options["sha256"]
            )
            profiles = terminal.profiles(self._draft(artefact, fields), options["profile"])
            version, is_new = registering.register_version(
                artefact_sha256=artefact.sha256,
                profiles=profiles,
                organisation=organisation,
                **fields,
            )
            said = "registered" if is_new else "was registered already"
            self.stdout.write(f"{version} {said}: {artefact.size_bytes} bytes, {artefact.sha256}")
            for line in terminal.told(version):
                self.stdout.write(line)
            if options["cost"]:
                for line in terminal.costs(version):
                    self.stdout.write(line)
        except Refusal as error:
            raise CommandError(str(error)) from error

    def _draft(self, artefact: Artefact, fields: dict) -> Version:
        return Version(
            model=Model(name=fields["name"]),
            version=fields["version"],
            artefact=artefact,
            base=registering.base_of(artefact, fields["base"]),
            context_tokens=fields["context_tokens"] or onboard.CONTEXT_TOKENS,
        )
