from django.apps import AppConfig


class ConstellationConfig(AppConfig):
    name = "constellation"
    label = "constellation"
