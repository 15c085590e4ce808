"""API keys against a real database: who is let in, who is not, how many may be live."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.domain.names import IssuerId, LogName
from registry.errors import ApiKeyRefused, Malformed, TooManyApiKeys, UnknownApiKey
from registry.vault.api_keys import REFUSED, ApiKeys, NewApiKey, Reason
from registry.vault.callers import ISSUER_SCOPES, Caller, Scope

OTHER = LogName("other")


async def created(keys: ApiKeys, log: LogName, issuer: IssuerId | None = None, **given_: Any) -> NewApiKey:
    new = await keys.prepare(log, issuer=issuer, name="ci", **given_)
    await keys.store(new)
    return new


async def refusal(keys: ApiKeys, log: LogName, presented: str) -> str:
    with pytest.raises(ApiKeyRefused) as refused:
        await keys.check(log, presented)
    assert (refused.value.detail, refused.value.extra) == (REFUSED, {})
    return refused.value.reason


@pytest.fixture
def issuer() -> IssuerId:
    return IssuerId(uuid4())


@pytest.fixture
def elsewhere(pool: Any, vault: Any, clock: Any) -> ApiKeys:
    """The same keys, seen from another process."""
    return ApiKeys(pool, vault, clock, env="dev")


class Counting:
    """Counts the statements that reach the database, and can hold one answer back."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self.statements = 0
        self.is_next_held = False
        self.answered, self.go_on = asyncio.Event(), asyncio.Event()
        self.is_gone = False

    async def fetch(self, query: str, /, *args: Any) -> Any:
        self.statements += 1
        if self.is_gone:
            raise ConnectionResetError
        return await self._pool.fetch(query, *args)

    async def fetchrow(self, query: str, /, *args: Any) -> Any:
        self.statements += 1
        row = await self._pool.fetchrow(query, *args)
        if self.is_next_held:
            self.is_next_held = False
            self.answered.set()
            await self.go_on.wait()
        return row


@pytest.fixture
def counting(pool: Any) -> Counting:
    return Counting(pool)


@pytest.fixture
def counted(counting: Counting, vault: Any, clock: Any) -> ApiKeys:
    return ApiKeys(counting, vault, clock, env="dev", remembered=50)


# ── who is let in ────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_issuers_key_speaks_for_that_issuer(api_keys: ApiKeys, log: LogName, issuer: IssuerId) -> None:
    new = await created(api_keys, log, issuer)
    caller = await api_keys.check(log, new.key)
    assert Caller(new.id, issuer, ISSUER_SCOPES) == caller
    assert caller.speaks_for(issuer)
    assert not caller.speaks_for(IssuerId(uuid4()))
    assert caller.may(Scope.ISSUE)
    assert not caller.may(Scope.OPERATOR)


async def test_an_operators_key_may_do_everything_for_everyone(
    api_keys: ApiKeys, log: LogName, issuer: IssuerId
) -> None:
    caller = await api_keys.check(log, (await created(api_keys, log)).key)
    assert (None, frozenset({Scope.OPERATOR})) == (caller.issuer, caller.scopes)
    assert caller.speaks_for(issuer)
    assert all(caller.may(scope) for scope in Scope)


async def test_a_narrowed_key_may_do_only_that(api_keys: ApiKeys, log: LogName, issuer: IssuerId) -> None:
    caller = await api_keys.check(log, (await created(api_keys, log, issuer, scopes=["credentials:read"])).key)
    assert [scope for scope in Scope if caller.may(scope)] == [Scope.READ]


async def test_a_scope_of_a_newer_version_grants_nothing(
    api_keys: ApiKeys, log: LogName, issuer: IssuerId, root: Any
) -> None:
    new = await created(api_keys, log, issuer, scopes=[Scope.READ])
    await root.execute("UPDATE vault.api_keys SET scopes = scopes || '{credentials:paint}'::text[]")
    assert frozenset({Scope.READ}) == (await api_keys.check(log, new.key)).scopes


# ── who is not ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_every_reason_has_the_same_sentence(
    api_keys: ApiKeys, log: LogName, issuer: IssuerId, clock: Any
) -> None:
    good = await created(api_keys, log, issuer, expires=clock.now + timedelta(hours=1))
    gone = await created(api_keys, log, issuer)
    await api_keys.revoke(log, gone.id)
    unknown = await api_keys.prepare(log, issuer=issuer, name="never stored")
    wrong = good.key[:-43] + unknown.key[-43:]
    assert await refusal(api_keys, log, "Bearer") == Reason.MALFORMED
    assert await refusal(api_keys, log, unknown.key) == Reason.UNKNOWN
    assert await refusal(api_keys, log, wrong) == Reason.WRONG_SECRET
    assert await refusal(api_keys, log, gone.key) == Reason.REVOKED
    assert await refusal(api_keys, log, gone.key[:-43] + unknown.key[-43:]) == Reason.WRONG_SECRET
    clock.advance(seconds=3600)
    assert await refusal(api_keys, log, good.key) == Reason.EXPIRED


async def test_a_key_expires_on_the_instant_also_when_remembered(
    api_keys: ApiKeys, log: LogName, issuer: IssuerId, clock: Any
) -> None:
    new = await created(api_keys, log, issuer, expires=clock.now + timedelta(seconds=2))
    clock.advance(seconds=1.999999)
    await api_keys.check(log, new.key)
    clock.advance(seconds=0.000001)
    assert await refusal(api_keys, log, new.key) == Reason.EXPIRED


async def test_a_key_of_one_log_is_unknown_in_another(api_keys: ApiKeys, log: LogName, issuer: IssuerId) -> None:
    new = await created(api_keys, log, issuer)
    assert await refusal(api_keys, OTHER, new.key) == Reason.UNKNOWN


async def test_a_row_copied_to_another_log_lets_nobody_in(
    api_keys: ApiKeys, log: LogName, issuer: IssuerId, root: Any
) -> None:
    new = await created(api_keys, log, issuer)
    await created(api_keys, OTHER, issuer)
    await root.execute("UPDATE vault.api_keys SET log_name = 'other', slot = 2 WHERE log_name = 'main'")
    assert await refusal(api_keys, OTHER, new.key) == Reason.WRONG_SECRET


@settings(max_examples=300)
@given(st.text(max_size=300) | st.from_regex(r"reg_dev_[0-9a-z]{12}_[A-Za-z0-9_-]{43}", fullmatch=True))
def test_what_a_stranger_presents_is_refused_before_the_database(presented: str) -> None:
    """A text that is no key costs no statement; one that looks like one would, and there is no database here."""
    keys = ApiKeys(NoDatabase(), NoDatabase(), datetime.now, env="dev")  # type: ignore[arg-type]
    with pytest.raises((ApiKeyRefused, DatabaseWasAsked)) as refused:
        keys.check(LogName("main"), presented).send(None)
    looks_like_a_key = keys._text.read(presented) is not None
    assert looks_like_a_key == isinstance(refused.value, DatabaseWasAsked)


class DatabaseWasAsked(Exception):
    pass


class NoDatabase:
    async def fetchrow(self, query: str, /, *args: Any) -> Any:
        raise DatabaseWasAsked


# ── what is remembered ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_known_key_is_checked_without_the_database(
    counted: ApiKeys, counting: Counting, log: LogName, issuer: IssuerId, clock: Any
) -> None:
    new = await created(counted, log, issuer)
    await counted.check(log, new.key)
    before = counting.statements
    for _ in range(100):
        await counted.check(log, new.key)
    assert before == counting.statements
    clock.advance(seconds=5)
    await counted.check(log, new.key)
    assert before + 1 == counting.statements


async def test_an_unknown_key_is_remembered_too_and_a_flood_of_them_pushes_no_good_key_out(
    counted: ApiKeys, counting: Counting, log: LogName, issuer: IssuerId
) -> None:
    new = await created(counted, log, issuer)
    await counted.check(log, new.key)
    strangers = [(await counted.prepare(log, issuer=issuer, name="x")).key for _ in range(200)]
    for stranger in strangers:
        await refusal(counted, log, stranger)
    before = counting.statements
    await refusal(counted, log, strangers[-1])
    await counted.check(log, new.key)
    assert before == counting.statements
    assert len(counted._absent) == 50


async def test_a_key_that_was_asked_for_too_early_works_once_it_is_stored(
    api_keys: ApiKeys, log: LogName, issuer: IssuerId
) -> None:
    new = await api_keys.prepare(log, issuer=issuer, name="early")
    assert await refusal(api_keys, log, new.key) == Reason.UNKNOWN
    await api_keys.store(new)
    assert issuer == (await api_keys.check(log, new.key)).issuer


async def test_a_revocation_counts_at_once_here_and_within_five_seconds_elsewhere(
    api_keys: ApiKeys, elsewhere: ApiKeys, log: LogName, issuer: IssuerId, clock: Any
) -> None:
    new = await created(api_keys, log, issuer)
    await api_keys.check(log, new.key)
    await elsewhere.check(log, new.key)
    await api_keys.revoke(log, new.id)
    assert await refusal(api_keys, log, new.key) == Reason.REVOKED
    clock.advance(seconds=5)
    assert await refusal(elsewhere, log, new.key) == Reason.REVOKED


async def test_what_was_compared_once_is_compared_anew_with_every_reading_of_the_row(
    api_keys: ApiKeys, log: LogName, issuer: IssuerId, root: Any, clock: Any
) -> None:
    new = await created(api_keys, log, issuer)
    await api_keys.check(log, new.key)
    await root.execute("UPDATE vault.api_keys SET digest = $1", bytes(32))
    assert issuer == (await api_keys.check(log, new.key)).issuer
    assert await refusal(api_keys, log, new.key[:-1] + "_") == Reason.MALFORMED
    clock.advance(seconds=5)
    assert await refusal(api_keys, log, new.key) == Reason.WRONG_SECRET


async def test_a_clock_set_back_does_not_prolong_what_is_remembered(
    api_keys: ApiKeys, elsewhere: ApiKeys, log: LogName, issuer: IssuerId, clock: Any
) -> None:
    new = await created(api_keys, log, issuer)
    await elsewhere.check(log, new.key)
    await api_keys.revoke(log, new.id)
    clock.advance(seconds=-3600)
    assert await refusal(elsewhere, log, new.key) == Reason.REVOKED


async def test_a_row_read_before_a_revocation_is_not_remembered_after_it(
    counted: ApiKeys, counting: Counting, log: LogName, issuer: IssuerId, api_keys: ApiKeys
) -> None:
    new = await created(api_keys, log, issuer)
    counting.is_next_held = True
    early = asyncio.create_task(counted.check(log, new.key))
    await counting.answered.wait()
    await counted.revoke(log, new.id)
    counting.go_on.set()
    assert issuer == (await early).issuer
    assert await refusal(counted, log, new.key) == Reason.REVOKED


# ── how many may be live ─────────────────────────────────────────────────────────────────────────────────────


async def test_of_twenty_keys_made_at_once_two_are_live(
    api_keys: ApiKeys, log: LogName, issuer: IssuerId, root: Any
) -> None:
    made = [await api_keys.prepare(log, issuer=issuer, name=f"{n}") for n in range(20)]
    outcomes = await asyncio.gather(*(api_keys.store(new) for new in made), return_exceptions=True)
    assert sum(isinstance(outcome, TooManyApiKeys) for outcome in outcomes) == 18
    assert 2 == outcomes.count(None) == await root.fetchval("SELECT count(*) FROM vault.api_keys")
    for new, outcome in zip(made, outcomes, strict=True):
        if outcome is None:
            await api_keys.check(log, new.key)
        else:
            assert await refusal(api_keys, log, new.key) == Reason.UNKNOWN


async def test_a_revoked_key_makes_room(api_keys: ApiKeys, log: LogName, issuer: IssuerId) -> None:
    first, _ = await created(api_keys, log, issuer), await created(api_keys, log, issuer)
    with pytest.raises(TooManyApiKeys, match="revoke one first"):
        await created(api_keys, log, issuer)
    await api_keys.revoke(log, first.id)
    await created(api_keys, log, issuer)


async def test_an_expired_key_makes_room(api_keys: ApiKeys, log: LogName, issuer: IssuerId, clock: Any) -> None:
    for _ in range(2):
        await created(api_keys, log, issuer, expires=clock.now + timedelta(days=1))
    clock.advance(seconds=86399)
    with pytest.raises(TooManyApiKeys):
        await created(api_keys, log, issuer)
    clock.advance(seconds=1)
    made = [await api_keys.prepare(log, issuer=issuer, name=f"{n}") for n in range(20)]
    outcomes = await asyncio.gather(*(api_keys.store(new) for new in made), return_exceptions=True)
    assert outcomes.count(None) == 2


async def test_the_limit_is_each_issuers_own_in_each_log_and_not_the_operators(
    api_keys: ApiKeys, log: LogName, issuer: IssuerId
) -> None:
    for of, in_log in ((issuer, log), (IssuerId(uuid4()), log), (issuer, OTHER)):
        for _ in range(2):
            await created(api_keys, in_log, of)
    for _ in range(5):
        await created(api_keys, log, None)
    assert len(await api_keys.list(log, None)) == 5


async def test_storing_a_key_again_changes_nothing(api_keys: ApiKeys, log: LogName, issuer: IssuerId) -> None:
    """Its first answer may have been lost; the second store must not take the second slot."""
    new = await created(api_keys, log, issuer)
    await api_keys.store(new)
    operator = await created(api_keys, log)
    await api_keys.store(operator)
    await created(api_keys, log, issuer)
    await api_keys.store(new)
    assert (len(await api_keys.list(log, issuer)), len(await api_keys.list(log, None))) == (2, 1)


# ── making, listing, revoking ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given_", "sentence"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["operator"]}, "scopes"),
        ({"scopes": ["credentials:read", "everything"]}, "scopes"),
        ({"expires": datetime(2026, 1, 2, 3, 4, 5, 678901)}, "expiry"),  # noqa: DTZ001 (without a zone, on purpose)
        ({"expires": timedelta(0)}, "expiry"),
        ({"expires": timedelta(days=-1)}, "expiry"),
    ],
)
async def test_a_key_that_cannot_be_is_refused(
    api_keys: ApiKeys, log: LogName, issuer: IssuerId, clock: Any, given_: dict[str, Any], sentence: str
) -> None:
    if isinstance(given_.get("expires"), timedelta):
        given_ = {"expires": clock.now + given_["expires"]}
    with pytest.raises(Malformed, match=sentence):
        await api_keys.prepare(log, **{"issuer": issuer, "name": "x", **given_})


async def test_nothing_of_the_secret_is_stored_listed_or_shown(
    api_keys: ApiKeys, log: LogName, issuer: IssuerId, root: Any
) -> None:
    new = await created(api_keys, log, issuer)
    secret = new.key[-43:]
    await api_keys.check(log, new.key)
    stored = await root.fetchval("SELECT api_keys::text FROM vault.api_keys")
    listed = await api_keys.list(log, issuer)
    remembered = api_keys._known.get((log, new.id))
    for text in (stored, repr(listed), repr(new), repr(api_keys), repr(remembered)):
        assert secret not in text
    for text in (repr(listed), repr(new), repr(remembered)):
        assert repr(new.digest) not in text


async def test_keys_are_listed_oldest_first_with_what_became_of_them(
    api_keys: ApiKeys, log: LogName, issuer: IssuerId, clock: Any
) -> None:
    start = clock.now
    first = await created(api_keys, log, issuer)
    clock.advance(seconds=3600)
    second = await created(api_keys, log, issuer, expires=start + timedelta(days=1))
    revoked = await api_keys.revoke(log, first.id)
    listed = await api_keys.list(log, issuer)
    assert [first.id, second.id] == [key.id for key in listed]
    assert revoked == listed[0]
    assert [(start, None, clock.now), (clock.now, start + timedelta(days=1), None)] == [
        (key.created_at, key.expires, key.revoked_at) for key in listed
    ]
    assert await api_keys.list(log, IssuerId(uuid4())) == ()
    assert await api_keys.list(log, None) == ()


async def test_a_second_revocation_keeps_the_time_of_the_first(
    api_keys: ApiKeys, log: LogName, issuer: IssuerId, clock: Any
) -> None:
    new = await created(api_keys, log, issuer)
    first = await api_keys.revoke(log, new.id)
    clock.advance(seconds=3600)
    assert first == await api_keys.revoke(log, new.id)


async def test_only_the_named_issuers_key_is_revoked(api_keys: ApiKeys, log: LogName, issuer: IssuerId) -> None:
    new = await created(api_keys, log, issuer)
    operator = await created(api_keys, log)
    for key_id, in_log, of in (
        ("0" * 12, log, None),
        (new.id, OTHER, None),
        (new.id, log, IssuerId(uuid4())),
        (operator.id, log, issuer),
    ):
        with pytest.raises(UnknownApiKey):
            await api_keys.revoke(in_log, key_id, issuer=of)
    await api_keys.check(log, new.key)
    await api_keys.revoke(log, new.id, issuer=issuer)


# ── last use ─────────────────────────────────────────────────────────────────────────────────────────────────


async def last_use(keys: ApiKeys, log: LogName, issuer: IssuerId) -> datetime | None:
    (key,) = await keys.list(log, issuer)
    return key.last_used_at


async def test_last_use_is_written_by_the_flush_and_once_a_minute(
    api_keys: ApiKeys, log: LogName, issuer: IssuerId, clock: Any
) -> None:
    start = clock.now
    new = await created(api_keys, log, issuer)
    await api_keys.check(log, new.key)
    assert None is await last_use(api_keys, log, issuer)
    assert await api_keys.flush_last_used() == 1
    assert start == await last_use(api_keys, log, issuer)
    clock.advance(seconds=59)
    await api_keys.check(log, new.key)
    assert await api_keys.flush_last_used() == 0
    clock.advance(seconds=1)
    await api_keys.check(log, new.key)
    assert await api_keys.flush_last_used() == 1
    assert start + timedelta(minutes=1) == await last_use(api_keys, log, issuer)


async def test_two_processes_together_write_once_a_minute_too(
    api_keys: ApiKeys, elsewhere: ApiKeys, log: LogName, issuer: IssuerId, clock: Any
) -> None:
    start = clock.now
    new = await created(api_keys, log, issuer)
    await elsewhere.check(log, new.key)
    clock.advance(seconds=1)
    await api_keys.check(log, new.key)
    await elsewhere.flush_last_used()
    await api_keys.flush_last_used()
    assert start == await last_use(api_keys, log, issuer)


async def test_many_processes_that_flush_many_keys_at_once_do_not_block_each_other(
    pool: Any, vault: Any, clock: Any, log: LogName, api_keys: ApiKeys
) -> None:
    made = [await created(api_keys, log) for _ in range(40)]
    processes = [ApiKeys(pool, vault, clock, env="dev") for _ in range(6)]
    for n in range(3):
        clock.advance(seconds=60)
        for i, keys in enumerate(processes):
            for new in made if (i + n) % 2 else reversed(made):
                await keys.check(log, new.key)
        assert await asyncio.gather(*(keys.flush_last_used() for keys in processes)) == [40] * 6
        assert {key.last_used_at for key in await api_keys.list(log, None)} == {clock.now}


async def test_a_refused_key_was_not_used(api_keys: ApiKeys, log: LogName, issuer: IssuerId) -> None:
    new = await created(api_keys, log, issuer)
    await api_keys.revoke(log, new.id)
    await refusal(api_keys, log, new.key)
    assert await api_keys.flush_last_used() == 0


async def test_uses_survive_a_failed_flush(
    counted: ApiKeys, counting: Counting, log: LogName, issuer: IssuerId, clock: Any
) -> None:
    new = await created(counted, log, issuer)
    await counted.check(log, new.key)
    counting.is_gone = True
    with pytest.raises(ConnectionResetError):
        await counted.flush_last_used()
    counting.is_gone = False
    assert await counted.flush_last_used() == 1
    assert clock.now == await last_use(counted, log, issuer)
