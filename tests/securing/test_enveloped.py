"""JWS and COSE_Sign1 around credentials and status lists: ours read by others, others' read by us, and the hostile."""

from __future__ import annotations

import hashlib
import json
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import cbor2
import jwt as pyjwt
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws as joserfc_jws
from joserfc.jwk import ECKey, OKPKey, import_key

from registry.domain.mechanisms import Mechanism
from registry.errors import Malformed
from registry.securing import base64url, cose, status_token
from registry.securing.enveloped import MEDIA_TYPES, Envelope, open_data_url, open_envelope
from registry.securing.public_key import PublicKey
from registry.securing.status_token import StatusToken, token_of
from tests.securing.signers import SIGNERS, AnySigner, key_of, method_of
from tests.securing.test_proofs import SMALL, with_bit_flipped
from tests.securing.test_public_key import RSA_KEY, RSA_PUBLIC
from tests.securing.verifying import secured

ALGS = {"Ed25519": "EdDSA", "P-256": "ES256", "P-384": "ES384"}
ENVELOPES = (Mechanism.VC_JWT, Mechanism.VC_COSE)
TOKEN = StatusToken(
    sub="https://registry.example/status-lists/1",
    iat=1_750_000_000,
    bits=2,
    lst=b"x\xda\x03\0\0\0\0\x01",
    exp=1_750_043_200,
    ttl=60,
    aggregation_uri="https://registry.example/issuers/a/status-lists",
)


def sealed(form: str, algorithm: str) -> bytes:
    """One envelope of each form."""
    signer = SIGNERS[algorithm]
    if form == status_token.JWT_TYPE:
        return status_token.jwt(TOKEN, signer=signer, key_id=method_of(signer)).encode()
    if form == status_token.CWT_TYPE:
        return status_token.cwt(TOKEN, signer=signer, key_id=method_of(signer))
    return secured(SMALL, Mechanism(form), signer).content


FORMS = ("vc+jwt", "vc+cose", status_token.JWT_TYPE, status_token.CWT_TYPE)
SEALED = {(form, algorithm): sealed(form, algorithm) for form in FORMS for algorithm in SIGNERS}


@pytest.mark.parametrize(("form", "algorithm"), SEALED)
def test_an_envelope_opens_and_verifies_by_its_key_alone(form: str, algorithm: str) -> None:
    content, signer = SEALED[form, algorithm], SIGNERS[algorithm]
    for media_type in (form, f"application/{form}", f"Application/{form.upper()}; charset=utf-8"):
        envelope = open_envelope(content, media_type)
        assert envelope.mechanism == form
        assert envelope.key_id == method_of(signer)
        assert [name for name, other in SIGNERS.items() if envelope.verify(key_of(other))] == [algorithm]
        assert not envelope.verify(RSA_PUBLIC)
        if form.startswith("vc"):
            assert envelope.document == SMALL
        else:
            assert token_of(envelope.document) == TOKEN
    assert SEALED[form, algorithm] == sealed(form, algorithm)


@pytest.mark.parametrize("algorithm", SIGNERS)
@pytest.mark.parametrize("mechanism", ENVELOPES)
def test_an_envelope_travels_as_a_data_url(mechanism: Mechanism, algorithm: str) -> None:
    made = secured(SMALL, mechanism, SIGNERS[algorithm])
    assert made.is_enveloped
    url = made.data_url()
    assert url.startswith(f"data:application/{mechanism}")
    assert open_data_url(url).document == SMALL
    head, _, body = url.partition(",")
    assert open_data_url(f"{head},{body.rstrip('=').replace('/', '_').replace('+', '-')}").document == SMALL


@pytest.mark.parametrize("url", ["", "data:", "data:application/vc+jwt", "https://x", "data:,x", "data:text/plain,x"])
@pytest.mark.parametrize("prefix", ["", " ", "x"])
def test_other_urls_hold_no_envelope(url: str, prefix: str) -> None:
    with pytest.raises(Malformed):
        open_data_url(prefix + url)


# ── other libraries ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("algorithm", SIGNERS)
@pytest.mark.parametrize("form", ["vc+jwt", status_token.JWT_TYPE])
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # wallets know no other name for it yet
def test_joserfc_and_pyjwt_verify_our_jws(form: str, algorithm: str) -> None:
    token, jwk = SEALED[form, algorithm].decode(), key_of(SIGNERS[algorithm]).jwk()
    theirs = joserfc_jws.deserialize_compact(token, import_key(jwk), algorithms=[ALGS[algorithm]])
    assert theirs.headers() == {
        "alg": ALGS[algorithm],
        "typ": form,
        **({"cty": "vc"} if form == "vc+jwt" else {}),
        "kid": method_of(SIGNERS[algorithm]),
    }
    options = {"verify_exp": False, "verify_iat": False, "verify_sub": False}
    claims = pyjwt.decode(token, pyjwt.PyJWK(jwk).key, algorithms=[ALGS[algorithm]], options=options)
    assert orjson.loads(theirs.payload) == claims
    with pytest.raises(pyjwt.InvalidSignatureError):
        pyjwt.decode(token[:-4] + "AAAA", pyjwt.PyJWK(jwk).key, algorithms=[ALGS[algorithm]], options=options)


@pytest.mark.parametrize("algorithm", SIGNERS)
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_we_verify_the_jws_of_joserfc(algorithm: str) -> None:
    key = OKPKey.generate_key("Ed25519") if algorithm == "Ed25519" else ECKey.generate_key(algorithm)
    header = {"alg": ALGS[algorithm], "typ": "vc+jwt", "kid": "did:web:a.example#1"}
    token = joserfc_jws.serialize_compact(header, json.dumps(SMALL), key, algorithms=[ALGS[algorithm]])
    envelope = open_envelope(token, "vc+jwt")
    assert envelope.document == SMALL
    assert envelope.verify(PublicKey.from_jwk(key.as_dict(private=False)))


def test_rs256_verifies() -> None:
    token = pyjwt.encode(SMALL, RSA_KEY, algorithm="RS256", headers={"typ": "vc+jwt", "kid": "did:web:a.example#1"})
    envelope = open_envelope(token, "vc+jwt")
    assert envelope.verify(RSA_PUBLIC)
    assert not open_envelope(token[:-2] + ("AA" if token[-2:] != "AA" else "BA"), "vc+jwt").verify(RSA_PUBLIC)


def test_the_recommendations_examples_open(shared_dir: Path) -> None:
    """Bitstring Status List 1.0 prints them without a key, so what can be seen is what is in them."""
    examples = json.loads((shared_dir / "vectors" / "bsl_rec_examples.json").read_text())
    opened = [open_envelope(text, "vc+jwt") for text in examples["jose_examples"]]
    opened += [open_envelope(bytes.fromhex(text), "vc+cose") for text in examples["cose_examples_hex"]]
    assert {envelope.document["type"][-1] for envelope in opened} >= {"BitstringStatusListCredential"}
    assert not any(envelope.verify(key_of(signer)) for envelope in opened for signer in SIGNERS.values())


# ── what a status list token looks like on the wire ──────────────────────────────────────────────────────────


def test_a_token_as_jwt_has_the_claims_of_the_specification() -> None:
    header, payload, _ = SEALED[status_token.JWT_TYPE, "P-256"].decode().split(".")
    assert json.loads(base64url.decode(header, "")) == {
        "alg": "ES256",
        "typ": "statuslist+jwt",
        "kid": method_of(SIGNERS["P-256"]),
    }
    assert json.loads(base64url.decode(payload, "")) == {
        "sub": TOKEN.sub,
        "iat": TOKEN.iat,
        "exp": TOKEN.exp,
        "ttl": 60,
        "status_list": {"bits": 2, "lst": base64url.encode(TOKEN.lst), "aggregation_uri": TOKEN.aggregation_uri},
    }


def test_a_token_as_cwt_has_the_claims_of_the_specification() -> None:
    content = SEALED[status_token.CWT_TYPE, "P-256"]
    assert content[:1] == b"\xd2"  # tag 18, and no tag 61 around it
    message = cbor2.loads(content)
    protected, unprotected, payload, signature = message.value
    assert message.tag == 18
    assert cbor2.loads(protected) == {1: -7, 4: method_of(SIGNERS["P-256"]).encode(), 16: "application/statuslist+cwt"}
    assert unprotected == {}
    assert len(signature) == 64
    assert cbor2.loads(payload) == {
        2: TOKEN.sub,
        6: TOKEN.iat,
        4: TOKEN.exp,
        65534: 60,
        65533: {"bits": 2, "lst": TOKEN.lst, "aggregation_uri": TOKEN.aggregation_uri},
    }


@pytest.mark.parametrize("name", ["tsl_section4", "tsl_appendix_vectors"])
def test_the_specifications_lists_are_read_in_both_forms(shared_dir: Path, name: str) -> None:
    for vector in json.loads((shared_dir / "vectors" / f"{name}.json").read_text())["vectors"]:
        as_json = token_of(claims(status_list=vector["json"]))
        as_cbor = token_of(claims(status_list=cose.decode(bytes.fromhex(vector["cbor_hex"]), "It")))
        assert as_json.bits == as_cbor.bits == vector["bits"]
        assert as_json.lst == as_cbor.lst
        content = zlib.decompress(as_json.lst)
        if "byte_array_hex" in vector:
            assert content.hex() == vector["byte_array_hex"]
        else:
            assert hashlib.sha256(content).hexdigest() == vector["raw_sha256"]


def test_a_credential_as_cose_says_what_it_is() -> None:
    protected, _, payload, _ = cbor2.loads(SEALED["vc+cose", "P-384"]).value
    assert cbor2.loads(protected) == {
        1: -35,
        3: "application/vc",
        4: method_of(SIGNERS["P-384"]).encode(),
        16: "application/vc+cose",
    }
    assert json.loads(payload) == SMALL


def claims(**members: Any) -> dict[str, Any]:
    standard = {"sub": "s", "iat": 1, "status_list": {"bits": 1, "lst": "AAAA"}}
    return {name: value for name, value in (standard | members).items() if value is not None}


def test_what_is_optional_in_a_token_may_be_missing() -> None:
    token = token_of(claims(iat=1.5, iss="ignored"))
    assert token == StatusToken(sub="s", iat=1, bits=1, lst=b"\0\0\0")


@pytest.mark.parametrize(
    "wrong",
    [
        {"sub": None},
        {"sub": 7},
        {"sub": ""},
        {"iat": None},
        {"iat": "1"},
        {"iat": True},
        {"exp": -1},
        {"exp": float("nan")},
        {"ttl": 0},
        {"ttl": "60"},
        {"ttl": 1e400},
        {"status_list": None},
        {"status_list": []},
        {"status_list": {"bits": 1}},
        {"status_list": {"bits": 3, "lst": ""}},
        {"status_list": {"bits": True, "lst": ""}},
        {"status_list": {"bits": "1", "lst": ""}},
        {"status_list": {"bits": 1.0, "lst": ""}},
        {"status_list": {"bits": 1, "lst": "A"}},
        {"status_list": {"bits": 1, "lst": "AA=="}},
        {"status_list": {"bits": 1, "lst": 7}},
        {"status_list": {"bits": 1, "lst": "", "aggregation_uri": 7}},
    ],
)
def test_a_token_whose_claims_are_wrong_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        token_of(claims(**wrong))


@pytest.mark.parametrize("wrong", [[], 7, "x", {"sub": "s"}])
def test_the_claims_of_a_cwt_are_a_map_with_numbers_for_keys(wrong: Any) -> None:
    with pytest.raises(Malformed):
        token_of(status_token.claims_of_cwt(cbor2.dumps(wrong)))


# ── refused ──────────────────────────────────────────────────────────────────────────────────────────────────

SIGNER = SIGNERS["P-256"]


def jws_of(header: Any, payload: Any = SMALL, signer: AnySigner = SIGNER) -> str:
    contents = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload)]
    parts = [base64url.encode(content) for content in contents]
    return ".".join([*parts, base64url.encode(signer.sign(".".join(parts).encode()))])


GOOD = {"alg": "ES256", "typ": "vc+jwt", "kid": method_of(SIGNER)}


@pytest.mark.parametrize(
    "header",
    [
        {**GOOD, "alg": "none"},
        {**GOOD, "alg": "None"},
        {**GOOD, "alg": "HS256"},
        {**GOOD, "alg": "ES256K"},
        {**GOOD, "alg": ["ES256"]},
        {**GOOD, "alg": None},
        {"typ": "vc+jwt"},
        {**GOOD, "jwk": key_of(SIGNER).jwk()},
        {**GOOD, "jku": "https://evil.example/keys"},
        {**GOOD, "x5c": []},
        {**GOOD, "x5u": "https://evil.example/keys"},
        {**GOOD, "crit": ["b64"], "b64": False},
        {**GOOD, "crit": ["exp"]},
        {**GOOD, "b64": True},
        {**GOOD, "zip": "DEF"},
        {**GOOD, "typ": "vp+jwt"},
        {**GOOD, "typ": "statuslist+jwt"},
        {**GOOD, "typ": 7},
        {**GOOD, "cty": "vp"},
        {**GOOD, "cty": ["vc"]},
        {**GOOD, "kid": 7},
        [],
        b"{",
        b'{"alg":"none","alg":"ES256"}',
        b"\xff",
    ],
)
def test_a_header_that_is_not_accepted(header: Any) -> None:
    with pytest.raises(Malformed):
        open_envelope(jws_of(header), "vc+jwt")


# Open Badges 3.0, section 8.2, has `JWT`
@pytest.mark.parametrize("typ", ["vc+jwt", "application/vc+jwt", "VC+JWT", "JWT", None])
@pytest.mark.parametrize("cty", ["vc", "application/vc", None])
def test_a_header_that_is_accepted(typ: str | None, cty: str | None) -> None:
    header = {name: value for name, value in {**GOOD, "typ": typ, "cty": cty}.items() if value is not None}
    assert open_envelope(jws_of(header), "vc+jwt").verify(key_of(SIGNER))


@pytest.mark.parametrize("payload", [b"", b"[]", b"{", {"vc": SMALL}, {}, b'{"@context":1,"@context":2}', b"\xff", "x"])
def test_a_payload_that_is_no_document(payload: Any) -> None:
    with pytest.raises(Malformed):
        open_envelope(jws_of(GOOD, payload), "vc+jwt")


def test_the_header_chooses_no_key_of_another_kind() -> None:
    """Signed with one algorithm, said to be another: no key verifies it."""
    token = jws_of({**GOOD, "alg": "EdDSA"})
    assert not any(open_envelope(token, "vc+jwt").verify(key_of(other)) for other in SIGNERS.values())


def test_a_status_list_token_must_say_that_it_is_one() -> None:
    header = {"alg": "ES256", "kid": method_of(SIGNER)}
    with pytest.raises(Malformed, match="typ"):
        open_envelope(jws_of(header, claims()), "statuslist+jwt")
    with pytest.raises(Malformed, match="typ"):
        open_envelope(jws_of({**header, "typ": "JWT"}, claims()), "statuslist+jwt")
    assert open_envelope(jws_of({**header, "typ": "statuslist+jwt"}, claims()), "statuslist+jwt").document == claims()


@pytest.mark.parametrize("token", ["", ".", "..", "a.b", "a.b.c.d", "é.é.é", b"\xff", "A" * 9999 + ".."])
def test_what_is_no_jws_is_refused(token: Any) -> None:
    with pytest.raises(Malformed):
        open_envelope(token, "vc+jwt")


def test_a_second_spelling_of_a_jws_is_refused() -> None:
    """The unused bits of base64, padding and spaces are not signed, so they must not be free."""
    token = SEALED["vc+jwt", "Ed25519"].decode()
    head, _, signature = token.rpartition(".")
    assert len(signature) % 4 == 2
    other = signature[:-1] + chr(ord(signature[-1]) + 1)
    for text in (f"{head}.{other}", f"{token}==", f" {token}", f"{token}\n"):
        with pytest.raises(Malformed):
            open_envelope(text, "vc+jwt")


@pytest.mark.parametrize("media_type", ["", "application/json", "vc", "vc+ld+json+jwt", "text/plain; vc+jwt"])
def test_other_media_types_are_no_envelopes(media_type: str) -> None:
    with pytest.raises(Malformed, match="no envelope"):
        open_envelope(b"", media_type)


def sign1_of(protected: Any, unprotected: Any = None, payload: Any = None, tag: int = 18) -> bytes:
    header = protected if isinstance(protected, bytes) else cbor2.dumps(protected)
    content = json.dumps(SMALL).encode() if payload is None else payload
    signature = SIGNER.sign(cbor2.dumps(["Signature1", header, b"", content]))
    return cbor2.dumps(cbor2.CBORTag(tag, [header, {} if unprotected is None else unprotected, content, signature]))


ACCEPTED = {1: -7, 4: method_of(SIGNER).encode(), 16: "application/vc+cose", 3: "application/vc"}


@pytest.mark.parametrize(
    ("protected", "unprotected"),
    [(ACCEPTED, {}), ({1: -9}, {4: method_of(SIGNER).encode()}), ({1: -7, 16: "vc+cose"}, {"x": [1, {}]})],
)
def test_a_cose_header_that_is_accepted(protected: Any, unprotected: Any) -> None:
    envelope = open_envelope(sign1_of(protected, unprotected), "vc+cose")
    assert envelope.verify(key_of(SIGNER))
    assert envelope.key_id in {method_of(SIGNER), None}


@pytest.mark.parametrize(
    ("protected", "unprotected"),
    [
        ({}, {1: -7}),
        (b"", {1: -7}),
        ({1: 5}, {}),
        ({1: None}, {}),
        ({1: "ES256"}, {}),
        ({1: True}, {}),
        ({1: 2**64}, {}),
        ({**ACCEPTED, 2: [1]}, {}),
        (ACCEPTED, {2: [1]}),
        ({**ACCEPTED, 33: b""}, {}),
        (ACCEPTED, {33: b""}),
        (ACCEPTED, {35: "https://evil.example"}),
        (ACCEPTED, {1: -7}),
        (ACCEPTED, {4: b"other"}),
        ({**ACCEPTED, 16: "application/vp+cose"}, {}),
        ({**ACCEPTED, 16: 7}, {}),
        ({**ACCEPTED, 3: 50}, {}),
        ([], {}),
        (ACCEPTED, []),
        (b"\xa2\x01\x26\x01\x26", {}),
        (cbor2.dumps(ACCEPTED) + b"\0", {}),
        (b"\xff", {}),
    ],
)
def test_a_cose_header_that_is_not_accepted(protected: Any, unprotected: Any) -> None:
    with pytest.raises(Malformed):
        open_envelope(sign1_of(protected, unprotected), "vc+cose")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xd2",
        b"\xd2\x80",
        b"\xd2\x84\x40\xa0\x40",
        cbor2.dumps([b"", {}, b"", b""]),
        cbor2.dumps(cbor2.CBORTag(61, cbor2.CBORTag(18, [b"", {}, b"", b""]))),
        sign1_of(ACCEPTED, tag=17),
        sign1_of(ACCEPTED) + b"\0",
        b"\xd8\x12" + sign1_of(ACCEPTED)[1:],
        cbor2.dumps(cbor2.CBORTag(18, [cbor2.dumps(ACCEPTED), {}, None, b""])),
        cbor2.dumps(cbor2.CBORTag(18, [cbor2.dumps(ACCEPTED), {}, "text", b""])),
        b"\xd2\x9b" + b"\xff" * 8,
        b"\xd2" + b"\x81" * 500 + b"\0",
        b"\xd2\x84\x40\xa0\x5b\x7f" + b"\xff" * 7,
    ],
)
def test_what_is_no_cose_sign1_is_refused(content: bytes) -> None:
    with pytest.raises(Malformed):
        open_envelope(content, "vc+cose")


def test_text_is_no_cose() -> None:
    with pytest.raises(Malformed, match="not text"):
        open_envelope("0oRD", "vc+cose")


@pytest.mark.parametrize("tag", [*range(40), 52, 54, 61, 100, 110, 256, 258, 260, 261, 1004, 43000, 55799, 2**32])
@pytest.mark.parametrize("value", [0, "", b"", [], {}, [0, 0]])
def test_no_tag_builds_anything(tag: int, value: Any) -> None:
    with pytest.raises(Malformed):
        cose.decode(cbor2.dumps(cbor2.CBORTag(tag, value)), "It")


def test_an_ed25519_or_p384_alg_may_be_fully_specified() -> None:
    for alg, name in ((-19, "Ed25519"), (-51, "P-384")):
        signer, header = SIGNERS[name], cbor2.dumps({1: alg})
        payload = json.dumps(SMALL).encode()
        signature = signer.sign(cbor2.dumps(["Signature1", header, b"", payload]))
        content = cbor2.dumps(cbor2.CBORTag(18, [header, {}, payload, signature]))
        assert open_envelope(content, "vc+cose").verify(key_of(signer))
    assert open_envelope(jws_of({**GOOD, "alg": "Ed25519"}, signer=SIGNERS["Ed25519"]), "vc+jwt").verify(
        key_of(SIGNERS["Ed25519"])
    )


# ── changed by one bit, or by anything ───────────────────────────────────────────────────────────────────────


@settings(max_examples=300)
@given(way=st.sampled_from(sorted(SEALED)), bit=st.integers(0, 2**20))
def test_a_bit_flipped_anywhere_in_an_envelope_is_noticed(way: tuple[str, str], bit: int) -> None:
    form, algorithm = way
    with suppress(Malformed):
        envelope = open_envelope(with_bit_flipped(SEALED[way], bit), form)
        assert not envelope.verify(key_of(SIGNERS[algorithm]))


CBOR = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=4)
    | st.binary(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.integers(-40, 40) | st.text(max_size=2), inner, max_size=4)
        | st.builds(cbor2.CBORTag, st.integers(0, 70), inner)
    ),
    max_leaves=8,
)
HEADERS = st.dictionaries(st.sampled_from([1, 2, 3, 4, 16, 33, "x"]), CBOR | st.sampled_from([-7, -8]), max_size=4)


@given(content=st.binary(max_size=60) | CBOR.map(cbor2.dumps), form=st.sampled_from(MEDIA_TYPES))
def test_arbitrary_bytes_are_refused_in_our_words(content: bytes, form: str) -> None:
    with pytest.raises(Malformed):
        open_envelope(content, form)


@given(protected=HEADERS | CBOR, unprotected=HEADERS | CBOR, payload=CBOR.map(cbor2.dumps), form=st.sampled_from(FORMS))
def test_hostile_cose_is_refused_in_our_words_or_not_verified(
    protected: Any, unprotected: Any, payload: bytes, form: str
) -> None:
    content = cbor2.dumps(cbor2.CBORTag(18, [cbor2.dumps(protected), unprotected, payload, b"\1" * 64]))
    with suppress(Malformed):
        envelope: Envelope = open_envelope(content, form)
        assert not any(envelope.verify(key_of(signer)) for signer in SIGNERS.values())
        token_of(envelope.document)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["alg", "typ", "cty", "kid", "crit", "jwk", "sub", "iat", "exp", "ttl", "status_list", "bits"])


@settings(max_examples=50)
@given(
    header=st.dictionaries(NAMES, JSON | st.sampled_from(["ES256", "vc+jwt"]), max_size=5),
    payload=st.dictionaries(NAMES, JSON, max_size=6),
    form=st.sampled_from(FORMS),
)
def test_hostile_jws_is_refused_in_our_words(header: Any, payload: Any, form: str) -> None:
    with pytest.raises(Malformed):
        token_of(open_envelope(jws_of(header, payload), form).document)


@settings(max_examples=50)
@given(payload=st.dictionaries(NAMES, JSON, max_size=6), lst=JSON, bits=JSON)
def test_hostile_claims_are_refused_in_our_words(payload: Any, lst: Any, bits: Any) -> None:
    with suppress(Malformed):
        token_of({**payload, "status_list": {"lst": lst, "bits": bits}})
