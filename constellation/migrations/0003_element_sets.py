import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("constellation", "0002_limits_carriers_blocks"),
    ]

    operations = [
        migrations.CreateModel(
            name="ElementFile",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                (
                    "name",
                    models.CharField(
                        help_text="Who or what the element sets are from.", max_length=100
                    ),
                ),
                ("given_by", models.CharField(blank=True, max_length=100)),
                ("sha256", models.CharField(max_length=64)),
                ("size_bytes", models.BigIntegerField()),
                ("priority", models.PositiveIntegerField()),
                (
                    "expires_at",
                    models.DateTimeField(help_text="As asked; mission time.", null=True),
                ),
                ("loaded_at", models.DateTimeField(help_text="Mission time.")),
                ("taken", models.JSONField(default=list, help_text="Codes of satellites.")),
                ("kept", models.JSONField(default=list, help_text="A line each: history only.")),
                ("refused", models.JSONField(default=list, help_text="A line each.")),
            ],
            options={
                "ordering": ["-loaded_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="ElementSource",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=60, unique=True)),
                ("url", models.CharField(max_length=500, unique=True)),
                (
                    "form",
                    models.CharField(
                        choices=[
                            ("any", "Any"),
                            ("tle", "TLE"),
                            ("json", "OMM, JSON"),
                            ("xml", "OMM or OEM, XML"),
                            ("csv", "OMM, CSV"),
                            ("kvn", "OMM, KVN"),
                            ("oem", "OEM, KVN"),
                        ],
                        default="any",
                        max_length=8,
                    ),
                ),
                ("priority", models.PositiveIntegerField(default=0)),
                ("interval_s", models.PositiveIntegerField(default=14400)),
                ("is_enabled", models.BooleanField(default=True)),
                ("etag", models.CharField(blank=True, max_length=300)),
                ("last_modified", models.CharField(blank=True, max_length=100)),
                ("asked_at", models.DateTimeField(help_text="Wall time.", null=True)),
                ("due_at", models.DateTimeField(help_text="Wall time.")),
                (
                    "answered_at",
                    models.DateTimeField(help_text="Wall time; the last good answer.", null=True),
                ),
                ("failures", models.PositiveIntegerField(default=0, help_text="In a row.")),
                (
                    "outcome",
                    models.CharField(blank=True, help_text="Of the last time.", max_length=300),
                ),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.RemoveConstraint(
            model_name="elementset",
            name="element_set_once_per_epoch",
        ),
        migrations.RemoveIndex(
            model_name="elementset",
            name="element_set_newest",
        ),
        migrations.AddField(
            model_name="elementset",
            name="contacts_checked",
            field=models.BooleanField(
                default=True,
                help_text="Whether the contacts booked by the one before were looked at.",
            ),
        ),
        migrations.AddField(
            model_name="elementset",
            name="digest",
            field=models.CharField(
                blank=True, help_text="Of what it says of the orbit.", max_length=64
            ),
        ),
        migrations.AddField(
            model_name="elementset",
            name="drift",
            field=models.JSONField(
                help_text="How far it is from the one flown before it.", null=True
            ),
        ),
        migrations.AddField(
            model_name="elementset",
            name="expires_at",
            field=models.DateTimeField(help_text="Mission time; empty: never.", null=True),
        ),
        migrations.AddField(
            model_name="elementset",
            name="given",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="elementset",
            name="kind",
            field=models.CharField(
                choices=[("MEAN", "Mean elements"), ("EPHEMERIS", "Ephemeris")],
                default="MEAN",
                max_length=12,
            ),
        ),
        migrations.AddField(
            model_name="elementset",
            name="newness_at",
            field=models.DateTimeField(
                help_text="Decides between equal priorities: the epoch of mean elements, the creation of an ephemeris.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="elementset",
            name="priority",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="elementset",
            name="reason",
            field=models.CharField(blank=True, help_text="Why it is not flown.", max_length=500),
        ),
        migrations.AddField(
            model_name="elementset",
            name="states",
            field=models.BinaryField(null=True),
        ),
        migrations.AlterField(
            model_name="elementset",
            name="epoch_at",
            field=models.DateTimeField(
                help_text="Of mean elements; of an ephemeris where it becomes useable.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="elementset",
            name="omm",
            field=models.JSONField(
                help_text="Mean elements by OMM keyword (CCSDS 502.0-B-3).", null=True
            ),
        ),
        migrations.AlterField(
            model_name="elementset",
            name="state",
            field=models.CharField(
                choices=[
                    ("VALIDATING", "Validating"),
                    ("INVALID", "Invalid"),
                    ("ERROR", "Error"),
                    ("ENABLED", "Enabled"),
                    ("DISABLED", "Disabled"),
                    ("EXPIRED", "Expired"),
                ],
                default="ENABLED",
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="elementset",
            name="file",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="element_sets",
                to="constellation.elementfile",
            ),
        ),
        # An older set of the same satellite is history by its epoch alone: it needs no state.
        migrations.RunSQL(
            "UPDATE constellation_elementset SET newness_at = epoch_at, "
            "state = CASE state WHEN 'disabled' THEN 'DISABLED' ELSE 'ENABLED' END",
            "UPDATE constellation_elementset SET state = lower(state)",
        ),
        migrations.AddIndex(
            model_name="elementset",
            index=models.Index(
                models.F("satellite"),
                models.OrderBy(models.F("priority"), descending=True),
                models.OrderBy(models.F("newness_at"), descending=True),
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("state__in", ["ENABLED", "EXPIRED"])),
                name="element_set_choice",
            ),
        ),
        migrations.AddIndex(
            model_name="elementset",
            index=models.Index(
                fields=["satellite", "-loaded_at", "-id"], name="element_set_newest"
            ),
        ),
        migrations.AddIndex(
            model_name="elementset",
            index=models.Index(
                condition=models.Q(
                    ("state", "VALIDATING"), ("contacts_checked", False), _connector="OR"
                ),
                fields=["id"],
                name="element_set_to_look_after",
            ),
        ),
        migrations.AddIndex(
            model_name="elementset",
            index=models.Index(
                condition=models.Q(("state", "ENABLED")),
                fields=["expires_at"],
                name="element_set_expiry",
            ),
        ),
        migrations.AddConstraint(
            model_name="elementset",
            constraint=models.UniqueConstraint(
                condition=models.Q(("digest", ""), _negated=True),
                fields=("satellite", "source", "digest"),
                name="element_set_once_per_source",
            ),
        ),
        migrations.AddConstraint(
            model_name="elementset",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ["INVALID", "ERROR"]),
                    models.Q(("epoch_at__isnull", False), ("newness_at__isnull", False)),
                    _connector="OR",
                ),
                name="element_set_in_use_has_an_epoch",
            ),
        ),
        migrations.AddConstraint(
            model_name="elementset",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ["INVALID", "ERROR"]),
                    models.Q(("kind", "MEAN"), ("omm__isnull", False)),
                    models.Q(
                        ("expires_at__isnull", False),
                        ("kind", "EPHEMERIS"),
                        ("states__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="element_set_in_use_has_its_orbit",
            ),
        ),
        migrations.AddConstraint(
            model_name="elementset",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ["INVALID", "ERROR"]), _negated=True),
                    models.Q(("reason", ""), _negated=True),
                    _connector="OR",
                ),
                name="element_set_that_is_wrong_says_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="elementset",
            constraint=models.CheckConstraint(
                condition=models.Q(("priority__lte", 99999)),
                name="element_set_priority_is_at_most_99999",
            ),
        ),
        migrations.AddConstraint(
            model_name="elementsource",
            constraint=models.CheckConstraint(
                condition=models.Q(("interval_s__gte", 7200)),
                name="element_source_is_asked_at_most_every_2_hours",
            ),
        ),
        migrations.AddConstraint(
            model_name="elementsource",
            constraint=models.CheckConstraint(
                condition=models.Q(("priority__lte", 99999)),
                name="element_source_priority_is_at_most_99999",
            ),
        ),
        migrations.AddField(
            model_name="elementfile",
            name="origin",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="files",
                to="constellation.elementsource",
            ),
        ),
    ]
