from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.issuer_directory.searching import fold, grams, join, question_grams
from projections.issuer_directory.view import by_did, dids, issuer, method, methods, search
from registry.domain.events import IssuerKind
from registry.domain.issuer import IssuerStatus
from registry.domain.keys import KeyState
from registry.domain.names import LogName
from registry.errors import Malformed, UnknownIssuer
from tests.builders import LOG, History, a_profile
from tests.projections.reading import projected


def a_directory() -> History:
    history = History()
    history.issuer("aurora", profile=a_profile("Aurora College", legal_name="Board of Aurora, Inc."))
    history.issuer("boulder", profile=a_profile("École 100% Boulder_", jurisdiction="US-CO"))
    history.issuer("dmv", profile=a_profile("DMV", kind=IssuerKind.AGENCY, jurisdiction="US-UT"))
    history.issuer(
        "ring", profile=a_profile("Ring", jurisdiction="CA-ON", identifiers={"ctid": "ce-4F2B", "ror": "03yrm5c26"})
    )
    return history


async def slugs(conn, **asked):
    return [entry.slug for entry in (await search(conn, LOG, **asked)).issuers]


async def test_an_entry_tells_everything_about_an_issuer_as_it_is_now(database):
    history = History()
    profile = a_profile(
        "State College", legal_name="The College", url="https://college.example", identifiers={"ror": "x"}
    )
    issuer_id = history.issuer("college", profile=profile)
    history.update_issuer(
        issuer_id, profile={"legal_name": None, "logo": "https://college.example/logo.svg"}, public_reasons=True
    )
    suspended = history.suspend_issuer(issuer_id)
    async with projected(database, history) as conn:
        entry = await issuer(conn, LOG, "college")
        assert (issuer_id, "did:web:registry.example:issuers:college") == (entry.issuer_id, entry.did)
        assert (entry.name, entry.legal_name, entry.url) == ("State College", None, "https://college.example")
        assert (entry.logo, entry.identifiers, entry.public_reasons) == (
            "https://college.example/logo.svg",
            {"ror": "x"},
            True,
        )
        assert (entry.kind, entry.jurisdiction, entry.status) == (IssuerKind.SCHOOL, "US-CO", IssuerStatus.SUSPENDED)
        assert (suspended[0].effective_at, suspended[0].position) == (entry.since, entry.position)
        with pytest.raises(UnknownIssuer):
            await issuer(conn, LOG, "nobody")
        with pytest.raises(UnknownIssuer):
            await issuer(conn, LogName("other"), "college")
        for odd in ("col\x00lege", "\ud800"):
            with pytest.raises(UnknownIssuer):
                await issuer(conn, LOG, odd)


async def test_dids_and_methods_are_kept_with_their_history_and_any_did_finds_the_issuer(database):
    history = History()
    issuer_id = history.issuer("college", did="did:key:zOld")
    history.adopt_did(issuer_id, "did:key:zNew")
    async with projected(database, history) as conn:
        assert [row.did for row in await dids(conn, LOG, "college")] == ["did:key:zOld", "did:key:zNew"]
        found = await methods(conn, LOG, "college")
        assert [method.method_id for method in found] == ["did:key:zOld#key-1", "did:key:zNew#key-1"]
        assert all(method.key_id is not None for method in found)
        for did in ("did:key:zOld", "did:key:zNew"):
            assert (await by_did(conn, LOG, did)).did == "did:key:zNew"
        with pytest.raises(UnknownIssuer):
            await by_did(conn, LOG, "did:key:zOther")
        assert await methods(conn, LOG, "nobody") == ()


async def test_a_methods_history_tells_whether_a_signature_of_a_moment_counts(database):
    history = History()
    issuer_id = history.issuer("college")
    retired = history.rotate_key(issuer_id)[-1].effective_at
    cut_off = history.at
    history.rotate_key(issuer_id, since=cut_off)
    async with projected(database, history) as conn:
        first, second, third = await methods(conn, LOG, "college")
        assert [(one.state, one.until) for one in (first, second, third)] == [
            (KeyState.RETIRED, retired),
            (KeyState.COMPROMISED, cut_off),
            (KeyState.ACTIVE, None),
        ]
        before = cut_off - timedelta(seconds=1)
        assert [one.counts_at(before) for one in (first, second, third)] == [True, True, True]
        assert [one.counts_at(cut_off) for one in (first, second, third)] == [True, False, True]
        assert await method(conn, LOG, second.method_id) == second
        for unknown in ("did:web:registry.example#key-1", "\x00", ""):
            assert await method(conn, LOG, unknown) is None
        assert await method(conn, LogName("other"), second.method_id) is None


FOUND = (
    ("COLLEGE", ["aurora"]),
    ("board of", ["aurora"]),
    ("  board   OF aurora ", ["aurora"]),
    ("école", ["boulder"]),
    ("ÉCOLE 100%", ["boulder"]),
    ("%", ["boulder"]),
    ("_", ["boulder"]),
    ("100_", []),
    ("a%a", []),
    ("\\", []),
    ("'; DROP TABLE issuers; --", []),
    ("4f2b", ["ring"]),
    ("03YRM", ["ring"]),
    ("dm", ["dmv"]),
    ("o", ["aurora", "boulder"]),
    ("zq", []),
    ("aurora college board", []),
    ("", ["aurora", "boulder", "dmv", "ring"]),
    ("   ", ["aurora", "boulder", "dmv", "ring"]),
)


async def test_a_search_finds_a_piece_of_any_field_whatever_the_case_and_knows_no_wildcards(database):
    async with projected(database, a_directory()) as conn:
        assert {q: await slugs(conn, q=q) for q, _ in FOUND} == dict(FOUND)


async def test_filters_narrow_the_search_and_a_country_finds_its_parts(database):
    history = a_directory()
    history.withdraw_issuer(history.recorded[2].event.issuer_id)
    async with projected(database, history) as conn:
        assert await slugs(conn, kind="agency") == ["dmv"]
        assert await slugs(conn, jurisdiction="US") == ["aurora", "boulder", "dmv"]
        assert await slugs(conn, jurisdiction="US-CO") == ["aurora", "boulder"]
        assert await slugs(conn, jurisdiction="U") == []
        assert await slugs(conn, status="withdrawn") == ["aurora"]
        assert await slugs(conn, status="active", kind="school", jurisdiction="US", q="b") == ["boulder"]


async def test_pages_follow_each_other_without_gap_or_repetition_and_end(database):
    history = History()
    for number in range(7):
        history.issuer(f"issuer-{number}", with_lists=False)
    async with projected(database, history) as conn:
        seen, cursor = [], None
        while True:
            page = await search(conn, LOG, q="issuer", limit=3, cursor=cursor)
            seen.append([entry.slug for entry in page.issuers])
            if (cursor := page.next_cursor) is None:
                break
        assert [[f"issuer-{number}" for number in part] for part in ((0, 1, 2), (3, 4, 5), (6,))] == seen
        whole = await search(conn, LOG, limit=7)
        assert whole.next_cursor is None


async def test_a_search_refuses_what_cannot_be(database):
    async with projected(database, a_directory()) as conn:
        cursor = (await search(conn, LOG, limit=1)).next_cursor
        assert cursor is not None
        refused = (
            {"kind": "club"}, {"status": "gone"}, {"limit": 0}, {"limit": 201}, {"q": "x" * 201}, {"q": "a\x00b"},
            {"q": "\ud800"}, {"jurisdiction": "\x00"}, {"cursor": cursor[:-1]}, {"cursor": "AAAA" + cursor[4:]},
            {"cursor": "%%%"}, {"cursor": "\ud800"}, {"cursor": cursor, "q": "other"},
        )  # fmt: skip
        for asked in refused:
            with pytest.raises(Malformed):
                await search(conn, LOG, **asked)


async def test_an_issuer_without_a_did_yet_is_not_shown(database):
    history = History()
    history.issuer("college")
    registered = next(one for one in history.recorded if one.event.type == "IssuerRegistered")
    history.recorded = history.recorded[: registered.position]
    async with projected(database, history) as conn:
        assert await slugs(conn) == []
        with pytest.raises(UnknownIssuer):
            await issuer(conn, LOG, "college")


@given(st.lists(st.text(max_size=12), max_size=4), st.text(min_size=1, max_size=8))
def test_whatever_contains_a_question_has_its_pieces(fields, question):
    """The index never hides what the comparison would find."""
    text, asked = join(fields), fold(question)
    if asked and asked in text:
        assert set(question_grams(asked)) <= set(grams(text))
