"""Many rows in one request: each is carried out on its own, once, whatever is cut off and sent again."""

import asyncio
import csv
import io
import json
from contextlib import ExitStack
from itertools import count
from urllib.parse import quote, urlsplit
from uuid import UUID

import asyncpg
import pytest

from registry.commands.batch_places import MOST_RECEIVED, Place, Receiving
from registry.domain.names import IssuerId, LogName
from registry.errors import QueueFull
from registry.http import spool
from registry.http.batch_files import CHUNK_ROWS
from tests.http.test_isolation import recorded

NDJSON, CSV = {"Content-Type": "application/x-ndjson"}, {"Content-Type": "text/csv"}
_numbers = count(1)


def a_key():
    return f"batch-{next(_numbers)}"


def fresh(number, start=None):
    """Ids that no other test has."""
    first = next(_numbers) * 1_000_000 if start is None else start
    return [f"urn:batch:{first + one}" for one in range(number)]


def ndjson(rows):
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def registrations(ids, **members):
    return [{"operation": "register", "credentialId": one, "type": ["VerifiableCredential"], **members} for one in ids]


async def send(service, body, *, slug=None, key=None, headers=NDJSON, batch=None, query=""):
    """Send a batch; its status and answer."""
    given = {**headers, **({"Idempotency-Key": batch} if batch else {})}
    path = f"/issuers/{slug or service.issuer_slug}/batches{query}"
    return await service.ask("POST", path, key=key, headers=given, data=body)


async def result(service, batch, *, slug=None, key=None, query="", accept="application/x-ndjson"):
    path = f"/issuers/{slug or service.issuer_slug}/batches/{batch}/result{query}"
    headers = {**service.headers(key), "Accept": accept}
    async with service.session.get(service.url + path, headers=headers) as response:
        text = await response.text()
        assert response.status == 200, text
        assert response.content_type == accept
        return text if accept == "text/csv" else [json.loads(line) for line in text.splitlines()]


async def status_of(service, identifier, position):
    path = f"/issuers/{service.issuer_slug}/credentials/{quote(identifier, safe='')}"
    status, answer = await service.ask("GET", path, headers={"Registry-Position": position})
    return answer["status"] if status == 200 else status


async def send_and_leave(service, part, length, batch, *, rows):
    """Send *part* of a body that was to be of *length* bytes, and go away when *rows* of it are carried out."""
    url = urlsplit(service.url)
    head = (
        f"POST /issuers/{service.issuer_slug}/batches HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: {length}\r\n"
        f"Authorization: Bearer {service.issuer_key}\r\nContent-Type: application/x-ndjson\r\n"
        f"Idempotency-Key: {batch}\r\n\r\n"
    )
    _, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(head.encode() + part)
    await writer.drain()
    for _ in range(200):
        status, progress = await service.ask("GET", f"/issuers/{service.issuer_slug}/batches/{batch}")
        if status == 200 and progress["rows"] == rows:
            break
        await asyncio.sleep(0.05)
    assert (status, progress["rows"], progress["state"]) == (200, rows, "receiving")
    writer.close()
    await writer.wait_closed()


def slug_of(problem):
    return problem["type"].rpartition("/")[2]


# ── what rows do ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_rows_register_and_say_the_entries_that_a_single_registration_says(service):
    ids, batch = fresh(CHUNK_ROWS * 2 + 1), a_key()
    status, answer = await send(service, ndjson(registrations(ids)), batch=batch)
    assert (status, answer["state"], answer["rows"]) == (200, "complete", len(ids))
    assert answer["counts"] == {"accepted": len(ids), "unchanged": 0, "rejected": 0}
    told = await result(service, batch)
    assert [one["row"] for one in told] == list(range(1, len(ids) + 1))
    assert [one["credentialId"] for one in told] == ids
    seen = set()
    for one in (told[0], told[CHUNK_ROWS], told[-1]):
        again, single = await service.ask(
            "POST",
            f"/issuers/{service.issuer_slug}/credentials",
            json={"credentialId": one["credentialId"], "type": ["VerifiableCredential"]},
        )
        assert again == 201
        assert {"row": one["row"], "outcome": "accepted", **single} == one
        seen.add(one["credentialStatus"][0]["statusListIndex"])
    assert len(seen) == 3


async def test_every_operation_in_one_file_sees_what_the_rows_before_it_did(service):
    one, two, three = fresh(3)
    rows = [
        *registrations([one, two, three]),
        {"operation": "suspend", "credentialId": one, "reason": "investigation"},
        {"operation": "reinstate", "credentialId": one},
        {"operation": "revoke", "credentialId": one, "reason": "fraud"},
        {"operation": "revoke", "credentialId": one},
        {"operation": "suspend", "credentialId": one},
        {"operation": "supersede", "credentialId": two, "by": three},
        {"operation": "revoke", "credentialId": "urn:batch:nobody"},
    ]
    batch = a_key()
    status, answer = await send(service, ndjson(rows), batch=batch)
    assert (status, answer["counts"]) == (200, {"accepted": 7, "unchanged": 1, "rejected": 2})
    told = await result(service, batch)
    assert [row.get("status") for row in told[3:7]] == ["suspended", "active", "revoked", "revoked"]
    assert [slug_of(row["problem"]) for row in told if row["outcome"] == "rejected"] == [
        "illegal-transition",
        "unknown-credential",
    ]
    assert told[7]["problem"]["currentStatus"] == "revoked"
    standing = [await status_of(service, each, answer["position"]) for each in (one, two, three)]
    assert standing == ["revoked", "superseded", "active"]


async def test_a_refused_row_is_told_as_a_single_request_would_be_and_stops_no_other(service):
    good, taken = fresh(2)
    rows = [
        *registrations([taken]),
        *registrations([taken], achievement="https://example.edu/another"),
        {"operation": "register", "credentialId": "no iri", "type": ["VerifiableCredential"]},
        {"operation": "register", "credentialId": good, "typ": ["VerifiableCredential"]},
        {"operation": "revoc", "credentialId": good},
        {"credentialId": good},
        *registrations([good]),
    ]
    batch = a_key()
    status, answer = await send(service, ndjson(rows), batch=batch)
    assert (status, answer["counts"]) == (200, {"accepted": 2, "unchanged": 0, "rejected": 5})
    problems = [row["problem"] for row in await result(service, batch, query="?outcome=rejected")]
    assert [one["row"] for one in answer["rejected"]] == [2, 3, 4, 5, 6]
    assert [slug_of(one) for one in problems] == ["already-registered", *["malformed"] * 4]
    assert [one["errors"][0]["pointer"] for one in problems[1:3]] == ["/credentialId", "/typ"]
    assert "do you mean `revoke`?" in problems[3]["detail"]
    assert "?operation=" in problems[4]["detail"]
    single, problem = await service.ask(
        "POST",
        f"/issuers/{service.issuer_slug}/credentials",
        json={"credentialId": "no iri", "type": ["VerifiableCredential"]},
    )
    assert single == problems[1]["status"]
    assert {**problem, "requestId": ""} == {**problems[1], "requestId": ""}


async def test_a_table_with_a_header_is_read_the_same(service):
    one, two = fresh(2)
    table = io.StringIO(newline="")
    rows = csv.writer(table)
    rows.writerow(["credentialId", "type", "validFrom", "achievement", "problem"])
    rows.writerow([one, "VerifiableCredential OpenBadgeCredential", "2026-01-01T00:00:00Z", "", "was wrong"])
    rows.writerow([two, "VerifiableCredential|OpenBadgeCredential", "", 'https://example.edu/a,b"c', ""])
    body = b"\xef\xbb\xbf" + table.getvalue().encode() + b"\r\n\r\n"
    batch = a_key()
    status, answer = await send(service, body, headers=CSV, batch=batch, query="?operation=register")
    assert (status, answer["counts"]["accepted"], answer["rows"]) == (200, 1, 2)
    told = list(csv.DictReader(io.StringIO(await result(service, batch, accept="text/csv"))))
    assert [row["outcome"] for row in told] == ["accepted", "rejected"]
    assert told[0]["statusListCredential"].startswith("http")
    assert "/achievement" in told[1]["problem"]


async def test_a_whole_credential_may_stand_in_a_row(service):
    document = {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiableCredential"],
        "credentialSubject": {"achievement": {"id": "https://example.edu/math"}},
    }
    rows = [{"credential": document}, {"credential": {**document, "proof": {}}}]
    status, answer = await send(service, ndjson(rows), query="?operation=register")
    assert (status, answer["counts"]) == (200, {"accepted": 1, "unchanged": 0, "rejected": 1})
    assert answer["rejected"][0]["problem"]["pointer"] == "/credential/proof"


# ── looking first ────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_dry_run_tells_what_would_happen_and_records_nothing(service):
    one, two = fresh(2)
    rows = [*registrations([one, two]), {"operation": "revoke", "credentialId": one}, {"operation": "revoke"}]
    before = await recorded(service)
    batch = a_key()
    status, looked = await send(service, ndjson(rows), batch=batch, query="?dry_run=true")
    assert (status, looked["dryRun"], looked["rows"]) == (200, True, 4)
    assert looked["counts"] == {"accepted": 3, "unchanged": 0, "rejected": 1}
    assert looked["rejected"][0]["problem"]["errors"][0]["pointer"] == "/credentialId"
    assert await recorded(service) == before
    assert (await service.ask("GET", f"/issuers/{service.issuer_slug}/batches/{batch}"))[0] == 404
    status, answer = await send(service, ndjson(rows), batch=batch)
    assert answer["counts"] == looked["counts"]


# ── once, whatever is sent again ─────────────────────────────────────────────────────────────────────────────


async def test_the_same_file_again_changes_nothing_and_gets_the_same_answer(service):
    body, batch = ndjson(registrations(fresh(CHUNK_ROWS + 7))), a_key()
    first, told = await send(service, body, batch=batch), await result(service, batch)
    before = await recorded(service)
    assert await send(service, body, batch=batch) == first
    assert await recorded(service) == before
    assert await result(service, batch) == told


@pytest.mark.parametrize("change", ["later row", "first row", "longer", "shorter", "parameter"])
async def test_another_file_under_the_same_key_is_refused_and_changes_nothing(service, change):
    ids, batch = fresh(CHUNK_ROWS * 2), a_key()
    rows = registrations(ids)
    await send(service, ndjson(rows), batch=batch)
    other = {
        "later row": [*rows[:-1], *registrations(fresh(1))],
        "first row": [*registrations(fresh(1)), *rows[1:]],
        "longer": [*rows, *registrations(fresh(1))],
        "shorter": rows[:CHUNK_ROWS],
        "parameter": rows,
    }[change]
    before = await recorded(service)
    query = "?operation=revoke" if change == "parameter" else ""
    status, problem = await send(service, ndjson(other), batch=batch, query=query)
    assert (status, slug_of(problem)) == (422, "key-reused")
    assert await recorded(service) == before
    if change == "later row":
        assert problem["rows"] == [CHUNK_ROWS + 1, CHUNK_ROWS * 2]


async def test_what_was_cut_off_is_gone_on_with(service):
    ids, batch = fresh(CHUNK_ROWS * 5), a_key()
    body = ndjson(registrations(ids))
    before = await recorded(service)
    await send_and_leave(service, body[: len(body) // 2], len(body), batch, rows=CHUNK_ROWS * 2)
    assert len(await result(service, batch)) == CHUNK_ROWS * 2
    status, answer = await send(service, body, batch=batch)
    assert (status, answer["counts"]["accepted"]) == (200, len(ids))
    assert await recorded(service) == before + len(ids)
    assert [one["credentialId"] for one in await result(service, batch)] == ids


async def test_two_that_send_the_same_file_at_once_record_it_once(service):
    body, batch = ndjson(registrations(fresh(CHUNK_ROWS * 3))), a_key()
    before = await recorded(service)
    both = await asyncio.gather(send(service, body, batch=batch), send(service, body, batch=batch))
    assert both[0] == both[1]
    assert both[0][1]["counts"]["accepted"] == CHUNK_ROWS * 3
    assert await recorded(service) == before + CHUNK_ROWS * 3


# ── who may ──────────────────────────────────────────────────────────────────────────────────────────────────


async def a_key_for(service, slug, scope):
    """An API key of the issuer that is for one thing."""
    body = {"name": "x", "scopes": [scope]}
    status, made = await service.ask("POST", f"/issuers/{slug}/api-keys", key=service.operator_key, json=body)
    assert status == 201, made
    return made["key"]


async def test_a_row_needs_the_scope_that_its_single_request_needs(service):
    slug, _ = await service.issuer()
    weak = await a_key_for(service, slug, "credentials:issue")
    (one,) = fresh(1)
    rows = [*registrations([one]), {"operation": "revoke", "credentialId": one}]
    status, answer = await send(service, ndjson(rows), slug=slug, key=weak)
    assert (status, answer["counts"]) == (200, {"accepted": 1, "unchanged": 0, "rejected": 1})
    assert slug_of(answer["rejected"][0]["problem"]) == "forbidden"
    assert "headers" not in answer["rejected"][0]["problem"]


async def test_what_no_row_may_ask_for_refuses_the_whole_and_is_not_kept(service):
    slug, right = await service.issuer()
    weak = await a_key_for(service, slug, "credentials:status")
    ids, batch = fresh(2), a_key()
    rows = ndjson([{"credentialId": one, "type": ["VerifiableCredential"]} for one in ids])
    how = {"slug": slug, "batch": batch, "query": "?operation=register"}
    status, problem = await send(service, rows, key=weak, **how)
    assert (status, slug_of(problem)) == (403, "forbidden")
    status, answer = await send(service, rows, key=right, **how)
    while status == 503:  # its first lists are being published
        status, answer = await send(service, rows, key=right, **how)
    assert (status, answer["counts"]["accepted"]) == (200, 2)


async def test_an_issuer_sends_few_batches_at_a_time(service):
    (one,) = fresh(1)
    line = ndjson(registrations([one]))
    go = asyncio.Event()

    async def held():
        yield line
        await go.wait()
        yield line

    keys = [a_key() for _ in range(MOST_RECEIVED)]
    sending = [asyncio.create_task(send(service, held(), batch=key)) for key in keys]
    try:
        for key in keys:
            while (await service.ask("GET", f"/issuers/{service.issuer_slug}/batches/{key}"))[0] != 200:
                pass  # it is not received yet
        status, problem = await send(service, line, batch=a_key())
        assert (status, slug_of(problem)) == (503, "queue-full")
        assert f"{MOST_RECEIVED} batches" in problem["detail"]
        status, problem = await send(service, line, query="?dry_run=true")
        assert (status, slug_of(problem)) == (503, "queue-full"), "a look is one of them"
        assert (await send(service, line, batch=keys[0]))[0] == 200, "the same again goes on with it"
        slug, key = await service.issuer()
        assert (await send(service, ndjson([]), slug=slug, key=key))[0] == 200, "others may"
    finally:
        go.set()
        answers = await asyncio.gather(*sending)
    assert {status for status, _ in answers[1:]} == {200}
    assert (answers[0][0], slug_of(answers[0][1])) == (422, "key-reused"), "it was ended as a file of one row"
    assert (await send(service, line, batch=a_key()))[0] == 200


def test_one_batch_is_sent_again_while_its_first_sender_is_waited_for_but_not_endlessly():
    receiving = Receiving()
    one, *others = [Place(LogName("main"), IssuerId(UUID(int=1)), f"{n}") for n in range(MOST_RECEIVED)]
    with ExitStack() as first, ExitStack() as rest:
        first.enter_context(receiving.of(one))
        for place in others:
            rest.enter_context(receiving.of(place))
        with receiving.of(one), pytest.raises(QueueFull, match="sent already") as refused:
            rest.enter_context(receiving.of(one))
        assert refused.value.retry_after_s > 1
        with pytest.raises(QueueFull, match="one of them is over"):
            rest.enter_context(receiving.of(Place.of_a_look(one.log, one.issuer_id)))
        first.close()
        rest.enter_context(receiving.of(Place.of_a_look(one.log, one.issuer_id)))


async def test_a_key_for_reading_sends_no_batch(service):
    slug, _ = await service.issuer()
    weak = await a_key_for(service, slug, "credentials:read")
    status, problem = await send(service, ndjson(registrations(fresh(1))), slug=slug, key=weak)
    assert (status, slug_of(problem)) == (403, "forbidden")


async def test_the_operator_and_the_issuer_see_each_others_batches_of_the_issuer_and_nobody_elses(service):
    batch, (one,) = a_key(), fresh(1)
    await send(service, ndjson(registrations([one])), batch=batch, key=service.operator_key)
    assert [row["credentialId"] for row in await result(service, batch)] == [one]
    slug, key = await service.issuer()
    status, problem = await service.ask("GET", f"/issuers/{slug}/batches/{batch}", key=key)
    assert (status, slug_of(problem)) == (404, "not-found")
    status, answer = await send(service, ndjson(registrations([one])), batch=batch, slug=slug, key=key)
    assert (status, answer["counts"]["accepted"]) == (200, 1), "the same key and id mean something else there"


# ── hostile files ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({"Content-Type": "application/json"}, b"[]", (415, "unsupported-media-type")),
        ({"Content-Type": "text/csv; charset=utf-16"}, b"a", (415, "unsupported-media-type")),
        ({**NDJSON, "Content-Encoding": "gzip"}, b"x", (415, "unsupported-media-type")),
        (NDJSON, b"{" + b" " * 1_100_000, (413, "too-large")),
        (NDJSON, b"{" + b" " * 1_100_000 + b"}\n", (413, "too-large")),
        (CSV, b"credentialId,reason\n" + b'urn:a:1,"' + b"x\n" * 600_000, (413, "too-large")),
        (CSV, b'credentialId,reason\nurn:a:1,"x', (400, "malformed")),
        (CSV, b"", (400, "malformed")),
        (CSV, b"credentialId,credentialId\n", (400, "malformed")),
        (CSV, b"credentialID\nurn:a:1\n", (400, "malformed")),
        (CSV, b"\xff\xfe\n", (400, "malformed")),
        ({**NDJSON, "Idempotency-Key": "with/slash"}, b"", (400, "malformed")),
        ({**NDJSON, "Idempotency-Key": "x" * 129}, b"", (400, "malformed")),
    ],
)
async def test_a_file_that_cannot_be_read_is_refused_by_name(service, headers, body, expected):
    before = await recorded(service)
    status, problem = await send(service, body, headers=headers, query="?operation=revoke")
    assert (status, slug_of(problem)) == expected
    assert await recorded(service) == before


@pytest.mark.parametrize(
    ("headers", "row", "detail"),
    [
        (NDJSON, b"{", "is not JSON"),
        (NDJSON, b"[]", "A row is a JSON object"),
        (NDJSON, b'{"credentialId": "a:b", "credentialId": "a:c"}', "stands twice"),
        (NDJSON, b'{"credentialId": "a:b\\u0000"}', "U+0000"),
        (NDJSON, b"\xff", "is not UTF-8"),
        (NDJSON, b'{"operation": 7}', "not known"),
        (NDJSON, b'{"operation": "revoke"}', "required"),
        (CSV, b"a:b,c,d", "3 cells"),
        (CSV, b'a:b,"c"d', "is no CSV"),
        (CSV, b"\xffa:b,", "is not UTF-8"),
        (CSV, b"a\x00:b,", "U+0000"),
        (CSV, b"a:b,because", "reason"),
    ],
)
async def test_a_row_that_cannot_be_read_is_refused_alone(service, headers, row, detail):
    header = b"credentialId,reason\n" if headers is CSV else b""
    status, answer = await send(service, header + row + b"\n", headers=headers, query="?operation=revoke")
    assert (status, answer["counts"]) == (200, {"accepted": 0, "unchanged": 0, "rejected": 1})
    assert detail in answer["rejected"][0]["problem"]["detail"]


async def test_an_empty_file_is_a_batch_without_rows(service):
    status, answer = await send(service, b"\n \n", batch=(batch := a_key()))
    assert (status, answer["rows"], answer["state"]) == (200, 0, "complete")
    assert await result(service, batch) == []


# ── by query ─────────────────────────────────────────────────────────────────────────────────────────────────


async def by_query(service, body, *, query="", batch=None, key=None):
    path = f"/issuers/{service.issuer_slug}/batches/by-query{query}"
    headers = {"Idempotency-Key": batch} if batch else {}
    return await service.ask("POST", path, json=body, headers=headers, key=key)


async def test_all_of_an_achievement_is_looked_at_first_and_then_exactly_that_is_revoked(service):
    number = next(_numbers)
    achievement, other = f"https://example.edu/å/{number}", f"https://example.edu/å/{number}0"
    mine, theirs, later = fresh(CHUNK_ROWS + 3), fresh(2), fresh(1)
    await send(service, ndjson(registrations(mine, achievement=achievement)))
    await send(service, ndjson(registrations(theirs, achievement=other)))
    before = await recorded(service)
    query = {"operation": "revoke", "achievement": achievement, "reason": "issued-in-error"}
    status, looked = await by_query(service, query, query="?dry_run=true")
    assert (status, looked["rows"], looked["counts"]["accepted"]) == (200, len(mine), len(mine))
    assert looked["examples"][0]["credentialId"] == mine[0]
    assert await recorded(service) == before
    status, problem = await by_query(service, query)
    assert (status, slug_of(problem), "dry_run" in problem["detail"]) == (400, "malformed", True)
    await send(service, ndjson(registrations(later, achievement=achievement)))
    batch, sure = a_key(), {**query, "position": looked["position"]}
    status, answer = await by_query(service, sure, batch=batch)
    assert (status, answer["counts"]["accepted"], answer["state"]) == (200, len(mine), "complete")
    assert [one["credentialId"] for one in await result(service, batch)] == mine
    standing = [await status_of(service, one, answer["position"]) for one in (mine[0], mine[-1], theirs[0], later[0])]
    assert standing == ["revoked", "revoked", "active", "active"]
    assert (await by_query(service, sure, batch=batch))[1] == answer
    status, problem = await by_query(service, {**sure, "reason": "fraud"}, batch=batch)
    assert (status, slug_of(problem)) == (422, "key-reused")
    _, looked = await by_query(service, query, query="?dry_run=true")
    assert [one["credentialId"] for one in looked["examples"]] == later, "only what would change is shown"
    assert looked["counts"] == {"accepted": 1, "unchanged": len(mine), "rejected": 0}


async def test_a_query_means_what_was_registered_between_two_moments(service):
    mark, ids = f"Type{next(_numbers)}", fresh(3)
    moments = []
    for one in ids:
        rows = [{"operation": "register", "credentialId": one, "type": ["VerifiableCredential", mark]}]
        await send(service, ndjson(rows))
        history = f"/issuers/{service.issuer_slug}/credentials/{quote(one, safe='')}/events"
        moments.append((await service.ask("GET", history))[1]["events"][0]["recordedAt"])
    query = {"operation": "suspend", "type": mark, "issuedFrom": moments[1], "issuedUntil": moments[2]}
    _, looked = await by_query(service, query, query="?dry_run=true")
    assert [one["credentialId"] for one in looked["examples"]] == [ids[1]]
    _, answer = await by_query(service, {**query, "position": looked["position"]})
    assert answer["counts"] == {"accepted": 1, "unchanged": 0, "rejected": 0}


@pytest.mark.parametrize(
    "body",
    [
        {"operation": "revoke"},
        {"operation": "reinstate", "type": "A"},
        {"operation": "revoke", "type": "A", "reason": "investigation"},
        {"operation": "revoke", "type": "A", "position": "other:1"},
        {"operation": "revoke", "type": "A", "position": "1"},
        {"operation": "revoke", "type": "A", "position": "main:999999999"},
        {"operation": "revoke", "achievement": "none"},
    ],
)
async def test_a_query_that_means_nothing_clear_is_refused(service, body):
    status, problem = await by_query(service, body, query="?dry_run=true")
    assert (status, slug_of(problem)) == (400, "malformed")


async def test_what_stands_in_the_column_of_ids_and_is_none_is_not_kept(service):
    batch = a_key()
    rows = [{"operation": "revoke", "credentialId": one} for one in ("Jane Doe", "urn:batch:none")]
    await send(service, ndjson([*rows, {**rows[1], "unknown": 1}]), batch=batch)
    told = await result(service, batch, query="?outcome=rejected")
    assert [one.get("credentialId") for one in told] == [None, "urn:batch:none", "urn:batch:none"]
    assert "Jane" not in json.dumps(told)


# ── issuing ──────────────────────────────────────────────────────────────────────────────────────────────────


def documents_of(ids):
    for one in ids:
        yield {
            "credential": {
                "@context": ["https://www.w3.org/ns/credentials/v2"],
                "type": ["VerifiableCredential"],
                **({"id": one} if one else {}),
                "validFrom": "2026-01-01T00:00:00Z",
                "credentialSubject": {"id": "did:example:ada"},
            }
        }


async def issue(service, rows, batch, *, operation="issue", key=None):
    path = f"{service.url}/issuers/{service.issuer_slug}/batches" + (f"?operation={operation}" if operation else "")
    headers = {**service.headers(key), **NDJSON, "Accept": "application/x-ndjson", "Idempotency-Key": batch}
    async with service.session.post(path, headers=headers, data=ndjson(rows)) as response:
        assert (response.status, response.content_type) == (200, "application/x-ndjson"), await response.text()
        return [json.loads(line) for line in (await response.text()).splitlines()]


async def test_a_batch_issues_and_sends_the_signed_credentials_back_the_same_every_time(service):
    batch, ids = a_key(), [*fresh(2), None]
    rows = list(documents_of(ids))
    lossy = {"credential": {**rows[0]["credential"], "id": fresh(1)[0], "nobodyDefinesThis": "x"}}
    told = await issue(service, [*rows, lossy, *registrations(fresh(1))], batch)
    assert [one["outcome"] for one in told] == ["accepted", "accepted", "accepted", "rejected", "accepted"]
    assert slug_of(told[3]["problem"]) == "unsafe-document"
    assert "verifiableCredential" not in told[4], "it was only registered"
    for one in told[:3]:
        credential = one["verifiableCredential"]
        assert credential["credentialStatus"] == one["credentialStatus"]
        status, verdict = await service.ask(
            "POST", "/credentials/verify", key="", json={"verifiableCredential": credential}
        )
        assert (status, verdict.get("verified", True)) == (200, True), verdict
    assert await issue(service, [*rows, lossy, *registrations([told[4]["credentialId"]])], batch) == told
    kept = await result(service, batch)
    assert all("verifiableCredential" not in one for one in kept)


async def test_what_was_issued_but_cannot_be_signed_any_more_says_so(service):
    """Here it is the key that may not issue; it could be the issuer's key, its mechanism, or its DID."""
    batch, rows = a_key(), [{"operation": "issue", **one} for one in documents_of(fresh(2))]
    first = await issue(service, rows, batch, operation=None)
    assert all("verifiableCredential" in one for one in first)
    weak = await a_key_for(service, service.issuer_slug, "credentials:status")
    again = await issue(service, rows, batch, operation=None, key=weak)
    assert [(one["outcome"], slug_of(one["problem"])) for one in again] == [("accepted", "forbidden")] * 2
    assert [one["credentialStatus"] for one in again] == [one["credentialStatus"] for one in first]


async def test_where_there_is_no_room_for_what_is_sent_back_it_is_gone_on_with_later(service, monkeypatch):
    batch, rows = a_key(), list(documents_of(fresh(2)))
    with monkeypatch.context() as full:
        full.setattr(spool, "KEPT_FREE", 1 << 60)
        status, problem = await send(
            service,
            ndjson(rows),
            query="?operation=issue",
            batch=batch,
            headers={**NDJSON, "Accept": NDJSON["Content-Type"]},
        )
        assert (status, slug_of(problem)) == (503, "no-room")
    assert ["verifiableCredential" in one for one in await issue(service, rows, batch)] == [True, True]


async def test_what_is_issued_must_be_read_at_once_but_may_be_looked_at(service):
    rows = ndjson(documents_of(fresh(1)))
    status, problem = await send(service, rows, query="?operation=issue", batch=(batch := a_key()))
    assert status == 400
    assert "Accept: application/x-ndjson" in problem["detail"]
    said = ndjson([{"operation": "issue", **json.loads(rows)}])
    status, problem = await send(service, said)
    assert (status, "Accept: application/x-ndjson" in problem["detail"]) == (400, True), "no row's refusal is kept"
    status, _ = await service.ask("GET", f"/issuers/{service.issuer_slug}/batches/{batch}")
    assert status == 404, "what was refused as a whole is not kept"
    before = await recorded(service)
    _, looked = await send(service, rows, query="?operation=issue&dry_run=true")
    assert looked["counts"]["accepted"] == 1
    assert await recorded(service) == before


# ── one chunk after the other ────────────────────────────────────────────────────────────────────────────────


async def test_a_file_that_was_changed_where_a_batch_was_cut_off_records_nothing_behind_that(service):
    ids, batch = fresh(CHUNK_ROWS * 5), a_key()
    body = ndjson(registrations(ids))
    await send_and_leave(service, body[: len(body) // 2], len(body), batch, rows=CHUNK_ROWS * 2)
    before = await recorded(service)
    other = registrations(ids)
    other[CHUNK_ROWS * 2 - 1] = registrations(fresh(1))[0]
    status, problem = await send(service, ndjson(other), batch=batch)
    assert (status, problem["rows"]) == (422, [CHUNK_ROWS + 1, CHUNK_ROWS * 2])
    assert await recorded(service) == before


async def test_a_file_that_ends_before_what_was_carried_out_of_a_batch_does_not_end_it(service):
    ids, batch = fresh(CHUNK_ROWS * 5), a_key()
    body = ndjson(registrations(ids))
    await send_and_leave(service, body[: len(body) // 2], len(body), batch, rows=CHUNK_ROWS * 2)
    status, problem = await send(service, ndjson(registrations(ids[:CHUNK_ROWS])), batch=batch)
    assert (status, slug_of(problem)) == (422, "key-reused")
    status, answer = await send(service, body, batch=batch)
    assert (status, answer["counts"]["accepted"]) == (200, len(ids))


async def test_a_batch_outlives_that_postgresql_ends_every_connection_in_the_middle_of_it(service):
    ids, batch, half = fresh(CHUNK_ROWS * 40), a_key(), asyncio.Event()
    body = ndjson(registrations(ids))
    before = await recorded(service)

    async def pieces():
        yield body[: len(body) // 2]
        await half.wait()
        yield body[len(body) // 2 :]

    sending = asyncio.create_task(send(service, pieces(), batch=batch))
    path = f"/issuers/{service.issuer_slug}/batches/{batch}"
    while (progress := await service.ask("GET", path))[0] != 200 or not progress[1]["rows"]:
        pass  # nothing is recorded yet
    conn = await asyncpg.connect(service.database.superuser)
    end_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()"
    for _ in range(3):
        await conn.execute(end_all, service.database.name)
        half.set()
    status, answer = await sending
    while status == 503:  # it said so, and the same file goes on
        status, answer = await send(service, body, batch=batch)
    assert (status, answer["counts"]) == (200, {"accepted": len(ids), "unchanged": 0, "rejected": 0})
    assert await recorded(service) == before + len(ids)
    told = await result(service, batch)
    assert [one["credentialId"] for one in told] == ids
    assert len({json.dumps(one["credentialStatus"]) for one in told}) == len(ids), "no index twice"
    await conn.close()


# ── asking about what was registered ─────────────────────────────────────────────────────────────────────────


async def ask_about(service, ids, position, *, spelt=json.dumps):
    body = spelt({"queries": [{"credentialId": one} for one in ids]}).encode()
    headers = {"Content-Type": "application/json", "Registry-Position": position}
    status, answer = await service.ask("POST", "/status-lookups", key="", headers=headers, data=body)
    assert status == 200, answer
    return answer["results"]


async def test_a_thousand_ids_are_answered_in_halves_as_each_alone(service):
    ids, other, unknown = fresh(700), fresh(3), fresh(300)
    _, answer = await send(service, ndjson(registrations(ids)))
    changes = [
        *({"operation": "revoke", "credentialId": one} for one in ids[5::97]),
        *({"operation": "suspend", "credentialId": one} for one in ids[6::97]),
        *({"operation": "supersede", "credentialId": one, "by": ids[0]} for one in ids[7::97]),
    ]
    _, answer = await send(service, ndjson(changes))
    assert answer["counts"]["rejected"] == 0, answer
    slug, key = await service.issuer()
    shared = [*other, ids[1], ids[-1]]  # two issuers use the last two
    status, answer = await send(service, ndjson(registrations(shared)), slug=slug, key=key)
    while status == 503:  # its first lists are being published
        status, answer = await send(service, ndjson(registrations(shared)), slug=slug, key=key)
    asked = [*[one for pair in zip(ids, [*unknown, *ids[:400]], strict=True) for one in pair][:1000], ids[5], ids[5]]
    together = await ask_about(service, asked, answer["position"])
    one_by_one = await ask_about(
        service, asked, answer["position"], spelt=lambda body: json.dumps(body).replace("urn:", "urn\\u003a")
    )
    assert together == one_by_one
    assert [one["credentialId"] for one in together] == asked
    said = {one["credentialId"]: one["status"] for one in together}
    assert {*said.values()} == {"active", "revoked", "suspended", "superseded", "unknown", "ambiguous"}
    for identifier in (ids[2], ids[5], ids[6], ids[7]):
        status, alone = await service.ask("GET", f"/credentials/{quote(identifier, safe='')}/status", key="")
        assert (status, alone["status"]) == (200, said[identifier])
