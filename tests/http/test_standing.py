"""Where one credential stands, told at once or through the door: the same answers, the same refusals."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.exposition import generate_latest

from projections.credential_status.codes import PURPOSES
from projections.credential_status.view import Ambiguous, CredentialIssuer, CredentialRow
from registry.domain.credential import Status
from registry.domain.events import ListMember, Purpose, Reason, StatusMessage, StatusProfile
from registry.errors import DatabaseUnavailable
from registry.http.limits import Quota
from registry.http.progress import AsOf
from registry.http.rendering import as_of, credential
from registry.http.routes import ROUTES
from registry.http.stencils import as_of_text, standing
from tests.http.test_door import parts
from tests.http.test_prepared import answered, comparable, talking

WHEN = datetime(2026, 11, 25, 12, 0, 0, 250_000, UTC)
WORDS = st.sampled_from(["", "10000000000", "0", '"', "\\", "é", "#10000000001", "7"]) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=5
)
MOMENTS = st.datetimes(timezones=st.just(UTC)) | st.just(datetime(2026, 1, 1, tzinfo=UTC))
SIZES = {Purpose.MESSAGE: 1, Purpose.TOKEN: 2}


@st.composite
def members(draw):
    """A list of each purpose, in some order."""
    return tuple(
        ListMember(
            purpose=purpose,
            status_list_id=UUID(int=1),
            url="https://a/" + draw(WORDS),
            status_size=SIZES.get(purpose),
            messages=tuple(StatusMessage(status=f"{value:#x}", message=draw(WORDS)) for value in range(2))
            if purpose is Purpose.MESSAGE
            else None,
            reference=draw(st.none() | st.lists(WORDS, min_size=1, max_size=2).map(tuple)),
        )
        for purpose in draw(st.permutations(list(Purpose)))
    )


ISSUERS = st.builds(
    CredentialIssuer, st.just(UUID(int=7)), WORDS, WORDS, WORDS, st.booleans(), members(), st.just(frozenset())
)
TEXTS = st.none() | WORDS
ROWS = st.builds(
    CredentialRow, WORDS, ISSUERS, st.sampled_from(Status), st.none() | st.sampled_from(Reason), MOMENTS, st.just(1),
    st.just(1), TEXTS, TEXTS, st.just(StatusProfile.VC2), st.sampled_from(list(PURPOSES.values())),
    st.integers(0, 2**31 - 1), TEXTS, TEXTS, st.integers(0, 1),
)  # fmt: skip


@given(ROWS, st.builds(AsOf, st.integers(0, 2**40), MOMENTS), st.booleans())
def test_a_stencil_says_what_is_said_member_by_member(row, seen, has_one_entry):
    if has_one_entry and Purpose.REVOCATION in row.purposes:
        row = replace(row, profile=StatusProfile.OB3)
    told = {**credential(row, with_reason=row.issuer.public_reasons), "asOf": as_of("main", seen)}
    assert standing(row, as_of_text("main", seen)) == orjson.dumps(told)


ISSUER = CredentialIssuer(UUID(int=7), "college", "Collège", "did:web:a", True, (), frozenset())
KNOWN = CredentialRow(
    "urn:known", ISSUER, Status.REVOKED, Reason.UNSPECIFIED, WHEN, 3, 2, None, "2030-01-01T00:00:00Z",
    StatusProfile.VC2, (), 5, None, None, 0,
)  # fmt: skip
FOUND = {"urn:known": KNOWN, "urn:twice": Ambiguous("urn:twice", ("a", "b"))}
[ROUTE] = [one for one in ROUTES if one.operation_id == "getCredentialStatus"]


async def statuses_of(log, queries):
    if ("urn:lost", None) in queries:
        raise DatabaseUnavailable("Gone.")
    return [FOUND.get(identifier) for identifier, _ in queries]


def made(**changes):
    nothing = parts()
    given = replace(nothing, views=replace(nothing.views, statuses_of=statuses_of), **changes)
    if "progress" not in changes:
        given.progress.saw("main", "credential_status", 11, WHEN)
    return given


def path(name):
    return f"/credentials/{name}/status"


OTHERWISE = {"HTTP/1.0": (b"HTTP/1.0", b""), "close": (b"HTTP/1.1", b"Connection: close\r\n")}
ASKED = ["urn:known", "urn%3Aknown", "urn:none", "urn:twice", "urn:lost", "no-iri", "urn:%00"]


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("how", OTHERWISE)
async def test_both_ways_say_the_same(name, how):
    version, headers = OTHERWISE[how]
    given = b"X-Request-Id: mine\r\n"
    async with talking(ROUTE, given=made()) as talk:
        at_once = await answered(talk, path=path(name), headers=given)
        with_position = await answered(talk, path=path(name), headers=given + b"Registry-Position: main:11\r\n")
        through_the_door = await answered(talk, path=path(name), version=version, headers=given + headers)
    assert at_once[1]["x-request-id"] == through_the_door[1]["x-request-id"] == "mine"
    assert comparable(at_once) == comparable(with_position) == comparable(through_the_door)


async def test_head_is_the_head_of_get():
    async with talking(ROUTE, given=made()) as talk:
        got = await answered(talk, path=path("urn:known"))
        assert got[0] == "200 OK"
        head = await answered(talk, "HEAD", path=path("urn:known"))
        assert (head[0], comparable(head)[1]) == (got[0], comparable(got)[1])
        assert json.loads((await answered(talk, path=path("urn:known")))[2])["status"] == "revoked"


async def test_whoever_waits_for_a_position_is_not_answered_before_it():
    seen = []

    async def reach(log, projection, position, *, timeout_s):
        seen.append((log, projection, position))

    progress = SimpleNamespace(reach=reach, as_of=lambda log, projection: AsOf(11, WHEN))
    async with talking(ROUTE, given=made(progress=progress)) as talk:
        assert (await answered(talk, path=path("urn:known"), headers=b"Registry-Position: main:12\r\n"))[0] == "200 OK"
        assert (await answered(talk, path=path("urn:known"), headers=b"Registry-Position: other:1\r\n"))[0][:3] == "400"
    assert seen == [("main", "credential_status", 12)]


async def test_answers_move_with_what_is_known():
    given = made()
    async with talking(ROUTE, given=given) as talk:
        before = json.loads((await answered(talk, path=path("urn:known")))[2])
        given.progress.saw("main", "credential_status", 12, WHEN)
        after = json.loads((await answered(talk, path=path("urn:known")))[2])
    assert [one["asOf"]["position"] for one in (before, after)] == [11, 12]


async def test_a_question_is_taken_from_the_quota_once_and_counted_once():
    given = made(reads=Quota("reads", 1, 2, lambda: 0.0))
    async with talking(ROUTE, given=given) as talk:
        codes = [(await answered(talk, path=path("urn:known")))[0][:3] for _ in range(3)]
    assert codes == ["200", "200", "429"]
    page = generate_latest(given.metrics.registry).decode()
    counted = 'registry_http_requests_total{code="%s",method="GET",route="/credentials/{id}/status"} %s.0'
    assert counted % (200, 2) in page
    assert counted % (429, 1) in page
    assert 'registry_lookup_duration_seconds_count{source="credential"} 2' in page
