"""Waking the conductor that holds a satellite's contact: PostgreSQL's NOTIFY, at commit.

Only for what a person waits for (a question, a telecommand) and for contacts that change. The
tick is the floor and this is the pulse: a lost notification costs seconds, never work.
"""

from django.db import connection

CHANNEL = "zenith_conduct"


def satellite(satellite_id: int) -> None:
    """Let whoever flies a contact of this satellite look for work once this commits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, str(satellite_id)])
