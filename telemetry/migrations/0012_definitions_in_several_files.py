import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("telemetry", "0011_relayed_packets"),
    ]

    operations = [
        migrations.AddField(
            model_name="definitionfile",
            name="left_out",
            field=models.JSONField(
                default=list,
                help_text="What is in it and not carried out: file, line, element, detail.",
            ),
        ),
        migrations.CreateModel(
            name="DefinitionPart",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("place", models.IntegerField()),
                (
                    "name",
                    models.CharField(help_text="By which others include it.", max_length=200),
                ),
                ("xtce", models.BinaryField()),
                (
                    "definition",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="parts",
                        to="telemetry.definitionfile",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("definition", "name"), name="definition_part_once"
                    )
                ],
            },
        ),
        migrations.AddField(
            model_name="activation",
            name="withdrawn_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="activation",
            name="withdrawn_by",
            field=models.CharField(blank=True, max_length=150),
        ),
        migrations.RemoveConstraint(
            model_name="activation",
            name="activation_once_per_instant",
        ),
        migrations.AddConstraint(
            model_name="activation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("withdrawn_at", None)),
                fields=("profile", "from_ns"),
                name="activation_once_per_instant",
                nulls_distinct=False,
            ),
        ),
    ]
