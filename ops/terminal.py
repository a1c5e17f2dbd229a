"""Commands on a terminal: what is no bug ends in one line, not in a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from django.conf import settings
from django.core.management import execute_from_command_line
from django.db import Error

from ops import db, errors

INTERRUPTED = 130
"""What a shell says of a program that Ctrl-C ended (128 and the signal's number)."""


def run(argv: Sequence[str]) -> int:
    """Run a command of `manage.py` and return its exit code. `--traceback` shows where it failed.

    Bugs are raised; commands end by SystemExit as Django's own do.
    """
    try:
        execute_from_command_line(list(argv))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # who read our output has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (Error, errors.Refusal) as error:
        said = _in_words(error)
        if said is None or "--traceback" in argv:
            raise
        sys.stderr.write(f"{said}\n")
        return 1
    return 0


def _in_words(error: Error | errors.Refusal) -> str | None:
    if isinstance(error, errors.Refusal):
        return str(error)
    trouble = db.passing_trouble(error)
    if trouble is None or getattr(error.__cause__, "sqlstate", None):
        return trouble
    if "DATABASE_URL" not in os.environ:
        return (
            f"No Zenith runs from {settings.ZENITH_HOME}: start it with `manage.py up`, or name "
            "another folder by ZENITH_HOME or a database by DATABASE_URL."
        )
    reason = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return f"{trouble} {reason}".rstrip()
