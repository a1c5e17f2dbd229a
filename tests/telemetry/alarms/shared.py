"""What tests of alarms have in common: alarms, people, and who is told."""

import http.server
import json
import re
import threading
from uuid import uuid4

from ops.accounts.models import User
from telemetry.alarms import keeping, levels, subscribing
from telemetry.alarms.models import Alarm
from tests.factories import NOON, make_organisation

SECRET = "a secret of thirty-two characters"


def find(satellite, rule="heat", level=levels.Level.DISTRESS, *, at=NOON, **details):
    """Let a rule be found at a level on a satellite; return its alarm."""
    keeping.keep(
        [
            keeping.Finding(
                satellite_id=satellite.pk,
                rule=rule,
                name=rule.capitalize(),
                level=level,
                generated_ns=round(at.timestamp() * 1e9),
                **details,
            )
        ],
        now=at,
    )
    return Alarm.objects.get(satellite=satellite, rule=rule)


def person(role, *, operates_fleet=True, **details):
    """Somebody who signs in without a password: to hash one takes a second."""
    organisation = make_organisation(operates_fleet=operates_fleet)
    fields = {"username": f"a-{role}", "role": role, "organisation": organisation, **details}
    return User.objects.create(**fields)


def text_of(answer):
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


class Hook:
    """A receiver of webhooks; `answers` are its next status codes, 200 when there are none."""

    def __init__(self):
        self.taken, self.answers = [], []
        self.wait = lambda: None
        """What it does between hearing a message and answering."""
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.taken.append((dict(self.headers), body))
                hook.wait()
                status = hook.answers.pop(0) if hook.answers else 200
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?team=night"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def bodies(self):
        return [json.loads(body) for _, body in self.taken]


def subscribe(target, channel="webhook", **details):
    row, _ = subscribing.write(
        subscription_id=uuid4(),
        organisation=details.pop("organisation", None) or make_organisation(),
        by="ann",
        secret=SECRET,
        **{"name": "Night shift", "channel": channel, "target": target, **details},
    )
    return row
