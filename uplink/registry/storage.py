"""Where artefacts are kept for good: by default the folder they are used from."""

from pathlib import Path

from django.conf import settings
from django.core.files.storage import FileSystemStorage


class Folder(FileSystemStorage):
    """`ARTEFACT_ROOT` on this machine, looked up each time; files never change once they are in."""

    def __init__(self) -> None:
        super().__init__(file_permissions_mode=0o444, allow_overwrite=True)

    @property
    def base_location(self) -> str:
        return str(settings.ARTEFACT_ROOT)

    @property
    def location(self) -> str:
        return str(Path(settings.ARTEFACT_ROOT).absolute())
