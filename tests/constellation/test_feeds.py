"""Sources of element sets, against a local server that answers as servers do."""

import gzip
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import pytest

from constellation import catalogue, feeds, fetching
from constellation.models import ElementFile, ElementSet, ElementSource
from constellation.orbits import omm
from ops import errors
from tests.constellation.orbits import fleet as reference
from tests.factories import NOON
from tests.live import events_of

WALL = datetime(2026, 8, 22, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)


def published(hours=2):
    mean = reference.element_sets()[0]
    return omm.to_json([replace(mean, epoch_at=mean.epoch_at + timedelta(hours=hours))])


class Server:
    """Answers with what a test puts in `answers`, and remembers what it was asked."""

    def __init__(self):
        self.asked = []
        self.answers = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append((self.path, dict(self.headers)))
                status, headers, body = outer.answers[self.path]
                if callable(body):
                    body(self)
                    return
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in headers:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    @contextmanager
    def running(self):
        thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield self
        self._http.shutdown()
        self._http.server_close()
        thread.join(5)

    def gives(self, body=b"", status=200, path="/gp", **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers[path] = (status, named, body)


@pytest.fixture
def server():
    with Server().running() as running:
        yield running


@pytest.fixture
def source(db, server):
    catalogue.load_reference(NOON)
    row, is_new = feeds.put_source(uuid4(), wall=WALL, name="catalogue", url=server.url + "/gp")
    assert is_new
    return row


def fetch(source, wall=WALL):
    told = feeds.fetch_due(wall, NOON)
    source.refresh_from_db()
    return told


def test_what_is_published_is_taken_with_the_priority_of_the_source(server, source):
    server.gives(published(), ETag='"one"', Last_Modified="Sat, 22 Aug 2026 10:00:00 GMT")

    assert fetch(source) == ["1 taken"]
    assert (source.etag, source.last_modified) == ('"one"', "Sat, 22 Aug 2026 10:00:00 GMT")
    assert (source.asked_at, source.answered_at, source.failures) == (WALL, WALL, 0)
    row = ElementSet.objects.get(source="catalogue")
    assert (row.priority, row.file.origin, row.loaded_at) == (0, source, NOON)
    assert server.asked[0][1]["User-Agent"] == fetching.AGENT


def test_the_next_time_only_what_changed_is_asked_for(server, source):
    server.gives(published(), ETag='"one"', Last_Modified="Sat, 22 Aug 2026 10:00:00 GMT")
    fetch(source)
    server.gives(b"", status=304)

    assert fetch(source, WALL + 4 * HOUR) == ["nothing new"]
    headers = server.asked[1][1]
    assert headers["If-None-Match"] == '"one"'
    assert headers["If-Modified-Since"] == "Sat, 22 Aug 2026 10:00:00 GMT"
    assert source.etag == '"one"'
    assert ElementFile.objects.filter(origin=source).count() == 1


def test_nobody_makes_us_ask_more_often_than_every_two_hours(server, source):
    server.gives(published())
    fetch(source)
    assert fetch(source, WALL + timedelta(minutes=119)) == []
    with pytest.raises(errors.TooMuch, match=r"again in 3600 s") as refused:
        feeds.ask_soon(source.pk, WALL + HOUR)
    assert refused.value.status == 429
    # Neither does a change of the source, nor a due time that somebody wrote.
    feeds.put_source(source.pk, wall=WALL + HOUR, name="catalogue", url=server.url + "/gp?2")
    ElementSource.objects.update(due_at=WALL)
    assert fetch(source, WALL + HOUR) == []
    feeds.ask_soon(source.pk, WALL + 2 * HOUR)
    server.gives(published(), path="/gp?2")
    assert len(fetch(source, WALL + 2 * HOUR)) == 1


def test_a_process_that_dies_while_asking_has_asked(server, source, monkeypatch):
    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(fetching, "fetch", killed)
        feeds.fetch_due(WALL, NOON)
    server.gives(published())
    assert fetch(source, WALL + HOUR) == []
    assert fetch(source, WALL + 4 * HOUR) == ["1 taken"]


def test_a_source_that_is_disabled_is_not_asked(server, source):
    feeds.put_source(source.pk, wall=WALL, name="catalogue", url=source.url, is_enabled=False)
    assert fetch(source) == []
    with pytest.raises(errors.Conflict, match="disabled"):
        feeds.ask_soon(source.pk, WALL)


def broken_off(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1900")
    handler.end_headers()
    handler.wfile.write(published()[:50])
    handler.close_connection = True


def gzip_broken_off(handler):
    body = gzip.compress(published())[:-20]
    handler.send_response(200)
    handler.send_header("Content-Encoding", "gzip")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def dripping(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1900")
    handler.end_headers()
    try:
        for _ in range(200):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.02)
    except OSError:
        pass


def silent(handler):
    time.sleep(2.0)


HTML = b"<!DOCTYPE html><html><title>Down for maintenance</title></html>"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"status": 403}, "HTTP 403: we may not have it"),
        ({"status": 404}, "HTTP 404: there is nothing at this address"),
        ({"status": 418}, "HTTP 418 is no answer"),
        ({"status": 429}, "HTTP 429: we asked too often"),
        ({"status": 500}, "HTTP 500: the server is in trouble"),
        ({"status": 503}, "HTTP 503: the server is in trouble"),
        ({"status": 206, "body": b"x"}, "HTTP 206 is no answer"),
        ({"body": HTML}, "a page (HTML) and no element sets"),
        ({"body": b"hello", "Content_Type": "text/html; charset=utf-8"}, "a page (HTML)"),
        ({"body": b""}, "the answer is empty"),
        ({"body": b"No GP data found"}, "no entry of the answer is an element set"),
        ({"body": b"x" * 3_000}, "the file has 3,000 bytes; at most 2,000 are taken"),
        (
            {"body": gzip.compress(b" " * 1_000_000), "Content_Encoding": "gzip"},
            "the file has over 2,000 bytes",
        ),
        ({"body": published(), "Content_Encoding": "gzip"}, "says that it is gzip, and is not"),
        ({"body": published(), "Content_Encoding": "br"}, "encoded as 'br'; asked for was gzip"),
        ({"body": broken_off}, "no answer: RemoteProtocolError"),
        ({"body": gzip_broken_off}, "broke off in the middle of its gzip"),
        ({"body": dripping}, "the answer took over"),
        ({"body": silent}, "no answer: ReadTimeout"),
        ({"status": 302}, "HTTP 302 without saying where to"),
        ({"status": 302, "Location": "/gp"}, "redirected more than 3 times"),
        ({"status": 302, "Location": "file:///etc/passwd"}, "begins with 'file'"),
        ({"status": 302, "Location": "http://169.254.169.254/"}, "nobody publishes element sets"),
        ({"status": 302, "Location": "http://[fe80::1]/"}, "nobody publishes element sets"),
    ],
)
def test_what_is_no_file_of_element_sets_is_told_and_nothing_is_lost(
    server, source, answer, said, monkeypatch
):
    # The others may take their time on a busy machine.
    if answer.get("body") is silent:
        monkeypatch.setattr(fetching, "TIMEOUT_S", 1.0)
    if answer.get("body") is dripping:
        monkeypatch.setattr(fetching, "DEADLINE_S", 0.3)
    monkeypatch.setattr(fetching.fetch, "__kwdefaults__", {
        "etag": "", "last_modified": "", "most": 2_000,
    })  # fmt: skip
    server.gives(**answer)

    (told,) = fetch(source)
    assert said in told
    assert said in source.outcome
    assert (source.failures, source.answered_at) == (1, None)
    assert source.due_at >= WALL + 2 * HOUR
    assert ElementSet.objects.filter(source="catalogue").count() == 0
    assert events_of("fleet").last().payload["source"] == "catalogue"


def test_it_waits_longer_after_each_failure_and_forgets_them_when_all_is_well(server, source):
    server.gives(status=500)
    at, waits = WALL, []
    for _ in range(6):
        assert len(fetch(source, at)) == 1
        waits.append(source.due_at - at)
        at = source.due_at
    assert waits == [4 * HOUR, 8 * HOUR, 16 * HOUR, 32 * HOUR, 48 * HOUR, 48 * HOUR]
    server.gives(published())
    assert fetch(source, at) == ["1 taken"]
    assert (source.failures, source.due_at) == (0, at + 4 * HOUR)


def test_a_server_that_says_when_is_obeyed(server, source):
    server.gives(status=429, Retry_After="100000")
    fetch(source)
    assert source.due_at == WALL + timedelta(seconds=100_000)
    server.gives(status=503, Retry_After="9" * 30)
    fetch(source, source.due_at)
    assert source.due_at <= WALL + timedelta(days=9)


def test_gzip_and_redirects_are_followed(server, source):
    server.gives(status=301, Location="/moved")
    server.gives(gzip.compress(published()), path="/moved", Content_Encoding="gzip")
    assert fetch(source) == ["1 taken"]
    assert server.asked[0][1]["Accept-Encoding"] == "gzip"


def test_a_form_that_was_not_agreed_is_refused(server, source):
    feeds.put_source(source.pk, wall=WALL, name="catalogue", url=source.url, form="tle")
    server.gives(published())
    assert fetch(source) == ["the answer is json; what was agreed is tle"]


def test_the_good_rest_of_a_file_is_taken(server, source):
    good = published().decode()
    server.gives(f'[{{"OBJECT_NAME": "X"}},{good.strip()[1:]}'.encode())
    assert fetch(source) == ["1 taken, 1 refused"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://example.org/gp", "begins with 'ftp'; right is http or https"),
        ("file:///etc/passwd", "begins with 'file'"),
        ("https://", "is not an address"),
        ("https://name:secret@example.org/", "a name or a password in it"),
        ("https://example.org/a b", "is not an address"),
        ("https://example.org:99999/", "is not an address"),
        ("https://[::1/", "is not an address"),
        ("nonsense", "begins with ''"),
    ],
)
def test_an_address_that_cannot_be_asked_is_refused(db, url, said):
    with pytest.raises(errors.Invalid, match="url") as refused:
        feeds.put_source(uuid4(), wall=WALL, name="x", url=url)
    assert said in str(refused.value)


def test_a_redirect_from_outside_does_not_lead_inside(monkeypatch):
    places = {"example.org": "93.184.216.34", "inside": "10.0.0.7"}
    monkeypatch.setattr(
        fetching.socket,
        "getaddrinfo",
        lambda host, port, **_: [(2, 1, 6, "", (places[host], port))],
    )
    outside = fetching._check_host("https://example.org/", was_inside=None)
    with pytest.raises(fetching.Failed, match="inside our own network"):
        fetching._check_host("https://inside/", was_inside=outside)
    assert fetching._check_host("http://inside/", was_inside=None) is True


def test_two_sources_do_not_share_a_name_or_an_address(source):
    with pytest.raises(errors.Conflict):
        feeds.put_source(uuid4(), wall=WALL, name="catalogue", url="http://example.org/")
    with pytest.raises(errors.Conflict):
        feeds.put_source(uuid4(), wall=WALL, name="other", url=source.url)
