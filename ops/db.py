"""What the database says when a promise would be broken."""

from django.db import Error


def broken_rule(error: Error) -> str | None:
    """Return the name of the constraint that refused a write, or None when it was no constraint."""
    diagnostic = getattr(error.__cause__, "diag", None)
    return diagnostic.constraint_name if diagnostic is not None else None
