from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "ops.accounts"
    label = "accounts"
