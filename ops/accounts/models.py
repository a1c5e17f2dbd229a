"""Organisations, the people and programs in them, and their keys."""

from uuid import uuid4

from django.contrib.auth.models import AbstractUser
from django.db import models


class Organisation(models.Model):
    """Who owns things: every key, contact, artefact, transfer, query and command has one."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    operates_fleet = models.BooleanField(
        default=False, help_text="The constellation's own operator; sees what customers own."
    )

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    OPERATOR = "operator", "Operator"
    VIEWER = "viewer", "Viewer"
    CUSTOMER = "customer", "Customer"


class User(AbstractUser):
    """A person, or a program behind an API key. `ops.accounts.roles` says what each role may do."""

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="users")
    role = models.CharField(max_length=16, choices=Role, default=Role.CUSTOMER)


class ApiKey(models.Model):
    """A customer's key; only its hash is kept, and the prefix by which people tell keys apart."""

    id = models.UUIDField(primary_key=True, default=uuid4)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="api_keys")
    user = models.ForeignKey(User, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16)
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the key, in hex.")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, help_text="Wall time; empty: never.")
    revoked_at = models.DateTimeField(null=True)
