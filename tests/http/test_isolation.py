"""The matrix of who may do what: every route that needs a key, against every key that is not for it."""

from urllib.parse import quote

import asyncpg
import pytest

from registry.http.auth import ISSUE, OPERATOR, READ, STATUS
from registry.http.routes import ROUTES

GUARDED = [one for one in ROUTES if one.scope is not None]
PUBLIC = [one for one in ROUTES if one.scope is None]
CREDENTIAL = quote("urn:uuid:00000000-0000-4000-8000-00000000beef", safe="")


def ids(operation):
    return operation.operation_id


def path_of(operation, slug):
    return operation.path.format(slug=slug, id=CREDENTIAL, keyId="0123456789ab", kind="malformed", purpose="refresh")


async def ask(service, operation, slug, key):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    body = None if operation.method == "GET" else {}
    url = service.url + path_of(operation, slug)
    async with service.session.request(operation.method, url, headers=headers, json=body) as response:
        return response.status, response.headers, await response.json(content_type=None)


async def recorded(service):
    """How many facts there are that somebody asked for; sets of lists are opened by the service itself."""
    conn = await asyncpg.connect(service.database.owner)
    try:
        return await conn.fetchval("SELECT count(*) FROM events WHERE type <> 'StatusListSetOpened'")
    finally:
        await conn.close()


async def limited_key(service, slug, scopes):
    body = {"name": "limited", "scopes": scopes}
    status, made = await service.ask("POST", f"/issuers/{slug}/api-keys", key=service.operator_key, json=body)
    assert status == 201, made
    return made["key"]


@pytest.mark.parametrize("operation", GUARDED, ids=ids)
async def test_without_a_key_it_is_401_and_nothing_is_recorded(service, operation):
    before = await recorded(service)
    status, headers, problem = await ask(service, operation, service.issuer_slug, None)
    assert (status, problem["type"].rpartition("/")[2]) == (401, "unauthenticated")
    assert headers["WWW-Authenticate"].startswith("Bearer")
    assert await recorded(service) == before


@pytest.mark.parametrize("operation", GUARDED, ids=ids)
@pytest.mark.parametrize("tampered", [lambda key: key[:-1] + "*", lambda key: key[:-2], lambda key: "reg_test_x_y"])
async def test_a_key_that_does_not_hold_is_401_in_one_sentence(service, operation, tampered):
    status, _, problem = await ask(service, operation, service.issuer_slug, tampered(service.issuer_key))
    assert (status, problem["title"]) == (401, "A valid API key is needed")


@pytest.mark.parametrize("operation", [one for one in GUARDED if "{slug}" in one.path], ids=ids)
async def test_another_issuers_key_gets_404_for_a_look_and_403_for_a_deed(service, operation):
    _, foreign = await service.issuer()
    before = await recorded(service)
    status, _, problem = await ask(service, operation, service.issuer_slug, foreign)
    expected = (404, "unknown-issuer") if operation.method == "GET" else (403, "forbidden")
    assert (status, problem["type"].rpartition("/")[2]) == expected
    assert await recorded(service) == before


@pytest.mark.parametrize("operation", [one for one in GUARDED if one.scope == OPERATOR], ids=ids)
async def test_an_issuers_own_key_does_not_do_what_the_operator_does(service, operation):
    status, _, problem = await ask(service, operation, service.issuer_slug, service.issuer_key)
    assert (status, problem["type"].rpartition("/")[2]) == (403, "forbidden")


@pytest.mark.parametrize("scope", [ISSUE, STATUS, READ])
async def test_a_key_without_the_scope_is_403_that_names_it(service, scope):
    slug, _ = await service.issuer()
    key = await limited_key(service, slug, [one for one in (ISSUE, STATUS, READ) if one != scope])
    before = await recorded(service)
    for operation in (one for one in GUARDED if one.scope == scope):
        status, headers, _ = await ask(service, operation, slug, key)
        assert (operation.operation_id, status) == (operation.operation_id, 403)
        assert scope in headers["WWW-Authenticate"]
    assert await recorded(service) == before


@pytest.mark.parametrize("operation", GUARDED, ids=ids)
async def test_the_operator_is_never_turned_away_at_the_door(service, operation):
    slug, _ = await service.issuer()
    status, _, _ = await ask(service, operation, slug, service.operator_key)
    assert status not in (401, 403)


@pytest.mark.parametrize("operation", PUBLIC, ids=ids)
async def test_a_public_route_asks_nobody_for_a_key_and_may_be_read_from_any_page(service, operation):
    status, headers, _ = await ask(service, operation, service.issuer_slug, None)
    assert status not in (401, 403, 500)
    assert headers["Access-Control-Allow-Origin"] == "*"


async def test_that_nothing_is_known_of_a_credential_is_told_with_up_to_when(service):
    """A revoked credential that is not projected yet is no unknown one for ever."""
    for path in ("/credentials/urn%3Anobody%3A1/status", "/credential-status?id=urn:nobody:1"):
        status, problem = await service.ask("GET", path, key="")
        assert (status, problem["type"].rpartition("/")[2]) == (404, "unknown-credential")
        assert problem["asOf"].keys() == {"log", "position", "time"}
        assert problem["asOf"]["position"] > 0


async def test_the_same_id_of_another_issuer_is_another_credential(service):
    slug, key = await service.issuer()
    identifier = "https://shared.example/credentials/1"
    body = {"credentialId": identifier, "type": ["VerifiableCredential"]}
    status, _ = await service.ask("POST", f"/issuers/{service.issuer_slug}/credentials", json=body)
    assert status == 201
    path = f"/issuers/{slug}/credentials/{quote(identifier, safe='')}"
    status, problem = await service.ask("PUT", f"{path}/revocation", key=key, json={})
    assert (status, problem["type"].rpartition("/")[2]) == (404, "unknown-credential")
    for what in ("", "/events"):
        assert (await service.ask("GET", path + what, key=key))[0] == 404


async def test_the_operator_revokes_in_an_issuers_name_and_the_history_says_who(service):
    slug, key = await service.issuer()
    body = {"type": ["VerifiableCredential"]}
    _, made = await service.ask("POST", f"/issuers/{slug}/credentials", key=key, json=body)
    path = f"/issuers/{slug}/credentials/{quote(made['credentialId'], safe='')}"
    assert (await service.ask("PUT", f"{path}/revocation", key=service.operator_key, json={}))[0] == 200
    _, history = await service.ask("GET", f"{path}/events", key=key)
    actors = [event["actor"] for event in history["events"]]
    assert actors == [f"key:{key.split('_')[2]}", f"key:{service.operator_key.split('_')[2]}"]


async def test_an_idempotency_key_is_the_callers_own(service):
    slug, key = await service.issuer()
    other, other_key = await service.issuer()
    headers = {"Idempotency-Key": "mine"}
    body = {"type": ["VerifiableCredential"]}
    _, mine = await service.ask("POST", f"/issuers/{slug}/credentials", key=key, json=body, headers=headers)
    _, theirs = await service.ask("POST", f"/issuers/{other}/credentials", key=other_key, json=body, headers=headers)
    assert mine["credentialId"] != theirs["credentialId"]
