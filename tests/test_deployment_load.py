"""The load generator for people's own deployments: an honest one passes, and every kind of lie is found."""

from __future__ import annotations

import io
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.console import Console

from load_tests.deployment.__main__ import main
from load_tests.deployment.histogram import Histogram
from load_tests.deployment.run import Plan, Refused, run
from load_tests.deployment.signatures import Signatures
from load_tests.deployment.version import Wrong
from load_tests.lists import Private
from load_tests.workloads import Mix
from projections.status_lists import encoded_list
from projections.status_lists.document import ListCredential
from projections.status_lists.representation import EMBEDDED, STATUSLIST_JWT
from registry.domain.mechanisms import KeyAlgorithm, Mechanism
from registry.securing.did import did_key, key_method
from registry.securing.public_key import PublicKey
from registry.securing.secure import secure
from registry.securing.status_token import StatusToken, jwt

BUSY = Mix({"register": 3, "revoke": 3, "suspend": 1, "reinstate": 1, "list": 2, "list, unchanged": 2, "entries": 2,
            "lookup": 1, "lookups": 1})  # fmt: skip
SIZE = 131_072


@dataclass
class Answered:
    """What the service said, before somebody in between changes it."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    def saying(self, body: Any) -> Answered:
        return replace(self, body=orjson.dumps(body), headers={**self.headers})


Forward = Callable[[], Awaitable[Answered]]
Lie = Callable[[web.Request, Forward], Awaitable[Answered | None]]
"""None: the connection is lost."""


@asynccontextmanager
async def between(url: str, lie: Lie) -> AsyncIterator[str]:
    """Stand between the service and whoever asks; yield the URL to ask."""
    async with aiohttp.ClientSession() as session:

        async def handle(request: web.Request) -> web.StreamResponse:
            content = await request.read()

            async def forward() -> Answered:
                headers = {
                    name: value for name, value in request.headers.items() if name not in ("Host", "Accept-Encoding")
                }
                async with session.request(
                    request.method, url + request.path_qs, data=content, headers=headers
                ) as given:
                    kept = ("ETag", "Registry-Position", "Content-Type", "Retry-After")
                    told = {name: given.headers[name] for name in kept if name in given.headers}
                    return Answered(given.status, told, await given.read())

            answered = await lie(request, forward)
            if answered is None:
                assert request.transport is not None
                request.transport.abort()
                raise ConnectionResetError
            return web.Response(status=answered.status, headers=answered.headers, body=answered.body)

        app = web.Application()
        app.router.add_route("*", "/{anything:.*}", handle)
        async with TestServer(app) as server:
            yield str(server.make_url("")).rstrip("/")


def plan_for(service: Any, url: str | None = None, **differently: Any) -> Plan:
    """A run that ends by the number of its requests, or when a lie is found: never by the clock."""
    chosen: dict[str, Any] = {
        "seconds": 90, "requests": 300, "per_s": 400, "connections": 3, "visible_s": 90, "settle_s": 0.3, "mix": BUSY,
    }  # fmt: skip
    return Plan(url or service.url, service.issuer_slug, service.issuer_key, **{**chosen, **differently})


async def told(plan: Plan) -> tuple[int, str]:
    """Run; return the exit status and what was printed."""
    printed = io.StringIO()
    status = await run(plan, Console(file=printed, width=400))
    return status, printed.getvalue()


def is_list(request: web.Request) -> bool:
    """Whether a list is asked for as most verifiers do, not as a token."""
    return is_list_path(request) and request.headers["Accept"] == EMBEDDED


def is_list_path(request: web.Request) -> bool:
    return request.path.startswith("/status-lists/")


def is_registration(request: web.Request) -> bool:
    return request.method == "POST" and request.path.endswith("/credentials")


async def test_an_honest_deployment_passes_and_its_revocations_are_seen(service):
    status, printed = await told(plan_for(service))
    assert status == 0, printed
    assert "Nothing that was read contradicts" in printed
    assert "changes seen in their lists" in printed
    for kind in ("register", "revoke", "entries", "list, unchanged"):
        assert kind in printed


async def test_without_a_key_there_is_only_reading(service):
    path = f"/issuers/{service.issuer_slug}/credentials"
    _, made = await service.ask("POST", path, json={"type": ["VerifiableCredential"]})
    lists = tuple(one["statusListCredential"] for one in made["credentialStatus"])
    status, printed = await told(Plan(service.url, lists=lists, seconds=90, requests=40, per_s=400))
    assert status == 0, printed
    assert "0 acknowledged writes" in printed


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (lambda request: is_list(request), "Not one list"),
        (lambda request: request.path == "/credential-status", "Not one request of the kind 'lookup'"),
        (lambda request: request.path == "/status-lookups", "stand at last was not answered"),
        (lambda request: request.method in ("POST", "PUT") and "/credentials" in request.path, "Not one write"),
    ],
)
async def test_a_run_that_saw_nothing_praises_nothing(service, broken, sentence):
    async def fail(request: web.Request, forward: Forward) -> Answered:
        return Answered(500, {}, b"{}") if broken(request) else await forward()

    path = f"/issuers/{service.issuer_slug}/credentials"
    await service.ask("POST", path, json={"type": ["VerifiableCredential"]})  # or there is nothing to look up
    async with between(service.url, fail) as url:
        with pytest.raises(Refused, match=sentence):
            await told(plan_for(service, url, mix=Mix(dict.fromkeys(("register", "list", "lookup", "lookups"), 1))))


async def test_a_directory_alone_is_no_answer(service):
    path = f"/issuers/{service.issuer_slug}/credentials"
    await service.ask("POST", path, json={"type": ["VerifiableCredential"]})

    async def fail(request: web.Request, forward: Forward) -> Answered:
        return await forward() if request.path.startswith("/issuers") else Answered(500, {}, b"{}")

    async with between(service.url, fail) as url:
        with pytest.raises(Refused, match="Not one list"):
            await told(Plan(url, seconds=90, requests=60, per_s=400))


async def test_a_forged_list_is_found(service):
    async def lie(request: web.Request, forward: Forward) -> Answered:
        answered = await forward()
        if is_list(request) and answered.status == 200:
            document = answered.json
            document["credentialSubject"]["encodedList"] = encoded_list.encode(encoded_list.bits([7], SIZE))
            return answered.saying(document)
        return answered

    async with between(service.url, lie) as url:
        status, printed = await told(plan_for(service, url))
    assert status == 1
    assert "signature does not hold" in printed


def is_told_to_go_back(printed: str) -> bool:
    """Whether a list was found to go back: to another second, or within one, where it is the bits that tell."""
    return "went back" in printed or "was taken back" in printed


async def test_a_list_that_goes_back_is_found(service):
    first: dict[str, Answered] = {}
    newer: set[str] = set()

    async def lie(request: web.Request, forward: Forward) -> Answered:
        if not is_list(request):
            return await forward()
        if request.path in newer:
            return first[request.path]
        answered = await forward()
        if answered.status == 200:
            oldest = first.setdefault(request.path, answered)
            if answered.json["validFrom"] > oldest.json["validFrom"]:
                newer.add(request.path)
        return answered

    async with between(service.url, lie) as url:
        status, printed = await told(plan_for(service, url, requests=20_000, per_s=150))
    assert status == 1, printed
    assert is_told_to_go_back(printed)


async def test_uncompressed_lists_that_are_left_behind_are_found(service):
    first: dict[str, Answered] = {}

    async def lie(request: web.Request, forward: Forward) -> Answered:
        if is_list(request) and request.headers["Accept-Encoding"] == "identity":
            return first.setdefault(request.path, await forward())
        return await forward()

    mix = Mix({"register": 1, "revoke": 1, "list": 6})
    async with between(service.url, lie) as url:
        status, printed = await told(plan_for(service, url, requests=20_000, per_s=150, mix=mix))
    assert status == 1, printed
    assert is_told_to_go_back(printed)


async def test_a_token_that_nobody_signed_is_found(service):
    async def lie(request: web.Request, forward: Forward) -> Answered:
        answered = await forward()
        if request.headers.get("Accept") == STATUSLIST_JWT and answered.status == 200:
            signed, _, signature = answered.body.rpartition(b".")
            return replace(answered, body=signed + b"." + signature[:40].swapcase() + signature[40:])
        return answered

    mix = Mix({"register": 1, "list": 6})
    async with between(service.url, lie) as url:
        status, printed = await told(plan_for(service, url, requests=20_000, mix=mix))
    assert status == 1, printed
    assert "as application/statuslist+jwt, is not as it must be: its signature does not hold" in printed


async def test_a_lost_registration_is_found(service):
    last: list[Answered] = []
    beyond = count(1)  # each lie names an entry of its own, or another lie would be found first

    async def lie(request: web.Request, forward: Forward) -> Answered:
        if is_registration(request) and last:
            answer, further = last[0].json, next(beyond)
            for entry in answer["credentialStatus"]:
                entry["statusListIndex"] = str((int(entry["statusListIndex"]) + further) % SIZE)
            return last[0].saying(answer)
        answered = await forward()
        if is_registration(request) and answered.status == 201:
            last.append(answered)
        return answered

    async with between(service.url, lie) as url:
        status, printed = await told(plan_for(service, url))
    assert status == 1
    assert "registration of" in printed
    assert "lost" in printed


@dataclass
class Swallower:
    """Acknowledges revocations that never reach the service; *hides_it*: from lookups, too."""

    hides_it: bool
    position: str = ""
    swallowed: set[str] = field(default_factory=set)

    async def __call__(self, request: web.Request, forward: Forward) -> Answered:
        if request.path.endswith("/revocation"):
            self.swallowed.add(request.path.split("/")[-2])
            return Answered(200, {"Registry-Position": self.position}, b"{}")
        answered = await forward()
        self.position = answered.headers.get("Registry-Position", self.position)
        if self.hides_it and request.path == "/credential-status" and request.query["id"] in self.swallowed:
            return answered.saying({**answered.json, "status": "revoked"})
        if self.hides_it and request.path == "/status-lookups":
            answer = answered.json
            for one in answer["results"]:
                if quote(one.get("credentialId", ""), safe=":") in self.swallowed:
                    one["status"] = "revoked"
            return answered.saying(answer)
        return answered


@pytest.mark.parametrize(("hides_it", "visible_s", "sentence"), [(False, 90, "says active"), (True, 0.2, "is not set")])
async def test_a_lost_revocation_is_found(service, hides_it, visible_s, sentence):
    # without suspensions, of which honest ones may be late, too, with so short a time
    mix = Mix({kind: weight for kind, weight in BUSY.weights.items() if kind not in ("suspend", "reinstate")})
    async with between(service.url, Swallower(hides_it)) as url:
        status, printed = await told(plan_for(service, url, visible_s=visible_s, mix=mix))
    assert status == 1, printed
    assert sentence in printed
    assert "an acknowledged write was lost" in printed


async def test_a_write_that_was_refused_leaves_its_credential_to_be_judged(service):
    """Whoever refuses to revoke and then says that it is revoked has lied."""
    refused: set[str] = set()

    async def lie(request: web.Request, forward: Forward) -> Answered:
        if request.path.endswith("/revocation"):
            refused.add(request.path.split("/")[-2])
            return Answered(409, {}, b"{}")
        answered = await forward()
        if request.path == "/credential-status" and quote(request.query["id"], safe=":") in refused:
            return answered.saying({**answered.json, "status": "revoked"})
        return answered

    async with between(service.url, lie) as url:
        mix = Mix({"register": 1, "revoke": 1, "lookup": 1})
        status, printed = await told(plan_for(service, url, requests=100, mix=mix))
    assert status == 1, printed
    assert "says revoked" in printed


async def test_after_an_error_nobody_knows_whether_a_write_was_recorded(service):
    async def fail(request: web.Request, forward: Forward) -> Answered:
        answered = await forward()
        return Answered(500, {}, b"{}") if request.path.endswith("/revocation") else answered

    async with between(service.url, fail) as url:
        status, printed = await told(plan_for(service, url, requests=100))
    assert status == 0, printed
    assert "times 500 (revoke)" in printed


def in_batches(say: Callable[[list[dict[str, str]]], None]) -> Lie:
    """Let *say* change the results of every batch of lookups by id."""

    async def lie(request: web.Request, forward: Forward) -> Answered:
        answered = await forward()
        if request.path == "/status-lookups" and "credentialId" in (answer := answered.json)["results"][0]:
            say(answer["results"])
            return answered.saying(answer)
        return answered

    return lie


async def test_a_batch_of_lookups_that_forgets_a_write_is_found(service):
    def forget(results: list[dict[str, str]]) -> None:
        for one in results:
            one["status"] = {"suspended": "active"}.get(one["status"], one["status"])

    mix = Mix({"register": 2, "suspend": 2, "lookups": 1})
    async with between(service.url, in_batches(forget)) as url:
        status, printed = await told(plan_for(service, url, requests=60, mix=mix))
    assert status == 1, printed
    assert "says active: an acknowledged write was lost" in printed


async def test_a_registration_that_is_lost_after_it_was_looked_up_is_found_in_the_end(service):
    def forget(results: list[dict[str, str]]) -> None:
        results[-1]["status"] = "unknown"

    async with between(service.url, in_batches(forget)) as url:
        status, printed = await told(plan_for(service, url, requests=40, mix=Mix({"register": 1})))
    assert status == 1, printed
    assert "registration of" in printed


async def test_an_index_that_is_given_twice_is_found(service):
    first: list[Any] = []

    async def lie(request: web.Request, forward: Forward) -> Answered:
        answered = await forward()
        if is_registration(request) and answered.status == 201:
            first.append(answered.json["credentialStatus"])
            return answered.saying({**answered.json, "credentialStatus": first[0]})
        return answered

    async with between(service.url, lie) as url:
        status, printed = await told(plan_for(service, url))
    assert status == 1
    assert "was given twice" in printed


async def test_a_lookup_that_contradicts_the_list_is_found(service):
    async def lie(request: web.Request, forward: Forward) -> Answered:
        answered = await forward()
        if request.path == "/status-lookups" and "statusListIndex" in answered.json["results"][0]:
            answer = answered.json
            answer["results"][0]["value"] ^= 1
            return answered.saying(answer)
        return answered

    async with between(service.url, lie) as url:
        status, printed = await told(plan_for(service, url))
    assert status == 1
    assert "the signed list says" in printed


async def test_entries_that_changed_meanwhile_are_asked_for_again_alone(service):
    """Where something changes every moment, some entry differs each time; a lie stays when it is asked for again."""

    async def change(request: web.Request, forward: Forward) -> Answered:
        answered = await forward()
        if request.path == "/status-lookups" and len(results := (answer := answered.json)["results"]) > 1:
            results[0]["value"] = results[0].get("value", 0) ^ 1
            return answered.saying(answer)
        return answered

    async with between(service.url, change) as url:
        mix = Mix({"register": 1, "list": 1, "entries": 1})
        status, printed = await told(plan_for(service, url, requests=100, settle_s=0, mix=mix))
    assert status == 0, printed


async def test_a_forged_list_is_found_also_among_lookups_and_if_it_is_forged_once(service):
    forged: list[str] = []

    async def lie(request: web.Request, forward: Forward) -> Answered:
        answered = await forward()
        if is_list(request) and answered.status == 200 and not forged:
            forged.append(request.path)
            return answered.saying({**answered.json, "validFrom": "2020-01-01T00:00:00Z"})
        return answered

    async with between(service.url, lie) as url:
        mix = Mix({"register": 1, "entries": 3})
        status, printed = await told(plan_for(service, url, mix=mix))
    assert status == 1, printed
    assert "signature does not hold" in printed


async def test_a_log_that_went_back_is_found(service):
    async def lie(request: web.Request, forward: Forward) -> Answered:
        answered = await forward()
        if request.path == "/credential-status" and answered.status == 200:
            lie.asked += 1
            if lie.asked > 3:
                return answered.saying({**answered.json, "asOf": {**answered.json["asOf"], "position": 1}})
        return answered

    lie.asked = 0
    async with between(service.url, lie) as url:
        status, printed = await told(plan_for(service, url, settle_s=0))
    assert status == 1
    assert "went back: from position" in printed


async def test_a_write_whose_connection_was_lost_is_tried_again_and_counts_once(service):
    lost: set[str] = set()

    async def lose(request: web.Request, forward: Forward) -> Answered | None:
        answered = await forward()
        key = request.headers.get("Idempotency-Key", "")
        if is_registration(request) and key not in lost and len(lost) < 4:  # a lost PUT is repeated by aiohttp itself
            lost.add(key)
            return None
        return answered

    async with between(service.url, lose) as url:
        status, printed = await told(plan_for(service, url))
    assert status == 0, printed
    assert len(lost) == 4
    assert "4 times lost (register)" in printed


class Takeback:
    """A deployment of its own, with its own key, that revokes and then takes that back, in lists that it signs."""

    def __init__(self) -> None:
        self.key = Private(Ed25519PrivateKey.generate())
        self.url = ""
        self.asked = 0

    def signed(self, indices: list[int], begins: datetime, did: str = "") -> bytes:
        key = PublicKey(KeyAlgorithm.ED25519, self.key.public_key)
        method = f"{did}#key" if did else key_method(key).id
        did = did or did_key(key)
        bits = encoded_list.encode(encoded_list.bits(indices, SIZE))
        credential = ListCredential(self.url, did, "revocation", bits, begins, begins + timedelta(hours=1), 60_000)
        made = secure(
            credential.document(), Mechanism.EDDSA_RDFC_2022, signer=self.key, verification_method=method,
            created=datetime.now(UTC), canonical=credential.canonical(),
        )  # fmt: skip
        return made.content

    async def __call__(self, request: web.Request, _forward: Forward) -> Answered:
        if not is_list(request):
            return Answered(404, {}, b"{}")
        self.asked += 1
        is_later = self.asked > 3
        begins = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5 - is_later)
        body = self.signed([5] if is_later else [5, 77_000], begins)
        return Answered(200, {"ETag": f'"{self.asked}"', "Content-Type": "application/vc"}, body)


async def test_a_revocation_that_is_taken_back_is_found_also_in_a_list_that_is_signed():
    liar = Takeback()
    async with between("", liar) as url:
        liar.url = f"{url}/status-lists/1"
        mix = Mix({"list": 1})
        status, printed = await told(Plan(url, lists=(liar.url,), seconds=90, requests=20, per_s=400, mix=mix))
    assert status == 1
    assert "at index 77000" in printed
    assert "was taken back" in printed


async def test_a_list_whose_issuer_cannot_be_asked_for_its_keys_is_no_lie():
    one = Takeback()

    async def answer(request: web.Request, _: Forward) -> Answered:
        if not is_list_path(request):
            return Answered(500, {}, b"{}")
        body = one.signed([], datetime.now(UTC).replace(microsecond=0), did="did:web:status.example")
        return Answered(200, {"Content-Type": EMBEDDED}, body)

    async with between("", answer) as url:
        one.url = f"{url}/status-lists/1"
        with pytest.raises(Refused, match="Not one list could be read"):
            await told(Plan(url, lists=(one.url,), seconds=90, requests=8, per_s=400, mix=Mix({"list": 1})))


def token_for(key: Private, indices: list[int], *, url: str = "https://status.example/1", exp_s: int = 60) -> bytes:
    """A Status List Token as its specification has it, index 0 in the least significant bit, signed with *key*."""
    now, bits = int(datetime.now(UTC).timestamp()), bytearray(SIZE // 8)
    for index in indices:
        bits[index >> 3] |= 1 << (index & 7)
    method = key_method(PublicKey(KeyAlgorithm.ED25519, key.public_key)).id
    claims = StatusToken(url, now, 1, zlib.compress(bytes(bits)), exp=now + exp_s, ttl=5)
    return jwt(claims, signer=key, key_id=method).encode()


@pytest.fixture
async def signed_list() -> tuple[Takeback, Signatures]:
    """A list at https://status.example/1, and signatures that have checked it."""
    one, signatures = Takeback(), Signatures(lambda _: pytest.fail("a did:key is resolved here"))
    one.url = "https://status.example/1"
    await signatures.version(one.url, one.signed([], datetime.now(UTC).replace(microsecond=0)))
    return one, signatures


async def test_a_token_says_what_the_list_says(signed_list):
    one, signatures = signed_list
    version = await signatures.token(one.url, token_for(one.key, [5, 77_000]))
    assert version.bits == encoded_list.bits([5, 77_000], SIZE)


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"exp_s": -1}, "it was valid until"),
        ({"url": "https://status.example/2"}, "about another list"),
        ({"key": Private(Ed25519PrivateKey.generate())}, "signed it"),
    ],
)
async def test_a_token_of_another_time_list_or_issuer_is_found(signed_list, how, sentence):
    one, signatures = signed_list
    with pytest.raises(Wrong, match=sentence):
        await signatures.token(one.url, token_for(**{"key": one.key, "indices": [], **how}))


@pytest.mark.parametrize("url", ["https://status.example", "http://192.0.2.1:8080", "status.example"])
async def test_what_is_not_on_this_machine_is_left_alone(url):
    with pytest.raises(Refused):
        await run(Plan(url), Console(file=io.StringIO()))


def test_a_person_who_names_a_strange_host_reads_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["deployment", "--url", "https://status.example"])
    assert main() == 2
    assert "--i-own-this-deployment" in " ".join(capsys.readouterr().err.split())


async def test_a_deployment_that_does_not_answer_is_said_to_be_so():
    with pytest.raises(Refused, match="cannot be asked"):
        await run(Plan("http://127.0.0.1:9", seconds=1), Console(file=io.StringIO()))


def test_percentiles_are_at_most_a_bucket_too_high():
    histogram = Histogram()
    for number in range(1, 1_001):
        histogram.add(number / 1_000)
    for share in (0.5, 0.9, 0.99):
        assert share <= histogram.percentile_s(share) <= share * 1.1
    assert histogram.percentile_s(0.999) <= histogram.slowest_s == 1.0
    assert sum(int(line.rsplit(" ", 1)[1]) for line in histogram.bars()) == 1_000
