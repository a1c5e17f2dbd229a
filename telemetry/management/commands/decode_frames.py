"""`manage.py decode_frames`: what is in a file of frames, by the layout of its mission's link."""

from __future__ import annotations

import json
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError, CommandParser

from telemetry.frames import links, receiver

_PIECE_BYTES = 1 << 20
_SHOWN = ("channels", "lost_frames", "faults", "dropped")


class Command(BaseCommand):
    help = (
        "Read frames or coded units (CADUs) from a file, say what became of each, and write the "
        "packets to a file if wanted. Nothing is stored. docs/frames.md describes layouts."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--layout",
            required=True,
            help=f"a JSON file that describes the link, or {' or '.join(links.OURS)} for our own",
        )
        parser.add_argument("--hex", action="store_true", help="the file holds hexadecimal digits")
        parser.add_argument("--spacecraft", type=int, help="frames of other spacecraft are faults")
        parser.add_argument("--packets", type=Path, help="write packets here, one behind the other")
        parser.add_argument("--json", action="store_true", help="tell the account as JSON")

    def handle(self, **options: Any) -> None:
        link = _link(options["layout"])
        reading = receiver.Receiver(link, spacecraft=options["spacecraft"])
        try:
            with options["file"].open("rb") as file:
                if options["packets"] is None:
                    _read(file, reading, is_hex=options["hex"], out=None)
                else:
                    with options["packets"].open("xb") as out:
                        _read(file, reading, is_hex=options["hex"], out=out)
        except FileExistsError as error:
            raise CommandError(f"{options['packets']} is there already.") from error
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}.") from error
        self._tell(reading.account, is_json=options["json"])
        _judge(reading.account, link)

    def _tell(self, account: receiver.Account, *, is_json: bool) -> None:
        told = account.as_dict()
        if is_json:
            self.stdout.write(json.dumps(told))
            return
        for name, value in told.items():
            if name not in _SHOWN:
                self.stdout.write(f"{name.replace('_', ' ')}: {value}")
        for name in _SHOWN:
            for key, count in told[name].items():
                self.stdout.write(f"{name.replace('_', ' ')}: {key}: {count}")


def _link(name: str) -> links.Link:
    if name in links.OURS:
        return links.OURS[name]
    try:
        return links.read(json.loads(Path(name).read_text()))
    except OSError as error:
        ours = ", ".join(links.OURS)
        raise CommandError(
            f"--layout {name}: {error.strerror}. Name a JSON file, or one of ours: {ours}."
        ) from error
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CommandError(f"--layout {name} is not JSON: {error}") from error
    except links.BadLink as error:
        raise CommandError(f"--layout {name}: {error}.") from error


def _read(
    file: BinaryIO, reading: receiver.Receiver, *, is_hex: bool, out: BinaryIO | None
) -> None:
    for piece in _from_hex(file) if is_hex else iter(lambda: file.read(_PIECE_BYTES), b""):
        _write(reading.feed(piece), out)
    _write(reading.finish(), out)


def _from_hex(file: BinaryIO) -> Iterator[bytes]:
    """Yield the bytes that a file's digits mean, whatever white space stands between them."""
    pending, at = "", 0
    while text := file.read(_PIECE_BYTES):
        digits = pending + text.decode("latin-1").translate(_NO_SPACE)
        whole = len(digits) // 2 * 2
        try:
            yield bytes.fromhex(digits[:whole])
        except ValueError as error:
            wrong = next(place for place, one in enumerate(digits) if one not in string.hexdigits)
            raise CommandError(
                f"Digit {at + wrong + 1} is {digits[wrong]!r}, which is not hexadecimal."
            ) from error
        pending, at = digits[whole:], at + whole
    if pending:
        raise CommandError(f"{at + 1} digits are half a byte too many.")


_NO_SPACE = str.maketrans("", "", string.whitespace)


def _write(harvests: list, out: BinaryIO | None) -> None:
    if out is not None:
        out.writelines(packet.data for harvest in harvests for packet in harvest.packets)


def _judge(account: receiver.Account, link: links.Link) -> None:
    """Say what a layout that does not fit shows itself by."""
    if account.usable_frames:
        return
    if not account.frames:
        found = "no sync marker twice at the right distance" if link.coding else "no whole frame"
        raise CommandError(f"There is {found}: is the length of frames and codewords right?")
    reasons = ", ".join(f"{reason} ({count})" for reason, count in account.faults.items())
    raise CommandError(f"Not one of {account.frames} frames can be used: {reasons}.")
