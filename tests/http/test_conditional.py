"""Content negotiation as a table (RFC 9110, section 12), and when a client has the list already."""

import json
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.status_lists.published_list import PublishedList
from projections.status_lists.representation import IETF_FORMS, W3C_FORMS
from registry.errors import NotAcceptable
from registry.http.conditional import JSON_TYPES, MEDIA_TYPES, REMEMBERED, Choice, Negotiation, is_match, preference
from registry.http.status_lists import respond

VC, LD, JSON = JSON_TYPES
VC_JWT, VC_COSE, STATUSLIST_JWT, STATUSLIST_CWT = MEDIA_TYPES[3:]
REVOCATION_LIST = (*W3C_FORMS, *IETF_FORMS)
SUSPENSION_LIST, TOKEN_LIST = W3C_FORMS, IETF_FORMS


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, VC),
        ("", VC),
        ("*/*", VC),
        ("*", VC),
        ("application/*", VC),
        ("application/ld+json, application/json", LD),
        ("application/json", JSON),
        ("application/json, text/plain, */*", VC),
        ("text/html, application/xhtml+xml, */*;q=0.8", VC),
        ("application/vc;q=0.1, application/json;q=0.9", JSON),
        ("application/vc;q=0, */*", LD),
        ("application/*;q=0.5, application/json", JSON),
        ("APPLICATION/JSON", JSON),
        ('application/ld+json;profile="http://www.w3.org/ns/json-ld#compacted, a;b"', LD),
        ("application/json; charset=utf-8", JSON),
        ("application/json ; q=1.000 , nonsense", JSON),
        ("application/json;q=two, application/ld+json", LD),
        ("*/*;q=0.001", VC),
    ],
)
def test_accept_chooses_the_media_type(accept, expected):
    assert preference(accept, None).among(REVOCATION_LIST) == Choice(expected, is_gzip=False)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (VC_JWT, VC_JWT),
        (VC_COSE, VC_COSE),
        (STATUSLIST_JWT, STATUSLIST_JWT),
        (STATUSLIST_CWT, STATUSLIST_CWT),
        ("application/statuslist+cwt;q=0.8, application/statuslist+jwt;q=0.9, */*;q=0.1", STATUSLIST_JWT),
        ("application/vc+jwt;q=0.5, application/json;q=0.4", VC_JWT),
        ("application/vc+jwt, application/vc", VC),
        ("application/vc;q=0, application/ld+json;q=0, application/json;q=0, */*", VC_JWT),
    ],
)
def test_accept_chooses_the_form(accept, expected):
    assert preference(accept, None).among(REVOCATION_LIST).media_type == expected


@pytest.mark.parametrize("accept", ["text/html", "application/jwt", "*/*;q=0", "application/*;q=0", "a/b, c/d;q=1"])
def test_406_only_when_truly_nothing_fits(accept):
    with pytest.raises(NotAcceptable) as refused:
        preference(accept, None).among(REVOCATION_LIST)
    assert refused.value.extra["available"] == list(MEDIA_TYPES)


@pytest.mark.parametrize("accept", [STATUSLIST_JWT, STATUSLIST_CWT, f"{STATUSLIST_JWT}, {STATUSLIST_CWT}"])
def test_a_suspension_list_has_no_ietf_form(accept):
    with pytest.raises(NotAcceptable) as refused:
        preference(accept, None).among(SUSPENSION_LIST)
    assert refused.value.extra["available"] == [*JSON_TYPES, VC_JWT, VC_COSE]


@pytest.mark.parametrize("accept", [VC, LD, JSON, VC_JWT, VC_COSE, f"{LD}, {JSON}"])
def test_a_token_list_has_no_w3c_form(accept):
    with pytest.raises(NotAcceptable) as refused:
        preference(accept, None).among(TOKEN_LIST)
    assert refused.value.extra["available"] == [STATUSLIST_JWT, STATUSLIST_CWT]


@pytest.mark.parametrize("accept", [None, "*/*", "application/*", "text/html, */*;q=0.8"])
def test_whoever_does_not_care_gets_a_token_list_as_jwt(accept):
    assert preference(accept, None).among(TOKEN_LIST).media_type == STATUSLIST_JWT


@pytest.mark.parametrize(
    ("accept_encoding", "expected"),
    [
        (None, False),
        ("", False),
        ("identity", False),
        ("gzip", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("gzip, deflate, br", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("gzip;q=0", False),
        ("gzip;q=0.5, identity;q=0.9", False),
        ("gzip;q=0.5, identity;q=0.5", True),
        ("*", True),
        ("*;q=0, gzip", True),
        ("identity;q=0, gzip;q=0.1", True),
        ("br", False),
    ],
)
def test_accept_encoding_chooses_the_coding(accept_encoding, expected):
    assert preference(None, accept_encoding).is_gzip is expected


@pytest.mark.parametrize("accept_encoding", ["identity;q=0", "*;q=0", "br, *;q=0", "gzip;q=0, identity;q=0"])
def test_a_client_that_refuses_both_codings_gets_406(accept_encoding):
    with pytest.raises(NotAcceptable):
        preference(None, accept_encoding)


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_headers_get_a_choice_or_406_and_the_same_again(accept, accept_encoding):
    negotiation = Negotiation()

    def choose(chooser):
        try:
            return chooser(accept, accept_encoding).among(REVOCATION_LIST)
        except NotAcceptable:
            return None

    expected = choose(preference)
    assert [expected, expected] == [choose(negotiation.prefer), choose(negotiation.prefer)]


def test_the_same_headers_are_the_same_preference():
    negotiation = Negotiation()
    assert negotiation.prefer(JSON, "gzip") is negotiation.prefer(JSON, "gzip")
    assert preference("application/json;q=0.5", "gzip") is preference(JSON, "gzip, br")


def test_what_is_remembered_is_bounded():
    negotiation = Negotiation()
    for number in range(3 * REMEMBERED):
        negotiation.prefer(f"application/json, x/{number}", None)
    negotiation.prefer("application/json," + "x" * 5000, None)
    assert len(negotiation._known) <= REMEMBERED


@pytest.mark.parametrize(
    ("header", "expected"),
    [('"a"', True), ('W/"a"', True), ('"b", "a"', True), ("*", True), ('"b"', False), ("a", False), ("", False)],
)
def test_if_none_match_is_compared_weakly(header, expected):
    assert is_match(header, "a") is expected


# ── the answer itself ────────────────────────────────────────────────────────────────────────────────────────

PUBLISHED_AT = datetime(2026, 5, 1, 12, 0, 0, 700_000, tzinfo=UTC)
LIST = PublishedList(
    log="main", status_list_id=UUID(int=1), list_set=UUID(int=2), purpose="revocation", url="https://r.example/1",
    position=5, sequence=1, media_type=VC, body=b'{"a": 1}', gzip=b"gz", etag="plain", gzip_etag="zipped", ttl_s=60,
    valid_from=PUBLISHED_AT, valid_until=PUBLISHED_AT + timedelta(hours=12), published_at=PUBLISHED_AT,
    last_modified="Fri, 01 May 2026 12:00:00 GMT",
)  # fmt: skip
PLAIN, ZIPPED = Choice(VC, is_gzip=False), Choice(JSON, is_gzip=True)
LATER = PUBLISHED_AT + timedelta(minutes=1)


def test_a_list_comes_with_all_that_a_cache_needs():
    response = respond(LIST, PLAIN, LATER, None)
    assert (200, LIST.body) == (response.status, response.body)
    expected = {
        "Content-Type": "application/vc", "ETag": '"plain"',
        "Cache-Control": "public, max-age=60, stale-while-revalidate=5, stale-if-error=43020",
        "Last-Modified": LIST.last_modified, "Vary": "Accept, Accept-Encoding", "Access-Control-Allow-Origin": "*",
    }  # fmt: skip
    assert expected == {name: response.headers[name] for name in expected}


def test_gzip_has_an_etag_of_its_own():
    response = respond(LIST, ZIPPED, LATER, None)
    assert (
        response.body,
        response.headers["ETag"],
        response.headers["Content-Encoding"],
    ) == (b"gz", '"zipped"', "gzip")


def test_a_cache_never_keeps_a_list_past_its_end():
    nearly = LIST.valid_until - timedelta(seconds=7.5)
    assert respond(LIST, PLAIN, nearly, None).headers["Cache-Control"] == "public, max-age=7"


@pytest.mark.parametrize("left_s", [43_200, 3_600, 121, 120, 60, 7, 0, -5])
def test_a_cache_that_answers_while_we_are_away_never_tells_others_to_keep_a_list_past_its_end(left_s: int):
    told = respond(LIST, PLAIN, LIST.valid_until - timedelta(seconds=left_s), None).headers["Cache-Control"]
    said = {name: int(seconds) for name, seconds in re.findall(r"([a-z-]+)=(\d+)", told)}
    last_answer = said["max-age"] + said.get("stale-if-error", 0)
    assert last_answer + said["max-age"] <= max(left_s, 0) or "stale-if-error" not in said
    assert said.get("stale-if-error", 0) == max(0, left_s - 120)


def test_whoever_has_the_list_gets_304_with_its_validators_and_nothing_else():
    response = respond(LIST, PLAIN, LATER, '"plain"')
    assert (response.status, response.body) == (304, None)
    assert {"ETag", "Cache-Control", "Vary", "Last-Modified"} <= set(response.headers)
    assert "Content-Type" not in response.headers


def test_an_expired_list_is_never_304():
    expired = LIST.valid_until
    assert respond(LIST, PLAIN, expired, '"plain"').status == 200
    assert respond(LIST, PLAIN, expired, None, LIST.last_modified).status == 200
    assert respond(LIST, PLAIN, expired, None).headers["Cache-Control"] == "public, max-age=0"


def test_another_version_is_200():
    assert respond(LIST, PLAIN, LATER, '"older"').status == 200


def test_the_gzip_etag_does_not_stand_for_the_plain_bytes():
    assert respond(LIST, PLAIN, LATER, '"zipped"').status == 200


def test_a_date_counts_only_without_an_etag_and_only_when_the_list_is_settled():
    assert respond(LIST, PLAIN, LATER, None, LIST.last_modified).status == 304
    assert respond(LIST, PLAIN, LATER, '"older"', LIST.last_modified).status == 200
    assert respond(LIST, PLAIN, PUBLISHED_AT + timedelta(seconds=1), None, LIST.last_modified).status == 200
    assert respond(LIST, PLAIN, LATER, None, "Fri, 01 May 2026 11:59:59 GMT").status == 200
    assert respond(LIST, PLAIN, LATER, None, "yesterday").status == 200


def test_a_date_given_out_within_two_seconds_of_a_change_is_never_good_for_304_later():
    early = respond(LIST, PLAIN, PUBLISHED_AT + timedelta(seconds=1), None).headers["Last-Modified"]
    assert respond(LIST, PLAIN, LATER, None, early).status == 200


def test_a_dateless_if_modified_since_with_no_zone_is_read_or_ignored_but_never_fails():
    assert respond(LIST, PLAIN, LATER, None, "Fri, 01 May 2026 12:00:00 -0000").status in (200, 304)


def test_the_body_is_the_published_bytes():
    assert json.loads(respond(LIST, PLAIN, LATER, None).body) == {"a": 1}
