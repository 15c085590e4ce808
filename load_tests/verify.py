"""Verifications per second in every securing mechanism, against the bare signature check in the same run.

Two real Open Badges are signed here by a did:key in every mechanism, and verified the whole way: the envelope or
proof is read, the did:key resolved, the document canonicalised, the signature checked. The bare side checks the same
signature over the same bytes by a key that is loaded already, and does nothing else. Rates are per second of CPU time,
workers included, so they are per core; the did:key is one that was met before. The credentials lie in the folder
`shared` beside the project; without it there is no result.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from load_tests.comparison import Measure, Ratio, interleaved
from load_tests.outcome import Outcome
from load_tests.script import CannotMeasure, Effort, run
from registry.domain.mechanisms import ALGORITHMS, KeyAlgorithm, Mechanism
from registry.securing.canonicalise import Canonicaliser
from registry.securing.contexts import load_contexts
from registry.securing.data_integrity import CRYPTOSUITES, digest_of
from registry.securing.did import key_method
from registry.securing.enveloped import open_envelope
from registry.securing.proofs import verify_proofs
from registry.securing.public_key import PublicKey
from registry.securing.secure import secure
from registry.securing.signer import Signer
from registry.securing.verification_method import VerificationMethodFound, controller_of, method_here
from registry.strict_json import json_object
from registry.vault.signing import opened

FIXTURES = Path(__file__).parents[2] / "shared" / "fixtures"
SIMPLE, COMPLETE = "1edtech-ob30-simple", "1edtech-ob30-complete"
FLOORS = {SIMPLE: 150, COMPLETE: 15}
"""Verifications over RDF per second and core."""
AT_LEAST = 0.5
NOW = datetime(2026, 1, 1, tzinfo=UTC)

Once = Callable[[], Awaitable[None]]
"""One verification; raises when it does not hold."""


KEYS = {
    KeyAlgorithm.ED25519: opened(KeyAlgorithm.ED25519, bytes(range(32))),
    KeyAlgorithm.P256: opened(KeyAlgorithm.P256, bytes(range(1, 33))),
    KeyAlgorithm.P384: opened(KeyAlgorithm.P384, bytes(range(1, 49))),
}


@dataclass
class Listening:
    """A signer that remembers what it signed last, for the bare side to check again."""

    signer: Signer
    message: bytes = b""
    signature: bytes = b""
    algorithm: KeyAlgorithm = field(init=False)
    public_key: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.algorithm, self.public_key = self.signer.algorithm, self.signer.public_key

    def sign(self, message: bytes) -> bytes:
        """Sign, and remember."""
        self.message, self.signature = message, self.signer.sign(message)
        return self.signature


async def key_of(url: str, purpose: str) -> VerificationMethodFound:
    """The key of a did:key, as the service finds it."""
    return method_here(url, purpose)


def unsecured(name: str, method: str) -> dict[str, Any]:
    """Return the fixture *name*, to be issued by the did:key of *method*."""
    document: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text())
    del document["proof"]
    return {**document, "issuer": {**document["issuer"], "id": controller_of(method)}}


async def sides_of(
    name: str, mechanism: Mechanism, algorithm: KeyAlgorithm, canonicaliser: Canonicaliser
) -> tuple[Once, Once]:
    """Return one verification of ours, from the bytes that somebody presents, and the bare one."""
    signer = Listening(KEYS[algorithm])
    method = key_method(PublicKey(algorithm, signer.public_key)).id
    document = unsecured(name, method)
    is_rdf = "-rdfc-" in mechanism
    canonical = await canonicaliser.canonicalise(document, digest_of(algorithm)) if is_rdf else None
    made = secure(document, mechanism, signer=signer, verification_method=method, created=NOW, canonical=canonical)

    async def embedded() -> None:
        presented = json_object(made.content, "The credential")
        [result] = await verify_proofs(
            presented,
            canonical_of=canonicaliser.canonicalise_all,
            key_of=key_of,
            purpose="assertionMethod",
            now=NOW,
        )
        assert result.verified, result.problem

    async def enveloped() -> None:
        envelope = open_envelope(made.content, made.media_type)
        found = await key_of(envelope.key_id or "", "assertionMethod")
        assert envelope.verify(found.key)

    return embedded if mechanism in CRYPTOSUITES else enveloped, bare(signer)


def bare(signer: Listening) -> Once:
    """Return the check of what *signer* signed last, and nothing else."""
    message, signature = signer.message, signer.signature
    if signer.algorithm is KeyAlgorithm.ED25519:
        ed25519 = Ed25519PublicKey.from_public_bytes(signer.public_key)

        async def check() -> None:
            ed25519.verify(signature, message)

        return check
    is_p256 = signer.algorithm is KeyAlgorithm.P256
    curve, hash_ = (ec.SECP256R1(), hashes.SHA256()) if is_p256 else (ec.SECP384R1(), hashes.SHA384())
    ecdsa = ec.ECDSA(hash_)
    point = ec.EllipticCurvePublicKey.from_encoded_point(curve, signer.public_key)
    half = len(signature) // 2
    der = encode_dss_signature(int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))

    async def check_ecdsa() -> None:
        point.verify(der, message, ecdsa)

    return check_ecdsa


def per_cpu_s(once: Once, seconds: float) -> Measure:
    """Return the measurement of how many times *once* fits into a second of CPU time, ours and the workers'."""

    async def measure() -> float:
        began, before, done = time.perf_counter(), cpu_s(), 0
        while time.perf_counter() - began < seconds:
            await once()
            done += 1
        return done / (cpu_s() - before)

    return measure


def cpu_s() -> float:
    """Return the CPU time that this process and its living children have used."""
    workers = [child.cpu_times() for child in psutil.Process().children()]
    return time.process_time() + sum(times.user + times.system for times in workers)


def floor(name: str) -> Measure:
    """Return the side that stands for the target."""

    async def measure() -> float:
        return float(FLOORS[name])

    return measure


async def measure(effort: Effort) -> list[Outcome]:
    """Measure both sides."""
    if missing := [name for name in FLOORS if not (FIXTURES / f"{name}.json").is_file()]:
        raise CannotMeasure(f"{missing[0]}.json is missing: put the folder `shared` beside the project.")
    measures: dict[str, Measure] = {}
    ratios: list[Ratio] = []
    canonicaliser = Canonicaliser(load_contexts(), workers=1)
    await canonicaliser.start()
    try:
        for mechanism, algorithms in ALGORITHMS.items():
            for algorithm in algorithms:
                label = f"{mechanism} {algorithm}"
                ours, theirs = await sides_of(SIMPLE, mechanism, algorithm, canonicaliser)
                measures[f"ours {label}"] = per_cpu_s(ours, effort.seconds)
                measures[f"bare {label}"] = per_cpu_s(theirs, effort.seconds)
                is_rdf = "-rdfc-" in mechanism
                ratio = Ratio(0, label, f"ours {label}", (f"bare {label}",), None if is_rdf else AT_LEAST)
                ratios.append(ratio)
        for name in FLOORS:
            ours, _ = await sides_of(name, Mechanism.EDDSA_RDFC_2022, KeyAlgorithm.ED25519, canonicaliser)
            measures[f"ours {name}"] = per_cpu_s(ours, effort.seconds)
            measures[f"floor {name}"] = floor(name)
            ratios.append(
                Ratio(0, f"eddsa-rdfc-2022, {name}, against its floor", f"ours {name}", (f"floor {name}",), 1)
            )
        for warm_up in measures.values():
            await warm_up()
        samples = await interleaved(measures, effort.rounds)
    finally:
        await canonicaliser.close()
    return [ratio.of(samples, "per CPU s") for ratio in ratios]


if __name__ == "__main__":
    sys.exit(
        run(
            f"Verifying {SIMPLE} against the bare signature check",
            measure,
            full=Effort(7, 1),
            quick=Effort(5, 0.3, is_quick=True),
        )
    )
