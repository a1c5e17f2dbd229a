from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "uplink.registry"
    label = "registry"
