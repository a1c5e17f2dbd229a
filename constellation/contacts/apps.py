from django.apps import AppConfig


class ContactsConfig(AppConfig):
    name = "constellation.contacts"
    label = "contacts"
