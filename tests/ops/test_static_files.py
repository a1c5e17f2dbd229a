"""Files are served, and nothing in front of the views costs a thread."""

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import AsyncClient, Client, RequestFactory
from django.utils.module_loading import import_string

from ops.static_files import StaticFiles, _written


async def test_the_consoles_files_are_served_to_asynchronous_requests():
    answer = await AsyncClient().get("/static/console/console.css")

    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/css")


def test_and_to_synchronous_ones():
    answer = Client().get("/static/console/mark.svg")

    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/svg+xml"


@pytest.fixture
def changing(tmp_path, db):
    """A site whose one file may change; returns the file and the site."""
    (file := tmp_path / "a.css").write_text("a { color: red }")
    middleware = StaticFiles(lambda request: HttpResponse("not here", status=404))
    middleware.add_file_to_dictionary("/static/a.css", str(file))
    middleware._written["/static/a.css"] = _written(str(file))

    answers = []

    def ask(**headers):
        answers.append(middleware(RequestFactory().get("/static/a.css", **headers)))
        return answers[-1]

    yield file, ask
    for answer in answers:
        answer.close()


def test_a_file_that_changed_is_sent_whole_and_under_another_mark(changing):
    file, ask = changing
    before = ask()
    assert b"".join(before) == b"a { color: red }"
    assert ask(HTTP_IF_NONE_MATCH=before["ETag"]).status_code == 304

    file.write_text("a { color: green; background: white }")

    after = ask(HTTP_IF_NONE_MATCH=before["ETag"])
    assert after.status_code == 200
    assert b"".join(after) == file.read_bytes()
    assert int(after["Content-Length"]) == len(file.read_bytes())


def test_a_file_that_is_gone_is_not_there(changing):
    file, ask = changing
    file.unlink()
    assert ask().status_code == 404


@pytest.mark.parametrize("path", settings.MIDDLEWARE)
def test_no_middleware_needs_a_thread(path):
    assert import_string(path).async_capable
