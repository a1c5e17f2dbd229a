from django.apps import AppConfig


class CommandsConfig(AppConfig):
    name = "uplink.commands"
    label = "commands"
