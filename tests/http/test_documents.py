"""What a credential must look like to be issued or registered (VCDM 2.0)."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from registry.domain.events import StatusProfile
from registry.errors import Malformed
from registry.http.documents import date_time_stamp, prepare, require_date, validity
from registry.securing.contexts import CREDENTIALS_V1, CREDENTIALS_V2

DID, ORIGIN = "did:key:z6Mk", "https://registry.example"


def document(**members):
    made = {
        "@context": [CREDENTIALS_V2],
        "type": ["VerifiableCredential"],
        "credentialSubject": {"id": "did:example:a"},
    }
    return {name: value for name, value in {**made, **members}.items() if value is not ...}


def prepared(given, profile=StatusProfile.VC2):
    return prepare(given, did=DID, origin=ORIGIN, profile=profile, mint=lambda: UUID(int=7))


def test_an_id_is_filled_in():
    filled, registration = prepared(document())
    assert filled["id"] == "urn:uuid:00000000-0000-0000-0000-000000000007" == registration.credential_id


@pytest.mark.parametrize("issuer", [..., None, DID, {"id": DID, "name": "A"}, {"type": ["Profile"], "name": "A"}])
def test_the_right_issuer_stays_as_it_is_and_an_absent_one_absent(issuer):
    given = document(issuer=issuer)
    assert prepared(given)[0].get("issuer", ...) == issuer


V1_NEEDS = ["https://www.w3.org/ns/credentials/status/v1", "https://w3id.org/security/data-integrity/v2"]


@pytest.mark.parametrize("own", [[], ["https://x.example"], V1_NEEDS[1:], V1_NEEDS, V1_NEEDS[::-1]])
def test_a_credential_of_the_data_model_1_1_gets_the_contexts_of_status_and_proof_once(own):
    given = document(**{"@context": [CREDENTIALS_V1, *own]}, issuanceDate="2020-01-01T00:00:00Z")
    contexts = prepared(given)[0]["@context"]
    assert contexts[: 1 + len(own)] == [CREDENTIALS_V1, *own]
    assert sorted(contexts) == sorted({CREDENTIALS_V1, *own, *V1_NEEDS})


def test_the_dates_of_the_data_model_1_1_are_recorded_as_its_validity():
    dates = {"issuanceDate": "2020-01-01T00:00:00Z", "expirationDate": "2030-01-01T00:00:00+01:00"}
    _, registration = prepared(document(**{"@context": [CREDENTIALS_V1]}, **dates))
    assert (registration.valid_from, registration.valid_until) == tuple(dates.values())


def test_what_is_issued_under_1_1_needs_a_date_and_what_is_signed_elsewhere_gets_it_there():
    undated = document(**{"@context": [CREDENTIALS_V1]})
    assert prepared(undated)[1].valid_from is None
    with pytest.raises(Malformed, match="issuanceDate"):
        require_date(undated)
    require_date(document())


def test_what_is_recorded_is_types_validity_and_achievement():
    subject = [{"id": "did:example:b"}, {"achievement": {"id": "https://a.example/1", "type": ["Achievement"]}}]
    given = document(
        id="https://a.example/c/1", type=["VerifiableCredential", "OpenBadgeCredential"], credentialSubject=subject,
        validFrom="2020-01-01T00:00:00+02:00", validUntil="2019-12-31T22:00:00Z",
    )  # fmt: skip
    _, registration = prepared(given)
    assert registration.types == ("VerifiableCredential", "OpenBadgeCredential")
    assert registration.achievement_id == "https://a.example/1"
    assert (registration.valid_from, registration.valid_until) == ("2020-01-01T00:00:00+02:00", "2019-12-31T22:00:00Z")


def test_the_callers_document_is_left_alone():
    given = document()
    prepared(given)
    assert "id" not in given


OURS = f"{ORIGIN}/status-lists/1"
FOREIGN = {"id": "https://other.example/1", "type": "1EdTechRevocationList"}


def test_a_foreign_status_is_kept_under_vc2():
    assert prepared(document(credentialStatus=[FOREIGN]))[0]["credentialStatus"] == [FOREIGN]


def test_a_foreign_status_is_refused_under_ob3():
    with pytest.raises(Malformed, match="Open Badges"):
        prepared(document(credentialStatus=FOREIGN), StatusProfile.OB3)


@pytest.mark.parametrize(
    ("members", "member", "sentence"),
    [
        ({"@context": ...}, "@context", "begins with"),
        ({"@context": []}, "@context", "begins with"),
        ({"@context": CREDENTIALS_V2}, "@context", "array"),
        ({"@context": ["https://x.example", CREDENTIALS_V2]}, "@context", "begins with"),
        ({"@context": CREDENTIALS_V1}, "@context", "array"),
        ({"@context": [CREDENTIALS_V1], "validFrom": "2026-01-01T00:00:00Z"}, "validFrom", "issuanceDate"),
        ({"@context": [CREDENTIALS_V1], "validUntil": "2026-01-01T00:00:00Z"}, "validUntil", "expirationDate"),
        ({"@context": [CREDENTIALS_V1], "issuanceDate": "2026-01-01"}, "issuanceDate", "zone"),
        ({"@context": [CREDENTIALS_V1],
          "issuanceDate": "2026-01-01T00:00:01Z", "expirationDate": "2026-01-01T00:00:00Z"},
         "expirationDate", "before"),
        ({"type": ...}, "type", "VerifiableCredential"),
        ({"type": ["Other"]}, "type", "VerifiableCredential"),
        ({"type": ["VerifiableCredential", 7]}, "type", "strings"),
        ({"type": ["VerifiableCredential"] * 33}, "type", "at most"),
        ({"type": {"VerifiableCredential": 1}}, "type", "array"),
        ({"id": 7}, "id", "one string"),
        ({"id": ["urn:a:b"]}, "id", "one string"),
        ({"id": "relative"}, "id", "absolute"),
        ({"id": "urn:a:" + "b" * 1024}, "id", "1024"),
        ({"id": "urn:a:\ud800"}, "id", "absolute"),
        ({"issuer": "did:example:other"}, "issuer", DID),
        ({"issuer": {"id": "did:example:other"}}, "issuer", DID),
        ({"issuer": {"id": None}}, "issuer", DID),
        ({"issuer": [DID]}, "issuer", DID),
        ({"proof": {}}, "proof", "signed already"),
        ({"credentialSubject": ...}, "credentialSubject", "object"),
        ({"credentialSubject": []}, "credentialSubject", "object"),
        ({"credentialSubject": {}}, "credentialSubject", "says something"),
        ({"credentialSubject": "did:example:a"}, "credentialSubject", "object"),
        ({"credentialStatus": "x"}, "credentialStatus", "object"),
        ({"credentialStatus": {"statusListCredential": OURS}}, "credentialStatus", "itself"),
        ({"credentialStatus": [FOREIGN, {"id": f"{OURS}#7"}]}, "credentialStatus", "itself"),
        ({"credentialStatus": {}}, "credentialStatus", "says its `type`"),
        ({"credentialSchema": {"id": "https://a.example/schema"}}, "credentialSchema", "says its `type`"),
        ({"evidence": [{"type": "Evidence"}, {"id": "https://a.example/1"}]}, "evidence", "says its `type`"),
        ({"termsOfUse": "free"}, "termsOfUse", "says its `type`"),
        ({"refreshService": {"type": []}}, "refreshService", "says its `type`"),
        ({"validFrom": "2026-01-01"}, "validFrom", "zone"),
        ({"validFrom": 2026}, "validFrom", "zone"),
        ({"validUntil": "2026-01-01T00:00:00"}, "validUntil", "zone"),
        ({"validFrom": "2026-01-01T00:00:01Z", "validUntil": "2026-01-01T00:00:00Z"}, "validUntil", "before"),
    ],
)  # fmt: skip
def test_a_document_that_breaks_a_rule_is_refused_with_place_and_sentence(members, member, sentence):
    with pytest.raises(Malformed, match=sentence) as refused:
        prepared(document(**members))
    assert refused.value.extra["pointer"] == f"/credential/{member}"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-01T00:00:00Z", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01T00:30:00+01:00", datetime(2025, 12, 31, 23, 30, tzinfo=UTC)),
        ("2026-01-01T00:00:00.5Z", datetime(2026, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-01-01T00:00:00.123456789-00:00", datetime(2026, 1, 1, 0, 0, 0, 123_456, tzinfo=UTC)),
    ],
)
def test_a_date_time_stamp_names_a_moment(text, moment):
    assert date_time_stamp(text, pointer="") == moment


@pytest.mark.parametrize(
    "text",
    [
        "", "now", None, 5, "2026-01-01", "2026-01-01T00:00:00", "2026-01-01 00:00:00Z", "2026-02-30T00:00:00Z",
        "2026-01-01T25:00:00Z", "2026-01-01T00:00:00+25:00", "20260101T000000Z", "2026-W01-1T00:00:00Z",
        "2026-01-01T00:00:00,5Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "٢٠٢٦-01-01T00:00:00Z",
        "2026-01-01T00:00:00Z\n",
    ],
)  # fmt: skip
def test_what_is_no_date_time_stamp_is_refused(text):
    with pytest.raises(Malformed):
        date_time_stamp(text, pointer="/validFrom")


def test_validity_may_lie_in_past_or_future_and_may_be_open():
    assert validity(None, "1999-01-01T00:00:00Z") == (None, "1999-01-01T00:00:00Z")
    assert validity("2999-01-01T00:00:00Z", None) == ("2999-01-01T00:00:00Z", None)
