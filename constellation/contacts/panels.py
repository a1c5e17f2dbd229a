"""What this room puts on the console: its pages and the countdown."""

from constellation.contacts import agenda
from ops.console import panels

panels.register_page(
    panels.Page("Contacts", "contacts", "contacts.view_contact", key="c", order=20)
)
panels.register_page(panels.Page("Passes", "passes", "constellation.view_pass", key="p", order=15))
panels.register_page(
    panels.Page("Stations", "stations", "constellation.view_station", key="s", order=22)
)
panels.register_next_contacts(agenda.for_header)
