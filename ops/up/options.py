"""What `manage.py up` may be told on its command line."""

import argparse
from dataclasses import dataclass
from datetime import UTC, datetime

DEFAULT_EPOCH = "2026-08-22T12:00:00Z"
FLEETS = ("scs-01", "planned")
EARLIEST, LATEST = datetime(1958, 1, 1, tzinfo=UTC), datetime(2056, 1, 1, tzinfo=UTC)
"""What epochs of element sets can say, and a year after it."""


@dataclass(frozen=True)
class Options:
    """`epoch` None is real time."""

    port: int
    host: str
    epoch: datetime | None
    rate: float
    fleet: str
    has_simulator: bool
    coded_stations: str = ""


def parse(arguments: list[str]) -> Options:
    """Read the command line; a mistake ends the program with one line, as argparse does."""
    parser = argparse.ArgumentParser(
        prog="manage.py up",
        description="Start all of Zenith on this machine; Ctrl-C stops it.",
    )
    parser.add_argument("--port", type=_port, default=8000, help="of the web pages (8000)")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address the web pages listen on (127.0.0.1)"
    )
    parser.add_argument(
        "--clock",
        type=_clock,
        default=_clock(DEFAULT_EPOCH),
        metavar="INSTANT|real",
        help=f"where the simulated clock starts the first time ({DEFAULT_EPOCH}), or real time",
    )
    parser.add_argument(
        "--rate", type=_rate, default=1.0, help="simulated seconds a second at the first start (1)"
    )
    parser.add_argument(
        "--fleet", choices=FLEETS, default="scs-01", help="12 real satellites, or 2,800 planned"
    )
    parser.add_argument(
        "--no-simulator", action="store_true", help="without the simulated constellation"
    )
    parser.add_argument(
        "--coded-stations",
        default="",
        metavar="CODES|all",
        help="simulated stations that deliver coded bits in the place of frames: SGS,KIR",
    )
    given = parser.parse_args(arguments)
    return Options(
        port=given.port,
        host=given.host,
        epoch=given.clock,
        rate=given.rate,
        fleet=given.fleet,
        has_simulator=not given.no_simulator,
        coded_stations=given.coded_stations,
    )


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"{text} is not a port between 1 and 65535")
    return int(text)


def _clock(text: str) -> datetime | None:
    if text == "real":
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither 'real' nor an instant such as {DEFAULT_EPOCH}"
        ) from None
    instant = instant.replace(tzinfo=instant.tzinfo or UTC)
    if not EARLIEST <= instant < LATEST:
        raise argparse.ArgumentTypeError(
            f"{text} does not lie between {EARLIEST:%Y-%m-%d} and {LATEST:%Y-%m-%d}"
        )
    return instant.astimezone(UTC)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    if rate != 0 and not 0.001 <= rate <= 10_000:
        raise argparse.ArgumentTypeError(f"{text} is neither 0 nor between 0.001 and 10000")
    return rate
