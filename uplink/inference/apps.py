from django.apps import AppConfig


class InferenceConfig(AppConfig):
    name = "uplink.inference"
    label = "inference"
