"""`manage.py plan_contacts`: book the next day now rather than at the next tick."""

from typing import Any

from django.core.management.base import BaseCommand

from constellation.contacts import planner
from ops import clock


class Command(BaseCommand):
    help = "Book the contacts of the next 24 hours. Safe to repeat."

    def handle(self, **options: Any) -> None:
        contacts = planner.plan_contacts(clock.now())
        self.stdout.write(f"{len(contacts)} contacts booked.")
