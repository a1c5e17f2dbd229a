"""Licences by their SPDX expression (spdx.org/licenses): `Apache-2.0`, `LicenseRef-Gemma`. Pure."""

from packaging import licenses

from ops import errors


class UnknownLicence(errors.Invalid):
    code = "unknown_licence"


def canonical(said: str) -> str:
    """Return an SPDX expression as SPDX writes it; `UnknownLicence` for any other text."""
    try:
        return str(licenses.canonicalize_license_expression(said))
    except licenses.InvalidLicenseExpression as error:
        raise UnknownLicence(
            f"{said!r} is no SPDX expression: {error}. A licence that SPDX does not list is "
            "LicenseRef- and a name of letters, digits, points and hyphens, such as "
            "LicenseRef-Gemma."
        ) from error
