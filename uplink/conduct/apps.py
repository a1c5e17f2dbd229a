from django.apps import AppConfig


class ConductConfig(AppConfig):
    name = "uplink.conduct"
    label = "conduct"
