"""What the registry's commands share: their arguments, and how they tell a version and its cost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from constellation.models import HardwareProfile, Satellite
from ops import clock
from ops.accounts.models import Organisation
from ops.console.templatetags import console
from uplink.registry import fits, fitting, importing, prices
from uplink.registry.bodies import VersionRequest
from uplink.registry.models import Version


def add_arguments(parser: CommandParser) -> None:
    """Add what every way to register a version takes."""
    parser.add_argument("--licence", required=True, help="SPDX: Apache-2.0, LicenseRef-Gemma, …")
    parser.add_argument(
        "--profile", action="append", help="Hardware it is made for; repeat. Default: all it fits."
    )
    parser.add_argument("--context", type=int, help="Tokens of context it runs with.")
    parser.add_argument(
        "--system", default="", help="Put before questions that bring no system message."
    )
    parser.add_argument("--description", default="")
    parser.add_argument("--base", default="", help="Of an adapter: the version it changes.")
    parser.add_argument("--golden", type=Path, help="JSON file: a list of golden prompts.")
    parser.add_argument("--source-url", default="", help="Where the files were had.")
    parser.add_argument("--repository", default="", help="Such as Qwen/Qwen3-8B.")
    parser.add_argument("--revision", default="", help="Commit or tag of the repository.")
    parser.add_argument("--tool", default="", help="What made the file, with its version.")
    parser.add_argument("--parent", default="", help="The version it was made from.")
    parser.add_argument("--organisation", help="Slug; default: who operates the fleet.")
    parser.add_argument("--cost", action="store_true", help="Tell what carrying it up will cost.")


def fields(options: dict[str, Any]) -> dict[str, Any]:
    """Return what was asked as `registering.register_version` takes it, but for profiles.

    It is held to what the API takes; `CommandError` tells all that it does not.
    """
    said = {key: options[key] for key in ("source_url", "repository", "revision", "tool", "parent")}
    asked = {
        "licence": options["licence"],
        "description": options["description"],
        "context_tokens": options["context"],
        "system_prompt": options["system"],
        "base": options["base"],
        "golden_prompts": golden(options["golden"]),
        "provenance": {key: value for key, value in said.items() if value},
    }
    _check(asked)
    names = {"name": options["name"], "version": options["version"]}
    return {**names, **asked, "registered_by": "terminal"}


_OPTIONS = {"context_tokens": "context", "system_prompt": "system"}


def _check(asked: dict[str, Any]) -> None:
    whole = {key: value for key, value in asked.items() if value is not None}
    read = VersionRequest(data={**whole, "artefact": "0" * 64, "profiles": ["any"]})
    if read.is_valid():
        return
    wrong = {**read.errors, **read.errors.get("provenance", {})}
    wrong.pop("provenance", None)
    lines = [
        f"--{_OPTIONS.get(name, name).replace('_', '-')}: {' '.join(map(str, why))}"
        for name, why in wrong.items()
    ]
    raise CommandError("\n  ".join(["This cannot be registered:", *lines]))


def golden(path: Path | None) -> list[Any]:
    if path is None:
        return []
    try:
        return importing.golden_of(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}.") from error


def organisation(slug: str | None) -> Organisation:
    wanted = {"slug": slug} if slug else {"operates_fleet": True}
    found = Organisation.objects.filter(**wanted).order_by("pk").first()
    if found is None:
        raise CommandError("There is no such organisation.")
    return found


def profiles(draft: Version, asked: list[str] | None) -> list[str]:
    """Return the profiles asked for, or all that the version fits; none is refused in words."""
    if asked:
        return asked
    found = fits.fits(draft, HardwareProfile.objects.order_by("code"))
    if not any(one.is_one for one in found):
        lines = [f"{one.profile.code}: {'; '.join(one.misfits)}" for one in found]
        raise CommandError("\n  ".join(["It fits no hardware profile.", *lines]))
    return [one.profile.code for one in found if one.is_one]


def told(version: Version) -> Iterator[str]:
    """Yield lines about a version: what it is, what it needs, where it fits."""
    artefact, needed = version.artefact, fits.need(version)
    about = [
        console.size(artefact.carried_bytes),
        artefact.get_format_display(),
        artefact.header.get("quantisation", ""),
    ]
    yield f"  {', '.join(filter(None, about))}; SHA-256 {artefact.sha256}"
    kept = "" if needed.is_estimated_whole else " (the header does not tell the KV cache)"
    all_of_it, weights, cache, working = map(
        fitting.gib,
        (needed.memory_bytes, needed.weights_bytes, needed.kv_cache_bytes, needed.working_bytes),
    )
    yield (
        f"  memory {all_of_it}: weights {weights}, KV cache {cache} for {needed.context_tokens} "
        f"tokens, working {working}{kept}"
    )
    codes = version.profiles.order_by("code").values_list("code", flat=True)
    yield f"  for {', '.join(codes)}"


def costs(version: Version, codes: str = "") -> Iterator[str]:
    """Yield lines about what carrying a version up costs each satellite, from now on."""
    rows = Satellite.objects.filter(is_active=True, profile__in=version.profiles.all())
    if codes:
        wanted = [code.strip() for code in codes.split(",")]
        rows = Satellite.objects.filter(code__in=wanted)
        if missing := set(wanted) - {row.code for row in rows}:
            raise CommandError(f"There is no satellite {', '.join(sorted(missing))}.")
    quote = prices.cost(version, list(rows[: prices.SATELLITES_MAX]), clock.now())
    load = quote.load
    yield (
        f"  one copy: {console.size(load.file_bytes)} in {load.packs} packs, "
        f"{console.size(load.on_air_bytes)} on air ({100 * (load.overhead - 1):.1f} % more)"
    )
    for code, each in quote.prices.items():
        if each.ready_at is not None:
            when = f"up by {each.ready_at:%Y-%m-%dT%H:%MZ}"
        else:
            when = f"not within {prices.HORIZON.days} days"
        count = "no contact" if each.contacts is None else f"{each.contacts} contacts"
        count = "1 contact" if each.contacts == 1 else count
        yield (
            f"  {code}: {count} ({each.booked_contacts} booked), "
            f"{console.duration(each.air_time_s)} on air, {when}"
            + (f", over {', '.join(each.stations[:6])}" if each.stations else "")
        )
    for code, why in quote.refused.items():
        yield f"  {code}: {why}"
