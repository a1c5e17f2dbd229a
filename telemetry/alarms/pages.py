"""Pages of alarms and limits."""

urlpatterns: list = []
