"""Resumable uploads by REST: tus 1.0.0 at `/api/v1/uploads`, for any of its clients.

`POST` announces a file, `PATCH` brings bytes, `HEAD` says how many are here, `DELETE` takes it
back. `GET` is ours: the state of an upload, and the artefact that came of it.
"""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime
from typing import Any
from uuid import UUID

from django.urls import path
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from constellation.questions import NoQuestion, PageQuestion, asked
from ops import errors
from ops.api import Page, problem_of
from uplink.registry import store, streaming, tus, uploads
from uplink.registry.bodies import UploadBody
from uplink.registry.models import Upload


class UploadPage(Page):
    ordering = ("-created_at", "id")


class TusView(APIView):
    """What all answers of tus have in common."""

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Tus-Resumable"] = tus.VERSION
        if response.status_code == tus.WrongVersion.status:
            response["Tus-Version"] = tus.VERSION
        return response

    def handle_exception(self, error: Exception) -> Response:
        if isinstance(error, uploads.ChecksumMismatch):  # a status that Python has no name for
            response = problem_of(errors.Invalid(str(error)), {})
            response.data |= {
                "type": f"urn:zenith:problem:{error.code}",
                "status": 460,
                "title": "Checksum Mismatch",
                "code": error.code,
            }
            response.status_code = 460
            response.exception = True
            return response
        return super().handle_exception(error)

    def options(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(
            status=204,
            headers={
                "Tus-Version": tus.VERSION,
                "Tus-Extension": tus.EXTENSIONS,
                "Tus-Max-Size": str(store.ARTEFACT_BYTES_MAX),
                "Tus-Checksum-Algorithm": tus.ALGORITHMS,
            },
        )


class UploadsView(TusView):
    permissions = {"GET": "registry.add_upload", "POST": "registry.add_upload"}

    def get(self, request: Request) -> Response:
        asked(PageQuestion, request)
        page = UploadPage()
        rows = Upload.objects.filter(organisation=request.user.organisation)
        shown = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response(UploadBody(shown, many=True).data)

    def post(self, request: Request) -> Response:
        tus.check_version(request.headers)
        if "Upload-Defer-Length" in request.headers:
            raise errors.Invalid("A length that comes later is not taken: send Upload-Length.")
        row = uploads.create(
            organisation=request.user.organisation,
            user=request.user,
            length_bytes=tus.length(request.headers, "Upload-Length"),
            metadata=request.headers.get("Upload-Metadata", ""),
            now=timezone.now(),
        )
        headers = {
            "Location": f"{request.path.rstrip('/')}/{row.pk}",
            "Upload-Offset": "0",
            "Upload-Expires": _http_date(row.expires_at),
        }
        return Response(UploadBody(row).data, status=201, headers=headers)


class UploadView(TusView):
    permissions = {
        "GET": "registry.add_upload",
        "PATCH": "registry.add_upload",
        "POST": "registry.add_upload",
        "DELETE": "registry.add_upload",
    }

    def get(self, request: Request, upload_id: UUID) -> Response:
        asked(NoQuestion, request)
        return Response(UploadBody(_upload(request, upload_id)).data)

    def head(self, request: Request, upload_id: UUID) -> Response:
        tus.check_version(request.headers)
        row = _upload(request, upload_id)
        headers = {
            "Upload-Offset": str(row.offset_bytes),
            "Upload-Length": str(row.length_bytes),
            "Upload-Expires": _http_date(row.expires_at),
            "Cache-Control": "no-store",
        }
        if row.metadata:
            headers["Upload-Metadata"] = row.metadata
        return Response(status=200, headers=headers)

    def patch(self, request: Request, upload_id: UUID) -> Response:
        tus.check_version(request.headers)
        if request.content_type.partition(";")[0].strip() != tus.CONTENT_TYPE:
            raise tus.WrongType(f"The bytes of an upload come as {tus.CONTENT_TYPE}.")
        row = uploads.write(
            _upload(request, upload_id),
            streaming.pieces(request._request),
            offset_bytes=tus.length(request.headers, "Upload-Offset"),
            checksum=tus.checksum(request.headers.get("Upload-Checksum", "")),
        )
        headers = {
            "Upload-Offset": str(row.offset_bytes),
            "Upload-Expires": _http_date(row.expires_at),
        }
        return Response(status=204, headers=headers)

    def post(self, request: Request, upload_id: UUID) -> Response:
        """For clients that know neither PATCH nor DELETE."""
        method = request.headers.get("X-HTTP-Method-Override", "")
        if method not in ("PATCH", "DELETE"):
            raise errors.Invalid("X-HTTP-Method-Override must be PATCH or DELETE here.")
        return getattr(self, method.lower())(request, upload_id)

    def delete(self, request: Request, upload_id: UUID) -> Response:
        tus.check_version(request.headers)
        uploads.terminate(_upload(request, upload_id))
        return Response(status=204)


def _upload(request: Request, upload_id: UUID) -> Upload:
    row = Upload.objects.filter(pk=upload_id, organisation=request.user.organisation).first()
    if row is None or row.expires_at < timezone.now():
        raise errors.NotFound(f"There is no upload {upload_id}.")
    return row


def _http_date(at: datetime) -> str:
    return format_datetime(at, usegmt=True)


urlpatterns = [
    path("uploads", UploadsView.as_view()),
    path("uploads/<uuid:upload_id>", UploadView.as_view()),
]
