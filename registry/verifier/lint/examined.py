"""A document as the rules look at it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Final
from urllib.parse import urlsplit

from registry.errors import RegistryError
from registry.securing.contexts import CREDENTIALS_V1, CREDENTIALS_V2
from registry.verifier.badges.kinds import BADGE
from registry.verifier.lint.encoded import bit_count
from registry.verifier.structure.contexts import base_context
from registry.verifier.structure.parties import id_of, types_of
from registry.verifier.structure.path import ROOT, Path, each, pointer
from registry.verifier.structure.status_entry import BITSTRING_ENTRY

LIST_TYPES: Final = frozenset({"BitstringStatusListCredential", "StatusList2021Credential"})

MAX_VALUES: Final = 20_000
"""Of a document that is looked at; the largest real ones have a few thousand."""

MAX_PARTS: Final = 100
"""Entries, proofs, subjects of a document that are looked at."""

Part = tuple[Mapping[str, Any], str]
"""An object inside the document, and its JSON pointer."""


@dataclass(frozen=True, slots=True)
class GivenList:
    """A status list credential that came along with a document."""

    document: Mapping[str, Any]
    bits: int | None
    """How many it has; None when that cannot be read."""


def given(lists: Iterable[Mapping[str, Any]]) -> dict[str, GivenList]:
    """Return *lists* by their ids, each inflated once; one without an id is left out."""
    return {one["id"]: GivenList(one, bit_count(one)) for one in lists if isinstance(one.get("id"), str)}


@dataclass(frozen=True, slots=True)
class Examined:
    """What is looked at, and what is known beside it."""

    document: Mapping[str, Any]
    now: datetime
    lists: Mapping[str, GivenList] = field(default_factory=dict)
    """The status list credentials that came along, by their ids."""
    refusal: RegistryError | None = None
    """Why the document has no canonical form, if it has none."""
    mechanism: str | None = None
    """Of the envelope that it came in: `vc+jwt` or `vc+cose`."""

    @property
    def is_too_large(self) -> bool:
        """Whether it has more values than anybody should be made to read."""
        return next(islice(everything(self.document), MAX_VALUES, None), None) is not None

    @property
    def has_suite_2020(self) -> bool:
        """Whether one of its proofs is an Ed25519Signature2020."""
        return any(proof.get("type") == "Ed25519Signature2020" for proof, _ in self.proofs)

    @property
    def is_secured(self) -> bool:
        """Whether anything secures it: a proof inside, or the envelope it came in."""
        return "proof" in self.document or self.mechanism is not None

    @property
    def is_v1(self) -> bool:
        """Whether it follows the data model 1.1."""
        return base_context(self.document) == CREDENTIALS_V1

    @property
    def is_v2(self) -> bool:
        """Whether it follows the data model 2.0."""
        return base_context(self.document) == CREDENTIALS_V2

    @property
    def contexts(self) -> list[Any]:
        """Its contexts, addresses and objects."""
        found = self.document.get("@context")
        return found if isinstance(found, list) else [found]

    @property
    def types(self) -> frozenset[str]:
        """Its types."""
        return frozenset(types_of(self.document))

    @property
    def is_list(self) -> bool:
        """Whether it is a status list credential."""
        return bool(self.types & LIST_TYPES)

    @property
    def is_badge(self) -> bool:
        """Whether it is an Open Badge 3.0."""
        return BADGE.includes(self.document)

    @property
    def issuer_id(self) -> str | None:
        """The issuer's id, however it is written."""
        return id_of(self.document.get("issuer"))

    @property
    def entries(self) -> list[Part]:
        """The objects of `credentialStatus`."""
        return self.objects("credentialStatus")

    @property
    def bitstring_entries(self) -> list[Part]:
        """Those of them that are bitstring status list entries."""
        return [(entry, where) for entry, where in self.entries if entry.get("type") == BITSTRING_ENTRY]

    @property
    def proofs(self) -> list[Part]:
        """The embedded proofs."""
        return self.objects("proof")

    @property
    def subjects(self) -> list[Part]:
        """The objects of `credentialSubject`."""
        return self.objects("credentialSubject")

    def objects(self, name: str) -> list[Part]:
        """Return the objects of a member that is one or several; none for a member that is missing."""
        found = islice(each(self.document.get(name), (ROOT, name)), MAX_PARTS)
        return [(item, pointer(path)) for item, path in found if isinstance(item, Mapping)]

    def list_of(self, entry: Mapping[str, Any]) -> GivenList | None:
        """Return the status list credential that *entry* names, if it came along."""
        url = entry.get("statusListCredential")
        return self.lists.get(url) if isinstance(url, str) else None


def everything(value: Any) -> Iterator[tuple[Any, Path]]:
    """Return *value* and everything inside it, each with where it lies, as it is asked for."""
    waiting: list[Iterator[tuple[Any, Path]]] = [iter([(value, ROOT)])]
    while waiting:
        if (found := next(waiting[-1], None)) is None:
            waiting.pop()
            continue
        yield found
        if isinstance(found[0], dict | list):
            waiting.append(_inside(*found))


def _inside(part: dict[str, Any] | list[Any], path: Path) -> Iterator[tuple[Any, Path]]:
    members = part.items() if isinstance(part, dict) else enumerate(part)
    return ((item, (path, step)) for step, item in members)


def host_of(url: str) -> str | None:
    """Return the host that *url* names, in lower case; None where it names none that can be read."""
    try:
        return urlsplit(url[:4096]).hostname
    except ValueError:
        return None
