from django.apps import AppConfig


class ContactsConfig(AppConfig):
    name = "constellation.contacts"
    label = "contacts"

    def ready(self) -> None:
        from ops.accounts import roles
        from ops.live import streams

        streams.register("contacts", lambda user, _: roles.may(user, "contacts.view_contact"))
