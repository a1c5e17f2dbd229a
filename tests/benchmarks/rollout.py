"""A model to the real satellites over the reference stations, live, with laser links and without.

A whole Zenith runs (`manage.py up` in a folder of its own): a rollout of one ring brings the
shipped model (98 MB), or one of `--megabytes`, to all satellites of SCS-01. While files are on the
air the clock runs at `--rate`; while all that is left is to wait for contacts, at `--idle-rate`;
and while telemetry waits to be decoded it stands still, so that the machine keeps up whatever else
it does. Times are the mission's.
"""

import argparse
import hashlib
import shutil
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from constellation.stations import control
from ops.up import valkey
from tests.benchmarks import timing
from tests.observer import Observer
from tests.running import Zenith
from tests.system.whole import echo

FIELDS = {
    "satellites": "that the rollout brings the model to",
    "megabytes": "of the model",
    "rate": "mission seconds a wall second while files are on the air",
    "laser_s": "mission time from the start of the rollout until the last satellite runs the model",
    "laser_first_s": "until the first one does",
    "laser_half_s": "until half of them do",
    "laser_active": "satellites that run it in the end",
    "laser_copies": "file bytes put on air by the ground, repeats too, over one copy",
    "laser_link_copies": "file bytes that crossed laser links, over one copy",
    "ground_s": "the same without laser links: until the last satellite runs it",
    "ground_first_s": "until the first one does",
    "ground_half_s": "until half of them do",
    "ground_active": "satellites that run it in the end",
    "ground_copies": "file bytes put on air by the ground, over one copy",
    "copies_saved": "ground_copies less laser_copies",
    "wall_s": "for both",
}
SATELLITES = "SELECT code FROM constellation_satellite WHERE code LIKE 'SCS-01-%%' ORDER BY code"
WAITING = """SELECT count(*) FROM transfers_shipment s JOIN transfers_transfer t
    ON t.id = s.transfer_id JOIN contacts_contact c ON c.satellite_id = t.satellite_id
    WHERE NOT s.delivered AND t.state IN ('QUEUED', 'SENDING') AND s.number >= 0
    AND c.state = 'PASS'"""
BEHIND = "SELECT count(*) FROM telemetry_rawbatch WHERE NOT decoded AND failure = ''"
BEHIND_MOST, BEHIND_LEAST = 40, 4
"""Batches of frames that may wait to be decoded before the clock stops, and when it goes on."""
STATES = """SELECT s.code, t.active_at, t.outcome, t.reason FROM rollouts_target t
    JOIN constellation_satellite s ON s.id = t.satellite_id WHERE t.rollout_id = %s"""
SENT = """SELECT coalesce((SELECT sum(sent_bytes) FROM transfers_shipment s
    JOIN transfers_transfer t ON t.id = s.transfer_id
    WHERE t.artefact_id = %s AND t.created_at >= %s), 0)
    + coalesce((SELECT sum(withdrawn_bytes) FROM transfers_spread p
    JOIN transfers_transfer t ON t.id = p.transfer_id
    WHERE t.artefact_id = %s AND t.created_at >= %s), 0)"""


def main() -> None:
    chosen = _options().parse_args()
    begun_s = time.monotonic()
    result: dict[str, float] = {"rate": chosen.rate}
    for laser in (True, False):
        if chosen.only and laser != (chosen.only == "laser"):
            continue
        _fly(chosen, result, laser=laser)
    if not chosen.only:
        result["copies_saved"] = round(result["ground_copies"] - result["laser_copies"], 2)
    result["wall_s"] = round(time.monotonic() - begun_s, 1)
    timing.tell(**result)


def _options() -> argparse.ArgumentParser:
    meanings = "\n".join(f"  {name}: {meaning}" for name, meaning in FIELDS.items())
    parser = argparse.ArgumentParser(
        description=f"{__doc__}\nFields:\n{meanings}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--megabytes", type=float, help="of a random model; else the shipped one")
    parser.add_argument("--rate", type=float, default=1.0)
    parser.add_argument("--idle-rate", type=float, default=20.0)
    parser.add_argument("--only", choices=["laser", "ground"], help="one of both")
    parser.add_argument("--most-s", type=float, default=3 * 3600.0, help="mission time to give up")
    return parser


def _fly(chosen: argparse.Namespace, result: dict[str, float], *, laser: bool) -> None:
    folder = Path(tempfile.mkdtemp(prefix="zb-"))
    zenith = Zenith(folder, valkey.free_port(), "--rate", "0")
    name = "laser" if laser else "ground"
    try:
        with Observer(zenith) as observer:
            told = _roll_out(observer, chosen, laser=laser)
            result |= {f"{name}_{key}": value for key, value in told.items()}
            for key in ("satellites", "megabytes"):
                result[key] = result.pop(f"{name}_{key}")
            if laser:
                status = control.status(observer.control_address)
                size = result["megabytes"] * 1e6
                result["laser_link_copies"] = round(status["laser_bytes"] / size, 2)
    finally:
        zenith.end()
        shutil.rmtree(folder, ignore_errors=True)


def _roll_out(observer: Observer, chosen: argparse.Namespace, *, laser: bool) -> dict[str, float]:
    for transfer in observer.tell("GET", "transfers?limit=1000")["results"]:
        observer.tell("POST", f"transfers/{transfer['id']}/cancel")
    codes = [code for (code,) in observer.rows(SATELLITES)]
    model, version, sha256, size = _model(observer, chosen)
    rollout = str(uuid4())
    wanted = {
        "name": "benchmark",
        "model": model,
        "version": version,
        "laser": laser,
        "rings": [{"name": "all", "filter": {"codes": codes}, "golden": False}],
    }
    observer.tell("PUT", f"rollouts/{rollout}", json=wanted)
    began_at = observer.tell("POST", f"rollouts/{rollout}/start")["started_at"]
    began_at = datetime.fromisoformat(began_at)
    times = _watch(observer, chosen, rollout, began_at, len(codes))
    sent = observer.value(SENT, sha256, began_at, sha256, began_at)
    return {
        "satellites": len(codes),
        "megabytes": round(size / 1e6, 3),
        "s": times[-1] if times else 0.0,
        "first_s": times[0] if times else 0.0,
        "half_s": times[(len(codes) + 1) // 2 - 1] if len(times) * 2 >= len(codes) else 0.0,
        "active": len(times),
        "copies": round(float(sent) / size, 3),
    }


def _model(observer: Observer, chosen: argparse.Namespace) -> tuple[str, str, str, int]:
    """Return name, version, digest and size of what is rolled out."""
    if chosen.megabytes is None:
        ((name, version, sha256, size),) = observer.rows(
            "SELECT m.name, v.version, a.sha256, a.size_bytes FROM registry_version v "
            "JOIN registry_model m ON m.id = v.model_id "
            "JOIN registry_artefact a ON a.sha256 = v.artefact_id"
        )
        return name, version, sha256, size
    content = echo(round(chosen.megabytes * 1e6), seed=4)
    sha256 = hashlib.sha256(content).hexdigest()
    headers = {"Content-Type": "application/octet-stream"}
    path = f"artefacts/{sha256}?file_format=echo"
    observer.tell("PUT", path, content=content, headers=headers)
    body = {"artefact": sha256, "licence": "Apache-2.0", "profiles": ["scs-01"]}
    observer.tell("PUT", "models/benchmark/versions/1", json=body)
    return "benchmark", "1", sha256, len(content)


def _watch(
    observer: Observer,
    chosen: argparse.Namespace,
    rollout: str,
    began_at: datetime,
    count: int,
) -> list[float]:
    """Steer the clock until all satellites run the model; return when each did, in order."""
    rate = 0.0
    while True:
        behind = observer.value(BEHIND)
        wanted = chosen.rate if observer.value(WAITING) else chosen.idle_rate
        if behind > (BEHIND_MOST if rate else BEHIND_LEAST):
            wanted = 0.0
        if wanted != rate:
            observer.set_rate(rate := wanted)
        rows = observer.rows(STATES, rollout)
        times = sorted((at - began_at).total_seconds() for _, at, _, _ in rows if at)
        now_s = datetime.fromisoformat(observer.tell("GET", "clock")["now"]) - began_at
        line = f"{now_s.total_seconds():7.0f} s  rate {rate:g}  behind {behind}"
        line += f"  active {len(times)}/{count}"
        print(line, *{why for _, _, outcome, why in rows if outcome == "FAILED"}, file=sys.stderr)
        if len(times) >= count or now_s.total_seconds() > chosen.most_s:
            return [round(each, 1) for each in times]
        time.sleep(0.5)


if __name__ == "__main__":
    main()
