"""What a verifier asks others for, answered from a test's own tables; nothing is mocked but the world outside."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import orjson

from registry.domain.mechanisms import Mechanism
from registry.domain.names import LogName
from registry.domain.problem import STATUS_RETRIEVAL_ERROR, Problem
from registry.errors import DatabaseUnavailable, Refused
from registry.securing import base58, jose
from registry.securing.contexts import load_contexts
from registry.securing.data_integrity import digest_of, hash_data
from registry.securing.did import resolve_here
from registry.securing.jcs import canonical_json
from registry.securing.problem import INVALID_DOCUMENT
from registry.securing.rdf import Processor, canonicalise_here
from registry.securing.rdfc import Digest
from registry.securing.secure import secure
from registry.securing.verification_method import VerificationMethodFound, controller_of, method_in, unknown
from registry.verifier.options import Options
from registry.verifier.presentation import PresentationVerifier
from registry.verifier.sources import CredentialStanding, IssuerStanding, OwnEntry, Sources
from registry.verifier.verification import StatusFinding, Verdict, Verification
from registry.verifier.verify import CredentialVerifier
from tests.clock import FakeClock
from tests.securing.signers import SIGNERS, AnySigner, ed25519, method_of

LOG = LogName("main")
LIST = "https://registry.example/status-lists/1"
SIGNED = datetime(2025, 6, 1, tzinfo=UTC)

SCHOOL = SIGNERS["Ed25519"]
HOLDER = ed25519(b"h" * 32)
STRANGER = ed25519(b"s" * 32)


@cache
def contexts() -> Any:
    return load_contexts()


@cache
def processor() -> Processor:
    return Processor(contexts())


def did_of(signer: AnySigner) -> str:
    return method_of(signer).partition("#")[0]


@dataclass
class World:
    """Everything outside of the verifier."""

    clock: FakeClock = field(default_factory=FakeClock)
    documents: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Controller documents, by id."""
    entries: dict[tuple[str, int], OwnEntry] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    """Lists that are published here, and how many entries they have."""
    foreign: dict[str, StatusFinding] = field(default_factory=dict)
    issuers: dict[str, IssuerStanding] = field(default_factory=dict)
    standings: dict[str, CredentialStanding] = field(default_factory=dict)
    cut_offs: dict[str, datetime] = field(default_factory=dict)
    """Verification methods that were compromised, and since when."""
    recorded_until: datetime | None = None
    """Up to when what is recorded here is known; None: now."""
    is_database_away: bool = False
    canonicalised: int = 0
    asked_foreign: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def sources(self) -> Sources:
        return Sources(
            self.canonical_of,
            self.key_of,
            self.cut_off_of,
            contexts().documents.get,
            self.entry_of,
            self.foreign_status,
            self.issuer_of,
            self.standing_of,
            lambda _log: self.recorded_until or self.clock(),
            self.clock,
        )

    async def verify(self, presented: Any, **options: Any) -> Verification:
        return await CredentialVerifier(self.sources).verify(LOG, presented, Options(**options))

    async def verify_presentation(self, presented: Any, *, proofless: bool = False, **options: Any) -> Verification:
        verifier = PresentationVerifier(self.sources, CredentialVerifier(self.sources))
        return await verifier.verify(LOG, presented, Options(**options), is_proof_needed=not proofless)

    async def canonical_of(
        self, documents: Sequence[Mapping[str, Any]], digest: Digest = "sha256", /
    ) -> list[str | Refused]:
        found: list[str | Refused] = []
        for document in documents:
            self.canonicalised += 1
            try:
                found.append(canonicalise_here(dict(document), processor(), digest))
            except Refused as error:
                found.append(error)
        return found

    async def key_of(self, url: str, purpose: str) -> VerificationMethodFound:
        controller = controller_of(url)
        document = self.documents.get(controller)
        if document is None:
            try:
                document = resolve_here(controller)
            except Refused as error:
                raise unknown(INVALID_DOCUMENT(error.detail)) from error
        return method_in(document, url, purpose)

    async def cut_off_of(self, url: str) -> datetime | None:
        return self.cut_offs.get(url)

    async def entry_of(self, url: str, index: int, at: datetime | None) -> OwnEntry | None:
        if self.is_database_away:
            raise DatabaseUnavailable("The published status lists cannot be read just now.")
        if url not in self.sizes:
            return None
        if index >= self.sizes[url]:
            raise IndexError
        return self.entries[url, index]

    async def foreign_status(
        self, entry: Any, issuer: str, now: datetime, *, at: datetime | None = None, credential_id: str | None = None
    ) -> StatusFinding:
        self.asked_foreign.append(entry)
        url = str(entry.get("statusListCredential", entry.get("id")))
        problem = Problem(STATUS_RETRIEVAL_ERROR, "The status list cannot be had", "Nobody answers there.")
        return self.foreign.get(url, StatusFinding(None, None, None, Verdict.UNVERIFIABLE, problem, url, now))

    async def issuer_of(self, log: LogName, did: str) -> IssuerStanding | None:
        if self.is_database_away:
            raise DatabaseUnavailable("The database does not answer.")
        return self.issuers.get(did)

    async def standing_of(
        self, log: LogName, credential_id: str, did: str, at: datetime | None
    ) -> CredentialStanding | None:
        return self.standings.get(credential_id)

    # ── what the registry of this world knows ────────────────────────────────────────────────────────────

    def published(
        self, purpose: str = "revocation", value: int = 0, *, url: str = LIST, **changes: Any
    ) -> dict[str, Any]:
        """Publish a list whose entry 7 has *value*; return the entry of a credential that names it."""
        now = self.clock()
        valid_from, valid_until = now - timedelta(minutes=5), now + timedelta(hours=12)
        self.entries[url, 7] = OwnEntry(purpose, did_of(SCHOOL), value, now, valid_from, valid_until)
        self.sizes[url] = 131_072
        return {
            "type": "BitstringStatusListEntry",
            "statusPurpose": purpose,
            "statusListIndex": "7",
            "statusListCredential": url,
        }

    def publish_keys(self, controller: str, *multikeys: str, **members: Any) -> None:
        """Publish a controller document with these keys for assertions and authentication."""
        methods = [
            {
                "id": f"{controller}#{key}",
                "type": "Multikey",
                "controller": controller,
                "publicKeyMultibase": key,
                **members,
            }
            for key in multikeys
        ]
        names = [method["id"] for method in methods]
        self.documents[controller] = {
            "id": controller,
            "verificationMethod": methods,
            "assertionMethod": names,
            "authentication": names,
        }


def signed(
    document: dict[str, Any], signer: AnySigner = SCHOOL, mechanism: Mechanism = Mechanism.EDDSA_JCS_2022
) -> Any:
    """*document*, secured: a document with a proof, a compact JWS, or COSE bytes."""
    canonical = canonicalise_here(document, processor(), digest_of(signer.algorithm)) if "rdfc" in mechanism else None
    secured = secure(
        document, mechanism, signer=signer, verification_method=method_of(signer), created=SIGNED, canonical=canonical
    )
    if mechanism is Mechanism.VC_JWT:
        return secured.content.decode()
    return secured.content if secured.is_enveloped else json.loads(secured.content)


def proven(document: dict[str, Any], signer: AnySigner, **members: Any) -> dict[str, Any]:
    """*document* with an eddsa-jcs-2022 proof that says *members* too; those replace what is usual."""
    proof = {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-jcs-2022",
        "created": "2025-06-01T00:00:00Z",
        "verificationMethod": method_of(signer),
        "proofPurpose": "authentication",
        "@context": document["@context"],
        **members,
    }
    hashed = hash_data(canonical_json(proof), canonical_json(document), "Ed25519")
    value = "z" + base58.encode(signer.sign(hashed))
    return {**document, "proof": {**proof, "proofValue": value}}


def jws(document: dict[str, Any], signer: AnySigner, typ: str = "vc+jwt") -> str:
    """*document* as the payload of a compact JWS."""
    return jose.sign(orjson.dumps(document), signer=signer, key_id=method_of(signer), typ=typ)
