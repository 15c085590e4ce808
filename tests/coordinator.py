"""A coordinator of the Digital Credentials Consortium, as it speaks to a status service.

Requests are those of digitalcredentials/issuer-coordinator and workflow-coordinator (src/app.js): axios posts JSON to
`http://<host:port>`, and reads `data` of a 200; anything else it throws.
"""

import asyncio

TENANT = "coordinated-college"
AXIOS = {"Accept": "application/json, text/plain, */*", "User-Agent": "axios/1.7.9"}


def unsigned(**members):
    """What a coordinator forwards: an unsigned badge whose issuer the signing service will replace."""
    return {
        "@context": [
            "https://www.w3.org/ns/credentials/v2",
            "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
        ],
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": "Introduction to Computer Science",
        "issuer": {
            "id": "did:key:z6MkhVTX9BF3NGYX6cc7jWpbNnR7cAjH8LUffabZP8Qu4ysC",
            "type": "Profile",
            "name": "Dr Ada Hopper",
        },
        "validFrom": "2020-01-01T00:00:00Z",
        "credentialSubject": {
            "type": "AchievementSubject",
            "achievement": {
                "id": "https://courses.example/cs50",
                "type": "Achievement",
                "criteria": {"narrative": "Ten problem sets and a final project."},
                "description": "An introduction.",
                "name": "Introduction to Computer Science",
            },
        },
        **members,
    }


class Coordinator:
    """Speaks to the listener like axios does."""

    def __init__(self, service):
        self.service = service
        self.url = f"http://127.0.0.1:{service.settings.dcc_port}"

    async def post(self, path, body, **headers):
        async with self.service.session.post(self.url + path, json=body, headers={**AXIOS, **headers}) as response:
            assert response.content_type == "application/json"
            return response.status, await response.json()

    async def get(self, path, **headers):
        async with self.service.session.get(self.url + path, headers={**AXIOS, **headers}) as response:
            return response.status, await response.json(content_type=None), response.headers

    async def allocate(self, document):
        status, allocated = await self.post("/credentials/status/allocate", document)
        assert status == 200, allocated
        return allocated

    async def update(self, credential_id, status, **headers):
        return await self.post("/credentials/status", change(status, credential_id), **headers)


def change(status, credential_id="urn:x:1", kind="BitstringStatusListCredential"):
    """The body of a status update."""
    return {"credentialId": credential_id, "credentialStatus": [{"type": kind, "status": status}]}


async def ready(service):
    """A coordinator of the tenant, whose lists are published."""
    body = {"slug": TENANT, "name": "Coordinated College", "kind": "school", "jurisdiction": "US-CO", "did": "key"}
    status, answer = await service.ask("POST", "/issuers", key=service.operator_key, json=body)
    assert status in (201, 409), answer  # one test of all is the first
    made = Coordinator(service)
    for _ in range(100):
        status, _ = await made.post("/credentials/status/allocate", unsigned(id="urn:example:first"))
        if status != 503:
            return made
        await asyncio.sleep(0.1)
    raise AssertionError("the issuer's lists were not published")
