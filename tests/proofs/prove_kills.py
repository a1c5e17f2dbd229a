"""SIGKILL of any one process while a model goes up and while an answer streams down.

Each time the system must recover by itself, with nothing lost and nothing doubled. The short
forms of these are in the test suite; here it is the whole system, with the real model.
"""

import time

import pytest

from tests.customer import Answer
from tests.observer import Observer, assert_report_is_the_stations_own
from tests.proofs.report import Report
from tests.running import EVERYBODY, seconds_until, wait_for

MODEL = "smollm2-135m-instruct"
QUESTION = "Explain in a few sentences why satellites in low orbit see the sun rise so often."


@pytest.fixture(scope="module")
def report():
    return Report(
        "kills", "SIGKILL of each process", ["while", "killed", "back after", "what then"]
    )


def seconds_until_progress(observer: Observer, timeout_s: float) -> float:
    """Wait until more bytes of a transfer are acknowledged than now."""
    held = observer.acknowledged_bytes()
    return seconds_until(
        "bytes are acknowledged", lambda: observer.acknowledged_bytes() > held, timeout_s
    )


@pytest.mark.parametrize("name", EVERYBODY)
def prove_a_transfer_survives(observer, report, name):
    seconds_until_progress(observer, 240)
    held = observer.acknowledged_bytes()

    back_s = observer.zenith.kill(name)
    on_s = seconds_until_progress(observer, 120)

    report.row("uplink", name, f"{back_s:.1f} s", f"bytes acknowledged again {on_s:.1f} s later")
    assert observer.acknowledged_bytes() > held


def prove_models_arrived_whole_and_once(observer, report):
    wait_for("a model is active", observer.active_satellites, 600)
    sql = (
        "SELECT sum(s.sent_bytes), sum(s.size_bytes), max(s.attempts) FROM transfers_shipment s "
        "JOIN transfers_transfer t ON t.id = s.transfer_id WHERE t.state = 'ACTIVE'"
    )
    sent, size, attempts = observer.rows(sql)[0]

    report.line(
        f"Models active on {len(observer.active_satellites())} satellites; file bytes on air over "
        f"file size {sent / size:.4f}; transactions refused on board {attempts}."
    )
    assert attempts == 0
    assert sent < size * 1.05, "much of what was acknowledged went up again"


@pytest.mark.parametrize("name", EVERYBODY)
def prove_an_answer_survives(observer, report, name):
    asked_at = time.monotonic()
    undisturbed = ask(observer)
    usual_s = time.monotonic() - asked_at
    assert undisturbed.text
    back_s = []

    def strike(text: str) -> None:
        if not back_s and len(text) > 40:
            back_s.append(observer.zenith.kill(name))

    asked_at = time.monotonic()
    answer = ask(observer, on_text=strike)

    assert back_s, "the answer was over before anything was killed"
    on_s = time.monotonic() - asked_at
    report.row(
        "answer", name, f"{back_s[0]:.1f} s", f"whole in {on_s:.1f} s, undisturbed {usual_s:.1f} s"
    )
    assert answer.text == undisturbed.text
    assert answer.numbers == list(range(1, len(answer.numbers) + 1))


def ask(observer: Observer, **details) -> Answer:
    return observer.customer.ask(QUESTION, model=MODEL, max_tokens=160, **details)


def prove_the_books_balance(observer, report):
    """What the satellites sent is what the database holds, as sets; what is not is a row."""
    sent_in_all = stored_in_all = explained_in_all = 0
    for satellite_id, code in observer.satellites():
        wait_for(
            f"what {code} sent is explained",
            lambda satellite_id=satellite_id, code=code: (
                not observer.unexplained_packets(satellite_id, code)
            ),
            120,
        )
        sent, stored = observer.sent_packets(code), observer.stored_packets(satellite_id)
        sent_in_all, stored_in_all = sent_in_all + len(sent), stored_in_all + len(stored & sent)
        explained_in_all += len(sent - stored)
        assert stored <= observer.sent_packets(code), code
    report.line(
        f"Packets sent {sent_in_all}, stored {stored_in_all}, waiting in gap rows or in the tail "
        f"of a recorder {explained_in_all}; stored but never sent 0."
    )
    assert stored_in_all > 100


def prove_reports_equal_the_simulators_own(observer, report):
    finished = wait_for("a contact is over", observer.finished_contacts, 900)
    for contact_id, ours in finished:
        assert_report_is_the_stations_own(observer.control_address, contact_id, ours)
    assert finished
    count = len(finished)
    report.line(f"Contact reports equal to the simulator's own counters: {count} of {count}.")
