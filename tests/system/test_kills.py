"""SIGKILL of any one process while a model goes up and an answer comes down.

One contact of a whole Zenith, in which one process is killed after the other, each at another
moment: nothing may be lost, nothing doubled, nobody helps. The long form, with the real model and
each situation by itself, is `tests/proofs/prove_kills.py`.
"""

import hashlib
from uuid import UUID

import pytest

from constellation.stations import control
from tests.customer import Answer
from tests.observer import Observer, assert_report_is_the_stations_own
from tests.running import EVERYBODY, wait_for
from tests.system import whole

pytestmark = pytest.mark.timeout(420)
RATE = 0.25
"""Slower than life: a pass lasts long enough on a busy machine, too, and a pack goes up in 3 s."""
PACK_BYTES = 4 * 1024 * 1024
PACKS = 4
ENDS_OF_THE_LINK = ("conduct-1", "conduct-2", "simulator")
QUESTION = "which way is up"
WORDS = 120
TRIES = 5
"""Questions asked until one is being answered while a file is under way."""


class Uplink:
    """Models on their way up, one behind the other: there is always one."""

    def __init__(self, observer: Observer) -> None:
        self.observer = observer
        self.sent: dict[str, UUID] = {}
        """Transfers by the SHA-256 of what they carry."""
        self.at_risk: set[int] = set()
        """Files under way when one of the two ends of the link was killed."""

    def go_on(self) -> None:
        """Send models until more than two whole ones are on their way: what is sent now may take
        some seconds until its first file begins, and a slow answer lets many arrive."""
        while PACKS * len(self.sent) - self.delivered() <= 2 * PACKS:
            content = whole.echo(PACKS * PACK_BYTES, seed=len(self.sent))
            transfer_id = whole.send(self.observer, content, activate=False)
            self.sent[hashlib.sha256(content).hexdigest()] = transfer_id

    def files(self) -> dict[int, dict]:
        """Return where each file stands, as the database knows it."""
        names = ("id", "size_bytes", "sequence", "sent_bytes", "acknowledged_bytes", "delivered")
        sql = f"SELECT {', '.join(names)} FROM transfers_shipment WHERE transfer_id = ANY(%s)"
        rows = self.observer.rows(sql, list(self.sent.values()))
        return {row[0]: dict(zip(names, row, strict=True)) for row in rows}

    def delivered(self) -> int:
        return sum(file["delivered"] for file in self.files().values())

    def under_way(self) -> set[int]:
        files = self.files().values()
        return {file["id"] for file in files if file["sequence"] and not file["delivered"]}


@pytest.fixture(scope="module")
def observer():
    with whole.flying() as observer:
        model = whole.echo(100_000, seed=100, delay_s=0.05, words=WORDS)
        transfer_id = whole.send(observer, model, model="echo")
        observer.set_rate(1.0)
        whole.wait_until_there(observer, transfer_id, "ACTIVE", 180)
        observer.set_rate(RATE)
        yield observer


@pytest.fixture(scope="module")
def undisturbed(observer) -> Answer:
    return ask(observer)


@pytest.fixture(scope="module")
def uplink(observer, undisturbed):
    return Uplink(observer)


def ask(observer: Observer, **details) -> Answer:
    return observer.customer.ask(QUESTION, model="echo", max_tokens=4 * WORDS, **details)


def test_an_undisturbed_answer_is_what_the_model_says(undisturbed):
    words = undisturbed.text.split()
    assert words[2:] == [*QUESTION.split(), *(f"w{n}" for n in range(WORDS))]
    assert (undisturbed.cuts, undisturbed.refusals) == (0, [])


@pytest.mark.parametrize("name", EVERYBODY)
def test_nothing_is_lost_or_doubled_when_a_process_is_killed(observer, uplink, undisturbed, name):
    uplink.go_on()
    wait_for("a file is under way", uplink.under_way, 120)
    # Characters of the answer, most of which is still to come when the last is struck.
    strike_at = 20 + 15 * EVERYBODY.index(name)
    before, under_way = [], set()

    def strike(text: str) -> None:
        if not before and len(text) >= strike_at and (begun := uplink.under_way()):
            before.append(uplink.files())
            under_way.update(begun)
            observer.zenith.kill(name)
            under_way.update(uplink.under_way())

    # Between two files there is a moment in which none has begun, and an answer may come whole.
    for _ in range(TRIES):
        answer = ask(observer, on_text=strike)
        if before:
            break
        uplink.go_on()

    assert before, "no answer came while something was on its way up"
    if name in ENDS_OF_THE_LINK:
        uplink.at_risk |= under_way
    assert_whole(answer, undisturbed)
    # Only the process that holds the connection can cut it, and it is back before it says no.
    assert (answer.cuts > 0) == (name == "web")
    assert answer.refusals == []
    story = observer.customer.story(answer.query_id)
    assert (story["zenith"]["state"], story["text"]) == ("DELIVERED", undisturbed.text)

    there = sum(file["delivered"] for file in before[0].values())
    wait_for("more files arrive on board", lambda: uplink.delivered() > there, 120)
    assert_what_was_acknowledged_stays_so(before[0], uplink.files())


def assert_whole(answer: Answer, undisturbed: Answer) -> None:
    """Every segment once, in order, whichever connection brought it, and the same words."""
    assert answer.numbers == list(range(1, len(answer.numbers) + 1))
    assert answer.text == undisturbed.text
    assert answer.completion_tokens == undisturbed.completion_tokens
    assert answer.finish_reason == undisturbed.finish_reason == "stop"


def assert_what_was_acknowledged_stays_so(before: dict[int, dict], after: dict[int, dict]) -> None:
    for number, was in before.items():
        now = after[number]
        assert now["acknowledged_bytes"] >= was["acknowledged_bytes"]
        assert was["sequence"] in (None, now["sequence"]), "begun anew"
        if was["delivered"]:
            assert now["delivered"]
            # Its last bytes on air may have been counted late; none went up again.
            assert now["sent_bytes"] <= max(was["sent_bytes"], was["size_bytes"])


def test_afterwards_every_model_is_whole_on_board(observer, uplink):
    observer.set_rate(1.0)
    for transfer_id in uplink.sent.values():
        whole.wait_until_there(observer, transfer_id, "VERIFIED", 240)

    on_board = control.satellite(observer.control_address, whole.SATELLITE)["artefacts"]
    assert set(uplink.sent) < set(on_board)
    for sha256 in uplink.sent:
        assert hashlib.sha256(whole.file_on_board(observer, sha256)).hexdigest() == sha256


def test_afterwards_nothing_went_up_twice_but_what_a_killed_end_had_not_acknowledged(uplink):
    again = {
        n: file for n, file in uplink.files().items() if file["sent_bytes"] > file["size_bytes"]
    }
    assert set(again) <= uplink.at_risk
    assert all(file["sent_bytes"] <= 2 * file["size_bytes"] for file in again.values())


def test_afterwards_the_accounts_agree(observer, uplink):
    contact_id, report = whole.end_contact(observer)
    assert report["holders"] > 1
    assert_report_is_the_stations_own(observer.control_address, contact_id, report)
    # The station's own count of what it radiated, with a tenth for headers and protocol.
    files = uplink.files()
    repeatable = sum(files[number]["size_bytes"] for number in uplink.at_risk)
    size = sum(file["size_bytes"] for file in files.values())
    assert report["up"]["bytes"] < 1.1 * (size + repeatable)
    whole.assert_the_books_balance(observer)
