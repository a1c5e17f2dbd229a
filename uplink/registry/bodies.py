"""What the registry's endpoints take and give."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from constellation.questions import Named, rfc3339
from uplink.registry import fits, folders
from uplink.registry.models import (
    Artefact,
    GoldenPrompt,
    Model,
    Part,
    Provenance,
    Upload,
    Version,
)
from uplink.registry.prices import Quote

SHA256 = r"^[0-9a-f]{64}$"


class InputRequest(Named):
    name = serializers.CharField(max_length=200)
    sha256 = serializers.RegexField(SHA256)


class ProvenanceRequest(Named):
    source_url = serializers.URLField(max_length=500, required=False)
    repository = serializers.CharField(max_length=200, required=False)
    revision = serializers.CharField(max_length=100, required=False)
    tool = serializers.CharField(max_length=200, required=False)
    parent = serializers.CharField(max_length=110, required=False)
    inputs = InputRequest(many=True, required=False, max_length=1000)


class FileRequest(Named):
    path = serializers.RegexField(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$")
    sha256 = serializers.RegexField(SHA256)


class VersionRequest(Named):
    """Either an `artefact` by its SHA-256, or `files` that make one together."""

    artefact = serializers.RegexField(SHA256, required=False)
    files = FileRequest(many=True, required=False, max_length=folders.FILES_MAX)
    licence = serializers.CharField(max_length=100)
    profiles = serializers.ListField(child=serializers.SlugField(), allow_empty=False)
    description = serializers.CharField(default="", allow_blank=True, max_length=10_000)
    context_tokens = serializers.IntegerField(required=False, min_value=1, max_value=1_048_576)
    system_prompt = serializers.CharField(default="", allow_blank=True, max_length=2000)
    base = serializers.CharField(default="", allow_blank=True, max_length=110)
    golden_prompts = serializers.ListField(default=list)
    provenance = ProvenanceRequest(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("artefact" in attrs) == ("files" in attrs):
            raise serializers.ValidationError("Give either an artefact or files.")
        files = attrs.get("files", [])
        if len({each["path"] for each in files}) != len(files):
            raise serializers.ValidationError({"files": "A path is there twice."})
        return attrs


class CostQuestion(serializers.Serializer):
    satellite = serializers.CharField(default="")


class StoreQuestion(serializers.Serializer):
    file_format = serializers.CharField(default="", allow_blank=True)
    name = serializers.CharField(default="", allow_blank=True)


class PartBody(serializers.ModelSerializer):
    sha256 = serializers.CharField(source="artefact_id")
    size_bytes = serializers.IntegerField(source="artefact.size_bytes")

    class Meta:
        model = Part
        fields = ("path", "role", "sha256", "size_bytes")


class ArtefactBody(serializers.ModelSerializer):
    files = serializers.SerializerMethodField()

    class Meta:
        model = Artefact
        fields = (
            "sha256",
            "blake3",
            "size_bytes",
            "format",
            "kind",
            "header",
            "stored_at",
            "files",
        )

    def get_files(self, row: Artefact) -> list[dict[str, Any]]:
        if row.format != "bundle":
            return []
        return PartBody(row.parts.select_related("artefact"), many=True).data


class GoldenPromptBody(serializers.ModelSerializer):
    class Meta:
        model = GoldenPrompt
        fields = ("number", "messages", "expect", "max_tokens", "temperature", "seed")


class ProvenanceBody(serializers.ModelSerializer):
    parent = serializers.SerializerMethodField()

    class Meta:
        model = Provenance
        fields = (
            "source_url",
            "repository",
            "revision",
            "tool",
            "parent",
            "inputs",
            "registered_by",
        )

    def get_parent(self, row: Provenance) -> str | None:
        return str(row.parent) if row.parent else None


class VersionBody(serializers.ModelSerializer):
    model = serializers.CharField(source="model.name")
    artefact = ArtefactBody()
    base = serializers.SerializerMethodField()
    profiles = serializers.SlugRelatedField(slug_field="code", many=True, read_only=True)
    need = serializers.SerializerMethodField()
    provenance = serializers.SerializerMethodField()
    golden_prompts = GoldenPromptBody(many=True)

    class Meta:
        model = Version
        fields = (
            "id",
            "model",
            "version",
            "artefact",
            "base",
            "licence",
            "profiles",
            "context_tokens",
            "system_prompt",
            "registered_at",
            "need",
            "provenance",
            "golden_prompts",
        )

    def get_base(self, row: Version) -> str | None:
        return str(row.base) if row.base else None

    def get_need(self, row: Version) -> dict[str, Any]:
        needed = fits.need(row)
        return {
            "memory_bytes": needed.memory_bytes,
            "weights_bytes": needed.weights_bytes,
            "kv_cache_bytes": needed.kv_cache_bytes,
            "working_bytes": needed.working_bytes,
            "storage_bytes": needed.storage_bytes,
            "context_tokens": needed.context_tokens,
            "is_estimated_whole": needed.is_estimated_whole,
        }

    def get_provenance(self, row: Version) -> dict[str, Any] | None:
        known = getattr(row, "provenance", None)
        return ProvenanceBody(known).data if known else None


class ModelBody(serializers.ModelSerializer):
    versions = serializers.SlugRelatedField(slug_field="version", many=True, read_only=True)

    class Meta:
        model = Model
        fields = ("name", "description", "versions")


class UploadBody(serializers.ModelSerializer):
    class Meta:
        model = Upload
        fields = (
            "id",
            "name",
            "format",
            "sha256",
            "length_bytes",
            "offset_bytes",
            "state",
            "reason",
            "artefact",
            "created_at",
            "expires_at",
        )


def fit_rows(version: Version, found: list[fits.Fit]) -> list[dict[str, Any]]:
    """Return how a version fits each profile, as the API gives it."""
    return [
        {
            "profile": one.profile.code,
            "fits": one.is_one,
            "reasons": one.misfits,
            "runtime": one.profile.runtime,
            "memory_bytes": one.profile.accelerator_memory_bytes,
            "storage_bytes": one.profile.storage_bytes,
        }
        for one in found
    ]


def cost_body(version: Version, quote: Quote) -> dict[str, Any]:
    """Return a quote as the API gives it."""
    rows = [
        {
            "satellite": code,
            "contacts": each.contacts,
            "booked_contacts": each.booked_contacts,
            "air_time_s": round(each.air_time_s, 1),
            "first_aos_at": each.first_aos_at and rfc3339(each.first_aos_at),
            "ready_at": each.ready_at and rfc3339(each.ready_at),
            "stations": list(each.stations),
            "carried_bytes": each.carried_bytes,
        }
        for code, each in quote.prices.items()
    ]
    refused = [{"satellite": code, "reason": why} for code, why in quote.refused.items()]
    return {
        "version": str(version),
        "artefact": version.artefact_id,
        "file_bytes": quote.load.file_bytes,
        "packs": quote.load.packs,
        "frame_bytes": quote.load.frame_bytes,
        "on_air_bytes": quote.load.on_air_bytes,
        "on_air_bytes_for_all": quote.load.on_air_bytes * len(rows),
        "satellites": rows,
        "refused": refused,
    }
