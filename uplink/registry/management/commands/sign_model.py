"""`manage.py sign_model qwen3-8b q4_k_m --key me.pem --signature qwen3.sig`, or `--verify`."""

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.management.base import BaseCommand, CommandError, CommandParser

from uplink.registry.models import Format, Version
from uplink.registry.trust import statements


class Command(BaseCommand):
    help = "Write or check a version's signature in the OpenSSF model-signing form."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="Of the model.")
        parser.add_argument("version")
        parser.add_argument("--key", type=Path, required=True, help="PEM; public with --verify.")
        parser.add_argument("--signature", type=Path, required=True, help="File to write or read.")
        parser.add_argument("--verify", action="store_true", help="Check it instead of writing it.")

    def handle(
        self, *, name: str, version: str, key: Path, signature: Path, verify: bool, **options
    ) -> None:
        row = Version.objects.filter(model__name=name, version=version).first()
        if row is None:
            raise CommandError(f"There is no {name}:{version}.")
        files = files_of(row)
        try:
            if verify:
                self._check(files, key, signature)
                self.stdout.write(f"{signature} is a good signature of {row}, {len(files)} files")
                return
            private = serialization.load_pem_private_key(key.read_bytes(), password=None)
            if not isinstance(private, ec.EllipticCurvePrivateKey):
                raise CommandError(f"{key} is not a key on P-256, P-384 or P-521.")
            signature.write_bytes(statements.sign(private, name, files))
        except (OSError, ValueError, TypeError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{signature} signs {row}, {len(files)} files")

    def _check(self, files: dict[str, str], key: Path, signature: Path) -> None:
        public = serialization.load_pem_public_key(key.read_bytes())
        if not isinstance(public, ec.EllipticCurvePublicKey):
            raise CommandError(f"{key} is not a key on P-256, P-384 or P-521.")
        _, signed = statements.verify(public, signature.read_bytes())
        # Files may lie under other names than when they were signed; their bytes may not differ.
        if missing := sorted(set(files.values()) - set(signed.values())):
            raise CommandError(f"{len(missing)} files are not among those signed: {missing[0]}.")


def files_of(version: Version) -> dict[str, str]:
    """Return a version's files by path (one alone: `model` with its format), as SHA-256."""
    artefact = version.artefact
    if artefact.format == Format.BUNDLE:
        return dict(artefact.parts.values_list("path", "artefact_id"))
    return {f"model.{artefact.format}": artefact.sha256}
