"""Rollouts and revocations by REST."""

urlpatterns = []
