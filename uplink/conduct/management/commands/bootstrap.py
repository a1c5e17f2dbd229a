"""`manage.py bootstrap`: what a first start needs, once; `manage.py up` calls it at every start."""

from typing import Any

from django.core.management import BaseCommand

from ops import clock, errors
from uplink.conduct import firstlight


class Command(BaseCommand):
    help = "Register the shipped model and begin its transfer to the fleet."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            for line in firstlight.prepare(now=clock.now()):
                self.stdout.write(line)
                self.stdout.flush()
        except errors.Refusal as refusal:
            self.stdout.write(f"Note: no model is on its way to the fleet: {refusal}")
