"""`manage.py plan_contacts`: book the next day now rather than at the next tick."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from constellation.contacts import planner
from ops import clock


class Command(BaseCommand):
    help = "Book the contacts of the next 24 hours. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--soon", action="store_true", help="Only the next two hours, if nothing is booked."
        )

    def handle(self, *, soon: bool, **options: Any) -> None:
        contacts = (planner.plan_soon if soon else planner.plan_contacts)(clock.now())
        self.stdout.write(f"{len(contacts)} contacts booked.")
