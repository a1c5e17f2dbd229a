"""What this room puts on the console: the fleet page and its stream."""

from ops.accounts import roles
from ops.console import panels
from ops.live import streams

panels.register_page(
    panels.Page("Fleet", "fleet", "constellation.view_satellite", key="f", order=10)
)
streams.register("fleet", lambda user, stream: roles.may(user, "constellation.view_satellite"))
