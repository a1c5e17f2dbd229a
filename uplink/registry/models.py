"""Models, their versions, the bytes of each build, and what is known of where they come from."""

from uuid import uuid4

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q

from constellation.models import HardwareProfile
from ops.accounts.models import Organisation, User

digest_rule = RegexValidator(r"^[0-9a-f]{64}$", "64 hexadecimal digits.")


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
    BUNDLE = "bundle", "Bundle (several files by their digests)"
    FILE = "file", "Tokenizer or configuration"
    ECHO = "echo", "Echo (tests of the path, not of a model)"


class Kind(models.TextChoices):
    MODEL = "model", "Model"
    ADAPTER = "adapter", "LoRA adapter"
    FILE = "file", "File of a model"


class Artefact(models.Model):
    """The bytes of one build, named by their SHA-256.

    A bundle is a short list of other artefacts by path and digest (its `parts`), so that one
    digest names a model of many files.
    """

    sha256 = models.CharField(max_length=64, primary_key=True, validators=[digest_rule])
    blake3 = models.CharField(max_length=64, blank=True, validators=[digest_rule])
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="artefacts")
    size_bytes = models.BigIntegerField()
    format = models.CharField(max_length=16, choices=Format)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.MODEL)
    header = models.JSONField(default=dict, help_text="What the file's own header says.")
    stored_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="artefact_is_not_empty", condition=Q(size_bytes__gt=0)),
            models.CheckConstraint(
                name="artefact_kind_fits_its_format",
                condition=Q(format="file", kind="file") | (~Q(format="file") & ~Q(kind="file")),
            ),
        ]

    def __str__(self) -> str:
        return self.sha256[:12]

    @property
    def carried_bytes(self) -> int:
        """Bytes of files that a satellite needs for it: its own, and those of its parts."""
        parts = self.parts.all() if self.format == Format.BUNDLE else ()
        return self.size_bytes + sum(part.artefact.size_bytes for part in parts)


class PartRole(models.TextChoices):
    WEIGHTS = "weights", "Weights"
    INDEX = "index", "Index of weights"
    CONFIGURATION = "configuration", "Configuration"
    TOKENIZER = "tokenizer", "Tokenizer"
    OTHER = "other", "Other"


class Part(models.Model):
    """One file of a bundle: where it lies in the folder, and its bytes."""

    bundle = models.ForeignKey(Artefact, models.CASCADE, related_name="parts")
    path = models.CharField(max_length=200)
    role = models.CharField(max_length=16, choices=PartRole)
    artefact = models.ForeignKey(Artefact, models.PROTECT, related_name="bundled_as")

    class Meta:
        ordering = ["path"]
        constraints = [
            models.UniqueConstraint(name="part_once_per_path", fields=["bundle", "path"])
        ]


class Version(models.Model):
    """A model version: one artefact and what it needs. An adapter names the version it changes."""

    model = models.ForeignKey(Model, models.PROTECT, related_name="versions")
    version = models.CharField(max_length=40)
    artefact = models.ForeignKey(Artefact, models.PROTECT, related_name="versions")
    base = models.ForeignKey("self", models.PROTECT, null=True, related_name="adapters")
    profiles = models.ManyToManyField(HardwareProfile, related_name="versions")
    licence = models.CharField(max_length=100, help_text="SPDX expression.")
    context_tokens = models.PositiveIntegerField(default=2048)
    system_prompt = models.CharField(
        max_length=2000, blank=True, help_text="Put before questions that bring none of their own."
    )
    registered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="version_once", fields=["model", "version"]),
            models.CheckConstraint(
                name="version_is_not_its_own_base",
                condition=Q(base__isnull=True) | ~Q(base=F("id")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model.name}:{self.version}"


class Provenance(models.Model):
    """Where a version comes from: who made it, with what, out of what."""

    version = models.OneToOneField(Version, models.CASCADE, related_name="provenance")
    source_url = models.URLField(max_length=500, blank=True)
    repository = models.CharField(max_length=200, blank=True, help_text="Such as Qwen/Qwen3-8B.")
    revision = models.CharField(max_length=100, blank=True, help_text="Commit or tag there.")
    tool = models.CharField(max_length=200, blank=True, help_text="What made it, with its version.")
    parent = models.ForeignKey(Version, models.PROTECT, null=True, related_name="descendants")
    inputs = models.JSONField(default=list, help_text='[{"name": …, "sha256": …}, …]')
    registered_by = models.CharField(max_length=150, blank=True)


class GoldenPrompt(models.Model):
    """A question whose answer is known well enough to judge a version by it.

    `expect` is what `golden.judge` reads; it was valid when it was registered.
    """

    version = models.ForeignKey(Version, models.CASCADE, related_name="golden_prompts")
    number = models.PositiveSmallIntegerField()
    messages = models.JSONField()
    expect = models.JSONField()
    max_tokens = models.PositiveSmallIntegerField(default=64)
    temperature = models.FloatField(default=0.0)
    seed = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(name="golden_prompt_once", fields=["version", "number"])
        ]


class UploadState(models.TextChoices):
    RECEIVING = "RECEIVING"
    VERIFYING = "VERIFYING"
    STORED = "STORED"
    REFUSED = "REFUSED"


class Upload(models.Model):
    """A file that comes in over as many requests as it takes. Times are wall time.

    The first `offset_bytes` bytes are on the disk, whatever happens. `fencing` tells writers apart:
    the one that came last goes on, the others stop.
    """

    id = models.UUIDField(primary_key=True, default=uuid4)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="uploads")
    user = models.ForeignKey(User, models.SET_NULL, null=True, related_name="uploads")
    length_bytes = models.BigIntegerField()
    offset_bytes = models.BigIntegerField(default=0)
    metadata = models.CharField(max_length=4000, blank=True, help_text="As it was announced.")
    name = models.CharField(max_length=200, blank=True)
    format = models.CharField(max_length=16, choices=Format, blank=True)
    sha256 = models.CharField(max_length=64, blank=True, validators=[digest_rule])
    state = models.CharField(max_length=12, choices=UploadState, default=UploadState.RECEIVING)
    reason = models.CharField(max_length=500, blank=True)
    artefact = models.ForeignKey(Artefact, models.SET_NULL, null=True, related_name="uploads")
    fencing = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.CheckConstraint(
                name="upload_offset_lies_in_its_length",
                condition=Q(offset_bytes__gte=0, offset_bytes__lte=F("length_bytes")),
            ),
            models.CheckConstraint(name="upload_is_not_empty", condition=Q(length_bytes__gt=0)),
        ]
