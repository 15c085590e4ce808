"""Members whose objects say their type: status, schema, refresh service, terms of use, evidence.

VCDM 2.0, sections 4.10, 4.11, 5.4, 5.5 and 5.6; VCDM 1.1, sections 4.9, 5.4, 5.5 and 5.6.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from registry.domain.problem import Problem
from registry.securing.contexts import CREDENTIALS_V2
from registry.verifier.structure.contexts import base_context
from registry.verifier.structure.parties import types_of
from registry.verifier.structure.path import ROOT, Path, each, malformed


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    section: str
    """Of VCDM 2.0."""
    section_v1: str
    needs_id: bool = False
    """In 2.0."""
    needs_id_v1: bool = False


_MEMBERS: Final = (
    _Member("credentialStatus", "4.10", "4.9", needs_id_v1=True),
    _Member("credentialSchema", "4.11", "5.4", needs_id=True, needs_id_v1=True),
    _Member("refreshService", "5.4", "5.5", needs_id_v1=True),
    _Member("termsOfUse", "5.5", "5.6"),
    _Member("evidence", "5.6", "5.6"),
)


def typed(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Each is an object or a set of objects that say their `type`, and where it must be their `id`."""
    is_v2 = base_context(document) == CREDENTIALS_V2
    for member in _MEMBERS:
        if member.name not in document:
            continue
        source = f"VCDM 2.0, section {member.section}" if is_v2 else f"VCDM 1.1, section {member.section_v1}"
        needs_id = member.needs_id if is_v2 else member.needs_id_v1
        yield from _objects(document[member.name], member.name, source, needs_id=needs_id)


def _objects(value: Any, name: str, source: str, *, needs_id: bool) -> Iterator[Problem]:
    path: Path = (ROOT, name)
    if value == []:
        yield malformed(path, f"`{name}` is an object, or an array of at least one; leave an empty one out.", source)
    for item, where in each(value, path):
        if not isinstance(item, Mapping):
            yield malformed(where, f"`{name}` is an object, or an array of objects.", source)
            continue
        if not types_of(item):
            yield malformed((where, "type"), f"An object of `{name}` says its `type`.", source)
        if needs_id and "id" not in item:
            yield malformed((where, "id"), f"An object of `{name}` has an `id`, a URL.", source)
