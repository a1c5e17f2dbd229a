"""Files are served, and nothing in front of the views costs a thread."""

import pytest
from django.conf import settings
from django.test import AsyncClient, Client
from django.utils.module_loading import import_string


async def test_the_consoles_files_are_served_to_asynchronous_requests():
    answer = await AsyncClient().get("/static/console/console.css")

    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/css")


def test_and_to_synchronous_ones():
    answer = Client().get("/static/console/mark.svg")

    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/svg+xml"


@pytest.mark.parametrize("path", settings.MIDDLEWARE)
def test_no_middleware_needs_a_thread(path):
    assert import_string(path).async_capable
