"""What this room puts on the console: the pages of fleet and element sets, and their stream."""

from ops.accounts import roles
from ops.console import panels
from ops.live import streams

panels.register_page(
    panels.Page("Fleet", "fleet", "constellation.view_satellite", key="f", order=10)
)
panels.register_page(
    panels.Page("Elements", "elements", "constellation.view_satellite", key="e", order=25)
)
streams.register("fleet", lambda user, stream: roles.may(user, "constellation.view_satellite"))
