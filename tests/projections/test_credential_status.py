from __future__ import annotations

from datetime import timedelta

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.credential_status.codes import credential_key, credential_keys
from projections.credential_status.revocations import legacy_settings, revoked
from projections.credential_status.view import Ambiguous, of_issuer, status_of, statuses_of
from registry.domain.credential import Status
from registry.domain.events import LegacyList, Purpose, Reason, StatusProfile
from registry.domain.names import LogName, issuer_stream
from registry.errors import AmbiguousCredential, Malformed, NotYetVisible, UnknownCredential, UnknownIssuer
from tests.builders import AT, LOG, ORIGIN, History, a_profile
from tests.projections.reading import projected


async def test_a_registered_credential_is_active_and_names_its_issuer_and_entries(database):
    history = History()
    issuer = history.issuer("state-college", profile=a_profile("State College"), public_reasons=True)
    history.credential(issuer, "urn:a", valid_from="2026-01-01T00:00:00Z", valid_until="2030-01-01T00:00:00+02:00")
    history.credential(issuer, "urn:b")
    async with projected(database, history) as conn:
        row = await status_of(conn, LOG, "urn:b")
        assert (Status.ACTIVE, None, history.at) == (row.status, row.reason, row.since)
        assert (row.issuer.slug, row.issuer.name, row.issuer.public_reasons) == ("state-college", "State College", True)
        assert row.issuer.did == "did:web:registry.example:issuers:state-college"
        assert (row.profile, row.index) == (StatusProfile.VC2, 1)
        assert [entry["statusPurpose"] for entry in row.entries] == ["revocation", "suspension"]
        assert all(entry["statusListCredential"].startswith(f"{ORIGIN}/status-lists/") for entry in row.entries)
        assert {"1"} == {entry["statusListIndex"] for entry in row.entries}
        dated = await status_of(conn, LOG, "urn:a")
        assert (dated.valid_from, dated.valid_until) == ("2026-01-01T00:00:00Z", "2030-01-01T00:00:00+02:00")


async def test_registered_and_revoked_in_one_batch_is_revoked_with_all_it_was_registered_with(database):
    history = History()
    issuer = history.issuer()
    history.credential(issuer, "urn:a", valid_until="2030-01-01T00:00:00Z")
    history.secure(issuer, "urn:a")
    history.suspend(issuer, "urn:a", Reason.INVESTIGATION)
    revoked = history.revoke(issuer, "urn:a", Reason.FRAUD, effective_at=AT)
    async with projected(database, history) as conn:
        row = await status_of(conn, LOG, "urn:a")
        assert (row.status, row.reason, row.since) == (Status.REVOKED, Reason.FRAUD, AT)
        assert (revoked[0].position, "2030-01-01T00:00:00Z") == (row.position, row.valid_until)
        assert len(row.digest_sha256 or "") == 64


async def test_a_reinstated_credential_has_no_reason_and_a_superseded_one_names_its_successor(database):
    history = History()
    issuer = history.issuer()
    for name in ("urn:a", "urn:b", "urn:c"):
        history.credential(issuer, name)
    history.suspend(issuer, "urn:a", Reason.INVESTIGATION)
    history.supersede(issuer, "urn:b", "urn:c", revoke=True)
    async with projected(database, history) as conn:
        assert (await status_of(conn, LOG, "urn:a")).reason is Reason.INVESTIGATION
    history.reinstate(issuer, "urn:a")
    async with projected(database, history) as conn:
        reinstated, superseded = await status_of(conn, LOG, "urn:a"), await status_of(conn, LOG, "urn:b")
        assert (reinstated.status, reinstated.reason) == (Status.ACTIVE, None)
        assert (superseded.status, superseded.superseded_by) == (Status.REVOKED, "urn:c")


async def test_under_ob3_a_credential_has_the_revocation_entry_only(database):
    history = History()
    history.credential(history.issuer(status_profile=StatusProfile.OB3), "urn:a")
    async with projected(database, history) as conn:
        row = await status_of(conn, LOG, "urn:a")
        assert row.purposes == (Purpose.REVOCATION,)
        assert len(row.entries) == 1


async def test_an_id_that_two_issuers_use_is_ambiguous_until_one_is_named_by_slug_did_or_uuid(database):
    history = History()
    first, second = history.issuer("first"), history.issuer("second")
    history.credential(first, "urn:both")
    history.credential(second, "urn:both")
    history.revoke(second, "urn:both")
    history.adopt_did(second, "did:key:zNew")
    async with projected(database, history) as conn:
        with pytest.raises(AmbiguousCredential) as refused:
            await status_of(conn, LOG, "urn:both")
        assert refused.value.extra == {"issuers": ["first", "second"]}
        for name in ("second", "did:web:registry.example:issuers:second", "did:key:zNew", str(second)):
            assert (await status_of(conn, LOG, "urn:both", name)).status is Status.REVOKED
        with pytest.raises(UnknownCredential):
            await status_of(conn, LOG, "urn:both", "third")


async def test_answers_come_in_the_order_of_the_questions_with_the_unknown_and_ambiguous_among_them(database):
    history = History()
    first, second = history.issuer("first"), history.issuer("second")
    history.credential(first, "urn:both")
    history.credential(second, "urn:both")
    history.credential(first, "urn:one")
    history.suspend(first, "urn:one")
    asked = [("urn:none", None), ("urn:one", None), ("urn:both", None), ("urn:one", "second"), ("urn:both", "first"),
             ("urn:one", None), ("urn:\ud800", None), ("no id\x00 at all", "x' OR 1=1")]  # fmt: skip
    async with projected(database, history) as conn:
        found = await statuses_of(conn, LOG, asked)
        assert [
            None, Status.SUSPENDED, Ambiguous("urn:both", ("first", "second")), None, Status.ACTIVE, Status.SUSPENDED,
            None, None,
        ] == [getattr(one, "status", one) for one in found]  # fmt: skip
        assert await statuses_of(conn, LOG, []) == []


async def test_the_same_id_in_another_log_is_another_credential(database):
    one, other = History(), History(LogName("other"))
    for history in (one, other):
        history.credential(history.issuer(), "urn:a")
    other.suspend(other.recorded[2].event.issuer_id, "urn:a")
    async with projected(database, one, other) as conn:
        assert (await status_of(conn, LOG, "urn:a")).status is Status.ACTIVE
        assert (await status_of(conn, LogName("other"), "urn:a")).status is Status.SUSPENDED


async def test_a_credential_keeps_the_did_it_was_issued_under_and_shows_the_issuers_present_name(database):
    history = History()
    issuer = history.issuer("college")
    history.credential(issuer, "urn:old")
    history.adopt_did(issuer, "did:key:zNew")
    history.credential(issuer, "urn:new")
    history.update_issuer(issuer, profile={"name": "Renamed"})
    async with projected(database, history) as conn:
        old, new = await status_of(conn, LOG, "urn:old"), await status_of(conn, LOG, "urn:new")
        assert (old.issuer.did, new.issuer.did) == ("did:web:registry.example:issuers:college", "did:key:zNew")
        assert {"Renamed"} == {old.issuer.name, new.issuer.name}
        assert old.entries[0]["statusListCredential"] != new.entries[0]["statusListCredential"]


async def test_an_issuers_credentials_come_in_pages_newest_first_by_status_or_all(database):
    history = History()
    issuer, other = history.issuer(), history.issuer("other")
    for number in range(10):
        history.credential(issuer, f"urn:{number}")
        history.credential(other, f"urn:{number}")
    for number in (1, 4, 7):
        history.revoke(issuer, f"urn:{number}")
    history.suspend(issuer, "urn:5")
    async with projected(database, history) as conn:
        seen, cursor = [], None
        while True:
            page = await of_issuer(conn, LOG, issuer, limit=3, cursor=cursor)
            seen += [row.credential_id for row in page.credentials]
            if (cursor := page.next_cursor) is None:
                break
        assert [f"urn:{number}" for number in reversed(range(10))] == seen
        revoked = await of_issuer(conn, LOG, issuer, status="revoked")
        assert [row.credential_id for row in revoked.credentials] == ["urn:7", "urn:4", "urn:1"]
        assert revoked.next_cursor is None


async def test_a_page_refuses_what_cannot_be(database):
    history = History()
    issuer = history.issuer()
    for number in range(3):
        history.credential(issuer, f"urn:{number}")
    async with projected(database, history) as conn:
        cursor = (await of_issuer(conn, LOG, issuer, limit=1)).next_cursor
        assert cursor is not None
        refused = (
            {"status": "gone"}, {"limit": 0}, {"limit": 1_001}, {"cursor": cursor[:-1]}, {"cursor": "é"},
            {"cursor": cursor, "status": "active"}, {"cursor": "A" + cursor[1:]}, {"cursor": cursor + "="},
        )  # fmt: skip
        for asked in refused:
            with pytest.raises(Malformed):
                await of_issuer(conn, LOG, issuer, **asked)


async def test_before_anything_was_projected_the_answer_is_in_a_moment_and_not_unknown(database):
    conn = await asyncpg.connect(database.writer)
    with pytest.raises(NotYetVisible):
        await status_of(conn, LOG, "urn:a")
    await conn.close()


async def test_a_change_to_a_credential_that_has_no_row_is_not_passed_over(database):
    history = History()
    issuer = history.issuer()
    history.credential(issuer, "urn:a")
    async with projected(database, history):
        pass
    root = await asyncpg.connect(database.projector)
    await root.execute("DELETE FROM credential_status_1.credentials")
    await root.close()
    history.revoke(issuer, "urn:a", effective_at=history.at - timedelta(days=1))
    with pytest.raises(LookupError, match="1 credentials changed"):
        async with projected(database, history):
            pass


async def test_the_lists_that_name_revoked_credentials_follow_the_setting_and_the_last_revocation(database):
    history = History()
    issuer, other = history.issuer("college"), history.issuer("other")
    for name in ("urn:a", "urn:b", "urn:c"):
        history.credential(issuer, name)
    async with projected(database, history) as conn:
        chosen = await legacy_settings(conn, LOG, "college")
        assert (chosen.lists, chosen.revoked_position) == (frozenset(), 0)
        assert chosen.did == history.states[issuer_stream(issuer)].did
    history.update_issuer(issuer, legacy_lists=(LegacyList.OB2,))
    history.revoke(issuer, "urn:c", Reason.FRAUD)
    [last] = history.revoke(issuer, "urn:a")
    history.suspend(issuer, "urn:b")
    async with projected(database, history) as conn:
        chosen = await legacy_settings(conn, LOG, "college")
        assert (chosen.lists, chosen.revoked_position) == (frozenset({LegacyList.OB2}), last.position)
        assert (await legacy_settings(conn, LOG, "other")).lists == frozenset()
        every = await revoked(conn, LOG, issuer, after=0, limit=10)
        assert [(one.credential_id, one.reason) for one in every] == [("urn:a", "unspecified"), ("urn:c", "fraud")]
        first = await revoked(conn, LOG, issuer, after=0, limit=1)
        assert first == every[:1]
        assert await revoked(conn, LOG, issuer, after=first[0].registered_position, limit=10) == every[1:]
        assert await revoked(conn, LOG, other, after=0, limit=10) == []
        with pytest.raises(UnknownIssuer):
            await legacy_settings(conn, LOG, "nobody")


async def test_a_process_of_version_1_still_finds_the_lists_it_knows(database):
    """It serves on while this version's rows go live, and reads them by the columns it had."""
    history = History()
    issuer = history.issuer()
    history.credential(issuer, "urn:a")
    history.add_member(issuer, Purpose.TOKEN, status_size=2)
    async with projected(database, history) as conn:
        [lists] = await conn.fetch(
            "SELECT lists.list_set, lists.issuer_id, lists.issuer_did, lists.purposes, lists.status_list_ids,"
            "       lists.urls, issuers.slug, issuers.name, issuers.public_reasons, issuers.dids"
            "  FROM projections.credential_lists AS lists"
            "  JOIN projections.credential_issuers AS issuers"
            "    ON issuers.log_name = lists.log_name AND issuers.issuer_id = lists.issuer_id"
        )
        assert lists["purposes"] == ["revocation", "suspension"]
        entries = (await status_of(conn, LOG, "urn:a")).entries
        assert lists["urls"] == [entry["statusListCredential"] for entry in entries]
        assert [str(one) for one in lists["status_list_ids"]] == [url.rpartition("/")[2] for url in lists["urls"]]


@given(st.lists(st.text(st.characters(exclude_categories=[]), max_size=8), max_size=5))
def test_many_keys_are_each_id_s_key(ids):
    assert credential_keys(ids) == [credential_key(one) for one in ids]
