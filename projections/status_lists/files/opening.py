"""From the one setting to the target that it names."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from projections.status_lists.files.directory import Directory
from projections.status_lists.files.object_store import SCHEMES, Objects, open_store
from registry.errors import SettingsRefused


def open_target(where: str) -> Directory | Objects:
    """Return the target at *where*: a path, file:///path, or the URL of an object store; raise `SettingsRefused`."""
    scheme = urlsplit(where).scheme if "://" in where else ""
    if scheme in SCHEMES:
        return Objects(open_store(where), where)
    if scheme not in ("", "file"):
        known = ", ".join(f"{one}://" for one in SCHEMES if one != "memory")
        raise SettingsRefused(f"REGISTRY_FILES: {scheme}:// is not known; name a directory, or {known}.")
    path = Path(unquote(urlsplit(where).path) if scheme else where)
    if not path.is_absolute():
        raise SettingsRefused(f"REGISTRY_FILES: {where!r} is no absolute path; a server must find the same directory.")
    return Directory(path)
