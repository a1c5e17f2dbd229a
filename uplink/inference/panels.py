"""What this room puts on the console: the Ask page."""

from ops.console import panels

panels.register_page(panels.Page("Ask", "ask", "inference.view_query", key="a", order=40))
