"""A command that cannot do its work says why in one line."""

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def said_by(*argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    passed_on = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", *argv],
        cwd=PROJECT,
        env=passed_on | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_zenith_a_command_says_how_to_start_one(tmp_path):
    done = said_by("ask", "how hot is it?", ZENITH_HOME=str(tmp_path))

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert f"No Zenith runs from {tmp_path}: start it with `manage.py up`" in done.stderr


def test_a_database_that_is_away_is_one_line_with_its_reason(tmp_path):
    away = "postgresql://zenith:secret@127.0.0.1:1/zenith"
    done = said_by("load_reference", ZENITH_HOME=str(tmp_path), DATABASE_URL=away)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "The database cannot be reached" in done.stderr
    assert "refused" in done.stderr
    assert "secret" not in done.stderr


def test_where_it_failed_is_shown_when_asked_for(tmp_path):
    away = "postgresql://zenith:secret@127.0.0.1:1/zenith"
    done = said_by("load_reference", "--traceback", ZENITH_HOME=str(tmp_path), DATABASE_URL=away)

    assert done.returncode == 1
    assert "Traceback" in done.stderr
