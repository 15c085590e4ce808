"""What somebody who means harm may present for verification; none of it may come to `valid`, nor anything be asked."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import base58

from registry.domain.mechanisms import Mechanism
from registry.securing import base64url
from registry.securing.did import did_key
from registry.securing.secure import secure
from tests.securing.signers import SIGNERS, AnySigner, key_of, method_of
from tests.verifier.foreign import METHOD, NOW, OTHER, V2, moment

SIGNER = SIGNERS["Ed25519"]
ISSUER = did_key(key_of(SIGNER))


def credential(**changes: Any) -> dict[str, Any]:
    """A credential that is well formed, of an issuer that is its key."""
    document = {
        "@context": [V2],
        "id": "urn:uuid:0d6b0a2e-9c55-4c0e-8f64-3a1b8f4d2e10",
        "type": ["VerifiableCredential"],
        "issuer": ISSUER,
        "validFrom": moment(-86_400),
        "credentialSubject": {"id": "did:example:learner"},
        **changes,
    }
    return {name: value for name, value in document.items() if value is not None}


def signed(document: dict[str, Any], signer: AnySigner = SIGNER, method: str | None = None) -> dict[str, Any]:
    """*document* as its issuer would sign it, by JSON alone, so that any term may be in it."""
    mechanism = Mechanism.EDDSA_JCS_2022 if signer is SIGNER else Mechanism.ECDSA_JCS_2019
    method = method or method_of(signer)
    made = secure(document, mechanism, signer=signer, verification_method=method, created=NOW)
    found: dict[str, Any] = json.loads(made.content)
    return found


def proof(**changes: Any) -> dict[str, Any]:
    """A credential whose proof was changed after it was made; None takes a member away."""
    document = signed(credential())
    changed = {**document["proof"], **changes}
    return {**document, "proof": {name: value for name, value in changed.items() if value is not None}}


def jws(payload: Any = None, signature: str | None = None, **header: Any) -> dict[str, Any]:
    """An enveloped credential whose header was changed after it was signed."""
    document = credential() if payload is None else payload
    made = secure(
        document, Mechanism.VC_JWT, signer=SIGNER, verification_method=METHOD, created=NOW
    ).content.decode()  # fmt: skip
    head, body, genuine = made.split(".")
    changed = {**json.loads(base64url.decode(head, "The header")), **header}
    changed = {name: value for name, value in changed.items() if value is not None}
    text = ".".join([base64url.encode(json.dumps(changed).encode()), body, genuine if signature is None else signature])
    return enveloped(f"data:application/vc+jwt,{text}")


def enveloped(url: str) -> dict[str, Any]:
    """An EnvelopedVerifiableCredential."""
    return {"@context": [V2], "type": "EnvelopedVerifiableCredential", "id": url}


def rdf(**changes: Any) -> dict[str, Any]:
    """A credential whose proof makes the verifier canonicalise it."""
    return {
        **credential(**changes),
        "proof": {
            "type": "DataIntegrityProof", "cryptosuite": "eddsa-rdfc-2022", "created": moment(),
            "verificationMethod": METHOD, "proofPurpose": "assertionMethod", "proofValue": "z" + "2" * 88,
        },
    }  # fmt: skip


EXAMPLES = {"@vocab": "https://example.org/terms#"}


def _interlinked(count: int) -> dict[str, Any]:
    """Blank nodes that all look the same: each names all the others (the poison of RDF canonicalisation)."""
    names = [f"_:n{number}" for number in range(count)]
    nodes = [{"@id": name, "knows": [{"@id": other} for other in names if other != name]} for name in names]
    return rdf(**{"@context": [V2, EXAMPLES], "credentialSubject": {"id": "did:example:x", "about": nodes}})


def _rings(count: int, size: int) -> dict[str, Any]:
    nodes = [
        {"@id": f"_:r{ring}n{number}", "next": {"@id": f"_:r{ring}n{(number + 1) % size}"}}
        for ring in range(count)
        for number in range(size)
    ]
    return rdf(**{"@context": [V2, EXAMPLES], "credentialSubject": {"id": "did:example:x", "about": nodes}})


def _nested(depth: int) -> Any:
    return {"a": _nested(depth - 1)} if depth else "x"


def _contexts(depth: int) -> dict[str, Any]:
    """A term whose context defines a term whose context defines …"""
    return {"a": {"@id": "https://example.org/a", "@context": _contexts(depth - 1) if depth else {}}}


TERMS = {f"t{number}": f"https://example.org/{number}" for number in range(20_000)}
TRIED = "https://lists.example/asked"
"""Where nothing may be asked."""


def _lists(urls: Iterator[str]) -> list[dict[str, Any]]:
    return [
        {"type": "BitstringStatusListEntry", "statusPurpose": "revocation", "statusListIndex": "5",
         "statusListCredential": url} for url in urls
    ]  # fmt: skip


HOSTILE_HOSTS = (
    "127.0.0.1",
    "localhost",
    "169.254.169.254",
    "10.0.0.1",
    "2130706433",
    "0x7f.1",
    "metadata.google.internal",
)

PRESENTED: dict[str, Callable[[], Any]] = {
    # ── documents that are work ──
    "ten blank nodes that know each other": lambda: _interlinked(10),
    "forty blank nodes that know each other": lambda: _interlinked(40),
    "hundred rings of blank nodes": lambda: _rings(100, 12),
    "twenty thousand blank nodes": lambda: rdf(
        **{"@context": [V2, EXAMPLES], "credentialSubject": {"id": "did:example:x", "about": [{"n": 1}] * 20_000}}
    ),
    "fifty levels": lambda: rdf(**{"@context": [V2, EXAMPLES], "credentialSubject": _nested(50)}),
    "sixty contexts inside each other": lambda: rdf(**{"@context": [V2, _contexts(25)]}),
    "twenty thousand terms": lambda: rdf(**{"@context": [V2, TERMS]}),
    "thousand contexts": lambda: rdf(**{"@context": [V2] * 1000}),
    "a context that is set again at every level": lambda: rdf(
        **{"@context": [V2, EXAMPLES], "credentialSubject": [{"@context": [V2, EXAMPLES, TERMS], "a": 1}] * 3}
    ),
    "sixteen proofs that must all be canonicalised": lambda: {**rdf(), "proof": [rdf()["proof"]] * 16},
    "a thousand proofs": lambda: {**credential(), "proof": [signed(credential())["proof"]] * 1000},
    "a chain of proofs without a beginning": lambda: {
        **credential(),
        "proof": [
            {**signed(credential())["proof"], "id": f"urn:p:{one}", "previousProof": f"urn:p:{1 - one}"}
            for one in (0, 1)
        ],
    },
    # ── contexts that change what is meant ──
    "a context that redefines the issuer": lambda: rdf(**{"@context": [V2, {"issuer": "https://example.org/nobody"}]}),
    "a context that redefines the status": lambda: rdf(
        **{"@context": [V2, {"credentialStatus": None}], "credentialStatus": _lists(iter([TRIED]))}
    ),
    "a context that takes every term away": lambda: rdf(**{"@context": [V2, None]}),
    "a context that makes a prefix of did": lambda: rdf(**{"@context": [V2, {"did": "https://example.org/"}]}),
    "a context that imports another": lambda: rdf(**{"@context": [V2, {"@import": TRIED}]}),
    "a context to be fetched": lambda: rdf(**{"@context": [V2, TRIED]}),
    "a context in a file": lambda: rdf(**{"@context": [V2, "file:///etc/passwd"]}),
    "a context in a data URL": lambda: rdf(**{"@context": [V2, "data:application/ld+json,{}"]}),
    "a context to be fetched in a scoped context": lambda: rdf(
        **{"@context": [V2, {"a": {"@id": "https://example.org/a", "@context": TRIED}}]}
    ),
    "no context": lambda: rdf(**{"@context": None}),
    "the contexts in another order": lambda: rdf(**{"@context": [EXAMPLES, V2]}),
    # ── proofs of somebody else, for something else ──
    "no proof": credential,
    "a proof that is no object": lambda: {**credential(), "proof": "z"},
    "a proof for another purpose": lambda: proof(proofPurpose="authentication"),
    "a proof by another key": lambda: proof(verificationMethod=method_of(OTHER)),
    "a proof by another controller": lambda: signed(credential(issuer=did_key(key_of(OTHER)))),
    "a proof by a key that its controller does not list": lambda: proof(verificationMethod=f"{ISSUER}#z6MkOther"),
    "a proof over other words": lambda: {**signed(credential()), "validFrom": moment(-5)},
    "a proof of another suite": lambda: proof(cryptosuite="ecdsa-jcs-2019"),
    "a proof of no suite": lambda: proof(cryptosuite=None),
    "a proof of a suite that is none": lambda: proof(cryptosuite="none"),
    "a proof without a value": lambda: proof(proofValue=None),
    "a proof whose value is long": lambda: proof(proofValue="z" + "2" * 500_000),
    "a proof that expired": lambda: proof(expires=moment(-1)),
    "a proof made tomorrow": lambda: proof(created="2999-01-01T00:00:00Z"),
    "a key of small order": lambda: signed_by_nobody(),
    **{
        f"an issuer at {host}": (
            lambda host=host: proof(verificationMethod=f"did:web:{host}#1")  # type: ignore[misc]
        )
        for host in HOSTILE_HOSTS
    },
    **{
        f"an issuer at https://{host}": (
            lambda host=host: {**proof(verificationMethod=f"https://{host}/#1"), "issuer": f"https://{host}/"}  # type: ignore[misc]
        )
        for host in HOSTILE_HOSTS
    },
    "a did:jwk that is long": lambda: proof(verificationMethod="did:jwk:" + "e" * 500_000 + "#0"),
    "a did:jwk with a private key": lambda: proof(
        verificationMethod="did:jwk:"
        + base64url.encode(json.dumps({**key_of(SIGNER).jwk(), "d": "AA"}).encode())
        + "#0"
    ),
    # ── envelopes ──
    "no algorithm": lambda: jws(alg="none", signature=""),
    "no algorithm, shouted": lambda: jws(alg="NONE", signature=""),
    "a secret key's algorithm": lambda: jws(alg="HS256"),
    "another curve's algorithm": lambda: jws(alg="ES256"),
    "a key that the envelope brings along": lambda: jws(kid=None, jwk=key_of(SIGNER).jwk()),
    "a key to be fetched": lambda: jws(kid=None, jku=TRIED),
    "a certificate to be fetched": lambda: jws(kid=None, x5u=TRIED),
    "an extension that must be understood": lambda: jws(crit=["exp"], exp=1),
    "an unencoded payload": lambda: jws(b64=False, crit=["b64"]),
    "an envelope made to be a presentation": lambda: jws(typ="vp+jwt"),
    "a signature that is none": lambda: jws(signature="AA"),
    "an envelope of somebody else's credential": lambda: jws(credential(issuer=did_key(key_of(OTHER)))),
    "an envelope in an envelope": lambda: jws({**jws(), "issuer": ISSUER}),
    "an envelope that is a page": lambda: enveloped("data:text/html,<script>"),
    "an envelope to be fetched": lambda: enveloped(TRIED),
    "an envelope in a file": lambda: enveloped("file:///etc/passwd"),
    "an envelope of CBOR that nests": lambda: enveloped(
        "data:application/vc+cose;base64," + base64.b64encode(b"\x81" * 100_000).decode()
    ),
    "an envelope of CBOR that promises much": lambda: enveloped(
        "data:application/vc+cose;base64," + base64.b64encode(b"\xd2\x84\x5a\xff\xff\xff\xff").decode()
    ),
    # ── status ──
    "a status type that nobody knows": lambda: signed(
        credential(credentialStatus={"type": "NeverRevoked", "id": TRIED})
    ),
    "an index that is none": lambda: signed(
        credential(credentialStatus={**_lists(iter(["https://issuer.example/"]))[0], "statusListIndex": "-1"})
    ),
    "five thousand lists": lambda: signed(
        credential(credentialStatus=_lists(f"{TRIED}/{number}" for number in range(5000)))
    ),
    # ── what is no credential ──
    "a list": list,
    "a number": lambda: 7,
    "nothing": lambda: None,
    "an empty object": dict,
    "a text": lambda: "x" * 1000,
    "a presentation": lambda: {"@context": [V2], "type": "VerifiablePresentation"},
}
"""Named by what is wrong with each; in JSON it is the `verifiableCredential` of a request."""


def signed_by_nobody() -> dict[str, Any]:
    """An Ed25519 key of small order fits a signature to every message."""
    weak = "did:key:z" + _base58(b"\xed\x01" + b"\x01" + bytes(31))
    document = signed(credential(issuer=weak), method=f"{weak}#{weak.removeprefix('did:key:')}")
    return {**document, "proof": {**document["proof"], "proofValue": "z" + _base58(b"\x01" + bytes(63))}}


def _base58(content: bytes) -> str:
    return base58.b58encode(content).decode()


NEVER_FETCHED = {
    "schema": {"credentialSchema": {"id": TRIED, "type": "JsonSchema"}},
    "evidence": {"evidence": {"id": TRIED, "type": "Evidence"}},
    "terms of use": {"termsOfUse": {"id": TRIED, "type": "IssuerPolicy"}},
    "refresh service": {"refreshService": {"id": TRIED, "type": "Refresh"}},
    "render method": {"renderMethod": {"id": TRIED, "type": "SvgRenderingTemplate"}},
    "related resource": {
        "relatedResource": {"id": TRIED, "digestSRI": "sha256-" + base64.b64encode(bytes(32)).decode()}
    },
    "subject": {"credentialSubject": {"id": TRIED}},
}
"""What a well-signed credential may name, and no verifier asks for."""

RAW: dict[str, bytes] = {
    "deep JSON": b'{"verifiableCredential":' * 5000 + b"{}" + b"}" * 5000,
    "deep arrays": b"[" * 500_000,
    "a million empty objects": b'{"verifiableCredential":[' + b"{}," * 300_000 + b"{}]}",
    "a key twice": b'{"verifiableCredential":{},"verifiableCredential":{}}',
    "a number beyond": b'{"verifiableCredential":{"a":1e999}}',
    "half a surrogate": b'{"verifiableCredential":{"a":"\\ud800"}}',
    "a NUL": b'{"verifiableCredential":{"a":"\\u0000"}}',
    "no JSON": b"\xff\xfe",
    "no body": b"",
}
"""Bodies that are refused before there is anything to verify."""
