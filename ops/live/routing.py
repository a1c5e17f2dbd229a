"""Addresses of the websockets."""

from django.urls import path

from ops.live.consumer import Live

websocket_urlpatterns = [path("ws/live", Live.as_asgi())]
