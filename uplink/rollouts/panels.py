"""What this room puts on the console: its page."""

from ops.console import panels

panels.register_page(
    panels.Page("Rollouts", "rollouts", "rollouts.view_rollout", key="r", order=35)
)
