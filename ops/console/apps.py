from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "ops.console"
    label = "console"
