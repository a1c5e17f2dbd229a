"""Looks at a running Zenith from the outside: its database, its simulator, its operators' API."""

import hashlib
import re
import time
from functools import cached_property
from typing import Any
from uuid import UUID

import httpx
import psycopg

from constellation.stations import control
from tests.customer import Customer
from tests.running import Zenith

Packet = tuple[int, int, int, int, str]
"""Volume, boot, serial, APID, first 16 hexadecimal digits of the packet's SHA-256."""


class Observer:
    """Asks those that know: PostgreSQL, the simulator, and the web process."""

    def __init__(self, zenith: Zenith) -> None:
        self.zenith = zenith
        self.address = f"http://127.0.0.1:{zenith.port}"
        self.customer = Customer(self.address, zenith.word("Customer key").strip())

    def __enter__(self) -> "Observer":
        return self

    def __exit__(self, *_: object) -> None:
        self.customer.close()
        if "operator" in vars(self):
            self.operator.close()

    # --- the database

    def rows(self, sql: str, *values: Any) -> list[tuple]:
        """Return a query's rows; a server that is just starting again is waited for."""
        for _ in range(240):
            try:
                url = self.zenith.environment["DATABASE_URL"]
                with psycopg.connect(url, connect_timeout=5) as connection:
                    return connection.execute(sql, values).fetchall()
            except psycopg.OperationalError:
                time.sleep(0.25)
        raise AssertionError("the database stayed away for 60 s")

    def value(self, sql: str, *values: Any) -> Any:
        return self.rows(sql, *values)[0][0]

    def acknowledged_bytes(self) -> int:
        return int(
            self.value("SELECT coalesce(sum(acknowledged_bytes), 0) FROM transfers_shipment")
        )

    def active_satellites(self) -> list[str]:
        sql = (
            "SELECT s.code FROM transfers_transfer t JOIN constellation_satellite s "
            "ON s.id = t.satellite_id WHERE t.state = 'ACTIVE' ORDER BY 1"
        )
        return [code for (code,) in self.rows(sql)]

    def satellites(self) -> list[tuple[int, str]]:
        return self.rows("SELECT id, code FROM constellation_satellite ORDER BY code")

    def flown(self, code: str) -> tuple[UUID, str]:
        """Return the satellite's contact that is flown now, and by which process."""
        sql = (
            "SELECT c.id, c.owner FROM contacts_contact c JOIN constellation_satellite s "
            "ON s.id = c.satellite_id WHERE s.code = %s AND c.state = 'PASS' AND c.owner <> ''"
        )
        ((contact_id, owner),) = self.rows(sql, code)
        names = {pid: name for name, pid in self.zenith.pids().items()}
        return contact_id, names.get(int(owner.split(":")[1]), "")

    # --- the simulator

    @property
    def control_address(self) -> str:
        return self.zenith.environment["ZENITH_SIMULATOR_CONTROL"]

    def sent_packets(self, code: str) -> set[Packet]:
        return set(control.manifest(self.control_address, code))

    # --- the books

    def stored_packets(self, satellite_id: int) -> set[Packet]:
        sql = (
            "SELECT volume, boot, serial, apid, data FROM telemetry_packet WHERE satellite_id = %s"
        )
        return {
            (volume, boot, serial, apid, hashlib.sha256(data).hexdigest()[:16])
            for volume, boot, serial, apid, data in self.rows(sql, satellite_id)
        }

    def unexplained_packets(self, satellite_id: int, code: str) -> set[Packet]:
        """Return packets that were sent, are not held, and are not in a gap row or in the tail of
        a recorder that we have not heard of yet."""
        missing = self.sent_packets(code) - self.stored_packets(satellite_id)
        gaps = self.rows(
            "SELECT volume, lower(serials), upper(serials) FROM telemetry_gap "
            "WHERE satellite_id = %s AND state IN ('open', 'lost')",
            satellite_id,
        )
        following = dict(
            self.rows(
                "SELECT volume, following FROM telemetry_volume WHERE satellite_id = %s",
                satellite_id,
            )
        )
        return {
            row
            for row in missing
            if row[2] < following.get(row[0], 0)
            and not any(v == row[0] and first <= row[2] < end for v, first, end in gaps)
        }

    def finished_contacts(self) -> list[tuple[UUID, dict]]:
        return self.rows("SELECT id, report FROM contacts_contact WHERE state = 'COMPLETED'")

    # --- the operators' API

    @cached_property
    def operator(self) -> httpx.Client:
        """A client of `/api/v1/`, signed in with the password that was printed."""
        name, password = re.split(r"\s+password\s+", self.zenith.word("Operator").strip())
        client = httpx.Client(base_url=self.address, timeout=60)
        client.get("/login").raise_for_status()
        form = {"username": name, "password": password}
        form["csrfmiddlewaretoken"] = client.cookies["csrftoken"]
        assert client.post("/login", data=form).status_code == 302, "the password does not fit"
        client.headers["X-CSRFToken"] = client.cookies["csrftoken"]
        client.base_url = f"{self.address}/api/v1/"
        return client

    def tell(self, method: str, path: str, **body: Any) -> Any:
        """Make one request of the operators' API that must be granted."""
        answer = self.operator.request(method, path, **body)
        assert answer.status_code < 300, (answer.status_code, answer.text)
        return answer.json()

    def set_rate(self, rate: float) -> None:
        """Let the mission's clock run so fast; 0 stops it."""
        self.tell("POST", "clock", json={"action": "rate", "rate": rate})


def assert_report_is_the_stations_own(
    control_address: str, contact_id: UUID, report: dict[str, Any]
) -> None:
    """Hold a contact's report against what the simulated station counted."""
    station = control.report(control_address, str(contact_id))
    assert report["agrees"], report
    assert report["up"]["bytes"] == station["radiated_bytes"]
    assert report["down"]["bytes"] == station["down_bytes"] > 0
    assert report["down"]["frames"] == station["down_frames"]
    assert report["down"]["batches"] == station["batches"]
    assert station["unacknowledged"] == 0
