from django.apps import AppConfig


class ContactsConfig(AppConfig):
    name = "constellation.contacts"
    label = "contacts"

    def ready(self) -> None:
        from constellation.contacts import tasks
        from ops import clock
        from ops.accounts import roles
        from ops.live import streams

        clock.tell_changes_to(tasks.plan_after_a_change_of_the_clock)

        # It tells the contacts of all organisations.
        streams.register(
            "contacts",
            lambda user, _: roles.may(user, "contacts.view_contact") and roles.steers_fleet(user),
        )
