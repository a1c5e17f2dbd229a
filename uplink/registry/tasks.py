"""Ticks of the registry."""

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from uplink.registry import uploads


@shared_task(ignore_result=True)
def verify_upload(*, upload_id: str) -> None:
    uploads.verify(UUID(upload_id))


@shared_task(ignore_result=True)
def look_after_uploads() -> None:
    uploads.look_after(timezone.now())
