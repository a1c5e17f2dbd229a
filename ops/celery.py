"""Celery: one application, four kinds of workers, and beat's short ticks.

Ticks carry `expires`, so that they never pile up behind a worker that was away.
"""

import gc
import os

from celery import Celery, Task, platforms, signals
from django.db import close_old_connections

# `ps` shows what a process was started with; Celery's own titles would say less.
platforms._setproctitle = None
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ops.settings")

app = Celery("zenith")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(
    [
        "ops.live",
        "constellation",
        "constellation.contacts",
        "telemetry",
        "telemetry.alarms",
        "uplink.registry",
        "uplink.transfers",
        "uplink.commands",
        "uplink.inference",
        "uplink.conduct",
        "uplink.rollouts",
    ]
)


@signals.worker_process_init.connect
def look_for_garbage_less_often(**_: object) -> None:
    """A batch of telemetry makes tens of thousands of objects, none of them in circles: looking
    through all that a worker has loaded every few hundred costs a tenth of its time."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@signals.task_prerun.connect
def close_a_broken_connection(task: Task, **_: object) -> None:
    """A worker's connection to the database lives for many tasks (`CONN_MAX_AGE`); each asks once
    whether it is there still."""
    if not task.request.is_eager:
        close_old_connections()


def every(seconds: float, task: str) -> dict[str, object]:
    """Return a beat entry that runs `task` every so many wall seconds, or not at all if late."""
    return {"task": task, "schedule": seconds, "options": {"expires": max(seconds, 2.0)}}


app.conf.beat_schedule = {
    "tell-the-time": every(2, "constellation.tasks.tell_the_simulator_the_time"),
    "forget-old-events": every(3600, "ops.live.tasks.forget_old_events"),
    "sweep-passes": every(3600, "constellation.tasks.sweep_passes"),
    "fetch-elements": every(60, "constellation.tasks.fetch_elements"),
    "look-after-elements": every(10, "constellation.tasks.look_after_elements"),
    "plan-around-new-elements": every(20, "constellation.contacts.tasks.plan_around_new_elements"),
    "plan-contacts": every(60, "constellation.contacts.tasks.plan_contacts"),
    "claim-contacts": every(2, "uplink.conduct.tasks.claim_contacts"),
    "look-after-queries": every(2, "uplink.inference.tasks.look_after_queries"),
    "fall-back": every(2, "uplink.commands.tasks.fall_back"),
    "look-after-spreads": every(5, "uplink.transfers.tasks.look_after_spreads"),
    "look-after-packages": every(30, "uplink.transfers.tasks.look_after_packages"),
    "look-after-forecasts": every(5, "uplink.transfers.tasks.look_after_forecasts"),
    "look-after-uploads": every(60, "uplink.registry.tasks.look_after_uploads"),
    "look-after-rollouts": every(2, "uplink.rollouts.tasks.look_after_rollouts"),
    "look-after-deployments": every(5, "uplink.rollouts.tasks.look_after_deployments"),
    "decode-what-is-left": every(5, "telemetry.tasks.requeue_undecoded"),
    "look-after-alarms": every(5, "telemetry.alarms.tasks.look_after_alarms"),
    "send-notices": every(2, "telemetry.alarms.tasks.send_notices"),
    "go-on-with-replays": every(5, "telemetry.tasks.go_on_with_replays"),
    "compact-segments": every(20, "telemetry.tasks.compact_segments"),
    "tidy-telemetry": every(3600, "telemetry.tasks.tidy_telemetry"),
}
