"""Celery: one application, four kinds of workers, and beat's short ticks.

Ticks carry `expires`, so that they never pile up behind a worker that was away.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ops.settings")

app = Celery("zenith")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(
    [
        "ops",
        "constellation",
        "constellation.contacts",
        "telemetry",
        "uplink.registry",
        "uplink.transfers",
        "uplink.commands",
        "uplink.inference",
        "uplink.conduct",
    ]
)


def every(seconds: float, task: str) -> dict[str, object]:
    """Return a beat entry that runs `task` every so many wall seconds, or not at all if late."""
    return {"task": task, "schedule": seconds, "options": {"expires": max(seconds, 2.0)}}


app.conf.beat_schedule = {
    "look-after-queries": every(2, "uplink.inference.tasks.look_after_queries"),
}
