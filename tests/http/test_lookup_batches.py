"""The quick ways through a batch say what the slow ones say."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.status_lists.published_list import Entries, PublishedList, values_at
from projections.status_lists.representation import EMBEDDED
from registry.domain.names import LogName
from registry.errors import Malformed, TooLarge
from registry.http import alike, lookups
from registry.http.door import Call
from registry.http.lookups import _queries
from registry.http.parts import Limits
from tests.http.test_door import parts

INDICES = st.integers(-3, 200)


@given(
    packed=st.binary(max_size=16), width=st.sampled_from([1, 2, 4, 8]), is_ietf=st.booleans(), indices=st.lists(INDICES)
)
def test_many_entries_are_each_entry(packed, width, is_ietf, indices):
    entries = Entries(packed, width, is_ietf)

    def one(index):
        try:
            return entries.value(index)
        except IndexError:
            return None

    assert entries.values(indices) == [one(index) for index in indices]


GOOD = [
    {"credentialId": "urn:1"},
    {"credentialId": "", "issuer": "did:web:a"},
    {"statusListCredential": "https://a", "statusListIndex": "0"},
    {"statusListCredential": "", "statusListIndex": 7},
    {"statusListIndex": "131071", "statusListCredential": "https://a"},
]
BAD = [
    None, [], "urn:1", {}, {"credentialId": [[]]}, {"credentialId": None}, {"credentialId": 1}, {"issuer": "a"},
    {"credentialId": "urn:1", "issuer": None}, {"credentialId": "urn:1", "issuer": 1},
    {"credentialId": "urn:1", "issuer": {"a": {}}}, {"credentialId": "urn:1", "else": "a"},
    {"credentialId": "urn:1", "statusListIndex": "1"}, {"credentialId": "urn:1", "statusListIndex": None},
    {"credentialId": "urn:1", "issuer": "a", "statusListIndex": None}, {"statusListCredential": "https://a"},
    {"statusListCredential": "https://a", "statusListIndex": None}, {"statusListIndex": "1"},
    {"statusListCredential": None, "statusListIndex": "1"}, {"statusListCredential": 1, "statusListIndex": "1"},
    {"statusListCredential": "https://a", "statusListIndex": "1", "issuer": "a"},
    {"credentialId": None, "statusListCredential": "https://a", "statusListIndex": "1"},
    *({"statusListCredential": "https://a", "statusListIndex": index} for index in (
        "", "01", "-1", "+1", " 1", "1 ", "1_0", "0x1", "1.0", "\u0661", "9" * 11, "9" * 5000, -1, 1.0, True, False, [],
    )),
]  # fmt: skip


def test_good_queries_are_taken_as_they_are():
    assert _queries({"queries": GOOD}, 10) == GOOD


@pytest.mark.parametrize("query", BAD, ids=str)
def test_anything_else_is_named_by_its_place(query):
    with pytest.raises(Malformed) as refused:
        _queries({"queries": [*GOOD, query, *GOOD]}, 20)
    assert refused.value.extra == {"pointer": f"/queries/{len(GOOD)}"}


# What is read by columns and what is judged query by query: the same answers, the same refusals.

WHEN = datetime(2026, 11, 25, 12, 0, 0, 250_000, UTC)
URLS = ["https://a/1", "https://b/é", "https://ü/3", "https://c/4", "https://over/5", "https://none"]


def published(position, purpose, at, valid=timedelta(9)):
    return PublishedList(
        LogName("main"), UUID(int=position), UUID(int=0), purpose, "", position, position, EMBEDDED, b"", b"", "", "",
        60, at, at + valid, at, "",
    )  # fmt: skip


LISTS = {
    URLS[0]: (published(7, "revocation", WHEN), Entries(b"\xa5\x01" * 8, 1, False)),
    URLS[1]: (published(5, "message", WHEN), Entries(b"\x1b" * 8, 2, False)),
    URLS[2]: (published(9, "token", WHEN - timedelta(1)), Entries(b"\x05", 1, True)),
    URLS[3]: (published(8, "suspension", WHEN), Entries(b"\x81" * 8, 1, False)),
    URLS[4]: (published(2, "revocation", WHEN - timedelta(2), timedelta(1)), Entries(b"\x00" * 8, 1, False)),
}
WORDS = {"urn:1": "active", "urn:é": "revoked", "urn:2": "ambiguous"}


class Lists:
    """Published lists; the last is of yesterday, and no longer valid."""

    async def by_urls(self, log, urls):
        return {url: LISTS[url][0] if url in LISTS else None for url in urls}

    def entries_at_hand(self, published):
        return None

    def entries(self, published):
        return next(entries for one, entries in LISTS.values() if one is published)


async def status_words(log, ids):
    return [WORDS.get(one, "unknown") for one in ids]


async def statuses_of(log, queries):
    return [None for _ in queries]


async def outcome(raw):
    """The body of the answer, or the refusal."""
    nothing = parts(lists=Lists(), limits=Limits(lookups=5))
    views = replace(nothing.views, status_words=status_words, statuses_of=statuses_of)
    given = replace(nothing, views=views, clock=lambda: WHEN)
    given.progress.saw("main", "credential_status", 11, WHEN)
    call = Call(given, None, make_mocked_request("POST", "/status-lookups"), "1", LogName("main"), raw=raw)
    try:
        response = await lookups.batch(call)
    except (Malformed, TooLarge) as refused:
        return type(refused), refused.detail, refused.extra
    return response.body, dict(response.headers)


async def both(raw, monkeypatch):
    """Read by columns; and query by query, with few lists in memory at a time."""
    quick = await outcome(raw)
    with monkeypatch.context() as without:
        without.setattr(lookups, "_told_alike", nothing_told)
        without.setattr(lookups, "LISTS_AT_ONCE", 2)
        return quick, await outcome(raw)


async def nothing_told(call):
    return None


TEXTS = st.sampled_from([*WORDS, *URLS, "", "a b", "é", "\u2028", "x" * 300]) | st.text(max_size=3)
SMALL = st.integers(0, 70).map(str)
ODD = st.sampled_from(
    ["", "00", "01", "-1", "1.0", " 1", "1,2", "[1]", "\u0661", "9999999999", "10000000000", "9" * 400]
)
VALUES = TEXTS | SMALL | ODD | st.integers(-1, 70) | st.none() | st.booleans() | st.floats(0, 3)
NAMES = st.sampled_from(["credentialId", "issuer", "statusListCredential", "statusListIndex"])
BY_ID = st.fixed_dictionaries({"credentialId": TEXTS})
BY_INDEX = st.fixed_dictionaries({"statusListCredential": st.sampled_from(URLS), "statusListIndex": SMALL})
ALIKE = st.lists(BY_ID, min_size=1, max_size=5) | st.lists(BY_INDEX, min_size=1, max_size=5)
ANY = BY_ID | BY_INDEX | st.dictionaries(NAMES, VALUES, max_size=3) | VALUES
MIXED = st.lists(ANY, max_size=6)
SPELLINGS = st.sampled_from([
    {"separators": (",", ":")}, {"separators": (",", ":"), "ensure_ascii": False}, {"indent": 1, "ensure_ascii": False},
])  # fmt: skip


def spelt(queries, how):
    return json.dumps({"queries": queries}, **how).encode(errors="surrogatepass")


@given(queries=ALIKE | MIXED, how=SPELLINGS, data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_ways_say_the_same_of_any_body(queries, how, data, monkeypatch):
    """Also of one that was changed by hand: a part of it stands twice, is missing, or is something else."""
    raw = spelt(queries, how)
    if data.draw(st.booleans()):
        start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(raw))] * 2)))
        between = data.draw(st.sampled_from([b"", b'"', b"\\", b",", b" ", b"\xff", b"\x00", b"0", raw[start:end] * 2]))
        raw = raw[:start] + between + raw[end:]
    quick, slow = asyncio.run(both(raw, monkeypatch))
    assert quick == slow


TWICE = [
    b'{"queries":[{"credentialId":"urn:1","credentialId":"urn:1"}]}',
    b'{"queries":[{"credentialId":"urn:1"}],"queries":[{"credentialId":"urn:1"}]}',
    b'{"queries":[{"statusListCredential":"https://a/1","statusListIndex":"1","statusListIndex":"2"}]}',
    b'{"queries":[{"statusListIndex":"1","statusListCredential":"https://b","statusListCredential":"https://a/1"}]}',
    b'{"queries":[{"statusListCredential":"https://a/1","statusListIndex":"1"}], "queries": []}',
]


@pytest.mark.parametrize("raw", TWICE, ids=range(len(TWICE)))
async def test_a_member_that_stands_twice_is_refused(raw, monkeypatch):
    quick, slow = await both(raw, monkeypatch)
    assert quick == slow
    assert quick[0] is Malformed
    assert "stands twice" in quick[1]


@given(queries=ALIKE.filter(lambda queries: "\\" not in json.dumps(queries, ensure_ascii=False)), how=SPELLINGS)
def test_bodies_of_like_queries_are_read_by_columns(queries, how):
    raw = spelt(queries, {**how, "ensure_ascii": False})
    ids, entries = alike.credential_ids(raw, 5), alike.entries(raw, 5)
    if "credentialId" in queries[0]:
        assert (ids, entries) == ([query["credentialId"] for query in queries], None)
        return
    assert ids is None
    assert [*zip(entries.urls, entries.texts, strict=True)] == [
        (query["statusListCredential"], query["statusListIndex"]) for query in queries
    ]


async def test_a_list_whose_validity_is_over_says_nothing():
    """Nor does it make the others' answers older than they are."""
    queries = [{"statusListCredential": url, "statusListIndex": "0"} for url in (URLS[4], URLS[0], URLS[5])]
    body, _ = await outcome(spelt(queries, {}))
    answer = json.loads(body)
    assert [one["status"] for one in answer["results"]] == ["unknown", "set", "unknown"]
    assert answer["asOf"]["position"] == 7


@given(
    asked=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), min_size=1, max_size=20),
    lists=st.lists(
        st.none() | st.builds(Entries, st.binary(max_size=3), st.sampled_from([1, 1, 1, 2]), st.booleans()),
        min_size=4,
        max_size=4,
    ),
)
def test_entries_of_many_lists_are_each_of_its_list(asked, lists):
    urls, indices = [str(which) for which, _ in asked], [index for _, index in asked]
    known = {str(which): lists[which] for which, _ in asked}
    expected = [None if lists[which] is None else lists[which].values([index])[0] for which, index in asked]
    assert values_at(known, urls, indices) == expected


async def test_answers_have_their_members_in_one_order():
    asked_otherwise = (
        b'{"queries":[{"statusListIndex":"0","statusListCredential":"https://a/1"},{"issuer":"a","credentialId":"b"}]}'
    )
    body, _ = await outcome(asked_otherwise)
    assert [list(one) for one in json.loads(body)["results"]] == [
        ["statusListCredential", "statusListIndex", "status", "statusPurpose", "value"],
        ["credentialId", "issuer", "status"],
    ]
