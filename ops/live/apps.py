from django.apps import AppConfig


class LiveConfig(AppConfig):
    name = "ops.live"
    label = "live"
