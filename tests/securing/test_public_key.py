"""Keys in every form, against published ones; and what is no key."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OKPKey, RSAKey

from registry.errors import Malformed
from registry.securing import base58, base64url
from registry.securing.public_key import RSA, PublicKey
from tests.securing.signers import SIGNERS, AnySigner, key_of

# RFC 8037, appendix A.2; RFC 7517, appendix A.1 (both keys)
PUBLISHED = [
    {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    {
        "kty": "EC",
        "crv": "P-256",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    },
    {
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiF"
        "V4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0z"
        "gdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCu"
        "r-kEgU8awapJzKnqDKgw",
        "e": "AQAB",
    },
]
RSA_KEY = rsa.generate_private_key(65537, 2048)
RSA_PUBLIC = PublicKey(RSA, RSA_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


@pytest.mark.parametrize("jwk", PUBLISHED, ids=lambda jwk: jwk["kty"])
def test_published_jwks_come_back(jwk: dict[str, str]) -> None:
    assert PublicKey.from_jwk({**jwk, "kid": "1", "alg": "any", "use": "sig", "key_ops": ["verify"]}).jwk() == jwk


@pytest.mark.parametrize("algorithm", SIGNERS)
def test_a_key_comes_back_from_each_of_its_forms(algorithm: str) -> None:
    key = key_of(SIGNERS[algorithm])
    assert PublicKey.from_multikey(key.multikey()) == PublicKey.from_jwk(key.jwk()) == key
    assert key.multikey().startswith({"Ed25519": "z6Mk", "P-256": "zDn", "P-384": "z82"}[algorithm])


@pytest.mark.parametrize("algorithm", SIGNERS)
def test_joserfc_reads_the_jwks(algorithm: str) -> None:
    jwk = key_of(SIGNERS[algorithm]).jwk()
    imported = OKPKey.import_key(jwk) if algorithm == "Ed25519" else ECKey.import_key(jwk)
    assert imported.as_dict(private=False).items() >= jwk.items()
    assert RSAKey.import_key(RSA_PUBLIC.jwk()).as_dict(private=False).items() >= RSA_PUBLIC.jwk().items()


@pytest.mark.parametrize("algorithm", SIGNERS)
def test_a_signature_is_the_keys_own_and_of_that_message(algorithm: str) -> None:
    signer = SIGNERS[algorithm]
    signature = signer.sign(b"message")
    assert key_of(signer).verify(b"message", signature)
    assert not key_of(signer).verify(b"massage", signature)
    others: list[AnySigner] = [other for name, other in SIGNERS.items() if name != algorithm]
    assert not any(key_of(other).verify(b"message", signature) for other in others)


@given(st.sampled_from(sorted(SIGNERS)), st.binary(max_size=200))
def test_arbitrary_bytes_are_no_signature(algorithm: str, signature: bytes) -> None:
    assert key_of(SIGNERS[algorithm]).verify(b"message", signature) is False


@given(st.binary(max_size=300) | st.binary(min_size=256, max_size=256))
def test_arbitrary_bytes_are_no_rsa_signature(signature: bytes) -> None:
    assert RSA_PUBLIC.verify(b"message", signature) is False


def test_an_rsa_exponent_that_makes_checking_slow_is_refused() -> None:
    numbers = RSA_KEY.public_key().public_numbers()
    slow = rsa.RSAPublicNumbers(2**2000 + 1, numbers.n).public_key()
    with pytest.raises(Malformed):
        PublicKey(RSA, slow.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


@pytest.mark.parametrize("algorithm", ["P-256", "P-384"])
def test_an_ecdsa_signature_has_one_length(algorithm: str) -> None:
    """Zeros in front, or r and s of zero, make no second spelling."""
    signer = SIGNERS[algorithm]
    signature, half = signer.sign(b"message"), len(signer.sign(b"message")) // 2
    longer = b"\0" + signature[:half] + b"\0" + signature[half:]
    for other in (longer, signature + b"\0", signature[:-1], bytes(2 * half), b""):
        assert not key_of(signer).verify(b"message", other)


def test_rsa_keys_verify_and_have_no_multikey() -> None:
    signature = RSA_KEY.sign(b"message", padding.PKCS1v15(), hashes.SHA256())
    assert RSA_PUBLIC.verify(b"message", signature)
    assert not RSA_PUBLIC.verify(b"massage", signature)
    assert PublicKey.from_jwk(RSA_PUBLIC.jwk()) == RSA_PUBLIC
    with pytest.raises(ValueError, match="no Multikey"):
        RSA_PUBLIC.multikey()


P = 2**255 - 19
ORDER_8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022


@pytest.mark.parametrize("y", [0, 1, P - 1, P, P + 1, ORDER_8, P - ORDER_8])
@pytest.mark.parametrize("sign", [0, 2**255])
def test_a_key_under_which_one_signature_fits_all_is_refused(y: int, sign: int) -> None:
    with pytest.raises(Malformed, match="small order"):
        PublicKey("Ed25519", (y + sign).to_bytes(32, "little"))


@pytest.mark.parametrize(
    ("algorithm", "raw"),
    [
        ("Ed25519", b""),
        ("Ed25519", bytes([1]) * 31),
        ("Ed25519", bytes([1]) * 33),
        ("P-256", b"\x02" + b"\xff" * 32),
        ("P-256", b"\x05" + b"\x01" * 32),
        ("P-256", b"\x04" + b"\x01" * 64),
        ("P-256", key_of(SIGNERS["P-384"]).raw),
        ("P-384", b"\x00" * 49),
        ("RSA", b"0"),
        ("RSA", bytes(5000)),
        ("secp256k1", b"\x02" + b"\x01" * 32),
    ],
)
def test_bytes_that_are_no_such_key_are_refused(algorithm: str, raw: bytes) -> None:
    with pytest.raises(Malformed):
        PublicKey(algorithm, raw)


def test_rsa_keys_that_are_too_small_or_no_rsa_are_refused() -> None:
    small = rsa.generate_private_key(65537, 1024).public_key()
    with pytest.raises(Malformed):
        PublicKey(RSA, small.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    other = SIGNERS["P-256"].private.public_key()
    with pytest.raises(Malformed):
        PublicKey(RSA, other.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


ED, EC, RSA_JWK = PUBLISHED


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        {"kty": "oct", "k": "AAAA"},
        {**ED, "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"},
        {**ED, "use": "enc"},
        {**ED, "key_ops": ["sign"]},
        {**ED, "key_ops": "verify"},
        {**ED, "crv": "X25519"},
        {**ED, "crv": ["Ed25519"]},
        {**ED, "x": ED["x"] + "="},
        {**ED, "x": ED["x"][:-1] + "p"},  # the same bytes, spelled otherwise
        {**ED, "x": ED["x"][:-1]},
        {**ED, "x": 7},
        {**EC, "y": EC["x"]},
        {**EC, "x": "AA" + EC["x"]},
        {**EC, "crv": "P-384"},
        {**EC, "crv": "secp256k1"},
        {**RSA_JWK, "n": "AQAB"},
        {**RSA_JWK, "e": "AQ"},
        {**RSA_JWK, "n": "A" * 9999},
        {"kty": ["EC"], "crv": {}},
    ],
)
def test_a_jwk_that_is_no_public_signing_key_is_refused(jwk: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        PublicKey.from_jwk(jwk)


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=6) | st.sampled_from(["EC", "OKP", "RSA", "P-256", "Ed25519"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
)


@given(st.dictionaries(st.sampled_from(["kty", "crv", "x", "y", "n", "e", "use", "key_ops"]), JSON))
def test_hostile_jwks_are_refused_in_our_words(jwk: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        PublicKey.from_jwk(jwk)


@given(JSON | st.text().map(lambda text: f"z{text}"))
def test_hostile_multikeys_are_refused_in_our_words(text: Any) -> None:
    with pytest.raises(Malformed):
        PublicKey.from_multikey(text)


@given(st.binary(max_size=120))
def test_base64url_is_the_standard_librarys_without_padding(content: bytes) -> None:
    text = base64url.encode(content)
    assert text == base64.urlsafe_b64encode(content).decode().rstrip("=")
    assert base64url.decode(text, "it") == content


@given(st.text(alphabet="ABgw_-+/= \n", max_size=8))
def test_base64url_has_one_spelling(text: str) -> None:
    try:
        content = base64url.decode(text, "it")
    except Malformed:
        return
    assert base64url.encode(content) == text


# draft-msporny-base58, section 5
@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", ""),
        (b"Hello World!", "2NEpo7TZRRrLZSi2U"),
        (
            b"The quick brown fox jumps over the lazy dog.",
            "USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z",
        ),
        (bytes.fromhex("0000287fb4cd"), "11233QC4"),
    ],
)
def test_the_drafts_base58_comes_out(content: bytes, text: str) -> None:
    assert base58.encode(content) == text
    assert base58.decode(text) == content


@given(st.binary(max_size=100))
def test_base58_comes_back(content: bytes) -> None:
    assert base58.decode(base58.encode(content)) == content


@given(st.text(alphabet="123abcXYZ", max_size=20))
def test_base58_has_one_spelling(text: str) -> None:
    assert base58.encode(base58.decode(text)) == text


@pytest.mark.parametrize("text", ["0", "O", "I", "l", "é", " ", "1\n", "²"])
def test_what_is_no_base58_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        base58.decode(text)
