from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("constellation", "0003_element_sets")]

    operations = [
        migrations.RemoveConstraint(model_name="passblock", name="pass_block_once"),
        migrations.RenameField(model_name="passblock", old_name="element_set_id", new_name="orbit"),
        migrations.AlterField(
            model_name="passblock",
            name="orbit",
            field=models.BigIntegerField(help_text="`catalogue.orbit_key` of an element set."),
        ),
        migrations.AddConstraint(
            model_name="passblock",
            constraint=models.UniqueConstraint(
                fields=("geometry", "block", "orbit"), name="pass_block_once"
            ),
        ),
    ]
