"""Models, their versions, and the bytes of each build."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from constellation.models import HardwareProfile
from ops.accounts.models import Organisation


class Model(models.Model):
    """A family of versions under one name, such as `qwen3-8b`."""

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="models")
    name = models.SlugField(max_length=64, unique=True)
    description = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.name


class Format(models.TextChoices):
    GGUF = "gguf", "GGUF"
    SAFETENSORS = "safetensors", "safetensors"
    ECHO = "echo", "Echo (tests of the path, not of a model)"


class Artefact(models.Model):
    """The bytes of one build, named by their SHA-256."""

    sha256 = models.CharField(
        max_length=64, primary_key=True, validators=[RegexValidator(r"^[0-9a-f]{64}$")]
    )
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="artefacts")
    size_bytes = models.BigIntegerField()
    format = models.CharField(max_length=16, choices=Format)
    header = models.JSONField(default=dict, help_text="What the file's own header says.")
    stored_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="artefact_is_not_empty", condition=Q(size_bytes__gt=0))
        ]


class Version(models.Model):
    """A model version: one artefact and what it needs."""

    model = models.ForeignKey(Model, models.PROTECT, related_name="versions")
    version = models.CharField(max_length=40)
    artefact = models.ForeignKey(Artefact, models.PROTECT, related_name="versions")
    profiles = models.ManyToManyField(HardwareProfile, related_name="versions")
    licence = models.CharField(max_length=100)
    context_tokens = models.PositiveIntegerField(default=2048)
    system_prompt = models.CharField(
        max_length=2000, blank=True, help_text="Put before questions that bring none of their own."
    )
    registered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(name="version_once", fields=["model", "version"])]

    def __str__(self) -> str:
        return f"{self.model.name}:{self.version}"
