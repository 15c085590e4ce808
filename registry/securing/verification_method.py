"""Verification methods in controller documents, ours or somebody else's.

Sources: Controlled Identifiers 1.0, sections 2.2 (verification methods), 2.3 (relationships) and 3.3 (retrieval);
Ed25519VerificationKey2020 of Ed25519Signature2020; JsonWebKey2020 of JWS 2020.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from registry.domain.problem import Problem
from registry.errors import Malformed, UnknownVerificationMethod
from registry.securing.did import resolve_here
from registry.securing.moment import parse_date_time_stamp
from registry.securing.problem import (
    INVALID_DOCUMENT,
    INVALID_DOCUMENT_ID,
    INVALID_RELATIONSHIP,
    INVALID_VERIFICATION_METHOD,
    INVALID_VERIFICATION_METHOD_URL,
)
from registry.securing.public_key import PublicKey

ASSERTION: Final = "assertionMethod"
"""What a key must be listed under to secure credentials and lists (section 2.3.2)."""
AUTHENTICATION: Final = "authentication"
"""The same for presentations (section 2.3.1)."""
PURPOSES: Final = (
    ASSERTION,
    AUTHENTICATION,
    "capabilityDelegation",
    "capabilityInvocation",
    "keyAgreement",
)
MAX_METHODS: Final = 1_000
"""Verification methods of one document; more are not read."""
MOST_REMEMBERED: Final = 512
"""Keys that are DIDs, of the longest of which each is 4 KB."""

_DID_KEY: Final = "did:key:"
_MULTIKEYS: Final = frozenset({"Multikey", "Ed25519VerificationKey2020"})
_JWKS: Final = frozenset({"JsonWebKey", "JsonWebKey2020"})


@dataclass(frozen=True, slots=True)
class VerificationMethodFound:
    """A verification method: its absolute id, who controls it, its key, and what it may be used for."""

    id: str
    controller: str
    key: PublicKey
    purposes: frozenset[str]
    expires: datetime | None = None
    revoked: datetime | None = None


def verification_methods(document: Mapping[str, Any]) -> list[VerificationMethodFound]:
    """Return the methods of *document* whose keys can verify signatures here, in its order.

    Multikey, Ed25519VerificationKey2020, JsonWebKey and JsonWebKey2020 are read; methods of other types, and those
    that are malformed, are left out: what else a document lists is not this key's fault. Raises `Malformed` when it
    is no controller document at all.
    """
    found = []
    for entry, purposes in _entries(document):
        with suppress(Malformed):
            found.append(_method(entry, purposes, str(document["id"])))
    return found


def method_in(document: Mapping[str, Any], url: str, purpose: str) -> VerificationMethodFound:
    """Return the method *url* of the controller document that was found at it, for *purpose* (section 3.3).

    A bare did:key names the one method it has, as Open Badges are often signed; the method is returned under that name.
    Raises `UnknownVerificationMethod` with the problem that the specification names.
    """
    full = full_url(url)
    if document.get("id") != controller_of(url):
        raise unknown(
            INVALID_DOCUMENT_ID(f"The document found for {url[:200]} is about {str(document.get('id'))[:200]}.")
        )
    try:
        entries = [(entry, purposes) for entry, purposes in _entries(document) if _absolute(entry, document) == full]
    except Malformed as error:
        raise unknown(INVALID_DOCUMENT(error.detail)) from error
    if len(entries) != 1:
        how_often = "more than once" if entries else "nowhere"
        raise unknown(INVALID_VERIFICATION_METHOD(f"The controller document lists the key {url[:200]} {how_often}."))
    try:
        method = _method(*entries[0], str(document["id"]))
    except Malformed as error:
        raise unknown(INVALID_VERIFICATION_METHOD(error.detail)) from error
    if purpose not in method.purposes:
        raise unknown(INVALID_RELATIONSHIP(f"{url[:200]} is not listed under {purpose[:80]}."))
    return method if full == url else replace(method, id=url)


@lru_cache(maxsize=MOST_REMEMBERED)
def method_here(url: str, purpose: str) -> VerificationMethodFound:
    """Return the method *url* of a did:key or did:jwk, for *purpose*; what a DID is never changes, so it is remembered.

    Raises what `method_in` raises, and `Malformed` for a DID that is none of these.
    """
    return method_in(resolve_here(controller_of(url)), url, purpose)


def controller_of(url: str) -> str:
    """Return the id of the controller document in which the method *url* is found: the URL without its fragment.

    Raises `UnknownVerificationMethod` when *url* is no absolute URL with a fragment, and no did:key either.
    """
    controller, _, fragment = url.partition("#")
    if _is_bare(url):
        return url
    if not fragment or not controller.startswith(("did:", "https://")) or any(mark in url for mark in " \t\r\n"):
        raise unknown(INVALID_VERIFICATION_METHOD_URL(f"{url[:200]!r} does not name a verification method."))
    return controller


def full_url(url: str) -> str:
    """Return *url*, or what a bare did:key names: the one method that it has."""
    return f"{url}#{url.removeprefix(_DID_KEY)}" if _is_bare(url) else url


def _is_bare(url: str) -> bool:
    return url.startswith(_DID_KEY) and "#" not in url


def unknown(problem: Problem) -> UnknownVerificationMethod:
    """Return the error that carries *problem*."""
    return UnknownVerificationMethod(problem.detail, problem_type=problem.type, title=problem.title)


def _entries(document: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], frozenset[str]]]:
    """Yield every method of *document* with its purposes, whether it stands in the list or in a relationship."""
    if not isinstance(document.get("id"), str):
        raise Malformed("A controller document has an id.")
    listed = [*_listed(document, "verificationMethod")]
    purposes: dict[str, set[str]] = {}
    for purpose in PURPOSES:
        for reference in _listed(document, purpose):
            if isinstance(reference, Mapping):
                yield reference, frozenset({purpose})
            elif isinstance(reference, str):
                purposes.setdefault(_resolved(reference, document), set()).add(purpose)
    for entry in listed:
        if isinstance(entry, Mapping):
            yield entry, frozenset(purposes.get(_absolute(entry, document), ()))


def _listed(document: Mapping[str, Any], name: str) -> list[Any]:
    found = document.get(name, [])
    methods = found if isinstance(found, list) else [found]
    if len(methods) > MAX_METHODS:
        raise Malformed(f"A controller document with more than {MAX_METHODS} methods under {name} is not read.")
    return methods


def _method(entry: Mapping[str, Any], purposes: frozenset[str], document_id: str) -> VerificationMethodFound:
    controller = entry.get("controller")
    if not isinstance(controller, str):
        raise Malformed("A verification method names its controller.")
    if controller != document_id:
        raise Malformed("A verification method that another controls is looked up in that one's document.")
    return VerificationMethodFound(
        id=_absolute(entry, {"id": document_id}),
        controller=controller,
        key=_key(entry),
        purposes=purposes,
        expires=_moment(entry, "expires"),
        revoked=_moment(entry, "revoked"),
    )


def _key(entry: Mapping[str, Any]) -> PublicKey:
    type_ = entry.get("type")
    if not isinstance(type_, str):
        raise Malformed("A verification method has one type.")
    if type_ in _MULTIKEYS:
        key = PublicKey.from_multikey(entry.get("publicKeyMultibase", ""))
        if type_ == "Ed25519VerificationKey2020" and key.algorithm != "Ed25519":
            raise Malformed("An Ed25519VerificationKey2020 holds an Ed25519 key.")
        return key
    jwk = entry.get("publicKeyJwk")
    if type_ in _JWKS and isinstance(jwk, Mapping):
        return PublicKey.from_jwk(jwk)
    raise Malformed(f"A verification method of type {type_[:80]!r} with its key is not understood here.")


def _absolute(entry: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    return _resolved(entry.get("id"), document)


def _resolved(reference: object, document: Mapping[str, Any]) -> str:
    """Return *reference* as an absolute URL; a bare fragment belongs to the document."""
    text = reference if isinstance(reference, str) else ""
    return f"{document['id']}{text}" if text.startswith("#") else text


def _moment(entry: Mapping[str, Any], name: str) -> datetime | None:
    return None if entry.get(name) is None else parse_date_time_stamp(entry[name])
