"""What is in force, for `registry settings`: every setting as the environment leaves it, and what it means."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from registry.settings import Settings


def in_force(settings: Settings) -> str:
    """Return two lines for each setting: its value and whether the environment gives it, and its meaning."""
    return "\n".join(line for name, field in Settings.model_fields.items() for line in _told(settings, name, field))


def _told(settings: Settings, name: str, field: FieldInfo) -> Iterator[str]:
    is_given = name in settings.model_fields_set
    default = "" if field.default_factory or not is_given else f" (default: {_text(field.default) or 'unset'})"
    yield f"{'*' if is_given else ' '} REGISTRY_{name.upper()}={_text(getattr(settings, name))}{default}"
    yield f"      {field.description}"


def _text(value: object) -> str:
    """Return *value* as the environment would say it; a secret is not shown."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(value).removesuffix(".0")
    return "" if value is None else "(not shown)" if isinstance(value, SecretStr) else str(value)
