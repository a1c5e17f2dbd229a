"""Positions of the 2,800 announced satellites, served by the API, and what a browser makes of them.

`GET /api/v1/positions` for ten minutes is asked for on a database of its own. The browser's cubic,
in its own arithmetic (`ops/console/src/geo.ts`: doubles from 32-bit nodes), is held to SGP4 at
instants between the keyframes.
"""

import os

import django
import numpy as np

from tests import services
from tests.benchmarks import timing

KEYFRAMES = 11
BETWEEN_S = np.arange(2.5, 60.0, 5.0)
FIELDS = {
    "satellites": "of the announced constellation",
    "keyframes": "a minute apart",
    "bytes": "of the answer's body",
    "seconds": "from the request to the answer, database, permission and SGP4 included",
    "seconds_unchanged": "for the answer that nothing has changed (304), to who sends the ETag",
    "position_error_max_m": "the largest distance from SGP4 between keyframes",
    "position_error_p99_m": "the distance that 99 % keep under",
}


def hermite(first: np.ndarray, last: np.ndarray, span_s: float, along: float) -> np.ndarray:
    """Return positions between two keyframes `(..., 6)`, as the browser's `hermite` does."""
    s2, s3 = along**2, along**3
    return (
        (2 * s3 - 3 * s2 + 1) * first[..., :3]
        + (s3 - 2 * s2 + along) * span_s * first[..., 3:]
        + (3 * s2 - 2 * s3) * last[..., :3]
        + (s3 - s2) * span_s * last[..., 3:]
    )


def measured() -> dict[str, float]:
    """Ask the API, and hold its answer to SGP4."""
    from django.core.management import call_command
    from rest_framework.test import APIClient

    from constellation import catalogue, fleet_plan, positions
    from tests.factories import NOON, make_user

    call_command("migrate", verbosity=0)
    fleet_plan.plan_fleet(NOON)
    client = APIClient()
    client.force_authenticate(make_user(role="viewer"))
    url = f"/api/v1/positions?start=2026-08-22T12:00:00Z&keyframes={KEYFRAMES}"
    answer = client.get(url)
    assert answer.status_code == 200, answer.content
    seconds = timing.best_s(lambda: client.get(url))
    tag = answer["ETag"]
    unchanged = timing.best_s(lambda: client.get(url, HTTP_IF_NONE_MATCH=tag))
    assert client.get(url, HTTP_IF_NONE_MATCH=tag).status_code == 304
    header, states, _ = positions.read_keyframes(answer.content)
    nodes = states.astype(np.float64)
    orbits = catalogue.orbits(catalogue.elements_of_record(NOON))
    assert header["satellites"] == orbits.names
    error_m = []
    for late_s in BETWEEN_S:
        at_s = header["start_s"] + 60.0 * np.arange(KEYFRAMES - 1) + late_s
        told_m = hermite(nodes[:, :-1], nodes[:, 1:], 60.0, late_s / 60.0)
        error_m.append(np.linalg.norm(told_m - orbits.states(at_s).position_m, axis=-1).ravel())
    errors_m = np.concatenate(error_m)
    return {
        "satellites": len(orbits),
        "keyframes": KEYFRAMES,
        "bytes": len(answer.content),
        "seconds": seconds,
        "seconds_unchanged": unchanged,
        "position_error_max_m": errors_m.max(),
        "position_error_p99_m": np.quantile(errors_m, 0.99),
    }


def main() -> None:
    timing.explain(__doc__, FIELDS)
    servers = services.prepare()
    os.environ["DJANGO_SETTINGS_MODULE"] = "ops.settings"
    try:
        services.start(servers)
        django.setup()
        from django.conf import settings

        settings.ALLOWED_HOSTS = ["testserver"]
        timing.tell(**measured())
    finally:
        services.stop(servers)


if __name__ == "__main__":
    main()
