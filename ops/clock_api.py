"""`GET /clock` reads mission time; `POST /clock` pauses, resumes, sets the rate or jumps ahead."""

from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ops import clock


class ClockChange(serializers.Serializer):
    action = serializers.ChoiceField(choices=["pause", "resume", "rate", "jump"])
    rate = serializers.FloatField(required=False, min_value=0.0)
    to = serializers.DateTimeField(required=False)

    def validate(self, attrs: dict) -> dict:
        needed = {"rate": "rate", "jump": "to"}.get(attrs["action"])
        if extra := sorted(set(self.initial_data) - {"action", needed}):
            said = {name: f"`{attrs['action']}` takes no `{name}`." for name in extra}
            raise serializers.ValidationError(said)
        if isinstance(self.initial_data.get("rate"), bool):
            raise serializers.ValidationError({"rate": "A valid number is required."})
        if needed and needed not in attrs:
            raise serializers.ValidationError({needed: f"`{attrs['action']}` needs `{needed}`."})
        return attrs


class ClockView(APIView):
    """Mission time, and its changes."""

    permissions = {"GET": "ops.view_clock", "POST": "ops.change_clock"}

    def get(self, request: Request) -> Response:
        return Response(_body())

    def post(self, request: Request) -> Response:
        asked = ClockChange(data=request.data)
        asked.is_valid(raise_exception=True)
        match asked.validated_data["action"]:
            case "pause":
                clock.pause()
            case "resume":
                clock.resume()
            case "rate":
                clock.set_rate(asked.validated_data["rate"])
            case "jump":
                clock.jump_to(asked.validated_data["to"])
        return Response(_body())


def _body() -> dict[str, object]:
    return {"now": clock.now().isoformat().replace("+00:00", "Z"), **clock.as_json(clock.reading())}


urlpatterns = [path("clock", ClockView.as_view())]
