"""Names: what may be one, and that different things never share a stream."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import NamedNode

from registry.domain import names
from registry.domain.names import CredentialId, IssuerId, Slug
from registry.errors import Malformed
from tests.domain.facts import ISSUER

OTHER = IssuerId(UUID(int=2))


@pytest.mark.parametrize("text", ["a", "main", "us-co-2", "a-", "a" * 32])
def test_a_log_name_is_short_and_plain(text: str) -> None:
    assert names.log_name(text) == text


@pytest.mark.parametrize("text", ["", "1a", "-a", "Main", "a_b", "a b", "a.b", "a\n", "ä", "a" * 33, "a:1", "a\x00"])
def test_no_other_text_is_a_log_name(text: str) -> None:
    with pytest.raises(Malformed, match="no log name"):
        names.log_name(text)


@pytest.mark.parametrize("text", ["ab", "0a", "state-college", "a--b", "a" * 64])
def test_a_slug_is_short_and_plain(text: str) -> None:
    assert names.slug(text) == text


@pytest.mark.parametrize(
    "text", ["", "a", "-ab", "ab-", "State", "a_b", "a/b", "a b", "ab\n", "é" * 3, "a" * 65, "a.b", "a%2Fb", "٣٣"]
)
def test_no_other_text_is_a_slug(text: str) -> None:
    with pytest.raises(Malformed, match="no slug"):
        names.slug(text)


def test_a_refused_slug_is_not_repeated_at_any_length() -> None:
    with pytest.raises(Malformed) as refusal:
        names.slug("A" * 10_000)
    assert len(refusal.value.detail) < 300


GOOD_IDS = [
    "urn:uuid:40000000-0000-4000-8000-000000000001",
    "https://college.example/credentials/42",
    "https://college.example/credentials/42?year=2026&part=1#degree",
    "https://user:secret@college.example:8443/%2F%20",
    "https://hochschule.example/zeugnis/größe/学位/🎓",
    "did:web:registry.example:issuers:state-college",
    "a:b",
    "x-my+scheme.1:anything",
    "urn:a:'(),;!*$&=@~",
    "https://[2001:db8::7]:8443/c=GB?objectClass?one",
    "https://college.example",
    "a:?",
    "a:#",
    "tag:../../etc/passwd",
    "https://college.example/';DROP%20TABLE%20credentials;--",
]


@pytest.mark.parametrize("text", GOOD_IDS)
def test_a_credential_id_is_an_absolute_iri_kept_as_it_is(text: str) -> None:
    assert names.credential_id(text) == text


HOSTILE_IDS = [
    "",
    ":",
    "urn:",
    "no-colon",
    "/relative/path",
    "//college.example/1",
    "1urn:a",
    "ürn:a",
    " urn:a",
    "urn:a ",
    "urn:a\n",
    "urn:a\r\nSet-Cookie:x",
    "urn:a\tb",
    "urn:a\x00b",
    "urn:a\x7fb",
    "urn:a\x85b",
    "urn:a\x9fb",
    "urn:<a>",
    'urn:"a"',
    "urn:{a}",
    "urn:a|b",
    "urn:a\\b",
    "urn:a^b",
    "urn:a`b",
    "urn:\ud800",
    "urn:\udfff\ud800",
    "_:blank node",
    "urn:a%",
    "urn:a%zz",
    "urn:a[0]",
    "urn:a#b#c",
    "urn:a:\ue000",
    "urn:a:\ufdd0",
    "urn:a:\uffff",
    "urn:a:\U0001fffe",
    "urn:a:\U000e0001",
    "https://college.example:https/1",
    "https://a@b@c/1",
    "https://[zz]/1",
    "https://[::1/1",
    "https://[:::]/1",
    "https://[::1]x/1",
]


@pytest.mark.parametrize("text", HOSTILE_IDS)
def test_what_n_quads_would_have_to_escape_is_no_credential_id(text: str) -> None:
    with pytest.raises(Malformed, match="absolute URL or URN"):
        names.credential_id(text)


@pytest.mark.parametrize(("filler", "count"), [("a", 1020), ("é", 510), ("学", 340), ("🎓", 255)])
def test_a_credential_id_has_at_most_1024_bytes_not_characters(filler: str, count: int) -> None:
    text = "urn:" + filler * count
    assert len(text.encode()) == names.CREDENTIAL_ID_MAX_BYTES
    assert names.credential_id(text) == text
    with pytest.raises(Malformed, match="1024 bytes"):
        names.credential_id(text + filler)


ODDITIES = st.lists(
    st.sampled_from(
        ["urn", "a", ":", "//", "/", "?", "#", "@", "[", "]", "::1", "%", "41", "8", ".", "..", "é", "\ue000"]
    )
    | st.characters(),
    max_size=12,
).map("".join)


@settings(max_examples=500)
@given(ODDITIES | ODDITIES.map("https:".__add__))
def test_whatever_is_an_iri_here_is_one_for_the_rdf_library_too(text: str) -> None:
    """And what it writes into N-Quads is the text itself, unescaped; its bytes can be hashed."""
    if names.is_absolute_iri(text):
        assert str(NamedNode(text)) == f"<{text}>"
        assert text.encode().decode() == text


# ── streams ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_two_issuers_may_use_the_same_credential_id() -> None:
    one = CredentialId("urn:a:1")
    assert names.credential_stream(ISSUER, one) != names.credential_stream(OTHER, one)


def test_a_credentials_stream_is_its_issuer_and_the_digest_of_its_id() -> None:
    """Stored in every event: it may never change."""
    assert names.credential_stream(ISSUER, CredentialId("urn:a:1")) == (
        "credential/10000000-0000-4000-8000-000000000001/"
        "4231ca525331d4e83bacb92eda64e40a0c996b615c4f2aea5962891952a4e49f"
    )


@given(st.sampled_from(GOOD_IDS), st.sampled_from(GOOD_IDS))
def test_ids_that_differ_have_streams_that_differ(one: str, other: str) -> None:
    streams = {names.credential_stream(ISSUER, CredentialId(text)) for text in (one, other)}
    assert len(streams) == len({one, other})


def test_the_other_streams_are_named_after_what_they_hold() -> None:
    """Stored in every event: they may never change."""
    assert [
        names.LOG_STREAM,
        names.issuer_stream(ISSUER),
        names.lists_stream(ISSUER),
        names.slug_stream(Slug("state-college")),
        names.api_keys_stream(ISSUER),
        names.api_keys_stream(None),
    ] == [
        "log",
        "issuer/10000000-0000-4000-8000-000000000001",
        "status-lists/10000000-0000-4000-8000-000000000001",
        "slug/state-college",
        "api-keys/10000000-0000-4000-8000-000000000001",
        "api-keys/operator",
    ]
