"""`manage.py import_model ./Qwen3-8B qwen3-8b bf16 --licence Apache-2.0`."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ops.errors import Refusal
from uplink.registry import importing, terminal


class Command(BaseCommand):
    help = "Take a folder, as the Hugging Face hub lays one out, into the registry as a version."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="With config.json, tokenizer and weights.")
        parser.add_argument("name", help="Of the model, such as qwen3-8b.")
        parser.add_argument("version", help="Such as bf16-2026-08.")
        parser.add_argument("--check", action="store_true", help="Judge it, and store nothing.")
        terminal.add_arguments(parser)

    def handle(self, **options: object) -> None:
        folder, organisation = options["folder"], terminal.organisation(options["organisation"])
        fields = terminal.fields(options)
        judged = {
            key: fields[key]
            for key in ("name", "version", "licence", "context_tokens", "base", "golden_prompts")
        }
        try:
            plan = importing.plan(folder, profiles=options["profile"] or [], **judged)
            profiles = terminal.profiles(plan.version, options["profile"])
            for name in plan.found.left_out:
                self.stdout.write(f"  {name} is left out: it belongs to no model")
            if options["check"]:
                self.stdout.write(
                    f"{folder} is right: {len(plan.found.files)} files, "
                    f"{plan.found.size_bytes} bytes, for {', '.join(profiles)}"
                )
                return
            version, is_new, _ = importing.import_folder(
                folder, organisation=organisation, profiles=profiles, **fields
            )
            said = "registered" if is_new else "was registered already"
            self.stdout.write(f"{version} {said}: {len(plan.found.files)} files")
            for line in terminal.told(version):
                self.stdout.write(line)
            if options["cost"]:
                for line in terminal.costs(version):
                    self.stdout.write(line)
        except importing.CannotImport as error:
            lines = "\n".join(f"  {line}" for line in error.extra["problems"])
            raise CommandError(f"{folder} cannot be imported:\n{lines}") from error
        except Refusal as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be read: {error.strerror}.") from error
