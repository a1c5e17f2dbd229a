"""The door of the web process: HTTP to Django, websockets to `ops.live`."""

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.conf import settings
from django.core.asgi import get_asgi_application

from ops import environment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ops.settings")
if os.environ.get("ZENITH_ROLE", "web") == "web":
    environment.pool(settings.DATABASES["default"])
http = get_asgi_application()

from ops.live import routing  # noqa: E402  the models it uses need Django set up first
from uplink.registry.streaming import Streamed  # noqa: E402  so do the refusals it raises

application = ProtocolTypeRouter(
    {
        "http": Streamed(http),
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(URLRouter(routing.websocket_urlpatterns))
        ),
    }
)
