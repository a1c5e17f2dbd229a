"""Zenith's own Celery application with the benchmark's dictionary, and the beat of the archive.

celery -A tests.benchmarks.ingesting.app worker …
"""

from ops.celery import app
from telemetry import definitions
from telemetry.definitions import editions
from tests.benchmarks.ingesting import dictionary

_edition = editions.Edition(None, dictionary.load())
definitions.shipped = lambda: _edition
BEAT = ("claim-contacts", "decode-what-is-left", "compact-segments", "forget-old-events")
app.conf.beat_schedule = {name: app.conf.beat_schedule[name] for name in BEAT}
