"""The status service of the Digital Credentials Consortium, as its coordinators call it."""

import asyncio
from uuid import UUID

import aiohttp
import pytest

from tests.coordinator import AXIOS, TENANT, Coordinator, change, ready, unsigned
from tests.http.test_life_of_a_credential import published_bit
from tests.service import running_service, service_in_a_thread, service_settings


@pytest.fixture
async def coordinator(service):
    return await ready(service)


async def test_a_coordinator_asks_whether_it_is_there(coordinator):
    status, answer, headers = await coordinator.get("/")
    assert (status, answer) == (200, {"message": "registry status service: ok."})
    assert headers["Content-Type"].startswith("application/json")


async def test_a_bare_credential_goes_in_and_comes_back_with_its_entries_and_an_id(coordinator):
    allocated = await coordinator.allocate(unsigned())
    assert UUID(allocated["id"].removeprefix("urn:uuid:"))
    entries = allocated["credentialStatus"]
    assert [entry["statusPurpose"] for entry in entries] == ["revocation", "suspension"]
    assert {entry["type"] for entry in entries} == {"BitstringStatusListEntry"}
    assert all(isinstance(entry["statusListIndex"], str) for entry in entries)
    assert {k: v for k, v in allocated.items() if k not in ("id", "credentialStatus")} == unsigned()


async def test_a_retried_allocation_is_the_same_registration(coordinator):
    document = unsigned(id="urn:uuid:951b475e-b795-43bc-ba8f-a2d01efd2eb1")
    first, second = await asyncio.gather(coordinator.allocate(document), coordinator.allocate(document))
    assert first == second == await coordinator.allocate(document)
    changed = {**document, "validFrom": "2021-01-01T00:00:00Z"}
    status, answer = await coordinator.post("/credentials/status/allocate", changed)
    assert (status, answer["code"]) == (409, 409)


async def test_a_credential_of_the_older_data_model_gets_the_context_that_defines_its_entries(coordinator):
    """As the coordinators' own test credentials are."""
    contexts = ["https://www.w3.org/2018/credentials/v1", "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.1.json"]
    document = {name: value for name, value in unsigned().items() if name != "validFrom"}
    document |= {"@context": contexts, "issuanceDate": "2020-01-01T00:00:00Z"}
    allocated = await coordinator.allocate(document)
    assert allocated["@context"] == [*contexts, "https://www.w3.org/ns/credentials/status/v1"]
    assert allocated["issuanceDate"] == document["issuanceDate"]
    again = await coordinator.allocate({**document, "id": allocated["id"]})
    assert again == allocated


async def test_a_credential_that_has_a_status_comes_back_as_it_is(coordinator):
    allocated = await coordinator.allocate(unsigned())
    assert await coordinator.allocate(allocated) == allocated


async def test_a_credential_is_suspended_unsuspended_and_revoked_and_its_list_lies_at_the_root(coordinator, service):
    allocated = await coordinator.allocate(unsigned())
    revocation, suspension = allocated["credentialStatus"]
    for word, entry, bit in (("suspended", suspension, 1), ("unsuspended", suspension, 0), ("revoked", revocation, 1)):
        for _ in range(2):
            answer = await coordinator.update(allocated["id"], word)
            assert answer == (200, {"code": 200, "message": f"Credential successfully {word}."})
        assert await published_bit(service, entry, until=bit) == bit
    list_id = revocation["statusListCredential"].rpartition("/")[2]
    status, at_the_root, headers = await coordinator.get(f"/{list_id}")
    async with service.session.get(revocation["statusListCredential"]) as response:
        assert at_the_root["proof"] == (await response.json(content_type=None))["proof"]
    assert status == 200
    status, _, _ = await coordinator.get("/" + list_id, **{"If-None-Match": headers["ETag"]})
    assert status == 304
    assert (await coordinator.update(allocated["id"], "suspended"))[1]["code"] == 409


async def test_the_history_says_that_the_listener_did_it(coordinator, service):
    allocated = await coordinator.allocate(unsigned())
    path = f"/issuers/{TENANT}/credentials/{allocated['id']}/events"
    _, history = await service.ask("GET", path, key=service.operator_key)
    assert [event["actor"] for event in history["events"]] == ["system:dcc"]


@pytest.mark.parametrize(
    ("path", "body", "code", "message"),
    [
        ("/credentials/status/allocate", None, 400, "A Verifiable Credential must be provided in the body."),
        ("/credentials/status/allocate", {}, 400, "A Verifiable Credential must be provided in the body."),
        ("/credentials/status/allocate", [], 400, "The body is a JSON object."),
        ("/credentials/status/allocate", {"type": "VerifiableCredential"}, 400, "@context"),
        ("/credentials/status/allocate", unsigned(id="23kdr"), 400, "A credential id is"),
        ("/credentials/status/allocate", unsigned(proof={}), 400, "signed already"),
        ("/credentials/status", None, 400, "A status update request must be provided in the body."),
        ("/credentials/status", {"credentialId": "urn:x:1"}, 400, "A status update request must be provided"),
        ("/credentials/status", {"credentialId": "urn:x:1", "credentialStatus": "revoked"}, 400, "an array of one"),
        ("/credentials/status", {**change("revoked"), "credentialStatus": []}, 400, "must be provided in the body"),
        (
            "/credentials/status",
            change("revoked", kind="StatusList2021Credential"),
            400,
            "is the only supported status",
        ),
        ("/credentials/status", change("x"), 400, 'Unsupported credential status: "x"'),
        ("/nowhere/at/all", {}, 404, "Route Not Found"),
    ],
)
async def test_an_error_carries_a_numeric_code_and_a_message(coordinator, path, body, code, message):
    how = {"json": body} if body is not None else {}
    async with coordinator.service.session.post(coordinator.url + path, headers=AXIOS, **how) as response:
        answer = await response.json()
        assert (response.status, answer["code"]) == (code, code)
    assert message in answer["message"]


@pytest.mark.parametrize("unknown", ["kj09ij", "urn:uuid:00000000-0000-4000-8000-000000000000"])
async def test_an_unknown_credential_is_404_as_the_coordinator_forwards_it(coordinator, unknown):
    status, answer = await coordinator.update(unknown, "revoked")
    assert (status, answer["code"]) == (404, 404)
    assert answer["message"].startswith(f"Unable to find credential with ID {unknown}")


async def test_an_unknown_list_is_404_with_a_code(coordinator):
    status, answer, _ = await coordinator.get("/00000000-0000-4000-8000-000000000000")
    assert (status, answer["code"]) == (404, 404)
    assert "detail" not in answer


async def test_a_page_in_a_browser_changes_nothing(coordinator):
    """No preflight is answered, and a request that a page may send without one is refused."""
    status, answer = await coordinator.post("/credentials/status", {}, Origin="http://127.0.0.1:4008")
    assert (status, answer["code"]) == (403, 403)
    simple = {**AXIOS, "Content-Type": "text/plain"}
    session = coordinator.service.session
    async with session.post(f"{coordinator.url}/credentials/status", data="{}", headers=simple) as response:
        assert response.status == 415
    async with session.options(f"{coordinator.url}/credentials/status", headers={"Origin": "http://x"}) as response:
        assert (response.status, "Access-Control-Allow-Origin" in response.headers) == (404, False)


async def test_it_is_counted(coordinator):
    service = coordinator.service
    async with service.session.get(f"{service.metrics_url}/metrics") as response:
        text = await response.text()
    assert 'registry_http_requests_total{code="200",method="POST",route="dcc /credentials/status/allocate"}' in text


async def test_the_public_door_does_not_speak_it(service):
    status, _ = await service.ask("POST", "/credentials/status/allocate", json=unsigned())
    assert status == 404


@pytest.mark.slow
async def test_with_a_token_changes_need_it_and_reading_does_not(database, tmp_path):
    from tests.service import free_port

    settings = service_settings(tmp_path, dcc_port=free_port(), dcc_issuer=TENANT, dcc_token="sesame")
    with service_in_a_thread(running_service(database, settings)) as service:
        async with aiohttp.ClientSession() as service.session:
            coordinator = Coordinator(service)
            assert (await coordinator.get("/"))[0] == 200
            for authorization, code in ((None, 401), ("Bearer other", 401), ("Bearer sesame", 404)):
                headers = {"Authorization": authorization} if authorization else {}
                status, answer = await coordinator.update("urn:x:1", "revoked", **headers)
                assert (status, answer["code"]) == (code, code), answer
