from django.apps import AppConfig


class RolloutsConfig(AppConfig):
    name = "uplink.rollouts"
    label = "rollouts"

    def ready(self) -> None:
        from ops.accounts import roles
        from ops.live import streams
        from telemetry.alarms import conditions
        from uplink.releases import directing
        from uplink.rollouts import alarming, events, revoking
        from uplink.transfers import progress, requests

        streams.register(
            events.STREAM, lambda user, stream: roles.may(user, "rollouts.view_rollout")
        )
        requests.object_to(revoking.refuse_revoked)
        directing.ban_by(revoking.revoked)
        progress.listen(events.transfer_moved)
        conditions.register(alarming.CONDITION)
