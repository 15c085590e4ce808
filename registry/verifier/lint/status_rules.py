"""Where a credential says its status is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from registry.verifier.lint.examined import Examined
from registry.verifier.lint.rule import Rule, Severity, Trip, rule, shape
from registry.verifier.lint.verifiers import (
    BADGE_VALIDATOR,
    CORE_FIRST,
    CORE_STATUS,
    DATA_MODEL_LIBRARY,
    EVERY,
    LOADER,
    STATUS_BITS,
    STATUS_INDEX,
    STATUS_LIBRARY,
    VALIDATOR_LIST,
    VC_INDEX,
    WALLETS,
)
from registry.verifier.structure.status_entry import status_entries
from registry.verifier.structure.typed import typed

_JUDGING: Final = ("revocation", "suspension")

typed_members = shape(
    "typed-members",
    typed,
    fails_in=f"{DATA_MODEL_LIBRARY} (lib/index.js asks each for its `type`)",
    source="VCDM 2.0, sections 4.10, 4.11 and 5.4 to 5.6",
    remedy="Let each be an object that says its `type`, and its `id` where one is asked for.",
)
status_index_string = shape(
    "status-index-string",
    status_entries,
    at=("statusListIndex",),
    fails_in="verifiers that read it as the specification has it: a number has another canonical form than a string",
    source="Bitstring Status List 1.0, section 2.1",
    remedy='Write the index as a string in base 10: "94567".',
)
status_entry_id = shape(
    "status-entry-id",
    status_entries,
    at=("id",),
    fails_in=f"{STATUS_LIBRARY} (lib/index.js refuses it)",
    source="Bitstring Status List 1.0, section 2.1",
    remedy="Let the entry's `id` be the list's URL with a fragment, such as …#94567.",
)
status_purpose = shape(
    "status-purpose",
    status_entries,
    at=("statusPurpose",),
    fails_in=f"{STATUS_LIBRARY} (lib/index.js refuses it)",
    source="Bitstring Status List 1.0, section 2.1",
    remedy="Say one purpose as a string: revocation or suspension.",
)
status_list_url = shape(
    "status-list-url",
    status_entries,
    at=("statusListCredential",),
    fails_in=f"{STATUS_LIBRARY} (lib/index.js refuses it)",
    source="Bitstring Status List 1.0, section 2.1",
    remedy="Name the list by its absolute URL.",
)
status_messages = shape(
    "status-messages",
    status_entries,
    elsewhere_than=("statusListIndex", "id", "statusPurpose", "statusListCredential"),
    fails_in=EVERY,
    source="Bitstring Status List 1.0, section 2.1",
    remedy="Give an entry of n bits 2^n messages, each with `status` and `message`.",
)


@rule(
    "status-entry-without-id",
    Severity.WARNING,
    fails_in=f"{DATA_MODEL_LIBRARY} (lib/index.js asks every `credentialStatus` for an id)",
    source=VC_INDEX,
    remedy="Give the entry an `id`: the list's URL with a fragment.",
)
def status_entry_without_id(examined: Examined) -> Iterator[Trip]:
    """The id is optional in the specification, and required by the most used library."""
    for entry, where in examined.entries:
        if not entry.get("id"):
            yield where, "The entry has no `id`."


@rule(
    "status-single-in-badges",
    Severity.ERROR,
    fails_in=f"{BADGE_VALIDATOR}: an array is not looked into, and the schema refuses it",
    source=f"Open Badges 3.0, appendix B.1.2 (credentialStatus [0..1]); {VALIDATOR_LIST}",
    remedy="Keep one entry, that of revocation, as an object.",
)
def status_single_in_badges(examined: Examined) -> Iterator[Trip]:
    """Open Badges 3.0 allows exactly one status."""
    if examined.is_badge and isinstance(examined.document.get("credentialStatus"), list):
        yield "/credentialStatus", "A badge has one `credentialStatus`, an object; this is an array."


@rule(
    "status-first-type",
    Severity.WARNING,
    fails_in=f"older versions of {WALLETS}, which look at the first entry only",
    source=CORE_FIRST,
    remedy="Put the BitstringStatusListEntry first.",
)
def status_first_type(examined: Examined) -> Iterator[Trip]:
    """Some verifiers decide by the first entry's type whether there is a status at all."""
    if examined.entries and examined.bitstring_entries and examined.entries[0] != examined.bitstring_entries[0]:
        yield examined.entries[0][1], "The first entry is of another type than BitstringStatusListEntry."


@rule(
    "status-revocation-first",
    Severity.WARNING,
    fails_in="verifiers that look at the first entry only: a revoked credential looks valid",
    source=CORE_FIRST,
    remedy="Put the entry with the purpose revocation first.",
)
def status_revocation_first(examined: Examined) -> Iterator[Trip]:
    """Where only one entry is looked at, it must be the one that matters most."""
    purposes = [entry.get("statusPurpose") for entry, _ in examined.bitstring_entries]
    if "revocation" in purposes[1:] and purposes[0] != "revocation":
        yield examined.bitstring_entries[0][1], f"The entry for {purposes[0]} comes before the one for revocation."


@rule(
    "status-of-older-type",
    Severity.WARNING,
    fails_in=f"{WALLETS}: they skip it, and show the credential as valid whatever the list says",
    source=CORE_STATUS,
    remedy="Use a BitstringStatusListEntry; publish the older list beside it, without naming it here.",
)
def status_of_older_type(examined: Examined) -> Iterator[Trip]:
    """Types that today's verifiers do not evaluate."""
    for entry, where in examined.entries:
        if entry.get("type") in ("StatusList2021Entry", "RevocationList2020Status", "1EdTechRevocationList"):
            yield f"{where}/type", f"{entry['type']} is not evaluated."


@rule(
    "status-size-one",
    Severity.WARNING,
    fails_in="verifiers that refuse, or skip, entries with a `statusSize` because they read single bits only",
    source="Bitstring Status List 1.0, section 2.1 (absent means 1)",
    remedy="Leave `statusSize` out when it is 1.",
)
def status_size_one(examined: Examined) -> Iterator[Trip]:
    """What is the default anyway is a risk when it is written."""
    for entry, where in examined.bitstring_entries:
        if entry.get("statusSize") == 1:
            yield f"{where}/statusSize", "`statusSize` is 1, which is understood."


@rule(
    "status-size-several",
    Severity.WARNING,
    fails_in=f"{STATUS_LIBRARY}: they read the single bit at the index, which belongs to another credential",
    source=STATUS_BITS,
    remedy="Keep revocation and suspension in lists of one bit; use several bits for messages only.",
)
def status_size_several(examined: Examined) -> Iterator[Trip]:
    """The position of an entry of several bits is index times size; common libraries do not multiply."""
    for entry, where in examined.bitstring_entries:
        size = entry.get("statusSize")
        if type(size) is int and size > 1 and entry.get("statusPurpose") in _JUDGING:
            yield f"{where}/statusSize", f"The entry has {size} bits."


@rule(
    "status-purpose-unread",
    Severity.NOTE,
    fails_in=f"nobody; but {WALLETS} do not look at it",
    source=CORE_STATUS,
    remedy="Say by revocation or suspension what must be seen.",
)
def status_purpose_unread(examined: Examined) -> Iterator[Trip]:
    """Only revocation and suspension are looked at."""
    for entry, where in examined.bitstring_entries:
        purpose = entry.get("statusPurpose")
        if isinstance(purpose, str) and purpose not in _JUDGING:
            yield f"{where}/statusPurpose", f"The purpose {purpose[:80]!r} is not looked at."


@rule(
    "status-list-not-https",
    Severity.WARNING,
    fails_in="verifiers that fetch by https only (this registry, web pages served by https)",
    source="Bitstring Status List 1.0, section 4 (privacy and integrity on the way)",
    remedy="Serve the list by https under a public host name.",
)
def status_list_not_https(examined: Examined) -> Iterator[Trip]:
    """A list fetched by http can be withheld, or replaced by an older one, by anybody on the way."""
    for entry, where in examined.entries:
        url = entry.get("statusListCredential")
        if isinstance(url, str) and url.startswith("http://"):
            yield f"{where}/statusListCredential", "The list is fetched by http."


@rule(
    "status-list-ampersand",
    Severity.WARNING,
    fails_in=f"{WALLETS}: their loader decodes HTML entities before it parses, which can break the list's signature",
    source=LOADER,
    remedy="Use a URL without a query for the list.",
)
def status_list_ampersand(examined: Examined) -> Iterator[Trip]:
    """The URL is inside the list, too."""
    for entry, where in examined.entries:
        if "&" in str(entry.get("statusListCredential", "")):
            yield f"{where}/statusListCredential", "The list's URL contains `&`."


@rule(
    "status-bit-shared",
    Severity.ERROR,
    fails_in=f"{STATUS_LIBRARY}: a list has one purpose, so one of the entries never matches it",
    source=f"Bitstring Status List 1.0, section 2.2; {STATUS_INDEX}",
    remedy="Keep a list for each purpose.",
)
def status_bit_shared(examined: Examined) -> Iterator[Trip]:
    """Two entries name the same bit."""
    seen: dict[tuple[object, object], object] = {}
    for entry, where in examined.bitstring_entries:
        bit = (str(entry.get("statusListCredential")), str(entry.get("statusListIndex")))
        if bit in seen:
            yield where, f"The entry names the same bit as {seen[bit]}."
        seen.setdefault(bit, where)


RULES: Final[tuple[Rule, ...]] = (
    typed_members,
    status_index_string,
    status_entry_id,
    status_purpose,
    status_list_url,
    status_messages,
    status_entry_without_id,
    status_single_in_badges,
    status_first_type,
    status_revocation_first,
    status_of_older_type,
    status_size_one,
    status_size_several,
    status_purpose_unread,
    status_list_not_https,
    status_list_ampersand,
    status_bit_shared,
)
