"""What is canonicalised, byte for byte, and what is refused because a signature would not cover it."""

from __future__ import annotations

import json
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyld import jsonld

from registry.errors import Malformed, UnknownContext, UnsafeDocument
from registry.securing import rdf
from registry.securing.contexts import Contexts
from registry.securing.rdf import Processor, canonicalise_here
from tests.securing.conftest import CREDENTIALS_V2, OPEN_BADGES

KNOWN_FIXTURES = [
    "1edtech-clr20-simple",
    "1edtech-ob30-complete",
    "1edtech-ob30-endorsement-valid",
    "1edtech-ob30-simple",
    "1edtech-ob30-simple-did-key-method",
    "1edtech-ob30-simple-multiple-proofs",
]
UNKNOWN_FIXTURES = {
    "1edtech-clr20-complex": "https://purl.imsglobal.org/spec/clr/v2p0/context.json",
    "1edtech-ob30-simple-eddsa-2022": "https://w3id.org/security/data-integrity/v1",
}


def fixture(shared_dir: Path, name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((shared_dir / "fixtures" / f"{name}.json").read_text())
    del document["proof"]
    return document


def by_pyld_alone(document: dict[str, Any], contexts: Contexts) -> str:
    """The same through PyLD's own canonicalisation, another implementation than ours."""

    def load(url: str, _: object) -> dict[str, Any]:
        return {"contextUrl": None, "documentUrl": url, "document": contexts.document(url)}

    options = {"algorithm": "URDNA2015", "format": "application/n-quads", "documentLoader": load, "base": None}
    canonical: str = jsonld.normalize(document, options)
    return canonical


def test_the_w3c_vector_comes_out_byte_for_byte(vectors: dict[str, Any], contexts: Contexts) -> None:
    canonical = canonicalise_here(vectors["unsigned.json"], contexts)
    assert canonical == vectors["eddsa-rdfc-2022/canonDocDataInt.txt"]


def test_the_w3c_vector_of_a_proof_configuration_comes_out(vectors: dict[str, Any], contexts: Contexts) -> None:
    canonical = canonicalise_here(vectors["eddsa-rdfc-2022/proofConfigDataInt.json"], contexts)
    assert canonical == vectors["eddsa-rdfc-2022/proofCanonDataInt.txt"]


@pytest.mark.parametrize("name", KNOWN_FIXTURES)
def test_open_badges_and_clrs_canonicalise_as_another_implementation_does(
    shared_dir: Path, contexts: Contexts, name: str
) -> None:
    document = fixture(shared_dir, name)
    assert canonicalise_here(document, contexts) == by_pyld_alone(document, contexts)


@pytest.mark.parametrize(("name", "url"), UNKNOWN_FIXTURES.items())
def test_fixtures_of_unknown_contexts_are_refused_by_name(
    shared_dir: Path, contexts: Contexts, name: str, url: str
) -> None:
    with pytest.raises(UnknownContext) as refusal:
        canonicalise_here(fixture(shared_dir, name), contexts)
    assert refusal.value.extra == {"context": url}


def test_a_clean_credential_passes_and_its_input_is_untouched(credential: dict[str, Any], contexts: Contexts) -> None:
    before = deepcopy(credential)
    assert canonicalise_here(credential, contexts) == by_pyld_alone(credential, contexts)
    assert credential == before


def test_the_order_of_members_does_not_matter(credential: dict[str, Any], contexts: Contexts) -> None:
    turned = dict(reversed(credential.items()))
    assert canonicalise_here(turned, contexts) == canonicalise_here(credential, contexts)


def test_a_processor_gives_the_same_after_refusals_and_other_documents(
    credential: dict[str, Any], contexts: Contexts
) -> None:
    processor = Processor(contexts)
    expected = canonicalise_here(credential, contexts)
    for other in ({**credential, "undefined": 1}, {"@context": "https://nowhere.example"}, {**credential, "name": "x"}):
        with suppress(Malformed):
            canonicalise_here(other, processor)
        assert canonicalise_here(credential, processor) == expected


SUBJECT = ("credentialSubject",)
LOSSES: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "an undefined term": ((), {"colour": "red"}),
    "an undefined term in the subject": (SUBJECT, {"colour": "red"}),
    "an undefined term in the issuer": (("issuer",), {"colour": "red"}),
    "an undefined term whose value is null": ((), {"colour": None}),
    "a term that looks like a keyword": ((), {"@colour": "red"}),
    "an undefined term in a value of its own context": (
        (),
        {"evidence": {"@context": {"known": "urn:x:known"}, "type": "Evidence", "known": "1", "unknown": "2"}},
    ),
    "an undefined term inside @included": ((), {"@included": [{"id": "urn:x:y", "urn:x:p": 1, "colour": "red"}]}),
    "an undefined term beside a nested reset of contexts": (SUBJECT, {"@context": {"colour": None}, "colour": "red"}),
    "an unknown type": ((), {"type": ["VerifiableCredential", "Nonsense"]}),
    "an unknown type under its keyword": ((), {"type": [], "@type": "Nonsense"}),
    "an unknown type of the subject": (SUBJECT, {"type": "Nonsense"}),
    "an unknown type of a nested node": (("credentialSubject", "achievement"), {"type": ["Achievement", "X"]}),
    "an unknown type inside @included": ((), {"@included": {"id": "urn:x:y", "type": "Nonsense"}}),
    "a type that looks like a keyword": ((), {"type": ["VerifiableCredential", "@nonsense"]}),
    "a relative id": ((), {"id": "credentials/1"}),
    "an empty id": ((), {"id": ""}),
    "an id that is a fragment": ((), {"id": "#this"}),
    "an id with a space": ((), {"id": "urn:x:a b"}),
    "an id with a non-breaking space": ((), {"id": "urn:x:a\u00a0b"}),
    "an id with a line feed at its end": ((), {"id": "urn:x:a\n"}),
    "an id that is not an IRI": ((), {"id": "http://school.example/<x>"}),
    "a relative issuer": ((), {"issuer": "school"}),
    "a relative issuer with an id": (("issuer",), {"id": "/school"}),
    "a relative subject": (SUBJECT, {"id": "learner"}),
    "a relative id in an array": ((), {"termsOfUse": [{"id": "urn:x:1", "type": "urn:x:T"}, {"id": "x"}]}),
    "a relative id in a list": ((), {"urn:x:p": {"@list": [{"@id": "urn:x:y"}, {"@id": "rel"}]}}),
    "a relative id in a list of lists": ((), {"urn:x:p": {"@list": [{"@list": [{"@id": "rel"}]}]}}),
    "a relative id in a set": ((), {"urn:x:p": {"@set": [{"@id": "rel"}]}}),
    "a relative id in a graph": ((), {"urn:x:p": {"@graph": [{"@id": "rel", "urn:x:q": 1}]}}),
    "a relative name of a graph": ((), {"urn:x:p": {"@id": "rel", "@graph": [{"@id": "urn:x:y", "urn:x:q": 1}]}}),
    "a relative id under @reverse": ((), {"@reverse": {"urn:x:p": {"@id": "rel"}}}),
    "a relative value of a term that takes ids": ((), {"credentialSchema": {"id": "x", "type": "JsonSchema"}}),
    "an aliased relative id": ((), {"evidence": {"@context": {"me": "@id"}, "type": "Evidence", "me": "rel"}}),
    "a JWT where a credential should be": ((), {"verifiableCredential": ["eyJhbGciOiJFUzI1NiJ9.e30.c2ln"]}),
    "a blank node for a property": ((), {"_:p": "lost"}),
    "a graph that holds a bare reference": ((), {"urn:x:p": {"@graph": [{"@id": "urn:x:y"}]}}),
    "a graph that holds a bare reference beside a node": (
        (),
        {"urn:x:p": {"@graph": [{"@id": "urn:x:y"}, {"@id": "urn:x:y", "urn:x:q": 1}]}},
    ),
    "a graph that holds text": ((), {"urn:x:p": {"@graph": [{"@id": "urn:x:y", "urn:x:q": 1}, "text"]}}),
    "a graph of nothing": ((), {"urn:x:p": {"@graph": []}}),
    "a graph of nothing under another name": (
        (),
        {"evidence": {"@context": {"g": "@graph"}, "type": "Evidence", "urn:x:p": {"g": [{"id": "urn:x:y"}]}}},
    ),
    "an index": (SUBJECT, {"@index": "first"}),
    "an index of a value": ((), {"name": {"@value": "A", "@index": "first"}}),
    "an integer that others read differently": ((), {"urn:x:p": 2**53}),
    "an integer that others read differently, in a list": ((), {"urn:x:p": [[{"@value": -(2**53)}]]}),
    "an integer that others read differently, in JSON": ((), {"urn:x:p": {"@type": "@json", "@value": {"a": 2**60}}}),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_what_a_signature_would_not_cover_is_refused(credential: dict[str, Any], contexts: Contexts, loss: str) -> None:
    path, members = LOSSES[loss]
    place = credential
    for step in path:
        place = place[step]
    place.update(members)
    with pytest.raises(UnsafeDocument):
        canonicalise_here(credential, contexts)


@pytest.mark.parametrize(
    ("text", "datatype"),
    [
        ({"@value": "اسم", "@language": "ar-EG", "@direction": "rtl"}, "ar-eg_rtl"),
        ({"@value": "اسم", "@direction": "ltr"}, "_ltr"),
    ],
)
def test_a_direction_is_signed_as_the_suites_of_others_sign_it(
    credential: dict[str, Any], contexts: Contexts, text: dict[str, str], datatype: str
) -> None:
    """JSON-LD 1.1 Processing Algorithms and API, `rdfDirection`: `i18n-datatype`."""
    canonical = canonicalise_here(credential | {"name": text}, contexts)
    assert f'<https://schema.org/name> "اسم"^^<https://www.w3.org/ns/i18n#{datatype}> .\n' in canonical


@pytest.mark.parametrize(
    "document",
    [{}, {"@context": CREDENTIALS_V2}, {"@context": CREDENTIALS_V2, "id": "urn:x:y"}, {"@value": "x"}, {"@graph": []}],
)
def test_a_document_that_says_nothing_is_refused(document: dict[str, Any], contexts: Contexts) -> None:
    with pytest.raises(UnsafeDocument, match="says nothing"):
        canonicalise_here(document, contexts)


def test_a_document_of_several_things_is_refused(contexts: Contexts) -> None:
    several = {"@graph": [{"@id": "urn:x:1", "urn:x:p": 1}, {"@id": "urn:x:2", "urn:x:p": 1}]}
    with pytest.raises(UnsafeDocument, match="several"):
        canonicalise_here(several, contexts)


def test_all_undefined_terms_are_named(credential: dict[str, Any], contexts: Contexts) -> None:
    credential["credentialSubject"] |= {"colour": 1, "shape": 2}
    with pytest.raises(UnsafeDocument, match="'colour', 'shape'") as refusal:
        canonicalise_here(credential, contexts)
    assert refusal.value.extra == {"terms": ["colour", "shape"]}


TRAPS: dict[str, tuple[type[Malformed], dict[str, Any]]] = {
    "a protected term redefined": (Malformed, {"@context": [CREDENTIALS_V2, OPEN_BADGES, {"name": "urn:x:name"}]}),
    "a protected term redefined in a nested node": (Malformed, {"evidence": {"@context": {"id": "urn:x:id"}}}),
    "protected contexts thrown away": (Malformed, {"@context": [CREDENTIALS_V2, None]}),
    "a keyword redefined": (Malformed, {"@context": [CREDENTIALS_V2, OPEN_BADGES, {"@type": "urn:x:type"}]}),
    "a cycle of terms": (Malformed, {"@context": [CREDENTIALS_V2, {"a": "b:x", "b": "a:x"}]}),
    "a context that is a number": (Malformed, {"@context": [CREDENTIALS_V2, 7]}),
    "an import of an unknown context": (
        UnknownContext,
        {"@context": [CREDENTIALS_V2, OPEN_BADGES, {"@version": 1.1, "@import": "https://evil.example/c"}]},
    ),
    "an unknown context inside a term": (
        UnknownContext,
        {
            "@context": [CREDENTIALS_V2, OPEN_BADGES, {"t": {"@id": "urn:x:t", "@context": "https://evil.example/c"}}],
            "t": {"id": "urn:x:y", "urn:x:p": 1},
        },
    ),
    "an unknown context in a nested node": (UnknownContext, {"evidence": {"@context": "https://evil.example/c"}}),
    "a context of a file": (UnknownContext, {"@context": [CREDENTIALS_V2, "file:///etc/passwd"]}),
    "a relative context": (Malformed, {"@context": [CREDENTIALS_V2, "context.json"]}),
    "a term that rewrites DIDs": (
        UnsafeDocument,
        {"@context": [CREDENTIALS_V2, OPEN_BADGES, {"did": {"@id": "https://evil.example/", "@prefix": True}}]},
    ),
    "a term that rewrites DIDs in a nested node": (
        UnsafeDocument,
        {"evidence": {"@context": [{"did": "https://evil.example/"}], "type": "Evidence"}},
    ),
    "a bare reference that is included": (
        Malformed,
        {"@included": [{"id": "urn:x:y", "urn:x:p": 1}, {"id": "urn:x:z"}]},
    ),
    "text that is included": (Malformed, {"@included": ["text"]}),
    "two ids": (Malformed, {"@id": "urn:x:other"}),
    "an id that is a number": (Malformed, {"id": 7}),
    "a type that is a number": (Malformed, {"type": 7}),
    "an unknown datatype": (Malformed, {"urn:x:p": {"@value": "1", "@type": "Number"}}),
    "a language that is none": (Malformed, {"name": {"@value": "A", "@language": "not a language"}}),
    "half a surrogate pair in an IRI": (Malformed, {"id": "urn:x:\ud800"}),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_json_ld_traps_are_refused(credential: dict[str, Any], contexts: Contexts, trap: str) -> None:
    kind, members = TRAPS[trap]
    with pytest.raises(kind):
        canonicalise_here({**credential, **members}, contexts)


def test_the_refusal_of_a_protected_term_names_the_reason(credential: dict[str, Any], contexts: Contexts) -> None:
    credential["@context"].append({"name": "urn:x:name"})
    with pytest.raises(Malformed, match="protected term"):
        canonicalise_here(credential, contexts)


KEPT: dict[str, tuple[dict[str, Any], str]] = {
    "an own term": (
        {"@context": [CREDENTIALS_V2, OPEN_BADGES, {"motto": "urn:x:motto"}], "motto": "On"},
        '<urn:x:motto> "On"',
    ),
    "an aliased type": (
        {"@context": [CREDENTIALS_V2, OPEN_BADGES, {"kind": "@type"}], "evidence": {"kind": "Evidence"}},
        "vocab.html#Evidence>",
    ),
    "JSON": ({"urn:x:p": {"@type": "@json", "@value": {"b": [1, None], "a": "id"}}}, '"{\\"a\\":\\"id\\"'),
    "a language": ({"name": {"@value": "Abzeichen", "@language": "de-CH"}}, '"Abzeichen"@de-ch'),
    "an included node": ({"@included": [{"id": "urn:x:y", "urn:x:p": True}]}, '<urn:x:y> <urn:x:p> "true"^^'),
    "a reversed property": ({"@reverse": {"urn:x:p": {"@id": "urn:x:y"}}}, "<urn:x:y> <urn:x:p> <urn:uuid:"),
    "a named graph": ({"urn:x:p": {"@id": "urn:x:g", "@graph": {"@id": "urn:x:y", "urn:x:q": 1}}}, "<urn:x:g> ."),
    "an absolute type": ({"type": ["VerifiableCredential", "https://school.example/T"]}, "<https://school.example/T>"),
    "a double": ({"urn:x:p": 0.1}, '"1.0E-1"^^<http://www.w3.org/2001/XMLSchema#double>'),
    "a whole float": ({"urn:x:p": 5.0}, '"5"^^<http://www.w3.org/2001/XMLSchema#integer>'),
    "the largest safe integer": ({"urn:x:p": 2**53 - 1}, '"9007199254740991"'),
    "an international IRI": ({"urn:x:p": {"@id": "https://école.example/é"}}, "<https://école.example/é>"),
    "control characters": ({"name": 'a\t\b\n\f\r"\\\x00\x1f\x7f'}, '"a\\t\\b\\n\\f\\r\\"\\\\\\u0000\\u001F\\u007F"'),
}


@pytest.mark.parametrize("case", KEPT)
def test_what_json_ld_can_say_is_kept(credential: dict[str, Any], contexts: Contexts, case: str) -> None:
    members, expected = KEPT[case]
    assert expected in canonicalise_here({**credential, **members}, contexts)


def test_too_many_blank_nodes_are_refused(
    credential: dict[str, Any], contexts: Contexts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rdf, "MAX_BLANK_NODES", 20)
    credential["urn:x:p"] = [{"urn:x:q": n} for n in range(30)]
    with pytest.raises(Malformed, match="more than 20"):
        canonicalise_here(credential, contexts)


def test_a_document_that_grows_beyond_the_bound_is_refused(credential: dict[str, Any], contexts: Contexts) -> None:
    """A short term may stand for a long IRI: 2,000 uses of 10 KB."""
    credential["@context"].append({"t": "urn:x:" + "a" * 10_000})
    credential["urn:x:p"] = [{"id": f"urn:x:{n}", "t": n} for n in range(2_000)]
    with pytest.raises(Malformed, match="16 MiB"):
        canonicalise_here(credential, contexts)


def test_a_document_nested_too_deeply_is_refused(credential: dict[str, Any], contexts: Contexts) -> None:
    nested: dict[str, Any] = {"urn:x:p": 1}
    for _ in range(2_000):
        nested = {"urn:x:p": nested}
    with pytest.raises(Malformed, match="deeply"):
        canonicalise_here({**credential, "urn:x:p": nested}, contexts)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NODES = st.recursive(
    TEXT | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.dictionaries(st.sampled_from(["urn:x:p", "urn:x:q", "name"]), inner | st.lists(inner, max_size=3)),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(claims=st.dictionaries(st.sampled_from(["urn:x:p", "urn:x:q", "description"]), NODES, min_size=1))
def test_every_text_that_is_signed_is_in_the_canonical_form(
    credential: dict[str, Any], contexts: Contexts, claims: dict[str, Any]
) -> None:
    """And N-Quads lines are sorted, whole and unique, whatever the text holds."""
    credential["credentialSubject"] |= claims
    canonical = canonicalise_here(credential, contexts)
    lines = canonical.split("\n")[:-1]
    assert lines == sorted(set(lines), key=lambda line: line.encode())
    assert all(line.endswith(" .") for line in lines)
    for text in texts(claims):
        assert literal(text) in canonical


def texts(value: object) -> list[str]:
    match value:
        case str():
            return [value]
        case dict():
            return [text for inner in value.values() for text in texts(inner)]
        case list():
            return [text for inner in value for text in texts(inner)]
        case _:
            return []


def literal(text: str) -> str:
    """RDFC-1.0, section 5: how canonical N-Quads write a literal."""
    named = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
    return '"' + "".join(named.get(c) or (f"\\u{ord(c):04X}" if escaped(c) else c) for c in text) + '"'


def escaped(character: str) -> bool:
    return character < " " or character in "\x7f\ufffe\uffff"


def test_a_document_of_very_many_objects_is_refused_before_it_is_expanded(contexts: Contexts) -> None:
    document = {"@context": [CREDENTIALS_V2], "credentialSubject": [{"id": f"urn:example:{n}"} for n in range(4_001)]}
    with pytest.raises(Malformed, match="more than 4000 objects"):
        canonicalise_here(document, contexts)
