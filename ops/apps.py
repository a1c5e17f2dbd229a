from django.apps import AppConfig


class OpsConfig(AppConfig):
    name = "ops"
    label = "ops"

    def ready(self) -> None:
        # Whoever queues a task, a page or a command as well as a worker, queues it at our broker.
        from ops.celery import app

        app.set_default()
