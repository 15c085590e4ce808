"""Every rule has a row: a document that trips it, where, and the clean document beside it that does not."""

from __future__ import annotations

import base64
import copy
import gzip
import json
from datetime import UTC, datetime

import base58
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as drawn
from hypothesis import strategies as st

from registry.errors import Malformed, Unavailable, UnknownContext, UnsafeDocument
from registry.securing.contexts import load_contexts
from registry.securing.rdf import canonicalise_here
from registry.verifier.lint.examined import Examined, given
from registry.verifier.lint.lint import lint, lint_presented
from registry.verifier.lint.rule import Severity
from registry.verifier.lint.table import RULES

NOW = datetime(2026, 6, 1, tzinfo=UTC)
V1, V2 = "https://www.w3.org/2018/credentials/v1", "https://www.w3.org/ns/credentials/v2"
BADGES = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"
STATUS_V1 = "https://www.w3.org/ns/credentials/status/v1"
SUITE_2020 = "https://w3id.org/security/suites/ed25519-2020/v1"
KEY = "z6MkhVTX9BF3NGYX6cc7jWpbNnR7cAjH8LUffabZP8Qu4ysC"
DID = f"did:key:{KEY}"
LIST_URL = "https://registry.example/status-lists/1"
GONE = object()
"""In the place of a member's value: the member is left out."""


def signature(length=64):
    return "z" + base58.b58encode(bytes(range(1, length + 1))).decode()


def encoded(entries=131_072, prefix="u"):
    return prefix + base64.urlsafe_b64encode(gzip.compress(bytes(entries // 8), mtime=0)).decode().rstrip("=")


def entry(purpose="revocation", **members):
    url = LIST_URL if purpose == "revocation" else f"{LIST_URL}-{purpose}"
    return {
        "id": f"{url}#94567",
        "type": "BitstringStatusListEntry",
        "statusPurpose": purpose,
        "statusListIndex": "94567",
        "statusListCredential": url,
        **members,
    }


PROOF = {
    "type": "DataIntegrityProof",
    "cryptosuite": "eddsa-rdfc-2022",
    "created": "2026-05-01T12:00:00Z",
    "verificationMethod": f"{DID}#{KEY}",
    "proofPurpose": "assertionMethod",
    "proofValue": signature(),
}
CREDENTIAL = {
    "@context": [V2],
    "id": "urn:uuid:00000000-0000-4000-8000-000000000001",
    "type": ["VerifiableCredential"],
    "name": "Diploma",
    "issuer": {"id": DID, "name": "State College"},
    "validFrom": "2026-05-01T00:00:00Z",
    "validUntil": "2036-05-01T00:00:00Z",
    "credentialSubject": {"id": "did:example:ada"},
    "credentialStatus": [entry(), entry("suspension")],
    "proof": PROOF,
}
BADGE = {
    **CREDENTIAL,
    "@context": [V2, BADGES],
    "type": ["VerifiableCredential", "OpenBadgeCredential"],
    "issuer": {"id": DID, "type": ["Profile"], "name": "State College"},
    "credentialSubject": {
        "id": "did:example:ada",
        "type": ["AchievementSubject"],
        "achievement": {
            "id": "https://college.example/achievements/1",
            "type": ["Achievement"],
            "name": "Teamwork",
            "description": "Works well with others.",
            "criteria": {"narrative": "Worked well with others."},
        },
    },
    "credentialStatus": entry(),
}
OLD = {
    **{name: value for name, value in CREDENTIAL.items() if name not in ("validFrom", "validUntil")},
    "@context": [V1, STATUS_V1, SUITE_2020],
    "issuanceDate": "2026-05-01T00:00:00Z",
    "expirationDate": "2036-05-01T00:00:00Z",
    "proof": {
        **{name: value for name, value in PROOF.items() if name != "cryptosuite"},
        "type": "Ed25519Signature2020",
    },
}
LIST = {
    "@context": [V2],
    "id": LIST_URL,
    "type": ["VerifiableCredential", "BitstringStatusListCredential"],
    "issuer": DID,
    "validFrom": "2026-05-31T23:55:00Z",
    "validUntil": "2026-06-01T12:00:00Z",
    "credentialSubject": {
        "id": f"{LIST_URL}#list",
        "type": "BitstringStatusList",
        "statusPurpose": "revocation",
        "encodedList": encoded(),
        "ttl": 60_000,
    },
    "proof": PROOF,
}
OLD_LIST = {**LIST, "@context": [V2, SUITE_2020], "proof": OLD["proof"]}
CLEAN = {
    "credential": CREDENTIAL,
    "badge": BADGE,
    "data model 1.1": OLD,
    "list": LIST,
    "list for older wallets": OLD_LIST,
}


def changed(document, path, value):
    """A copy of *document* with the member at *path* (names and numbers between slashes) made *value*."""
    made = copy.deepcopy(document)
    *steps, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    part = made
    for step in steps:
        part = part[step]
    if value is GONE:
        del part[last]
    elif isinstance(part, list) and last == len(part):
        part.append(value)
    else:
        part[last] = value
    return made


def tripped(document, lists=(), refusal=None, mechanism=None):
    examined = Examined(document, NOW, given(lists), refusal, mechanism)
    return [(one.rule, one.pointer) for one in lint(examined).findings]


STATUS, FIRST, URL = "credentialStatus", "credentialStatus/0", "statusListCredential"
SUBJECT, ACHIEVEMENT = "credentialSubject", "credentialSubject/achievement"
IDENTITY = {"type": "IdentityObject", "identityHash": "ada@college.example", "identityType": "email", "hashed": "false"}
REVOCATIONS = {"id": "https://college.example/revocations", "type": "1EdTechRevocationList"}

NAMES = sorted({*CREDENTIAL, *OLD, *PROOF, *LIST["credentialSubject"], *entry(), "evidence", "@value", "statusSize"})
DESCRIBED = f"{ACHIEVEMENT}/resultDescription"
UNFIT = [
    {
        "id": "urn:x:1",
        "type": ["ResultDescription"],
        "name": "Grade",
        "resultType": "RubricCriterionLevel",
        "requiredLevel": "urn:x:2",
    }
]

ROWS = [
    # rule, clean document, what is changed where, the finding's pointer
    ("context-order", CREDENTIAL, "@context", [BADGES, V2], "/@context"),
    ("context-order", CREDENTIAL, "@context", V2, "/@context"),
    ("context-both-versions", CREDENTIAL, "@context", [V2, V1], "/@context"),
    ("context-open-badges-missing", BADGE, "@context", [V2], "/@context"),
    ("context-unversioned", BADGE, "@context/1", "https://purl.imsglobal.org/spec/ob/v3p0/context.json", "/@context/1"),
    ("context-catch-all", CREDENTIAL, "@context/1", {"@vocab": "https://x.example/"}, "/@context/1/@vocab"),
    ("context-inline", CREDENTIAL, "@context/1", {"degree": "https://x.example/degree"}, "/@context/1"),
    ("context-suite-missing", OLD, "@context", [V1, STATUS_V1], "/proof"),
    ("context-suite-missing", OLD, "proof", PROOF, "/proof"),
    ("context-status-missing", OLD, "@context", [V1, SUITE_2020], "/credentialStatus/0"),
    ("type-missing", CREDENTIAL, "type", ["Diploma"], "/type"),
    ("issuer-shape", CREDENTIAL, "issuer", "State College", "/issuer"),
    ("issuer-shape", CREDENTIAL, "issuer/id", GONE, "/issuer/id"),
    ("subject-empty", CREDENTIAL, "credentialSubject", {}, "/credentialSubject"),
    ("ids-relative", CREDENTIAL, "id", "diplomas/1", "/id"),
    ("ids-relative", CREDENTIAL, "credentialSubject/id", "ada", "/credentialSubject/id"),
    ("values-malformed", CREDENTIAL, "name", 7, "/name"),
    ("values-malformed", CREDENTIAL, "name", {"@value": 7}, "/name/@value"),
    ("related-resources", CREDENTIAL, "relatedResource", {"id": "https://x.example/1"}, "/relatedResource"),
    ("id-missing", CREDENTIAL, "id", GONE, ""),
    ("name-missing", CREDENTIAL, "name", GONE, ""),
    ("issuer-name-missing", CREDENTIAL, "issuer", DID, "/issuer"),
    ("issuer-not-a-did", CREDENTIAL, "issuer/id", "https://college.example/", "/issuer"),
    ("issuer-unreachable", CREDENTIAL, "issuer/id", "did:web:localhost%3A8080", "/issuer"),
    ("issuer-unreachable", CREDENTIAL, "issuer/id", "did:web:10.0.0.1:issuers:1", "/issuer"),
    ("issuer-unreachable", CREDENTIAL, "issuer/id", "did:web:%5B%3A%3A1%5D", "/issuer"),
    ("issuer-unreachable", CREDENTIAL, "issuer/id", "http://college.example/", "/issuer"),
    ("subject-without-id", CREDENTIAL, "credentialSubject", {"name": "Ada"}, "/credentialSubject"),
    ("null-members", CREDENTIAL, "description", None, "/description"),
    ("too-large", CREDENTIAL, "grades", 20_000 * [1], ""),
    ("image-inside", CREDENTIAL, "image", {"id": "data:image/png;base64," + 70_000 * "A"}, "/image/id"),
    ("date-zone", CREDENTIAL, "validFrom", "2026-05-01T00:00:00", "/validFrom"),
    ("date-zone", CREDENTIAL, "validUntil", "2025-05-01T00:00:00Z", "/validUntil"),
    ("date-zone", OLD, "issuanceDate", GONE, "/issuanceDate"),
    ("dates-of-version-1", CREDENTIAL, "issuanceDate", "2026-05-01T00:00:00Z", "/issuanceDate"),
    ("dates-of-version-1", CREDENTIAL, "expirationDate", "2036-05-01T00:00:00Z", "/expirationDate"),
    ("dates-of-version-2", OLD, "validUntil", "2036-05-01T00:00:00Z", "/validUntil"),
    ("expired", CREDENTIAL, "validUntil", "2026-05-31T23:59:59Z", "/validUntil"),
    ("expired", OLD, "expirationDate", "2026-05-31T23:59:59Z", "/expirationDate"),
    ("expired", LIST, "validUntil", "2026-05-31T23:59:59Z", "/validUntil"),
    ("not-yet-valid", CREDENTIAL, "validFrom", "2026-06-01T00:00:01Z", "/validFrom"),
    ("typed-members", CREDENTIAL, "evidence", {"id": "urn:x:1"}, "/evidence/type"),
    ("status-index-string", CREDENTIAL, f"{FIRST}/statusListIndex", 94567, f"/{FIRST}/statusListIndex"),
    ("status-index-string", BADGE, "credentialStatus/statusListIndex", "-1", "/credentialStatus/statusListIndex"),
    ("status-entry-id", BADGE, "credentialStatus/id", LIST_URL, "/credentialStatus/id"),
    ("status-purpose", BADGE, "credentialStatus/statusPurpose", ["revocation"], "/credentialStatus/statusPurpose"),
    ("status-list-url", BADGE, "credentialStatus/statusListCredential", "1", "/credentialStatus/statusListCredential"),
    ("status-messages", BADGE, "credentialStatus/statusSize", 2, "/credentialStatus/statusMessage"),
    ("status-entry-without-id", BADGE, "credentialStatus/id", GONE, "/credentialStatus"),
    ("status-single-in-badges", BADGE, "credentialStatus", [entry()], "/credentialStatus"),
    ("status-first-type", CREDENTIAL, "credentialStatus/0", {"id": "urn:x:1", "type": "Other"}, "/credentialStatus/0"),
    ("status-revocation-first", CREDENTIAL, "credentialStatus", [entry("suspension"), entry()], "/credentialStatus/0"),
    ("status-of-older-type", CREDENTIAL, STATUS, REVOCATIONS, f"/{STATUS}/type"),
    ("status-of-older-type", CREDENTIAL, "credentialStatus/0/type", "StatusList2021Entry", "/credentialStatus/0/type"),
    ("status-size-one", BADGE, "credentialStatus/statusSize", 1, "/credentialStatus/statusSize"),
    ("status-size-several", BADGE, "credentialStatus/statusSize", 2, "/credentialStatus/statusSize"),
    ("status-purpose-unread", CREDENTIAL, "credentialStatus/2", entry("refresh"), "/credentialStatus/2/statusPurpose"),
    ("status-list-not-https", BADGE, f"{STATUS}/{URL}", "http://x.example/1", f"/{STATUS}/{URL}"),
    ("status-list-ampersand", BADGE, f"{STATUS}/{URL}", "https://x.example/?a=1&b=2", f"/{STATUS}/{URL}"),
    ("status-bit-shared", CREDENTIAL, "credentialStatus/1/statusListCredential", LIST_URL, "/credentialStatus/1"),
    ("badge-name", BADGE, f"{ACHIEVEMENT}/name", GONE, f"/{ACHIEVEMENT}/name"),
    ("badge-description", BADGE, f"{ACHIEVEMENT}/description", GONE, f"/{ACHIEVEMENT}/description"),
    ("badge-criteria", BADGE, f"{ACHIEVEMENT}/criteria", {}, f"/{ACHIEVEMENT}/criteria"),
    ("badge-criteria", BADGE, f"{ACHIEVEMENT}/criteria", GONE, f"/{ACHIEVEMENT}/criteria"),
    ("badge-identity-hashed", BADGE, f"{SUBJECT}/identifier", IDENTITY, f"/{SUBJECT}/identifier/hashed"),
    ("badge-types", BADGE, f"{ACHIEVEMENT}/type", GONE, f"/{ACHIEVEMENT}/type"),
    ("badge-ids", BADGE, f"{ACHIEVEMENT}/id", GONE, f"/{ACHIEVEMENT}/id"),
    ("badge-shape", BADGE, ACHIEVEMENT, GONE, f"/{ACHIEVEMENT}"),
    ("badge-consistency", BADGE, DESCRIBED, UNFIT, f"/{DESCRIBED}/0/requiredLevel"),
    ("endorsement-shape", CREDENTIAL, "type/1", "EndorsementCredential", f"/{SUBJECT}/type"),
    ("record-shape", CREDENTIAL, "type/1", "ClrCredential", f"/{SUBJECT}/verifiableCredential"),
    ("list-one-purpose", LIST, "credentialSubject/statusPurpose", ["revocation"], "/credentialSubject/statusPurpose"),
    ("list-purpose-missing", LIST, "credentialSubject/statusPurpose", GONE, "/credentialSubject"),
    ("list-subject-type", LIST, "credentialSubject/type", ["BitstringStatusList"], "/credentialSubject/type"),
    ("list-encoding", LIST, "credentialSubject/encodedList", encoded(prefix=""), "/credentialSubject/encodedList"),
    ("list-encoding", LIST, "credentialSubject/encodedList", encoded()[:-9], "/credentialSubject/encodedList"),
    ("list-encoding", LIST, "credentialSubject/encodedList", GONE, "/credentialSubject/encodedList"),
    ("list-minimum-length", LIST, "credentialSubject/encodedList", encoded(131_064), "/credentialSubject/encodedList"),
    ("list-minimum-length", LIST, "credentialSubject/statusSize", 2, "/credentialSubject/encodedList"),
    ("list-never-expires", LIST, "validUntil", GONE, ""),
    ("list-ttl-seconds", LIST, "credentialSubject/ttl", 300, "/credentialSubject/ttl"),
    ("list-ttl-seconds", LIST, "credentialSubject/ttl", "300000", "/credentialSubject/ttl"),
    ("list-ampersand", LIST, "id", "https://x.example/?a=1&lt=2", "/id"),
    ("list-contexts", LIST, "@context/1", STATUS_V1, "/@context"),
    ("list-issuer-string", LIST, "issuer", {"id": DID}, "/issuer"),
    ("list-id-missing", LIST, "id", GONE, ""),
    ("list-suite-unread", LIST, "proof/cryptosuite", "ecdsa-rdfc-2019", "/proof"),
    ("list-of-older-type", LIST, "type/1", "StatusList2021Credential", "/type"),
    ("proof-shape", CREDENTIAL, "proof/created", "2026-05-01", "/proof/created"),
    ("proof-missing", CREDENTIAL, "proof", GONE, ""),
    ("proof-suite-missing", CREDENTIAL, "proof/cryptosuite", GONE, "/proof"),
    ("proof-suite-of-a-draft", CREDENTIAL, "proof/cryptosuite", "eddsa-2022", "/proof/cryptosuite"),
    ("proof-suite-unread", CREDENTIAL, "proof/cryptosuite", "eddsa-jcs-2022", "/proof/cryptosuite"),
    ("proof-type-unknown", CREDENTIAL, "proof/type", "SomeProofType", "/proof/type"),
    ("proof-purpose", CREDENTIAL, "proof/proofPurpose", "authentication", "/proof/proofPurpose"),
    ("proof-controller", CREDENTIAL, "proof/verificationMethod", "did:web:x.example#1", "/proof/verificationMethod"),
    ("proof-method-missing", CREDENTIAL, "proof/verificationMethod", {"id": DID}, "/proof"),
    ("proof-method-without-fragment", CREDENTIAL, "proof/verificationMethod", DID, "/proof/verificationMethod"),
    ("proof-from-the-future", CREDENTIAL, "proof/created", "2026-06-01T00:05:01Z", "/proof/created"),
    ("proof-value", CREDENTIAL, "proof/proofValue", signature(63), "/proof/proofValue"),
    ("proof-value", CREDENTIAL, "proof/proofValue", "u" + signature()[1:], "/proof/proofValue"),
]  # fmt: skip
WITH_MORE = [
    # rule, document, what is known beside it, the finding's pointer
    ("context-unknown", CREDENTIAL, {"refusal": UnknownContext("x", context="https://x.example/")}, "/@context"),
    ("terms-lost", CREDENTIAL, {"refusal": UnsafeDocument("No context of the document defines 'degree'.")}, ""),
    ("envelope-unread", CREDENTIAL, {"mechanism": "vc+jwt"}, ""),
    ("list-issuer-differs", BADGE, {"lists": [{**LIST, "issuer": "did:web:x.example"}]}, "/credentialStatus"),
    (
        "list-purpose-differs",
        BADGE,
        {"lists": [changed(LIST, "credentialSubject/statusPurpose", "suspension")]},
        "/credentialStatus/statusPurpose",
    ),
    (
        "list-too-short",
        BADGE,
        {"lists": [changed(LIST, "credentialSubject/encodedList", encoded(94_560))]},
        "/credentialStatus/statusListIndex",
    ),
]


@pytest.mark.parametrize("kind", CLEAN)
def test_a_clean_document_trips_nothing(kind):
    assert tripped(CLEAN[kind]) == []
    assert tripped(CLEAN[kind], lists=[LIST]) == []


@pytest.mark.parametrize(("rule", "document", "path", "value", "pointer"), ROWS, ids=[row[0] for row in ROWS])
def test_a_rule_is_tripped(rule, document, path, value, pointer):
    assert (rule, pointer) in tripped(changed(document, path, value))


@pytest.mark.parametrize(("rule", "document", "known", "pointer"), WITH_MORE, ids=[row[0] for row in WITH_MORE])
def test_a_rule_that_needs_more_than_the_document_is_tripped(rule, document, known, pointer):
    assert tripped(document, **known) == [(rule, pointer)]


def test_every_rule_has_a_row_a_name_of_its_own_and_says_whence_and_what_to_do():
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names) >= 60
    assert set(names) == {row[0] for row in ROWS} | {row[0] for row in WITH_MORE}
    for rule in RULES:
        assert rule.source
        assert rule.remedy.endswith(".")
        assert rule.fails_in


def test_the_worst_comes_first():
    document = changed(changed(CREDENTIAL, "name", GONE), "proof/proofPurpose", "authentication")
    severities = [one.severity for one in lint(Examined(document, NOW)).findings]
    assert severities == [Severity.ERROR, Severity.WARNING]


def test_credentials_inside_are_looked_at_where_they_lie():
    broken = changed(CREDENTIAL, "name", GONE)
    presentation = {"@context": [V2], "type": ["VerifiablePresentation"], "verifiableCredential": [CREDENTIAL, broken]}
    assert tripped(presentation) == [("name-missing", "/verifiableCredential/1")]
    record = changed(CREDENTIAL, "credentialSubject/verifiableCredential", [broken])
    assert tripped(record) == [("name-missing", "/credentialSubject/verifiableCredential/0")]


@pytest.mark.parametrize(
    "value",
    [None, 7, "text", "did:web:[", "http://[", "z0", "u=", [], {}, [[]], [None], {"id": {}}, {"type": [7]}, True],
)
@pytest.mark.parametrize("kind", CLEAN)
def test_no_form_of_a_member_breaks_a_rule(kind, value):
    """Whatever a member is, every rule gives an answer."""
    for name in (*CLEAN[kind], "evidence", "relatedResource"):
        tripped({**CLEAN[kind], name: value}, [{**LIST, name: value}])
    for part in ("credentialSubject", "credentialStatus", "proof"):
        found = CLEAN[kind].get(part)
        for name in found if isinstance(found, dict) else ():
            tripped({**CLEAN[kind], part: {**found, name: value}}, [LIST])


# ── credentials of others ────────────────────────────────────────────────────────────────────────────────────

ISSUERS_BY_URL = {"issuer-not-a-did", "proof-controller"}
"""1EdTech's samples are issued under web addresses, or a urn beside a did:key: their validator takes both."""
EXPLAINED = {
    "1edtech-clr20-complex": ISSUERS_BY_URL | {
        "context-unversioned", "context-unknown",  # as 1EdTech's addresses were in 2022
        "proof-method-without-fragment",
    },
    "1edtech-clr20-simple": ISSUERS_BY_URL,
    "1edtech-ob30-complete": ISSUERS_BY_URL | {
        "status-of-older-type", "badge-consistency",  # a result names a level of another description than its own
    },
    "1edtech-ob30-endorsement-valid": ISSUERS_BY_URL,
    "1edtech-ob30-simple-did-key-method": ISSUERS_BY_URL | {"proof-method-without-fragment"},
    "1edtech-ob30-simple-eddsa-2022": ISSUERS_BY_URL | {"context-unknown"},
    "1edtech-ob30-simple-multiple-proofs": ISSUERS_BY_URL | {"proof-type-unknown"},
    "1edtech-ob30-simple": ISSUERS_BY_URL,
}  # fmt: skip
"""Sample → the warnings it gets, with reason."""
TRUE_ERRORS = {"1edtech-ob30-simple-eddsa-2022": {"proof-suite-of-a-draft"}}
"""That cryptosuite's name was changed before the Recommendation; no library of today checks it."""


async def canonical(document):
    return canonicalise_here(document, load_contexts())


@pytest.mark.parametrize("sample", EXPLAINED)
async def test_published_badges_give_no_false_error_and_no_unexplained_warning(shared_dir, sample):
    document = json.loads((shared_dir / f"fixtures/{sample}.json").read_text())
    report = await lint_presented(document, canonical_of=canonical, now=NOW)
    found = {severity: {one.rule for one in report.findings if one.severity is severity} for severity in Severity}
    assert found[Severity.ERROR] == TRUE_ERRORS.get(sample, set()), report.json()
    assert found[Severity.WARNING] <= EXPLAINED[sample], report.json()


async def test_what_json_ld_would_drop_is_found_and_an_unknown_context_named():
    async def ruled(document):
        report = await lint_presented(document, canonical_of=canonical, now=NOW)
        return {one.rule: one.because for one in report.findings}

    assert "degree" in (await ruled({**CREDENTIAL, "degree": "MA"}))["terms-lost"]
    unknown = "https://college.example/context"
    assert unknown in (await ruled({**CREDENTIAL, "@context": [V2, unknown]}))["context-unknown"]
    assert await ruled(CREDENTIAL) == {}


async def test_a_document_without_a_canonical_form_is_a_finding_and_no_error():
    async def refusing(_):
        raise Malformed("Too many nodes.")

    report = await lint_presented(CREDENTIAL, canonical_of=refusing, now=NOW)
    assert [one.because for one in report.findings] == ["Too many nodes."]


async def test_being_asked_too_much_is_no_finding():
    async def busy(_):
        raise Unavailable("Too many documents wait.")

    with pytest.raises(Unavailable):
        await lint_presented(CREDENTIAL, canonical_of=busy, now=NOW)


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
MEMBERS = st.sampled_from(NAMES) | st.text(max_size=4)
JSON = st.recursive(
    LEAVES,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(MEMBERS, inside, max_size=4),
    max_leaves=12,
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])  # the first text builds tables of Unicode
@drawn(document=st.dictionaries(st.sampled_from(NAMES), JSON, max_size=8), kind=st.sampled_from(sorted(CLEAN)))
def test_whatever_json_is_presented_every_rule_gives_an_answer(document, kind):
    tripped(document, [document])
    tripped({**CLEAN[kind], **document}, [document, LIST])
