"""Definitions of telemetry, and from when on which satellites are read by them."""

from django.db import models

from constellation.models import HardwareProfile
from ops.accounts.models import Organisation


class DefinitionFile(models.Model):
    """One version of a definition, as it was given. It never changes: another one takes its place.

    `xtce` is what is compiled, with the `parts` when it came in several files; `source` what a
    dictionary in CSV was imported from.
    """

    id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=200, help_text="Of its space system.")
    version = models.CharField(max_length=100, blank=True, help_text="As its header has it.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of what was given, in hex.")
    xtce = models.BinaryField()
    source = models.BinaryField(null=True)
    generation_time = models.JSONField(
        null=True, help_text="How counts in its packets are their time; empty: as the file says."
    )
    summary = models.JSONField(help_text="Numbers of containers, parameters and commands.")
    left_out = models.JSONField(
        default=list, help_text="What is in it and not carried out: file, line, element, detail."
    )
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    uploaded_by = models.CharField(max_length=150)
    uploaded_at = models.DateTimeField()


class DefinitionPart(models.Model):
    """A further file of a definition: one that others include, or a space system beside the first.

    `place` is where it came among them.
    """

    definition = models.ForeignKey(DefinitionFile, models.CASCADE, related_name="parts")
    place = models.IntegerField()
    name = models.CharField(max_length=200, help_text="By which others include it.")
    xtce = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="definition_part_once", fields=["definition", "name"])
        ]


class Standing(models.QuerySet["Activation"]):
    def standing(self) -> "Standing":
        """Return those that rule or will, as against those that were withdrawn before they did."""
        return self.filter(withdrawn_at=None)


class Activation(models.Model):
    """From an instant on, packets of a group of satellites are read by a definition.

    The group is a hardware profile, whose satellites run the same software; without one, all
    satellites whose profile has no activation of its own by then.
    """

    id = models.UUIDField(primary_key=True)
    definition = models.ForeignKey(DefinitionFile, models.PROTECT, related_name="activations")
    profile = models.ForeignKey(
        HardwareProfile, models.PROTECT, null=True, related_name="activations"
    )
    from_ns = models.BigIntegerField(help_text="Packets generated from here on, ns since 1970.")
    activated_by = models.CharField(max_length=150)
    activated_at = models.DateTimeField()
    left_out = models.JSONField(
        default=list, help_text="In words: what of the definition nothing else could follow."
    )
    withdrawn_by = models.CharField(max_length=150, blank=True)
    withdrawn_at = models.DateTimeField(null=True)

    objects = Standing.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="activation_once_per_instant",
                fields=["profile", "from_ns"],
                condition=models.Q(withdrawn_at=None),
                nulls_distinct=False,
            )
        ]
