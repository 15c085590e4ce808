"""Open Badges 3.0 and CLR 2.0: every rule has a row, and the fixtures that 1EdTech publishes get what one expects."""

from __future__ import annotations

import copy
import hashlib
import json

import pytest

from registry.domain.problem import BADGE_NOT_CONFORMING, CRYPTOGRAPHIC_SECURITY_ERROR, PROOF_TRANSFORMATION_ERROR
from registry.verifier.badge_step import badge_step
from registry.verifier.badges.recipient import is_about
from registry.verifier.verification import Outcome, StatusFinding, Verdict
from tests.verifier.documents import ABSENT, V2, badge
from tests.verifier.world import SCHOOL, World, did_of, signed

NOW = World().clock()


def changed(document, path, value):
    """*document* with *value* at the JSON pointer *path*; ABSENT removes what is there."""
    document = copy.deepcopy(document)
    *steps, last = path.strip("/").split("/")
    part = document
    for step in steps:
        part = part[int(step) if isinstance(part, list) else step]
    if value is ABSENT:
        del part[last]
    else:
        part[int(last) if isinstance(part, list) else last] = value
    return document


LEVEL = {"id": "urn:x:level", "type": ["RubricCriterionLevel"], "name": "Mastered"}
RUBRIC = {
    "id": "urn:x:rubric",
    "type": ["ResultDescription"],
    "name": "Rubric",
    "resultType": "RubricCriterionLevel",
    "rubricCriterionLevel": [LEVEL],
    "requiredLevel": "urn:x:level",
}
GRADE = {
    "id": "urn:x:grade",
    "type": ["ResultDescription"],
    "name": "Grade",
    "resultType": "LetterGrade",
    "allowedValue": ["C", "B", "A"],
    "requiredValue": "C",
}
POINTS = {
    "id": "urn:x:points",
    "type": ["ResultDescription"],
    "name": "Points",
    "resultType": "RawScore",
    "valueMin": "0",
    "valueMax": "100",
}
DONE = {"id": "urn:x:done", "type": ["ResultDescription"], "name": "Done", "resultType": "Status"}
RESULTS = [
    {"type": ["Result"], "resultDescription": "urn:x:rubric", "achievedLevel": "urn:x:level"},
    {"type": ["Result"], "resultDescription": "urn:x:grade", "value": "B"},
    {"type": ["Result"], "resultDescription": "urn:x:points", "value": "99.5"},
    {"type": ["Result"], "resultDescription": "urn:x:done", "status": "Completed"},
    {"type": ["Result"], "value": "no description needed"},
]


def full_badge():
    document = badge()
    document["evidence"] = [{"type": ["Evidence"], "narrative": "Ten seams."}]
    subject = document["credentialSubject"]
    subject["identifier"] = [
        {
            "type": "IdentityObject",
            "hashed": False,
            "identityHash": "ada@school.example",
            "identityType": "emailAddress",
        }
    ]
    subject["source"] = {"id": "https://school.example/shop", "type": ["Profile"]}
    subject["result"] = copy.deepcopy(RESULTS)
    subject["achievement"] |= {
        "creator": {"id": "https://school.example", "type": ["Profile"]},
        "alignment": [{"type": ["Alignment"], "targetName": "Welding", "targetUrl": "https://frame.example/1"}],
        "image": {"id": "https://school.example/1.png", "type": "Image"},
        "resultDescription": copy.deepcopy([RUBRIC, GRADE, POINTS, DONE]),
    }
    return document


S, A = "/credentialSubject", "/credentialSubject/achievement"
D, R = f"{A}/resultDescription", f"{S}/result"

BROKEN = [
    ("/@context", [V2], "/@context", "B.1.2"),
    ("/@context/1", "https://school.example/context.json", "/@context", "B.1.2"),
    ("/id", ABSENT, "/id", "B.1.2"),
    ("/issuer/type", ["Thing"], "/issuer/type", "B.1.14"),
    ("/credentialSubject", [{"type": ["AchievementSubject"]}], S, "B.1.2"),
    ("/evidence/0/type", ["Photograph"], "/evidence/0/type", "B.1.9"),
    (f"{S}/type", ["Person"], f"{S}/type", "B.1.3"),
    (f"{S}/achievement", ABSENT, A, "B.1.3"),
    (f"{S}/identifier/0/type", "Identity", f"{S}/identifier/0/type", "B.1.12"),
    (f"{S}/identifier/0/hashed", "no", f"{S}/identifier/0/hashed", "B.1.12"),
    (f"{S}/identifier/0/identityHash", ABSENT, f"{S}/identifier/0/identityHash", "B.1.12"),
    (f"{S}/identifier/0/identityType", "", f"{S}/identifier/0/identityType", "B.1.12"),
    (f"{S}/source/type", ["Shop"], f"{S}/source/type", "B.1.14"),
    (f"{S}/source/id", ABSENT, f"{S}/source/id", "B.1.14"),
    (f"{A}/id", ABSENT, f"{A}/id", "B.1.1"),
    (f"{A}/type", ["Award"], f"{A}/type", "B.1.1"),
    (f"{A}/name", " ", f"{A}/name", "B.1.1"),
    (f"{A}/description", ABSENT, f"{A}/description", "B.1.1"),
    (f"{A}/criteria", ABSENT, f"{A}/criteria", "B.1.1"),
    (f"{A}/criteria", {}, f"{A}/criteria", "B.1.1"),
    (f"{A}/creator/type", ["School"], f"{A}/creator/type", "B.1.14"),
    (f"{A}/alignment/0/type", ["Thing"], f"{A}/alignment/0/type", "B.1.5"),
    (f"{A}/alignment/0/targetName", ABSENT, f"{A}/alignment/0/targetName", "B.1.5"),
    (f"{A}/alignment/0/targetUrl", "frame", f"{A}/alignment/0/targetUrl", "B.1.5"),
    (f"{A}/image/type", "Picture", f"{A}/image/type", "B.1.13"),
    (f"{A}/image/id", ABSENT, f"{A}/image/id", "B.1.13"),
    (f"{D}/0/type", ["Rubric"], f"{D}/0/type", "B.1.17"),
    (f"{D}/0/name", ABSENT, f"{D}/0/name", "B.1.17"),
    (f"{D}/0/resultType", ABSENT, f"{D}/0/resultType", "B.1.17"),
    (f"{D}/0/rubricCriterionLevel/0/name", ABSENT, f"{D}/0/rubricCriterionLevel/0/name", "B.1.18"),
    (f"{D}/0/rubricCriterionLevel/0/type", "Level", f"{D}/0/rubricCriterionLevel/0/type", "B.1.18"),
    (f"{R}/0/type", ["Grade"], f"{R}/0/type", "B.1.16"),
    (f"{R}/0/resultDescription", "urn:x:nowhere", f"{R}/0/resultDescription", "B.1.16"),
    (f"{R}/3/status", ABSENT, f"{R}/3/status", "B.1.16"),
]


UNFIT = [
    (f"{D}/0/requiredLevel", "urn:x:other", f"{D}/0/requiredLevel", "B.1.17"),
    (f"{D}/1/requiredValue", "F", f"{D}/1/requiredValue", "B.1.17"),
    (f"{R}/0/achievedLevel", "urn:x:other", f"{R}/0/achievedLevel", "B.1.16"),
    (f"{R}/1/value", "D", f"{R}/1/value", "B.1.16"),
    (f"{R}/2/value", "101", f"{R}/2/value", "B.1.16"),
    (f"{R}/2/value", "-1", f"{R}/2/value", "B.1.16"),
    (f"{R}/2/value", "many", f"{R}/2/value", "B.1.16"),
]


@pytest.mark.parametrize(("path", "value", "pointer", "section"), UNFIT)
def test_what_does_not_fit_together_is_told_and_breaks_nothing(path, value, pointer, section):
    found = badge_step(changed(full_badge(), path, value), NOW)
    assert found.outcome is Outcome.WARNED
    assert [(one.pointer, one.source) for one in found.problems] == [(pointer, f"Open Badges 3.0, {section}")]


@pytest.mark.parametrize(("path", "value", "pointer", "section"), BROKEN)
def test_what_a_badge_must_not_be_is_named_where_it_is(path, value, pointer, section):
    found = badge_step(changed(full_badge(), path, value), NOW)
    told = {(one.pointer, one.source) for one in found.problems}
    assert (pointer, f"Open Badges 3.0, {section}") in told
    assert {one.type for one in found.problems} == {BADGE_NOT_CONFORMING}


def test_a_badge_that_conforms_is_not_touched():
    for document in (badge(), full_badge()):
        assert badge_step(document, NOW).outcome is Outcome.PASSED
    assert badge_step({"type": ["VerifiableCredential"]}, NOW) is None


def test_a_subject_needs_an_id_or_an_identifier():
    document = changed(badge(), f"{S}/id", ABSENT)
    assert [one.pointer for one in badge_step(document, NOW).problems] == [S]


ENDORSEMENT = badge(
    type=["VerifiableCredential", "EndorsementCredential"],
    credentialSubject={"id": "https://school.example", "type": ["EndorsementSubject"], "endorsementComment": "Good."},
)


@pytest.mark.parametrize(
    ("path", "value", "section"),
    [
        ("/@context", [V2], "B.1.7"),
        ("/name", ABSENT, "B.1.7"),
        ("/id", ABSENT, "B.1.7"),
        ("/credentialSubject/type", ["Thing"], "B.1.8"),
        ("/credentialSubject/id", ABSENT, "B.1.8"),
    ],
)
def test_an_endorsement_says_what_it_endorses(path, value, section):
    assert badge_step(ENDORSEMENT, NOW).outcome is Outcome.PASSED
    [problem] = badge_step(changed(ENDORSEMENT, path, value), NOW).problems
    assert (problem.pointer, problem.source) == (path, f"Open Badges 3.0, {section}")


def transcript(*credentials, **subject):
    return badge(
        context=[V2, "https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json", badge()["@context"][1]],
        type=["VerifiableCredential", "ClrCredential"],
        name="Transcript",
        credentialSubject={
            "id": "did:example:ada",
            "type": ["ClrSubject"],
            "verifiableCredential": list(credentials),
            **subject,
        },
    )


ASSOCIATION = {"type": "Association", "associationType": "isPartOf", "sourceId": "urn:x:1", "targetId": "urn:x:2"}


@pytest.mark.parametrize(
    ("path", "value", "source"),
    [
        ("/@context", badge()["@context"], "ClrCredential"),
        ("/name", ABSENT, "ClrCredential"),
        ("/credentialSubject/type", ["Person"], "ClrSubject"),
        ("/credentialSubject/verifiableCredential", [], "ClrSubject"),
        ("/credentialSubject/association/0/type", "Link", "Association"),
        ("/credentialSubject/association/0/sourceId", ABSENT, "Association"),
        ("/credentialSubject/association/0/associationType", "isFriendOf", "Association"),
    ],
)
def test_a_learner_record_says_how_its_parts_belong_together(path, value, source):
    document = transcript(badge(), association=[ASSOCIATION])
    assert badge_step(document, NOW).outcome is Outcome.PASSED
    [problem] = badge_step(changed(document, path, value), NOW).problems
    assert (problem.pointer, problem.source) == (path, f"CLR 2.0, {source}")


# ── whom it is about ─────────────────────────────────────────────────────────────────────────────────────────


def identity(identifier, salt=None, algorithm="sha256", **members):
    digest = hashlib.new(algorithm, (identifier + (salt or "")).encode()).hexdigest()
    found = {"type": "IdentityObject", "hashed": True, "identityHash": f"{algorithm}${digest}", **members}
    return {**found, "salt": salt} if salt is not None else found


@pytest.mark.parametrize(
    ("item", "asked", "expected"),
    [
        (identity("ada@school.example"), "ada@school.example", True),
        (identity("ada@school.example", "salt"), "ada@school.example", True),
        (identity("ada@school.example", "salt", "md5"), "ada@school.example", True),
        (identity("ada@school.example"), "Ada@School.example", True),
        (identity("Ada@School.example"), "Ada@School.example", True),
        (identity("ada@school.example", "salt"), "eve@school.example", False),
        ({**identity("ada@school.example", "salt"), "salt": "other"}, "ada@school.example", False),
        ({**identity("ada@school.example"), "hashed": False}, "ada@school.example", False),
        ({"hashed": False, "identityHash": "Ada Lovelace"}, "Ada Lovelace", True),
        ({"hashed": False, "identityHash": "Ada Lovelace"}, "ada lovelace", False),
        ({"hashed": False, "identityHash": "ADA@school.example"}, "ada@SCHOOL.example", True),
        ({"hashed": True, "identityHash": "sha256$zz"}, "zz", False),
        ({"hashed": True, "identityHash": 5}, "5", False),
    ],
)
def test_a_recipient_is_known_by_what_was_hashed_of_him(item, asked, expected):
    document = badge(credentialSubject={"identifier": [identity("somebody else"), item]})
    assert is_about(document, asked) is expected


async def test_a_badge_of_somebody_else_does_not_hold_for_who_is_asked_for():
    document = signed(changed(badge(issuer={"id": did_of(SCHOOL), "type": "Profile"}), f"{S}/id", "did:example:ada"))
    assert (await World().verify(document, identifier="did:example:ada")).verdict is Verdict.VALID
    found = await World().verify(document, identifier="did:example:eve")
    assert (False, f"{S}") == (found.verified, next(found.problems).pointer)


# ── what 1EdTech publishes ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def fixture(shared_dir):
    return lambda name: json.loads((shared_dir / "fixtures" / f"1edtech-{name}.json").read_text())


@pytest.fixture
def world():
    """Where the fixtures' issuers publish the keys that their verification methods name."""
    world = World()
    for method in (
        "https://example.com/issuers/876543#z6MkjZRZv3aez3r18pB1RBFJR1kwUVJ5jHt92JmQwXbd5hwi",
        "https://example.com/issuers/876543#z6MkvREVgsHx7Ppae68vCoByy73ZD4aMSJiPML2cryVL8JAx",
        "https://example.edu/issuers/565049#z6MkjZRZv3aez3r18pB1RBFJR1kwUVJ5jHt92JmQwXbd5hwi",
        "https://state.gov/issuers/565049#z6MkoMGF38Ck9xkdqrbZt4h9eHb1qc3GhAAkoSWa4Vy3SHRN",
        "https://1edtech.edu/issuers/565049#z6Mknyb2Gb4NxzW3xSr9ChTtdQZ1zs77piQ3r9SaJ9vMzmrs",
    ):
        controller, _, key = method.partition("#")
        keys = [one["publicKeyMultibase"] for one in world.documents.get(controller, {}).get("verificationMethod", ())]
        world.publish_keys(controller, *keys, key)
    return world


def types(found):
    return {problem.type for problem in found.problems}


@pytest.mark.parametrize("name", ["ob30-simple", "ob30-endorsement-valid", "ob30-simple-multiple-proofs"])
async def test_the_published_badges_are_valid(world, fixture, name):
    found = await world.verify(fixture(name))
    assert (found.verified, found.verdict) == (True, Verdict.VALID), list(found.problems)


async def test_the_complete_badge_holds_and_its_endorsements_have_verdicts_of_their_own(world, fixture):
    document = fixture("ob30-complete")
    url = document["credentialStatus"]["id"]
    world.foreign[url] = StatusFinding("revocation", 0, None, Verdict.VALID, None, url, world.clock())
    found = await world.verify(document)
    assert (found.verified, found.verdict) == (True, Verdict.VALID), list(found.problems)
    pointers = {one.pointer for one in found.contained}
    assert {"/endorsement/0", f"{A}/endorsement/0", f"{A}/creator/endorsement/0", "/issuer/endorsement/0"} <= pointers
    assert {one.verification.verdict for one in found.contained} == {Verdict.UNVERIFIABLE}, "their proofs are not real"


async def test_the_published_learner_record_holds_and_so_does_the_badge_in_it(world, fixture):
    found = await world.verify(fixture("clr20-simple"))
    assert (found.verified, found.verdict) == (True, Verdict.VALID), list(found.problems)
    [inside] = found.contained
    assert (inside.pointer, inside.verification.verdict) == (f"{S}/verifiableCredential/0", Verdict.VALID)


async def test_a_badge_signed_by_a_key_that_is_not_its_issuers_does_not_hold(world, fixture):
    found = await world.verify(fixture("ob30-simple-did-key-method"))
    assert not found.verified
    assert CRYPTOGRAPHIC_SECURITY_ERROR in types(found)


@pytest.mark.parametrize("name", ["ob30-simple-eddsa-2022", "clr20-complex"])
async def test_the_published_ones_with_unknown_contexts_say_how_to_add_them(world, fixture, name):
    found = await world.verify(fixture(name))
    assert not found.verified
    assert types(found) == {PROOF_TRANSFORMATION_ERROR}
    assert all("REGISTRY_CONTEXTS" in problem.detail for problem in found.problems)


@pytest.mark.parametrize("name", ["ob30-simple", "clr20-simple", "ob30-endorsement-valid"])
async def test_the_published_ones_do_not_hold_when_a_word_is_changed(world, fixture, name):
    found = await world.verify({**fixture(name), "name": "Another name"})
    assert not found.verified
