"""Keys over HTTP: they rotate, planned and after a compromise, and DIDs that are controlled elsewhere delegate."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any
from urllib.parse import quote
from uuid import UUID

import aiohttp
import asyncpg
import orjson
import pytest

from registry.dev import LOG
from registry.doctor import examine, load_master_keys
from registry.domain.mechanisms import Mechanism
from registry.errors import Refused
from registry.securing.contexts import load_contexts
from registry.securing.did import resolve_here
from registry.securing.proofs import verify_proofs
from registry.securing.rdf import Processor, canonicalise_here
from registry.securing.secure import secure
from registry.securing.signer import Signer
from registry.securing.verification_method import VerificationMethodFound, controller_of, method_in
from registry.vault.keys import Vault
from tests.servers import fresh_database
from tests.service import Service, running_service, service_in_a_thread, service_settings
from tests.verifier.elsewhere import Elsewhere, elsewhere

UNSIGNED = {
    "@context": ["https://www.w3.org/ns/credentials/v2"],
    "type": ["VerifiableCredential"],
    "credentialSubject": {"id": "did:example:ada"},
}
COLLEGE = "did:web:issuer.example"
COLLEGE_DOCUMENT = "https://issuer.example/.well-known/did.json"


@pytest.fixture(scope="module")
def _public(postgres: Any, _migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    worlds: list[Elsewhere] = []

    @asynccontextmanager
    async def opening() -> AsyncIterator[Service]:
        settings = service_settings(tmp_path_factory.mktemp("keys"), logs="main=https://registry.example")
        async with elsewhere() as world, fresh_database(postgres, _migrated_template) as fresh:
            worlds.append(world)
            async with running_service(fresh, settings, trust=world.trust) as service:
                yield service

    with service_in_a_thread(opening()) as service:
        yield service, worlds[0]


@pytest.fixture
async def public(_public: Any) -> AsyncIterator[Service]:
    """A service whose origin can carry did:web."""
    async with aiohttp.ClientSession() as session:
        mine = copy.copy(_public[0])
        mine.session = session
        yield mine


@pytest.fixture
def world(_public: Any) -> Elsewhere:
    """The rest of the world, as that service sees it."""
    found: Elsewhere = _public[1]
    found.answers.clear()
    return found


class Issuer:
    """One issuer of a service, as its clients and the operator see it."""

    def __init__(self, service: Service, slug: str, key: str) -> None:
        self.service, self.slug, self.key = service, slug, key

    @classmethod
    async def of(cls, service: Service, **fields: Any) -> Issuer:
        return cls(service, *await service.issuer(**fields))

    async def ask(self, method: str, path: str = "", *, expected: int = 200, **how: Any) -> Any:
        """Return what the operator is answered, with the status that is expected."""
        how.setdefault("key", self.service.operator_key)
        status, answer = await self.service.ask(method, f"/issuers/{self.slug}{path}", **how)
        assert status == expected, answer
        return answer

    async def issue(self) -> dict[str, Any]:
        """Return a credential that was just issued."""
        issued = await self.ask("POST", "/credentials/issue", key=self.key, json={"credential": UNSIGNED}, expected=201)
        credential: dict[str, Any] = issued["verifiableCredential"]
        return credential

    async def rotate(self, **body: Any) -> Any:
        """Rotate, and return the issuer once the directory shows it."""
        answer = await self.ask("POST", "/keys/rotation", json=body)
        await self.keys(answer["position"])
        return answer

    async def keys(self, position: str | None = None) -> list[dict[str, Any]]:
        """Every key, as the directory shows it at *position*, or as soon as it shows the issuer."""
        headers = {"Registry-Position": position} if position else {}

        async def look() -> tuple[int, Any]:
            return await self.service.ask("GET", f"/issuers/{self.slug}/keys", key="", headers=headers)

        return list((await until(look, lambda seen: seen[0] == 200))[1]["keys"])

    async def states(self) -> list[str]:
        return [one["state"] for one in await self.keys()]

    async def listed(self) -> set[str]:
        """The methods under assertionMethod of its DID document here."""
        return set((await self.ask("GET", "/did.json", key=""))["assertionMethod"])

    async def lists_of(self, credential: Any) -> list[dict[str, Any]]:
        """The published lists that a credential names."""
        found = []
        for entry in credential["credentialStatus"]:
            status, answer = await self.service.ask("GET", entry["statusListCredential"][24:], key="")
            assert status == 200
            found.append(answer)
        return found

    async def verdict(self, credential: Any) -> tuple[int, str]:
        """What the registry says to anybody who presents *credential*."""
        body = {"verifiableCredential": credential, "options": {}}
        status, answer = await self.service.ask("POST", "/credentials/verify", key="", json=body)
        return status, answer["verdict"]

    async def verifies(self, document: Any) -> bool:
        """Whether *document* is signed by a key that its DID's document lists now, judged by nothing else."""

        async def key_of(url: str, purpose: str) -> VerificationMethodFound:
            controller = controller_of(url)
            if controller.startswith("did:key:"):
                return method_in(resolve_here(controller), url, purpose)
            return method_in(await self.ask("GET", "/did.json", key=""), url, purpose)

        [result] = await verify_proofs(
            document, canonical_of=canonical_of, key_of=key_of, purpose="assertionMethod", now=datetime.now(UTC)
        )
        return result.verified


@cache
def processor() -> Processor:
    return Processor(load_contexts())


async def canonical_of(documents: Sequence[Any], digest: Any = "sha256", /) -> list[str | Refused]:
    return [canonicalise_here(dict(one), processor(), digest) for one in documents]


def signed_by(document: Any) -> str:
    return str(document["proof"]["verificationMethod"])


async def clock() -> datetime:
    """The service's clock, which is the world's."""
    return datetime.now(UTC)


async def until(look: Callable[[], Any], is_so: Callable[[Any], bool]) -> Any:
    """Return what *look* sees as soon as it *is_so*; lists follow on the publisher's tick."""
    for _ in range(100):
        seen = await look()
        if is_so(seen):
            return seen
        await asyncio.sleep(0.05)
    raise AssertionError(f"still {seen}")


# ── rotation ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_after_a_planned_rotation_everything_old_keeps_verifying_and_new_keys_sign(public: Service) -> None:
    issuer = await Issuer.of(public, did="web")
    old = await issuer.issue()
    [first] = await issuer.keys()
    answer = await issuer.rotate()
    assert answer["id"] == f"did:web:registry.example:issuers:{issuer.slug}"
    retired, second = await issuer.keys()
    assert (retired["id"], retired["state"], second["state"], second["until"]) == (
        first["id"], "retired", "active", None,
    )  # fmt: skip
    assert retired["since"] < retired["until"] == second["since"]
    assert await issuer.listed() == {retired["id"], second["id"]}
    new = await issuer.issue()
    assert (signed_by(old), signed_by(new)) == (first["id"], second["id"])
    for document in (old, new, *await issuer.lists_of(old), *await issuer.lists_of(new)):
        assert await issuer.verifies(document)
    assert [await issuer.verdict(one) for one in (old, new)] == [(200, "valid"), (200, "valid")]
    assert old["credentialStatus"][0]["statusListCredential"] == new["credentialStatus"][0]["statusListCredential"]


async def test_lists_are_signed_by_the_new_key_when_they_change(public: Service) -> None:
    issuer = await Issuer.of(public, did="web")
    credential = await issuer.issue()
    await issuer.rotate()
    [first, second] = await issuer.keys()
    assert {signed_by(one) for one in await issuer.lists_of(credential)} == {first["id"]}
    await issuer.ask("PUT", f"/credentials/{quote(credential['id'], safe='')}/revocation", json={})
    lists = await until(lambda: issuer.lists_of(credential), lambda seen: signed_by(seen[0]) == second["id"])
    assert await issuer.verifies(lists[0])


async def test_no_list_is_signed_by_a_key_before_its_document_lists_it(public: Service) -> None:
    """The signer reads the log; the document is read from a projection of it, which may be behind."""
    issuer = await Issuer.of(public, did="web")
    credential = await issuer.issue()
    path = f"/credentials/{quote(credential['id'], safe='')}/revocation"
    directory = await asyncpg.connect(public.database.projector)
    try:
        schema = await directory.fetchval(
            "SELECT projection || '_' || generation FROM projections.generations"
            " WHERE projection = 'issuer_directory' AND is_current"
        )
        await directory.execute(f"ALTER TABLE {schema}.issuer_methods ADD CONSTRAINT behind CHECK (false) NOT VALID")
        await issuer.ask("POST", "/keys/rotation", json={})
        await issuer.ask("PUT", path, json={})
        began = await clock()
        await until(clock, lambda now: now - began > timedelta(seconds=1.5))  # several ticks
        [old] = await issuer.listed()
        assert {signed_by(one) for one in await issuer.lists_of(credential)} == {old}
    finally:
        await directory.execute(f"ALTER TABLE {schema}.issuer_methods DROP CONSTRAINT IF EXISTS behind")
        await directory.close()
    [revocation, _] = await until(lambda: issuer.lists_of(credential), lambda seen: signed_by(seen[0]) != old)
    assert signed_by(revocation) in await issuer.listed()
    assert await issuer.verifies(revocation)


async def test_after_a_compromise_the_old_key_is_believed_nowhere_and_lists_are_signed_anew_at_once(
    public: Service,
) -> None:
    issuer = await Issuer.of(public, did="web")
    before = await issuer.issue()
    cut_off = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    await until(clock, lambda now: now >= cut_off)
    after = await issuer.issue()
    published = await issuer.lists_of(before)
    await issuer.rotate(compromisedSince=cut_off.isoformat())
    leaked, second = await issuer.keys()
    assert (leaked["state"], leaked["until"]) == ("compromised", cut_off.isoformat().replace("+00:00", "Z"))
    assert await issuer.listed() == {second["id"]}
    for forged in (before, after, *published):
        assert not await issuer.verifies(forged)
    anew = await until(lambda: issuer.lists_of(before), lambda seen: {signed_by(one) for one in seen} == {second["id"]})
    for document in (*anew, await issuer.issue()):
        assert await issuer.verifies(document)
    forged = {**before, "credentialSubject": {"id": "did:example:eve"}}
    assert await issuer.verdict(before) == (200, "valid")  # the log tells that it was signed before the cut-off
    assert [(await issuer.verdict(one))[0] for one in (after, forged)] == [400, 400]
    doubtful = await issuer.ask("GET", "/doubtful-credentials")
    assert [(one["credentialId"], one["verificationMethod"]) for one in doubtful["credentials"]] == [
        (after["id"], leaked["id"])
    ]
    assert "next" not in doubtful


async def test_a_key_that_leaks_after_it_was_retired_gets_a_cut_off_and_no_further_successor(public: Service) -> None:
    issuer = await Issuer.of(public, did="web")
    credential = await issuer.issue()
    await issuer.rotate()
    [old, _] = await issuer.keys()
    await issuer.rotate(method=old["id"], compromisedSince=old["since"])
    assert await issuer.states() == ["compromised", "active"]
    [one] = (await issuer.ask("GET", "/doubtful-credentials", key=issuer.key))["credentials"]
    assert one["credentialId"] == credential["id"]


async def test_what_is_doubtful_comes_in_pages(public: Service) -> None:
    issuer = await Issuer.of(public, did="web")
    issued = [(await issuer.issue())["id"] for _ in range(3)]
    await issuer.rotate(compromisedSince="2026-01-01T00:00:00Z")
    seen, path = [], "/doubtful-credentials?limit=2"
    while path:
        page = await issuer.ask("GET", path)
        seen += [one["credentialId"] for one in page["credentials"]]
        path = f"/doubtful-credentials?limit=2&cursor={page['next']}" if "next" in page else ""
    assert seen == issued
    await issuer.ask("GET", "/doubtful-credentials?cursor=x", expected=400)
    assert (await (await Issuer.of(public)).ask("GET", "/doubtful-credentials"))["credentials"] == []


async def test_a_did_key_rotates_by_a_new_did_and_its_old_lists_stay_signed_by_the_old_one(public: Service) -> None:
    issuer = await Issuer.of(public, did="key")
    old = await issuer.issue()
    answer = await issuer.rotate()
    assert answer["id"] != old["issuer"]
    new = await issuer.issue()
    assert (new["issuer"], signed_by(new).partition("#")[0]) == (answer["id"], answer["id"])
    await issuer.ask("PUT", f"/credentials/{quote(old['id'], safe='')}/revocation", json={})
    for document in (old, new, *await issuer.lists_of(old), *await issuer.lists_of(new)):
        assert await issuer.verifies(document)
        assert signed_by(document).startswith(document["issuer"])
    lists = {one["statusListCredential"] for credential in (old, new) for one in credential["credentialStatus"]}
    assert len(lists) == 4
    assert await issuer.states() == ["retired", "active"]
    await issuer.ask("GET", "/did.json", key="", expected=404)


async def test_the_lists_of_a_compromised_did_key_are_published_still(public: Service) -> None:
    issuer = await Issuer.of(public, did="key")
    old = await issuer.issue()
    await issuer.rotate(compromisedSince=datetime.now(UTC).isoformat())
    await issuer.ask("PUT", f"/credentials/{quote(old['id'], safe='')}/revocation", json={})
    changed = await until(
        lambda: issuer.lists_of(old),
        lambda seen: seen[0]["credentialSubject"]["encodedList"] != seen[1]["credentialSubject"]["encodedList"],
    )
    assert signed_by(changed[0]).startswith(old["issuer"])
    assert (await issuer.issue())["issuer"] != old["issuer"]


async def test_a_compromised_did_key_is_believed_under_neither_of_its_names(public: Service) -> None:
    issuer = await Issuer.of(public, did="key")
    document = {**await issuer.issue(), "credentialSubject": {"id": "did:example:eve"}}
    del document["proof"]
    [leaked] = await issuer.keys()
    thief = await signer_of(public, leaked["id"])
    forged = [
        orjson.loads(
            secure(
                document, Mechanism.EDDSA_JCS_2022, signer=thief, verification_method=name, created=datetime.now(UTC)
            ).content
        )
        for name in (leaked["id"], leaked["controller"])
    ]
    assert [await issuer.verdict(one) for one in forged] == [(200, "valid")] * 2
    await issuer.rotate(compromisedSince=datetime.now(UTC).replace(microsecond=0).isoformat())
    for one in forged:
        await until(partial(issuer.verdict, one), lambda seen: seen[0] == 400)  # what is known of a key is kept for 1 s


async def signer_of(service: Service, method_id: str) -> Signer:
    """What signs for a method: whoever has it could as well have stolen it."""
    async with asyncpg.create_pool(service.database.writer, min_size=1, max_size=1) as pool:
        key_id = await pool.fetchval("SELECT key_id FROM projections.issuer_methods WHERE method_id = $1", method_id)
        master = load_master_keys(service.settings)
        return await Vault(pool, master, lambda: datetime.now(UTC)).signer(LOG, key_id)


async def test_every_kind_of_key_rotates_to_one_of_its_kind(public: Service) -> None:
    mechanisms = ["eddsa-rdfc-2022", "ecdsa-jcs-2019"]
    issuer = await Issuer.of(public, did="web", mechanisms=mechanisms)
    await issuer.rotate()
    found = [(one["algorithm"], one["state"]) for one in await issuer.keys()]
    assert found == [("Ed25519", "retired"), ("P-256", "retired"), ("Ed25519", "active"), ("P-256", "active")]
    [_, p_256, *_] = await issuer.keys()
    [*_, newest] = await issuer.keys((await issuer.rotate(method=(await issuer.keys())[3]["id"]))["position"])
    assert (newest["algorithm"], newest["state"], p_256["state"]) == ("P-256", "active", "retired")
    assert await issuer.states() == ["retired", "retired", "active", "retired", "active"]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"method": "did:key:z6Mk#z6Mk"}, 400, "never had this verification method"),
        ({"compromisedSince": "2126-01-01T00:00:00Z"}, 400, "lies in the future"),
        ({"compromisedSince": "2026-01-01T00:00:00"}, 400, "zone"),
        ({"compromised": True}, 400, "compromised"),
    ],
)
async def test_a_rotation_that_cannot_be_is_refused_and_nothing_is_recorded(
    public: Service, body: Any, status: int, said: str
) -> None:
    issuer = await Issuer.of(public, did="web")
    problem = await issuer.ask("POST", "/keys/rotation", json=body, expected=status)
    assert said in str(problem)
    assert await issuer.states() == ["active"]


async def test_a_repeated_rotation_is_one_rotation(public: Service) -> None:
    issuer = await Issuer.of(public, did="web")
    headers = {"Idempotency-Key": f"rotate {issuer.slug}".replace(" ", "-")}
    first, second = [await issuer.ask("POST", "/keys/rotation", json={}, headers=headers) for _ in range(2)]
    assert first == second
    await issuer.keys(first["position"])
    assert await issuer.states() == ["retired", "active"]


async def test_a_key_that_reached_the_vault_but_not_the_log_is_nobodys(public: Service) -> None:
    """As after a crash between the two: the next rotation makes another."""
    issuer = await Issuer.of(public, did="web")
    conn = await asyncpg.connect(public.database.owner)
    try:
        await conn.execute(
            "INSERT INTO vault.signing_keys SELECT log_name, $1, owner, public_key, wrapped, master_key_id, created_at,"
            " algorithm FROM vault.signing_keys ORDER BY created_at DESC LIMIT 1",
            UUID(int=1),
        )
    finally:
        await conn.close()
    await issuer.issue()
    await issuer.rotate()
    assert await issuer.verifies(await issuer.issue())
    assert await issuer.states() == ["retired", "active"]


# ── DIDs that are controlled elsewhere ───────────────────────────────────────────────────────────────────────


def delegating(asked: Any, **changes: Any) -> dict[str, Any]:
    """The document of COLLEGE that lists what the registry asked for."""
    document = {"id": COLLEGE, **{name: asked[name] for name in ("verificationMethod", "assertionMethod")}}
    return {**document, **changes}


async def test_an_issuer_under_a_did_of_its_own_issues_once_its_document_lists_our_key(
    public: Service, world: Elsewhere
) -> None:
    issuer = await Issuer.of(public, did=COLLEGE)
    refused = await issuer.ask(
        "POST", "/credentials/issue", key=issuer.key, json={"credential": UNSIGNED}, expected=409
    )
    assert (refused["type"].rpartition("/")[2], refused["currentStatus"]) == ("issuer-not-active", "pending")
    await issuer.ask("GET", expected=404, key="")
    asked = (await issuer.ask("PUT", "/did", expected=409))["delegation"]
    [method] = asked["verificationMethod"]
    assert method["id"] == f"{COLLEGE}#{method['publicKeyMultibase']}"
    world.put(COLLEGE_DOCUMENT, delegating(asked))
    adopted = await issuer.ask("PUT", "/did", json={"did": COLLEGE})
    assert (adopted["id"], adopted["status"], "delegation" in adopted) == (COLLEGE, "active", False)
    credential = await issuer.issue()
    assert (credential["issuer"], signed_by(credential)) == (COLLEGE, method["id"])
    for one in await issuer.lists_of(credential):
        assert (one["issuer"], signed_by(one)) == (COLLEGE, method["id"])
    await issuer.ask("GET", "/did.json", key="", expected=404)
    again = await issuer.ask("PUT", "/did", json={"did": COLLEGE})
    assert again["id"] == COLLEGE


async def test_the_answer_to_the_registration_says_what_to_add(public: Service, world: Elsewhere) -> None:
    body = {"slug": "told-at-once", "name": "Told", "kind": "school", "jurisdiction": "US-CO", "did": COLLEGE}
    status, answer = await public.ask("POST", "/issuers", key=public.operator_key, json=body)
    assert (status, answer["id"], answer["status"]) == (201, COLLEGE, "pending")
    [method] = answer["delegation"]["verificationMethod"]
    assert (method["type"], method["controller"]) == ("Multikey", COLLEGE)
    assert answer["delegation"]["assertionMethod"] == [method["id"]]
    assert world.asked == [] or world.answers == {}


WRONG: dict[str, tuple[Callable[[Any], Any], str]] = {
    "no document": (lambda _: None, "cannot be had|answered 404|404"),
    "of another": (lambda asked: delegating(asked, id="did:web:other.example"), "is about"),
    "without the key": (
        lambda asked: delegating(asked, verificationMethod=[], assertionMethod=[]),
        "verificationMethod",
    ),
    "not for assertions": (lambda asked: delegating(asked, assertionMethod=[]), "not under `assertionMethod`"),
    "for logins only": (
        lambda asked: delegating(asked, assertionMethod=[], authentication=asked["assertionMethod"]),
        "not under `assertionMethod`",
    ),
    "revoked": (
        lambda asked: delegating(
            asked, verificationMethod=[{**asked["verificationMethod"][0], "revoked": "2026-01-01T00:00:00Z"}]
        ),
        "revoked or expired",
    ),
    "controlled by another": (
        lambda asked: delegating(
            asked, verificationMethod=[{**asked["verificationMethod"][0], "controller": "did:web:other.example"}]
        ),
        "verificationMethod",
    ),
    "another key under its id": (
        lambda asked: delegating(
            asked,
            verificationMethod=[
                {
                    **asked["verificationMethod"][0],
                    "publicKeyMultibase": "z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
                }
            ],
        ),
        "verificationMethod",
    ),
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_document_that_does_not_delegate_is_refused_with_what_is_missing(
    public: Service, world: Elsewhere, name: str
) -> None:
    make, said = WRONG[name]
    issuer = await Issuer.of(public, did="web")
    asked = (await issuer.ask("PUT", "/did", json={"did": COLLEGE}, expected=202))["delegation"]
    document = make(asked)
    if document is not None:
        world.put(COLLEGE_DOCUMENT, document)
    problem = await issuer.ask("PUT", "/did", expected=409)
    assert problem["type"].rpartition("/")[2] == "delegation-missing"
    assert any(part in problem["detail"] for part in said.split("|")), problem["detail"]
    assert problem["delegation"] == asked
    assert (await issuer.issue())["issuer"].startswith("did:web:registry.example:")


async def test_an_issuer_moves_to_a_did_of_its_own_and_what_it_signed_before_keeps_verifying(
    public: Service, world: Elsewhere
) -> None:
    issuer = await Issuer.of(public, did="web")
    old = await issuer.issue()
    asked = (await issuer.ask("PUT", "/did", json={"did": COLLEGE}, expected=202))["delegation"]
    [method] = asked["verificationMethod"]
    renamed = {**method, "id": "#registry"}
    world.put(COLLEGE_DOCUMENT, delegating(asked, verificationMethod=[renamed], assertionMethod=["#registry"]))
    await issuer.ask("PUT", "/did")
    new = await issuer.issue()
    assert (new["issuer"], signed_by(new)) == (COLLEGE, f"{COLLEGE}#registry")
    await issuer.ask("PUT", f"/credentials/{quote(old['id'], safe='')}/revocation", json={})
    before = await until(
        lambda: issuer.lists_of(old),
        lambda seen: seen[0]["credentialSubject"]["encodedList"] != seen[1]["credentialSubject"]["encodedList"],
    )
    for document in (old, *before):
        assert document["issuer"] == old["issuer"]
        assert await issuer.verifies(document)


async def test_an_issuer_moves_to_our_own_did_web_and_back_to_it(public: Service, world: Elsewhere) -> None:
    issuer = await Issuer.of(public, did="key")
    old = await issuer.issue()
    ours = f"did:web:registry.example:issuers:{issuer.slug}"
    assert (await issuer.ask("PUT", "/did", json={"did": "web"}))["id"] == ours
    new = await issuer.issue()
    asked = (await issuer.ask("PUT", "/did", json={"did": COLLEGE}, expected=202))["delegation"]
    assert (await issuer.ask("POST", "/keys/rotation"))["id"] == ours
    world.put(COLLEGE_DOCUMENT, delegating(asked))
    assert (await issuer.ask("PUT", "/did"))["id"] == COLLEGE
    back = await issuer.ask("PUT", "/did", json={"did": "web"})
    latest = await issuer.issue()
    assert (back["id"], new["issuer"], latest["issuer"]) == (ours, ours, ours)
    for document in (old, new, latest, *await issuer.lists_of(old), *await issuer.lists_of(new)):
        assert await issuer.verifies(document)


async def test_a_delegated_key_rotates_once_its_successor_is_listed(public: Service, world: Elsewhere) -> None:
    issuer = await Issuer.of(public, did=COLLEGE)
    first = (await issuer.ask("PUT", "/did", expected=409))["delegation"]
    world.put(COLLEGE_DOCUMENT, delegating(first))
    await issuer.ask("PUT", "/did")
    second = (await issuer.ask("POST", "/keys/rotation", expected=202))["delegation"]
    assert signed_by(await issuer.issue()) == first["assertionMethod"][0]
    world.put(
        COLLEGE_DOCUMENT,
        delegating(
            second,
            verificationMethod=[*first["verificationMethod"], *second["verificationMethod"]],
            assertionMethod=[*first["assertionMethod"], *second["assertionMethod"]],
        ),
    )
    adopted = await issuer.ask("PUT", "/did")
    assert adopted["id"] == COLLEGE
    assert signed_by(await issuer.issue()) == second["assertionMethod"][0]
    assert [one["state"] for one in await issuer.keys(adopted["position"])] == ["retired", "active"]


async def test_a_compromised_delegated_key_signs_nothing_until_its_successor_is_listed(
    public: Service, world: Elsewhere
) -> None:
    issuer = await Issuer.of(public, did=COLLEGE)
    first = (await issuer.ask("PUT", "/did", expected=409))["delegation"]
    world.put(COLLEGE_DOCUMENT, delegating(first))
    await issuer.ask("PUT", "/did")
    credential = await issuer.issue()
    body = {"compromisedSince": datetime.now(UTC).isoformat()}
    second = (await issuer.ask("POST", "/keys/rotation", json=body, expected=202))["delegation"]
    await issuer.ask("POST", "/credentials/issue", key=issuer.key, json={"credential": UNSIGNED}, expected=409)
    await until(lambda: warned(public), bool)
    world.put(COLLEGE_DOCUMENT, delegating(second))
    await issuer.ask("PUT", "/did")
    [method] = second["assertionMethod"]
    assert signed_by(await issuer.issue()) == method
    await until(lambda: issuer.lists_of(credential), lambda seen: {signed_by(one) for one in seen} == {method})
    await until(lambda: warned(public), lambda said: not said)


async def warned(service: Service) -> list[str]:
    """What `registry doctor` says of lists that a compromised key signed."""
    found = await examine(service.settings, service.database.writer)
    return [one.sentence for one in found if "signed by a compromised key" in one.sentence]


@pytest.mark.parametrize(
    ("did", "said"),
    [
        ("did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK", "cannot delegate|is not a did:web"),
        ("did:web:registry.example:issuers:somebody", "own origin"),
        ("did:web:127.0.0.1", "is not a did:web"),
        ("did:web:", "is not a did:web"),
        ("https://issuer.example", "did:web"),
        ("", "did:web"),
    ],
)
async def test_a_did_that_cannot_delegate_is_refused(public: Service, did: str, said: str) -> None:
    body = {"slug": "no-delegate", "name": "None", "kind": "school", "jurisdiction": "US-CO", "did": did}
    status, problem = await public.ask("POST", "/issuers", key=public.operator_key, json=body)
    assert status == 400
    assert any(part in str(problem) for part in said.split("|")), problem
    issuer = await Issuer.of(public, did="web")
    await issuer.ask("PUT", "/did", json={"did": did}, expected=400)
