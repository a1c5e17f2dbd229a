"""The simulator's control socket, from the outside: one JSON line a question, one an answer.

Blocking and small: the callers are a beat tick, commands and tests.
"""

from __future__ import annotations

import json
import socket

TIMEOUT_S = 5.0


class ControlFailed(Exception):
    """The simulator did not answer, or answered with an error."""


def ask(endpoint: str, request: dict, *, timeout_s: float = TIMEOUT_S) -> dict:
    """Send one request to `host:port` and return the answer; ControlFailed says why not."""
    host, _, port = endpoint.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout_s) as connection:
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as lines:
                line = lines.readline()
    except OSError as error:
        raise ControlFailed(f"no simulator at {endpoint}: {error}") from error
    if not line.endswith(b"\n"):
        raise ControlFailed(f"{endpoint} hung up in the middle of an answer")
    answer = json.loads(line)
    if "error" in answer:
        raise ControlFailed(answer["error"])
    return answer


def tell_clock(
    endpoint: str, *, wall_anchor: float, mission_anchor: float, rate: float, generation: int
) -> int:
    """Tell the simulator what time it is; return the generation it now goes by.

    Anchors are unix seconds, `rate` is mission seconds a wall second (0: paused). An older
    generation than the simulator's own changes nothing.
    """
    reading = {
        "wall_anchor": wall_anchor,
        "mission_anchor": mission_anchor,
        "rate": rate,
        "generation": generation,
    }
    return ask(endpoint, {"clock": reading})["generation"]


def status(endpoint: str) -> dict:
    """Return {boot, mission, clock, satellites, stations, contacts, runtimes}."""
    return ask(endpoint, {"status": True})


def report(endpoint: str, contact_id: str) -> dict:
    """Return the station's own counters of one contact."""
    return ask(endpoint, {"report": str(contact_id)})["report"]


def manifest(endpoint: str, satellite: str) -> list[tuple[int, int, int, int, str]]:
    """Return (volume, boot, serial, APID, first 16 hex digits of SHA-256) of every packet that a
    satellite has sent at least once."""
    rows = ask(endpoint, {"manifest": satellite}, timeout_s=60.0)["packets"]
    return [tuple(row) for row in rows]


def set_faults(endpoint: str, **faults: float) -> dict:
    """Set probabilities of what goes wrong, as `ground.channel.Faults` names them; return what
    holds now."""
    return ask(endpoint, {"faults": faults})["faults"]


def set_mischief(endpoint: str, **told: object) -> dict:
    """Say which satellites are lost (`lost=[codes]`: neither heard nor hearing) and which serve
    wrong bytes over laser links (`rogue={code: "packs" | "manifest"}`); return what holds now."""
    return ask(endpoint, {"mischief": told})["mischief"]


def set_troubles(endpoint: str, satellite: str, **troubles: float) -> dict:
    """Let hardware of a satellite fail: `heat_c`, `power_w`, `corrected_per_s`,
    `uncorrected_per_s`, `charge_most`, `panels_share`, `lasers_down`, `is_silent`; return what is
    wrong with it now. Without any it only tells."""
    return ask(endpoint, {"troubles": satellite, "set": troubles})["troubles"]


def satellite(endpoint: str, code: str) -> dict:
    """Return what is on board: slots, packs held, queries, recorder."""
    return ask(endpoint, {"satellite": code})["satellite"]


def shutdown(endpoint: str) -> None:
    ask(endpoint, {"shutdown": True})
