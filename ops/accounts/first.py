"""The first organisations, the first operator and the first customer key of a new Zenith."""

from dataclasses import dataclass

from django.db import transaction

from ops.accounts import keys
from ops.accounts.models import Organisation, Role, User

OPERATOR = "operator"
CUSTOMER = "customer"


@dataclass(frozen=True)
class FirstLogin:
    """What the set-up may print; None where somebody changed it since."""

    operator: str
    operator_password: str | None
    customer_key: str | None


@transaction.atomic
def make_first_login(*, operator_password: str, customer_key: str) -> FirstLogin:
    """Make the operator and the customer key where they are missing; repeating is harmless.

    A password that was changed and a key that was revoked stay so.
    """
    operators, _ = Organisation.objects.get_or_create(
        slug="zenith", defaults={"name": "Zenith operations", "operates_fleet": True}
    )
    operator, is_new = User.objects.get_or_create(
        username=OPERATOR,
        defaults={"organisation": operators, "role": Role.OPERATOR, "is_staff": True},
    )
    if is_new:
        operator.set_password(operator_password)
        operator.save(update_fields=["password"])
    customers, _ = Organisation.objects.get_or_create(
        slug="customer", defaults={"name": "First customer"}
    )
    customer, is_new_customer = User.objects.get_or_create(
        username=CUSTOMER, defaults={"organisation": customers, "role": Role.CUSTOMER}
    )
    if is_new_customer:
        customer.set_unusable_password()
        customer.save(update_fields=["password"])
    keys.issue(user=customer, name="printed at the first start", key=customer_key)
    is_as_made = operator.is_active and operator.check_password(operator_password)
    return FirstLogin(
        operator=operator.username,
        operator_password=operator_password if is_as_made else None,
        customer_key=customer_key if keys.recognise(customer_key) else None,
    )
