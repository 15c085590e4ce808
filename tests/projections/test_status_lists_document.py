"""The list credential's template against the general path: PyLD expands, pyoxigraph canonicalises."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pyoxigraph
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyld import jsonld
from pyld.documentloader.frozen import FrozenDocumentLoader

from projections.status_lists import encoded_list
from projections.status_lists.document import ListCredential
from registry.errors import Malformed

NOW = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
LIST = ListCredential(
    url="https://registry.example/status-lists/0b0e1b8c-1111-4222-8333-444455556666",
    issuer="did:web:registry.example:issuers:state-college",
    purpose="revocation",
    encoded_list=encoded_list.encode(encoded_list.bits([1, 77], 131_072)),
    valid_from=NOW,
    valid_until=NOW + timedelta(hours=12),
    ttl_ms=60_000,
)


def general_path(document: dict[str, Any]) -> str:
    """The canonical N-Quads of *document* as anybody else computes them."""
    options = {"documentLoader": FrozenDocumentLoader(), "base": None, "format": "application/n-quads"}
    quads = pyoxigraph.parse(jsonld.to_rdf(document, options).encode(), format=pyoxigraph.RdfFormat.N_QUADS)
    dataset = pyoxigraph.Dataset(quads)
    dataset.canonicalize(pyoxigraph.CanonicalizationAlgorithm.RDFC_1_0)
    return "".join(sorted(f"{quad} .\n" for quad in dataset))


@settings(max_examples=20, deadline=None)
@given(
    host=st.from_regex(r"[a-z0-9]([a-z0-9\-]{0,20}[a-z0-9])?\.[a-z]{2,10}(:[1-9][0-9]{0,4})?", fullmatch=True),
    issuer=st.sampled_from(["did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK", "did:web:x.example%3A8080"]),
    purpose=st.sampled_from(["revocation", "suspension", "refresh"]),
    indices=st.sets(st.integers(0, 131_071), max_size=200),
    hours=st.integers(1, 24),
    ttl_ms=st.integers(0, 86_400_000),
)
def test_the_template_equals_the_general_path(
    host: str, issuer: str, purpose: str, indices: set[int], hours: int, ttl_ms: int
) -> None:
    credential = ListCredential(
        url=f"https://{host}/status-lists/1",
        issuer=issuer,
        purpose=purpose,
        encoded_list=encoded_list.encode(encoded_list.bits(indices, 131_072)),
        valid_from=NOW,
        valid_until=NOW + timedelta(hours=hours),
        ttl_ms=ttl_ms,
    )
    assert general_path(credential.document()) == credential.canonical()


MESSAGE = replace(
    LIST,
    purpose="message",
    status_size=2,
    messages=tuple((f"{value:#x}", text) for value, text in enumerate(("pending", "geprüft 学", "it's", "{x} 🎓"))),
    reference=("https://college.example/messages",),
)


@pytest.mark.parametrize("bits", [1, 2, 5])
@pytest.mark.parametrize("references", [0, 1, 2])
def test_the_template_of_a_message_list_equals_the_general_path(bits: int, references: int) -> None:
    """Every member has a meaning: what JSON-LD would drop, the general path would not show."""
    credential = replace(
        MESSAGE,
        status_size=bits,
        messages=tuple((f"{value:#x}", f"message {value} é") for value in range(1 << bits)),
        reference=tuple(f"https://college.example/{n}" for n in range(references)),
    )
    canonical = credential.canonical()
    assert general_path(credential.document()) == canonical
    assert "_:" not in canonical
    assert len(canonical.splitlines()) == 11 + references + 3 * (1 << bits)


def test_a_message_list_says_its_size_and_messages_as_the_specification_names_them() -> None:
    subject = MESSAGE.document()["credentialSubject"]
    assert isinstance(subject, dict)
    assert (subject["statusPurpose"], subject["statusSize"]) == ("message", 2)
    assert [(one["status"], one["message"]) for one in subject["statusMessages"]] == list(MESSAGE.messages)
    assert subject["statusReference"] == ["https://college.example/messages"]


def test_the_document_says_what_verifiers_demand() -> None:
    assert LIST.document() == {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "id": LIST.url,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": LIST.issuer,
        "validFrom": "2026-02-03T04:05:06Z",
        "validUntil": "2026-02-03T16:05:06Z",
        "credentialSubject": {
            "id": f"{LIST.url}#list",
            "type": "BitstringStatusList",
            "statusPurpose": "revocation",
            "encodedList": LIST.encoded_list,
            "ttl": 60_000,
        },
    }


def test_times_are_told_in_utc() -> None:
    east = replace(LIST, valid_from=NOW.astimezone(timezone(timedelta(hours=5, minutes=30))))
    assert LIST.document() == east.document()


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "https://registry.example/status-lists/1?a=1&b=2"},
        {"url": "https://registry.example/status-lists/1#list"},
        {"url": "https://registry.example/a b"},
        {"url": 'https://registry.example/"'},
        {"url": "https://registry.example/<x>"},
        {"url": "https://registry.example/\n"},
        {"url": "https://registry.example/\\u0041"},
        {"url": "/status-lists/1"},
        {"url": "urn:uuid:0b0e1b8c-1111-4222-8333-444455556666"},
        {"issuer": "did:web:x&y"},
        {"issuer": "name:somebody"},
        {"issuer": "_:b0"},
        {"issuer": "state-college"},
        {"purpose": 'revocation" .'},
        {"purpose": ""},
        {"purpose": "revocation&amp;"},
        {"encoded_list": "zABC"},
        {"encoded_list": 'uABC"'},
        {"encoded_list": "u"},
        {"ttl_ms": -1},
        {"messages": (("0x0", "a"),)},
        {"messages": (("0x1", "a"), ("0x0", "b"))},
        {"messages": (("0x0", "a"), ("0x1", 'b"'))},
        {"messages": (("0x0", "a"), ("0x1", "&lt;"))},
        {"messages": (("0x0", "a"), ("0x1", "b")), "reference": ("x y",)},
    ],
    ids=str,
)
def test_a_value_that_would_need_escaping_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="would need escaping"):
        replace(LIST, **wrong)
