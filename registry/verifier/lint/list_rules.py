"""Status list credentials themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from registry.errors import Malformed
from registry.securing.contexts import CREDENTIALS_V2, ED25519_2020_V1
from registry.verifier.lint.encoded import bits_of
from registry.verifier.lint.examined import Examined, everything
from registry.verifier.lint.rule import Rule, Severity, Trip, rule
from registry.verifier.lint.verifiers import (
    CORE_PROOF,
    EVERY,
    LOADER,
    STATUS_INDEX,
    STATUS_LIBRARY,
    WALLETS,
)
from registry.verifier.structure.path import pointer

MINIMUM_ENTRIES: Final = 131_072
_SECTION: Final = "Bitstring Status List 1.0, section 2.2"
_FEW_MS: Final = 1_000
_ENTITY: Final = re.compile(r"&(?:#\d+|#x[0-9a-f]+|[a-z][a-z0-9]*);?", re.IGNORECASE)
_READ_SUITES: Final = ("eddsa-rdfc-2022",)


def _subject(examined: Examined) -> Mapping[str, object]:
    """Return the list itself; empty where the document is no bitstring status list."""
    found = examined.document.get("credentialSubject")
    is_bitstring = "BitstringStatusListCredential" in examined.types
    return found if is_bitstring and isinstance(found, Mapping) else {}


@rule(
    "list-one-purpose",
    Severity.WARNING,
    fails_in=f"{STATUS_LIBRARY} (lib/index.js compares the list's purpose with the entry's, as strings)",
    source=STATUS_INDEX,
    remedy="Publish one list for each purpose.",
)
def list_one_purpose(examined: Examined) -> Iterator[Trip]:
    """The specification allows several purposes of one list; verifiers do not."""
    if isinstance(_subject(examined).get("statusPurpose"), list):
        yield "/credentialSubject/statusPurpose", "The list has an array of purposes."


@rule(
    "list-purpose-missing",
    Severity.ERROR,
    fails_in=EVERY,
    source=_SECTION,
    remedy="Say what a set bit means: `statusPurpose`.",
)
def list_purpose_missing(examined: Examined) -> Iterator[Trip]:
    """A bit without a purpose means nothing."""
    subject = _subject(examined)
    if subject and not subject.get("statusPurpose"):
        yield "/credentialSubject", "The list has no `statusPurpose`."


@rule(
    "list-subject-type",
    Severity.ERROR,
    fails_in=f"{STATUS_LIBRARY} (lib/index.js asks for exactly this string)",
    source=f"{_SECTION}; {STATUS_INDEX}",
    remedy='Write "type": "BitstringStatusList", as a string.',
)
def list_subject_type(examined: Examined) -> Iterator[Trip]:
    """The type of the list is one string."""
    subject = _subject(examined)
    if subject and subject.get("type") != "BitstringStatusList":
        yield "/credentialSubject/type", "The subject's type is not the string BitstringStatusList."


@rule(
    "list-encoding",
    Severity.ERROR,
    fails_in=EVERY,
    source="Bitstring Status List 1.0, section 3.4; RFC 1952",
    remedy="Encode the GZIP of the bits in base64url without padding, with the prefix u.",
)
def list_encoding(examined: Examined) -> Iterator[Trip]:
    """Multibase prefix u, base64url without padding, exactly one intact GZIP member."""
    subject = _subject(examined)
    if subject:
        try:
            bits_of(subject.get("encodedList"))
        except Malformed as error:
            yield "/credentialSubject/encodedList", error.detail


@rule(
    "list-minimum-length",
    Severity.ERROR,
    fails_in=f"{EVERY}, with STATUS_LIST_LENGTH_ERROR",
    source="Bitstring Status List 1.0, sections 3.1 and 3.2",
    remedy=f"Make the list at least {MINIMUM_ENTRIES} entries long: shorter ones tell who is meant.",
)
def list_minimum_length(examined: Examined) -> Iterator[Trip]:
    """Herd privacy asks for 131,072 entries."""
    subject = _subject(examined)
    try:
        bits = len(bits_of(subject.get("encodedList"))) * 8
    except Malformed:
        return
    size = subject.get("statusSize", 1)
    entries = bits // size if type(size) is int and size > 0 else bits
    if entries < MINIMUM_ENTRIES:
        yield "/credentialSubject/encodedList", f"The list has {entries} entries."


@rule(
    "list-never-expires",
    Severity.WARNING,
    fails_in="nobody, and that is the harm: an old copy of the list stays good, without the revocations since",
    source="Bitstring Status List 1.0, section 2.2 (validUntil, ttl)",
    remedy="Let the list say `validUntil`, a day ahead at most, and `ttl`.",
)
def list_never_expires(examined: Examined) -> Iterator[Trip]:
    """A list that ends never can be replayed for ever."""
    subject = _subject(examined)
    if subject and "validUntil" not in examined.document:
        also = "" if "ttl" in subject else ", and no `ttl`"
        yield "", f"The list has no `validUntil`{also}."


@rule(
    "list-ttl-seconds",
    Severity.WARNING,
    fails_in="verifiers that keep to it: they fetch the list again for every credential",
    source="Bitstring Status List 1.0, section 2.2 (milliseconds)",
    remedy="Write the `ttl` in milliseconds: 300000 for five minutes.",
)
def list_ttl_seconds(examined: Examined) -> Iterator[Trip]:
    """The IETF counts seconds, the W3C milliseconds."""
    ttl = _subject(examined).get("ttl")
    if ttl is not None and (type(ttl) is not int or ttl < _FEW_MS):
        yield "/credentialSubject/ttl", f"A `ttl` of {str(ttl)[:40]} is less than a second: were seconds meant?"


@rule(
    "list-ampersand",
    Severity.WARNING,
    fails_in=f"{WALLETS}: their loader decodes HTML entities before it parses, and the signature no longer fits",
    source=LOADER,
    remedy="Keep `&` out of everything in the list: ids, URLs, names.",
)
def list_ampersand(examined: Examined) -> Iterator[Trip]:
    """What looks like an HTML entity becomes something else on the way."""
    if examined.is_list:
        for found, path in everything(examined.document):
            if isinstance(found, str) and _ENTITY.search(found):
                yield pointer(path), "The text contains `&` in a way that is read as an HTML entity."


@rule(
    "list-contexts",
    Severity.WARNING,
    fails_in="verifiers that know only the data model's context, when they check the list's proof",
    source=STATUS_INDEX,
    remedy=f"Let {CREDENTIALS_V2} be the list's only context: it defines every term.",
)
def list_contexts(examined: Examined) -> Iterator[Trip]:
    """A list needs no context but the data model's."""
    needed = (CREDENTIALS_V2, ED25519_2020_V1) if examined.has_suite_2020 else (CREDENTIALS_V2,)
    if _subject(examined) and examined.is_v2 and not all(one in needed for one in examined.contexts):
        yield "/@context", "The list names more contexts than it needs."


@rule(
    "list-issuer-string",
    Severity.NOTE,
    fails_in="verifiers that compare the issuers of list and credential as they are written",
    source="Bitstring Status List 1.0, section 2.2",
    remedy="Write the issuer of a list as a string.",
)
def list_issuer_string(examined: Examined) -> Iterator[Trip]:
    """An object does not equal a string."""
    if _subject(examined) and not isinstance(examined.document.get("issuer"), str):
        yield "/issuer", "The list's issuer is an object."


@rule(
    "list-id-missing",
    Severity.WARNING,
    fails_in="verifiers that check that the list is the one that was asked for",
    source=_SECTION,
    remedy="Let the list's `id` be the URL under which it is fetched.",
)
def list_id_missing(examined: Examined) -> Iterator[Trip]:
    """A list without its URL in it can stand in for another."""
    if _subject(examined) and not examined.document.get("id"):
        yield "", "The list has no `id`."


@rule(
    "list-suite-unread",
    Severity.WARNING,
    fails_in=f"{WALLETS}: a list whose proof they cannot check makes every credential in it unverifiable",
    source=CORE_PROOF,
    remedy="Secure lists with eddsa-rdfc-2022 or Ed25519Signature2020; offer other forms beside it.",
)
def list_suite_unread(examined: Examined) -> Iterator[Trip]:
    """Wallets check few suites."""
    if not _subject(examined) or not examined.proofs:
        return
    if not any(
        proof.get("cryptosuite") in _READ_SUITES or proof.get("type") == "Ed25519Signature2020"
        for proof, _ in examined.proofs
    ):
        yield examined.proofs[0][1], "No proof of the list is one that the common wallets check."


@rule(
    "list-of-older-type",
    Severity.WARNING,
    fails_in=f"{WALLETS}: they skip status lists of 2021",
    source="digitalcredentials/verifier-core, src/suites/status/bitstring-status-check.ts",
    remedy="Publish a BitstringStatusListCredential.",
)
def list_of_older_type(examined: Examined) -> Iterator[Trip]:
    """The draft of 2021 was replaced in 2025."""
    if "StatusList2021Credential" in examined.types:
        yield "/type", "StatusList2021Credential is the form of a draft."


RULES: Final[tuple[Rule, ...]] = (
    list_one_purpose,
    list_purpose_missing,
    list_subject_type,
    list_encoding,
    list_minimum_length,
    list_never_expires,
    list_ttl_seconds,
    list_ampersand,
    list_contexts,
    list_issuer_string,
    list_id_missing,
    list_suite_unread,
    list_of_older_type,
)
