from django.apps import AppConfig


class InferenceConfig(AppConfig):
    name = "uplink.inference"
    label = "inference"

    def ready(self) -> None:
        from ops.live import streams
        from telemetry.onboard import Apid
        from telemetry.packets import handlers
        from uplink.inference import answers, queries

        handlers.register(Apid.TOKENS, answers.take)
        streams.register("query", queries.may_follow)
