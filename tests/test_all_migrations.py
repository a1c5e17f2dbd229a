"""All migrations, one after the other, over a database that holds something of its time.

They make the schema that an empty database takes at once, and what was archived before the third
of telemetry reads the same in the end: it was written by the writer of that time.
"""

import math
from datetime import UTC, datetime
from uuid import uuid4

import numpy as np
import pytest
from django.apps import apps as living
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from ops import schema
from telemetry.archive import columns, compaction, reading
from telemetry.models import Latest, Newest, Rollup, Segment
from tests import databases
from tests.schema import text_of
from tests.telemetry.archive import former_segments

START_NS = 1_787_400_000 * 10**9
SEGMENTS = [("G", 0, 40, 11), ("G", 40, 1, 12), ("G", 41, 60, 13), ("G", 101, 700, None)]
SEGMENTS += [("H", 0, 5, 11)]
BEFORE = [("telemetry", "0002_ledger")]


@pytest.fixture(scope="module")
def archived(django_db_setup, django_db_blocker):
    """A migrated database in the place of the tests' own: its satellite, and what was archived."""
    with django_db_blocker.unblock():
        name = databases.make()
        with databases.connected_to(name):
            before = fill(migrate(BEFORE))
            migrate(MigrationExecutor(connection).loader.graph.leaf_nodes())
            yield before
        databases.drop(name)


def migrate(targets):
    executor = MigrationExecutor(connection)
    executor.loader.build_graph()
    state = executor.migrate(targets)
    return state.apps


def satellite_in(apps):
    """Make a satellite as the models of that time have it."""
    profile = _filled(apps.get_model("constellation", "HardwareProfile"))
    return _filled(apps.get_model("constellation", "Satellite"), profile=profile)


def _filled(model, **given):
    """Make a row with something in each field that must have something."""
    values = {
        "CharField": "x",
        "BigIntegerField": 7,
        "IntegerField": 7,
        "PositiveIntegerField": 7,
        "PositiveSmallIntegerField": 7,
        "SmallIntegerField": 7,
        "FloatField": 1.0,
        "DateTimeField": datetime(2026, 8, 22, 12, tzinfo=UTC),
        "JSONField": {},
        "UUIDField": uuid4(),
    }
    for field in model._meta.concrete_fields:
        is_open = not field.has_default() and not field.null and not field.primary_key
        if field.name not in given and is_open and field.get_internal_type() in values:
            given[field.name] = values[field.get_internal_type()]
    return model.objects.create(**given)


def columns_of(n, seed=0):
    random = np.random.default_rng(seed)
    drift = 100 + np.cumsum(random.integers(-2, 3, n))
    return {
        "drift": {"raw": drift},
        "line": {"raw": drift, "value": 0.5 * drift - 1},
        "huge": {"raw": random.integers(-(2**63), 2**63 - 1, n)},
        "large": {"raw": random.integers(0, 2**64 - 1, n, np.uint64)},
        "odd": {"raw": np.resize(np.array([1.5, -0.25, math.nan, math.inf, 1e-310, 0.1]), n)},
        "single": {"raw": np.resize(np.array([0.5, 2.0]), n)},
        "mode": {"raw": drift % 3, "labels": {0: "OFF", 1: "ON"}},
        "words": {"raw": [(b"a\0", b"bc", "é".encode())[k % 3] for k in range(n)], "text": True},
        "octets": {"raw": [bytes([k % 256]) * (k % 5) for k in range(n)]},
    }


def fill(apps):
    """Archive three short segments of one group, a long one of it, and one of another group."""
    satellite = satellite_in(apps)
    sent = {}
    segments = apps.get_model("telemetry", "Segment").objects
    for number, (group, first, n, batch) in enumerate(SEGMENTS):
        at, prefix = START_NS + np.arange(first, first + n) * 10**9, "" if group == "G" else "h_"
        held = {f"{prefix}{name}": each for name, each in columns_of(n, seed=number).items()}
        segments.create(
            satellite=satellite,
            group=group,
            batch=batch,
            first_ns=int(at[0]),
            last_ns=int(at[-1]),
            count=n,
            columns=former_segments.pack(at, at + 5, held),
        )
        sent.setdefault(group, []).append((at, held))
    latest = apps.get_model("telemetry", "Latest").objects
    for parameter, raw, at in (("drift", 105, 900), ("mode", 1, 900)):
        latest.create(
            satellite=satellite,
            parameter=parameter,
            generated_ns=START_NS + at,
            received_ns=START_NS + at + 5,
            raw=raw,
            value="ON" if parameter == "mode" else raw,
        )
    return satellite.pk, sent


def assert_holds(satellite_id, sent):
    for group, segments in sent.items():
        names = list(segments[0][1])
        samples = reading.read(satellite_id, group, set(names), first_ns=0, end_ns=2**62)
        times = np.concatenate([at for at, _ in segments])
        np.testing.assert_array_equal(samples.generated_ns, times)
        np.testing.assert_array_equal(samples.received_ns, times + 5)
        for name in names:
            column = samples.columns[name]
            parts = [held[name] for _, held in segments]
            if isinstance(parts[0]["raw"], list):
                assert list(column.raw) == [each for part in parts for each in part["raw"]]
            else:
                raw = np.concatenate([part["raw"] for part in parts])
                np.testing.assert_array_equal(column.raw, raw)
            if "value" in parts[0]:
                value = np.concatenate([part["value"] for part in parts])
                np.testing.assert_array_equal(column.value, value)
        mode = next(name for name in names if name.endswith("mode"))
        labelled = columns.values(samples.columns[mode])
        labels = {0: "OFF", 1: "ON"}
        raw = np.concatenate([held[mode]["raw"] for _, held in segments]).tolist()
        assert labelled == [labels.get(each) for each in raw]


def test_they_make_the_schema_that_is_loaded_at_once(archived):
    # Where this fails after a new migration: `make schema`.
    made, kept = text_of(databases.url()), schema.PATH.read_text()
    assert statements_of(made) == statements_of(kept)
    assert set(schema.migrations_of(made)) == set(schema.migrations_of(kept))


def statements_of(text):
    return text.partition("\n\n")[2]


def test_old_segments_hold_the_same_values(archived):
    satellite_id, sent = archived

    assert Segment.objects.count() == 5
    assert len(set(Segment.objects.values_list("batch", flat=True))) == 4  # none counts as long
    assert_holds(satellite_id, sent)
    row = Newest.objects.get()
    assert (row.group, row.generated_ns) == ("G", START_NS + 900)
    assert (row.raw, row.value) == ({"drift": 105, "mode": 1}, {"drift": 105, "mode": "ON"})
    assert set(Latest.objects.values_list("parameter", "group")) == {("drift", "G"), ("mode", "G")}

    compaction.compact(shortest=1)
    assert not Segment.objects.exclude(batch=None).exists()
    assert Rollup.objects.filter(group="G", width_s=60).exists()
    assert_holds(satellite_id, sent)
    with connection.cursor() as cursor:
        code = living.get_model("constellation", "Satellite").objects.get(pk=satellite_id).code
        cursor.execute(
            "SELECT value FROM telemetry_samples("
            "%s, 'line', to_timestamp(0), to_timestamp(4000000000))",
            [code],
        )
        lines = [value for (value,) in cursor.fetchall()]
    assert sorted(lines) == sorted(
        value for _, held in sent["G"] for value in held["line"]["value"].tolist()
    )
