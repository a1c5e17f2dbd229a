"""Segments whose numbers PostgreSQL can read, roll-ups beside them, and newest values by group.

What is there is kept: segments are packed anew, and long ones count as short until they have been
compacted again, which makes their roll-ups.
"""

from collections import defaultdict

import django.db.models.deletion
from django.db import migrations, models

_BATCH = 200
_VIEW = """
CREATE VIEW telemetry_latest AS
    SELECT newest.satellite_id || ' ' || one.key AS id, newest.satellite_id, newest."group",
        one.key AS parameter, newest.generated_ns, newest.received_ns,
        newest.raw -> one.key AS raw, one.value
    FROM telemetry_newest AS newest, jsonb_each(newest.value) AS one
"""
_STORAGE = """
ALTER TABLE telemetry_segment ALTER COLUMN columns SET STORAGE EXTERNAL;
ALTER TABLE telemetry_rollup ALTER COLUMN columns SET STORAGE EXTERNAL;
ALTER TABLE telemetry_rawbatch ALTER COLUMN frames SET STORAGE EXTERNAL
"""


def pack_again(apps, schema_editor):
    from telemetry.archive import columns, wide
    from telemetry.migrations import _former_segments

    rows = apps.get_model("telemetry", "Segment").objects
    shapes = apps.get_model("telemetry", "SegmentShape").objects
    groups = defaultdict(dict)
    for pk in list(rows.order_by("id").values_list("id", flat=True)):
        row = rows.get(pk=pk)
        samples = _former_segments.unpack(bytes(row.columns))
        shape = columns.Shape.of(samples)
        shapes.get_or_create(digest=shape.digest, defaults={"columns": shape.to_json()})
        row.shape_id, row.columns = shape.digest, wide.pack(wide.of(samples))
        if row.batch is None:
            row.batch = -row.pk
        row.save()
        groups[row.satellite_id] |= dict.fromkeys(samples.columns, row.group)
    _group_latest(apps, groups)
    schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _group_latest(apps, groups):
    """Values of one group have one time: those of its newest sample."""
    newest = {}
    for row in apps.get_model("telemetry", "Latest").objects.order_by("generated_ns").iterator():
        group = groups[row.satellite_id].get(row.parameter)
        if group is None:
            continue
        kept = newest.setdefault((row.satellite_id, group), {"raw": {}, "value": {}})
        kept["generated_ns"], kept["received_ns"] = row.generated_ns, row.received_ns
        kept["raw"][row.parameter], kept["value"][row.parameter] = row.raw, row.value
    model = apps.get_model("telemetry", "Newest")
    model.objects.bulk_create(
        [
            model(satellite_id=satellite_id, group=group, **kept)
            for (satellite_id, group), kept in newest.items()
        ],
        batch_size=_BATCH,
    )


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0002_ledger")]

    operations = [
        migrations.CreateModel(
            name="SegmentShape",
            fields=[
                ("digest", models.CharField(max_length=32, primary_key=True, serialize=False)),
                (
                    "columns",
                    models.JSONField(
                        help_text="[name, kind, labels, polynomial, kind of values] of each column, in order."
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Newest",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "group",
                    models.CharField(help_text="The container's qualified name.", max_length=100),
                ),
                ("generated_ns", models.BigIntegerField()),
                ("received_ns", models.BigIntegerField()),
                ("raw", models.JSONField(help_text="Raw values by parameter.")),
                ("value", models.JSONField(help_text="Engineering values by parameter.")),
                (
                    "satellite",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="newest",
                        to="constellation.satellite",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("satellite", "group"), name="newest_once")
                ]
            },
        ),
        migrations.CreateModel(
            name="Rollup",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("group", models.CharField(max_length=100)),
                ("generation", models.PositiveIntegerField(default=1)),
                ("width_s", models.IntegerField()),
                ("is_part", models.BooleanField(default=True)),
                ("first_ns", models.BigIntegerField(help_text="Where the first bucket begins.")),
                ("end_ns", models.BigIntegerField(help_text="Where the last bucket ends.")),
                ("count", models.IntegerField(help_text="Of buckets.")),
                ("columns", models.BinaryField()),
                (
                    "satellite",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rollups",
                        to="constellation.satellite",
                    ),
                ),
                (
                    "shape",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="telemetry.segmentshape",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["satellite", "group", "width_s", "first_ns", "end_ns"],
                        name="rollup_by_span",
                    ),
                    models.Index(
                        condition=models.Q(("is_part", True)),
                        fields=["satellite", "group", "width_s"],
                        name="rollup_parts",
                    ),
                ]
            },
        ),
        migrations.AddField(
            model_name="segment",
            name="shape",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="telemetry.segmentshape",
            ),
        ),
        migrations.RunPython(pack_again),
        migrations.AlterField(
            model_name="segment",
            name="shape",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="telemetry.segmentshape",
            ),
        ),
        migrations.AlterField(
            model_name="segment",
            name="satellite",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="segments",
                to="constellation.satellite",
            ),
        ),
        migrations.AlterField(
            model_name="packet",
            name="satellite",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="packets",
                to="constellation.satellite",
            ),
        ),
        migrations.DeleteModel(name="Latest"),
        migrations.CreateModel(
            name="Latest",
            fields=[
                ("id", models.CharField(max_length=300, primary_key=True, serialize=False)),
                ("group", models.CharField(max_length=100)),
                ("parameter", models.CharField(help_text="Qualified name.", max_length=200)),
                ("generated_ns", models.BigIntegerField()),
                ("received_ns", models.BigIntegerField()),
                ("raw", models.JSONField()),
                ("value", models.JSONField()),
            ],
            options={"db_table": "telemetry_latest", "managed": False},
        ),
        migrations.RunSQL(_VIEW, "DROP VIEW telemetry_latest"),
        migrations.RunSQL(_STORAGE, migrations.RunSQL.noop),
    ]
