"""Zenith's own Celery application with the benchmark's dictionary, and the beat of the archive.

celery -A tests.benchmarks.ingesting.app worker …
"""

from ops.celery import app
from telemetry import definitions
from tests.benchmarks.ingesting import dictionary

_definition = dictionary.load()
definitions.current = lambda: _definition
BEAT = ("claim-contacts", "decode-what-is-left", "compact-segments", "forget-old-events")
app.conf.beat_schedule = {name: app.conf.beat_schedule[name] for name in BEAT}
