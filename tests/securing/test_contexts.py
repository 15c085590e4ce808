"""Contexts are pinned, read once, and never fetched."""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path

import pytest

from registry.errors import SettingsRefused, UnknownContext
from registry.securing.contexts import PINNED, Contexts, load_contexts, terms_like_schemes
from tests.securing.conftest import CREDENTIALS_V2, EXAMPLES_V2, write_index

CONTENT = b'{"@context": {"@version": 1.1, "motto": "https://school.example/terms#motto"}}'
URL = "https://school.example/context.json"


def test_every_pinned_context_is_installed_with_its_digest() -> None:
    documents = load_contexts().documents
    assert documents.keys() == PINNED.keys()
    for url, (_, _, digest) in PINNED.items():
        assert hashlib.sha256(documents[url]).hexdigest() == digest


def test_credentials_v2_has_the_digest_that_the_recommendation_prints() -> None:
    assert PINNED[CREDENTIALS_V2][2] == "59955ced6697d61e03f2b2556febe5308ab16842846f5b586d7f1f7adec92734"


def test_contexts_travel_to_another_process_whole(contexts: Contexts) -> None:
    assert pickle.loads(pickle.dumps(contexts)) == contexts


def test_an_operator_adds_a_context_with_an_index(tmp_path: Path) -> None:
    contexts = load_contexts(write_index(tmp_path, URL, CONTENT))
    assert contexts.document(URL) == json.loads(CONTENT)


def test_a_document_is_parsed_afresh_so_that_no_user_can_change_it_for_the_next(contexts: Contexts) -> None:
    contexts.document(CREDENTIALS_V2).clear()
    assert contexts.document(CREDENTIALS_V2)


def test_an_unknown_context_is_refused_with_the_way_to_add_it(contexts: Contexts) -> None:
    with pytest.raises(UnknownContext, match=r"REGISTRY_CONTEXTS.*SHA-256.*contexts\.json") as refusal:
        contexts.document(URL)
    assert refusal.value.extra == {"context": URL}


@pytest.mark.parametrize("url", [EXAMPLES_V2 + "/", EXAMPLES_V2.upper(), EXAMPLES_V2.replace("https", "http")])
def test_addresses_are_compared_as_they_are(contexts: Contexts, url: str) -> None:
    with pytest.raises(UnknownContext):
        contexts.document(url)


def test_a_file_with_another_digest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match="digest"):
        load_contexts(write_index(tmp_path, URL, CONTENT, sha256="0" * 64))


def test_an_operator_cannot_replace_a_pinned_context(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match="other bytes"):
        load_contexts(write_index(tmp_path, CREDENTIALS_V2, CONTENT))


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"<html>", b"\xff"])
def test_a_file_that_is_no_context_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(SettingsRefused):
        load_contexts(write_index(tmp_path, URL, content))


@pytest.mark.parametrize("index", ["", "[]", "null", '{"https://a.example": "x"}', '{"https://a.example": {}}'])
def test_an_index_of_another_shape_is_refused(tmp_path: Path, index: str) -> None:
    (tmp_path / "contexts.json").write_text(index)
    with pytest.raises(SettingsRefused, match=r"contexts\.json"):
        load_contexts(tmp_path)


def test_a_digest_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match="64 hexadecimal digits"):
        load_contexts(write_index(tmp_path, URL, CONTENT, sha256="abc"))


def test_a_folder_without_an_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match=r"contexts\.json"):
        load_contexts(tmp_path)


def test_a_context_whose_file_is_missing_is_refused(tmp_path: Path) -> None:
    write_index(tmp_path, URL, CONTENT)
    (tmp_path / "one.json").unlink()
    with pytest.raises(SettingsRefused, match="cannot be read"):
        load_contexts(tmp_path)


def test_a_context_that_would_rewrite_dids_is_refused(tmp_path: Path) -> None:
    content = b'{"@context": [{"Thing": {"@id": "urn:x:y", "@context": {"did": "https://evil.example/"}}}]}'
    with pytest.raises(SettingsRefused, match="'did'"):
        load_contexts(write_index(tmp_path, URL, content))


def test_no_pinned_context_defines_a_scheme_as_a_term() -> None:
    contexts = load_contexts()
    assert not any(terms_like_schemes(contexts.document(url)) for url in contexts.documents)
