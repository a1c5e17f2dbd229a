"""Django's `migrate`, but that an empty database takes the whole schema at once."""

from typing import Any

from django.core.management.base import CommandParser
from django.core.management.commands import migrate
from django.db import DatabaseError, connections
from django.db.migrations.loader import MigrationLoader

from ops import schema

PARTIAL = ("app_label", "fake", "fake_initial", "plan", "check_unapplied", "prune", "step_by_step")


class Command(migrate.Command):
    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--step-by-step",
            action="store_true",
            help="Apply every migration, in an empty database too.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not any(options[name] for name in PARTIAL):
            self.load_schema(options["database"], options["verbosity"])
        super().handle(*args, **options)

    def load_schema(self, database: str, verbosity: int) -> None:
        """Load the schema where there is nothing; migrations are the way where that fails."""
        connection = connections[database]
        known = MigrationLoader(None).disk_migrations
        try:
            spared = schema.load(connection, known)
        except DatabaseError as error:
            self.stderr.write(f"The schema cannot be loaded, migrations are applied: {error}")
            return
        if spared and verbosity >= 1:
            self.stdout.write(f"Loaded the schema of {spared} migrations.")
