"""Who and what: types, ids, issuer, names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Final
from urllib.parse import unquote

from registry.verifier.lint.examined import MAX_VALUES, Examined, everything, host_of
from registry.verifier.lint.rule import Rule, Severity, Trip, rule, shape
from registry.verifier.lint.verifiers import (
    BADGE_VALIDATOR,
    CORE_REGISTRY,
    DATA_MODEL_LIBRARY,
    EVERY,
    JSON_LD,
    WALLETS,
)
from registry.verifier.structure.everywhere import everywhere
from registry.verifier.structure.parties import issuer, subjects, types
from registry.verifier.structure.path import pointer
from registry.verifier.structure.related import related
from registry.verifier.structure.text import texts

type_missing = shape(
    "type-missing",
    types,
    fails_in=f"{DATA_MODEL_LIBRARY} (lib/index.js)",
    source="VCDM 2.0, section 4.5",
    remedy="Let `type` be an array that contains VerifiableCredential.",
)
issuer_shape = shape(
    "issuer-shape",
    issuer,
    fails_in=f"{DATA_MODEL_LIBRARY} (lib/index.js)",
    source="VCDM 2.0, section 4.7",
    remedy="Name the issuer by a DID or URL, or by an object whose `id` is one.",
)
subject_empty = shape(
    "subject-empty",
    subjects,
    fails_in=f"{DATA_MODEL_LIBRARY} (lib/index.js)",
    source="VCDM 2.0, section 4.8",
    remedy="Say something about the subject.",
)
ids_relative = shape(
    "ids-relative",
    everywhere,
    at=("id",),
    fails_in=f"{DATA_MODEL_LIBRARY} (lib/index.js); and {JSON_LD}, for a relative id vanishes from what is signed",
    source="VCDM 2.0, section 4.4",
    remedy="Write ids as absolute URLs, such as https://… or urn:uuid:….",
)
values_malformed = shape(
    "values-malformed",
    everywhere,
    texts,
    elsewhere_than=("id",),
    fails_in=EVERY,
    source="VCDM 2.0, sections 4.5, 4.6, 5.2.1 and 11.1",
    remedy="Write the value as the specification has it.",
)
related_resources = shape(
    "related-resources",
    related,
    fails_in=EVERY,
    source="VCDM 2.0, section 5.3",
    remedy="Give each related resource its URL and one digest that can be computed.",
)


@rule(
    "id-missing",
    Severity.WARNING,
    fails_in="lookups and lists that go by the credential's id, which has none: it cannot be revoked by its id",
    source="digitalcredentials/credential-status-manager-db, src/credential-status-manager-base.ts",
    remedy="Give the credential an `id`, such as urn:uuid:….",
)
def id_missing(examined: Examined) -> Iterator[Trip]:
    """A signed credential without an id can be verified, but nobody can speak about it; before, one may be given."""
    if "id" not in examined.document and examined.is_secured:
        yield "", "The credential has no `id`."


@rule(
    "name-missing",
    Severity.WARNING,
    fails_in=f"displays, which show it without a title; and {BADGE_VALIDATOR}, for a badge",
    source="Open Badges 3.0, appendix B.1.2; VCDM 2.0, section 4.6",
    remedy="Add a `name` that tells people what this is.",
)
def name_missing(examined: Examined) -> Iterator[Trip]:
    """A credential that people see has a name."""
    if not examined.is_list and not examined.document.get("name"):
        yield "", "The credential has no `name`."


@rule(
    "issuer-name-missing",
    Severity.NOTE,
    fails_in="displays, which can show the bare DID only",
    source="VCDM 2.0, sections 4.6 and 4.7",
    remedy='Write the issuer as {"id": "did:…", "name": "…"}.',
)
def issuer_name_missing(examined: Examined) -> Iterator[Trip]:
    """An issuer that people see has a name."""
    found = examined.document.get("issuer")
    if not examined.is_list and not (isinstance(found, Mapping) and found.get("name")):
        yield "/issuer", "The issuer has no `name`."


@rule(
    "issuer-not-a-did",
    Severity.WARNING,
    fails_in=f"{WALLETS}: they look issuers up in registries of DIDs, and cannot name this one",
    source=CORE_REGISTRY,
    remedy="Issue under a DID (did:key or did:web) that stands in the registries of your community.",
)
def issuer_not_a_did(examined: Examined) -> Iterator[Trip]:
    """Registries of issuers list DIDs."""
    if examined.issuer_id and not examined.issuer_id.startswith("did:"):
        yield "/issuer", f"The issuer {examined.issuer_id[:200]} is no DID."


_LARGEST_IMAGE: Final = 64 * 1024
_LOCAL: Final = re.compile(r"(?:localhost|.*\.(?:localhost|local|internal|test|invalid))", re.IGNORECASE)


@rule(
    "issuer-unreachable",
    Severity.ERROR,
    fails_in="every verifier on another machine, which cannot fetch the issuer's keys",
    source="did:web method specification, method-specific identifier (a domain name with a certificate, no IP address)",
    remedy="Use a did:web of a public host name that is served by https, or a did:key.",
)
def issuer_unreachable(examined: Examined) -> Iterator[Trip]:
    """A did:web is fetched by https from a public host name; http and addresses of this machine are not."""
    found = examined.issuer_id or ""
    if found.startswith("did:web:"):
        host = host_of("//" + unquote(found.split(":")[2])) or "localhost"
        if _LOCAL.fullmatch(host) or _is_address(host):
            yield "/issuer", f"{found[:200]} is not fetched from a public host name."
    elif found.startswith("http://"):
        yield "/issuer", "The issuer's keys would be fetched by http, which anybody on the way can change."


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@rule(
    "subject-without-id",
    Severity.NOTE,
    fails_in="verifiers that ask the holder to prove who they are: the credential names nobody",
    source="VCDM 2.0, section 4.8",
    remedy="Name the subject by an `id` (a DID of the holder), or leave it so if bearers shall be believed.",
)
def subject_without_id(examined: Examined) -> Iterator[Trip]:
    """A credential whose subject has neither id nor identifier is a bearer's."""
    for subject, where in examined.subjects:
        if not subject.get("id") and not subject.get("identifier") and not (examined.is_list or examined.is_badge):
            yield where, "The subject has neither an `id` nor an `identifier`."


@rule(
    "null-members",
    Severity.WARNING,
    fails_in=f"{JSON_LD}; a null is dropped from what is signed, and may be replaced by anything",
    source="JSON-LD 1.1 Processing Algorithms and API, section 5.1.2",
    remedy="Leave a member out that has no value.",
)
def null_members(examined: Examined) -> Iterator[Trip]:
    """null says nothing in JSON-LD."""
    for found, path in everything({name: one for name, one in examined.document.items() if name != "@context"}):
        if found is None:
            yield pointer(path), "The value is null."


@rule(
    "too-large",
    Severity.WARNING,
    fails_in="verifiers that bound what they read; this registry looks at no other rule then",
    source="registry/securing/expand.py (4,000 objects), registry/verifier/lint/examined.py (20,000 values)",
    remedy="Issue several smaller credentials.",
)
def too_large(examined: Examined) -> Iterator[Trip]:
    """What takes long to read is a way to attack, and refused as one."""
    if examined.is_too_large:
        yield "", f"The document has more than {MAX_VALUES} values."


@rule(
    "image-inside",
    Severity.WARNING,
    fails_in="wallets and QR codes: some store or send only small credentials, and every verification hashes it",
    source="Open Badges 3.0, appendix B.1.13 (Image: `id` is the URI or data URI of the image)",
    remedy="Name the image by an https URL, or make it smaller than 64 KiB.",
)
def image_inside(examined: Examined) -> Iterator[Trip]:
    """Images written into the document make it large."""
    for found, path in everything(examined.document):
        if isinstance(found, str) and len(found) > _LARGEST_IMAGE and found.startswith("data:"):
            yield pointer(path), f"A data URL of {len(found) // 1024} KiB is part of the document."


RULES: Final[tuple[Rule, ...]] = (
    type_missing,
    issuer_shape,
    subject_empty,
    ids_relative,
    values_malformed,
    related_resources,
    id_missing,
    name_missing,
    issuer_name_missing,
    issuer_not_a_did,
    issuer_unreachable,
    subject_without_id,
    null_members,
    too_large,
    image_inside,
)
