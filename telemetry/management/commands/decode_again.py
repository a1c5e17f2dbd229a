"""`manage.py decode_again`: give batches that were set aside to the decoder of today."""

from typing import Any

from django.core.management.base import BaseCommand

from telemetry import ingest


class Command(BaseCommand):
    help = "Take up again the batches of frames that no decoder could take. Safe to repeat."

    def handle(self, **options: Any) -> None:
        count = ingest.take_up_again()
        self.stdout.write(f"{count} batches will be decoded again within seconds.")
