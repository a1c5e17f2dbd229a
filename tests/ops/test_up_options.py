"""What `manage.py up` may be told, and what it checks before it builds on it."""

import os
import socket
from datetime import UTC, datetime

import psycopg
import pytest

from ops.up import home, options, outside


def test_by_default_the_clock_is_simulated():
    chosen = options.parse([])
    assert chosen.epoch == datetime(2026, 8, 22, 12, tzinfo=UTC)
    assert (chosen.port, chosen.rate, chosen.fleet, chosen.has_simulator) == (
        8000,
        1.0,
        "scs-01",
        True,
    )


def test_an_instant_without_a_zone_is_utc():
    assert options.parse(["--clock", "2026-09-01T06:00"]).epoch == datetime(
        2026, 9, 1, 6, tzinfo=UTC
    )
    assert options.parse(["--clock", "real"]).epoch is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "x"], "x is not a port between 1 and 65535"),
        (["--port", "70000"], "70000 is not a port"),
        (["--clock", "noon"], "'noon' is neither 'real' nor an instant"),
        (["--clock", "0001-01-01T00:00+05:00"], "does not lie between 1958-01-01 and 2056-01-01"),
        (["--clock", "9999-12-31"], "9999-12-31 does not lie between"),
        (["--rate", "-1"], "-1 is neither 0 nor between 0.001 and 10000"),
        (["--rate", "1e-9"], "1e-9 is neither 0 nor"),
        (["--rate", "fast"], "fast is neither 0 nor between 0.001 and 10000"),
    ],
)
def test_a_mistake_gets_one_clear_line(arguments, said, capsys):
    with pytest.raises(SystemExit):
        options.parse(arguments)
    assert said in capsys.readouterr().err


def test_a_full_disk_is_refused_before_anything_is_built(tmp_path, monkeypatch):
    monkeypatch.setattr(home, "FIRST_START_BYTES", 10**18)
    with pytest.raises(home.HomeRefused, match="Zenith wants 1000000000"):
        home.make(tmp_path / "home")


def test_secrets_are_made_once_and_closed(tmp_path):
    home.make(tmp_path / "home")
    first = home.load_secrets(tmp_path / "home")
    assert home.load_secrets(tmp_path / "home") == first
    for name in ("secrets.json", "keys/command-master.key"):
        assert (tmp_path / "home" / name).stat().st_mode & 0o777 == 0o600


def test_secrets_that_are_damaged_are_told_and_left_alone(tmp_path):
    home.make(tmp_path / "home")
    file = tmp_path / "home" / "secrets.json"
    for damaged in ('{"secret_key": ', "7", "", "[1]"):
        file.write_text(damaged)
        with pytest.raises(home.HomeRefused, match=f"{file} is damaged: restore it, or remove"):
            home.load_secrets(tmp_path / "home")
        assert file.read_text() == damaged


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://x", "must start with postgresql://, not mysql://"),
        ("postgresql://a:secret@127.0.0.1:1/x", r"cannot be used: .*refused"),
    ],
)
def test_a_database_that_cannot_be_used_is_told_without_its_password(url, said):
    with pytest.raises(outside.ServerRefused, match=said) as refusal:
        outside.check_database(url)
    assert "secret" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_database_of_somebody_else_is_left_alone():
    url = os.environ["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as connection:
        outside.check_database(url)
        connection.execute("CREATE TABLE invoices (id int)")
        try:
            with pytest.raises(outside.ServerRefused, match=r"1 tables that are not Zenith's"):
                outside.check_database(url)
        finally:
            connection.execute("DROP TABLE invoices")


def test_a_store_that_does_not_answer_is_refused():
    with pytest.raises(outside.ServerRefused, match="REDIS_URL cannot be used"):
        outside.check_store("redis://127.0.0.1:1/0")
    outside.check_store(os.environ["REDIS_URL"])


def test_a_port_in_use_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(outside.ServerRefused, match=f"Port {port} of 127.0.0.1"):
            outside.check_port("127.0.0.1", port)
