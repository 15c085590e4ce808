"""What every command about batches is told: which registry, in whose name; and how each of them ends."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

SOME_REJECTED, NOT_DONE = 1, 2
"""Exit statuses: rows were rejected; the batch could not be carried out at all, or not to its end."""


class NotDone(click.ClickException):
    """The batch did not come to its end."""

    exit_code = NOT_DONE


def _key(key_file: Path | None, given: str | None) -> str:
    key = key_file.read_text(encoding="utf-8", errors="replace").strip() if key_file else (given or "").strip()
    if not key or not key.isascii() or len(key.split()) != 1:
        raise click.UsageError("Say the API key: in REGISTRY_API_KEY, or as the only text of a file, --key-file FILE.")
    return key


def targeted(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say where to, and in whose name; they come as one `target`."""

    @wraps(command)
    def wrapped(
        url: str | None,
        issuer: str | None,
        key_file: Path | None,
        api_key: str | None,
        patience: float,
        **others: Any,
    ) -> None:
        from aiohttp import ClientError

        from registry.batch.client import Target
        from registry.errors import RegistryError

        if not url or not issuer:
            what, name = ("url", "REGISTRY_URL") if not url else ("issuer", "REGISTRY_ISSUER")
            raise click.UsageError(f"Say which registry and issuer: --{what}, or {name} (exported) is missing.")

        try:
            command(target=Target(url, issuer, _key(key_file, api_key), patience), **others)
        except RegistryError as error:
            raise NotDone(error.detail) from None
        except (OSError, ClientError) as error:
            raise NotDone(str(error) or type(error).__name__) from None

    options = (
        click.option("--url", envvar="REGISTRY_URL", help="Of the registry. [REGISTRY_URL]"),
        click.option("--issuer", envvar="REGISTRY_ISSUER", help="The issuer's slug. [REGISTRY_ISSUER]"),
        click.option(
            "--key-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Of the API key."
        ),
        click.option("--api-key", envvar=["REGISTRY_API_KEY", "REGISTRY_ISSUER_KEY"], hidden=True),
        click.option("--patience", default=300.0, show_default=True, help="Seconds to try again after a loss."),
    )
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped
