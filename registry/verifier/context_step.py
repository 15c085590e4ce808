"""Are the contexts known, and are related resources that are at hand the ones that are meant?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import orjson

from registry.domain.problem import MALFORMED_VALUE_ERROR, PROOF_TRANSFORMATION_ERROR, Problem
from registry.verifier.steps import failed, passed, warned
from registry.verifier.structure.everywhere import CONTAINED
from registry.verifier.structure.path import ROOT, Path, each, pointer
from registry.verifier.structure.related import wrong_digests
from registry.verifier.verification import Step

_UNKNOWN: Final = (
    "The JSON-LD context {url} is not known here, and contexts are never fetched; "
    "the operator of this registry can add it (REGISTRY_CONTEXTS)."
)
_TYPES: Final = "VCDM 2.0, section 4.5"
_BY_JSON: Final = frozenset({"eddsa-jcs-2022", "ecdsa-jcs-2019"})
"""Cryptosuites that sign the JSON as it stands, whatever its terms mean."""


def context_step(
    document: Mapping[str, Any], content_of: Callable[[str], bytes | None], now: datetime, *, is_enveloped: bool
) -> Step:
    """Return the step: it fails for an unknown context where the signature is over what the terms mean."""
    if wrong := list(wrong_digests(document, content_of)):
        return failed("contexts", wrong, now)
    unknown = [
        Problem(PROOF_TRANSFORMATION_ERROR, "A context is not known", _UNKNOWN.format(url=url), pointer(path))
        for url, path in _contexts(document)
        if content_of(url) is None
    ]
    if not unknown:
        if undefined := list(_undefined_types(document, content_of)):
            detail = "Every context is known here, but none of them says what a type of the document means."
            return warned("contexts", detail, now, problems=undefined)
        return passed("contexts", "Every context is known here, by its digest.", now)
    if is_enveloped or _is_signed_as_json(document):
        detail = "A context is not known here: the signature covers the text, but what its terms mean was not checked."
        return warned("contexts", detail, now, problems=unknown)
    return failed("contexts", unknown, now)


def _contexts(document: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    """Every context that is named by URL, once, in the order of the document; contained credentials are left out."""
    seen: set[str] = set()
    waiting: list[tuple[Any, Path]] = [(document, ROOT)]
    while waiting:
        part, path = waiting.pop()
        if isinstance(part, list):
            waiting.extend((item, (path, index)) for index, item in enumerate(part) if isinstance(item, (dict, list)))
            continue
        for item, where in each(part.get("@context", []), (path, "@context")):
            if isinstance(item, str) and item not in seen:
                seen.add(item)
                yield item, where
        for name, value in part.items():
            if isinstance(value, (dict, list)) and name != "@context" and name not in CONTAINED:
                waiting.append((value, (path, name)))


def _undefined_types(document: Mapping[str, Any], content_of: Callable[[str], bytes | None]) -> Iterator[Problem]:
    """A type is a URL, or a term of one of the contexts; a signature over JSON holds whether it is or not."""
    terms: set[str] = set()
    for item, _ in each(document.get("@context", []), ROOT):
        found = _terms(item) if isinstance(item, Mapping) else _terms_of(content_of(item) or b"")
        if found is None:
            return
        terms |= found
    for name, path in each(document.get("type", []), (ROOT, "type")):
        if ":" not in name and name not in terms:
            detail = f"No context says what {name[:80]!r} means; readers of the data model lose it."
            yield Problem(MALFORMED_VALUE_ERROR, "A type is not defined", detail, pointer(path), _TYPES)


@lru_cache(maxsize=256)
def _terms_of(content: bytes) -> frozenset[str] | None:
    return _terms(orjson.loads(content)["@context"])


def _terms(context: Any) -> frozenset[str] | None:
    """The terms that a context defines; None where it may define any term (`@vocab`), or leaves that to another."""
    terms: set[str] = set()
    for part, _ in each(context, ROOT):
        if not isinstance(part, Mapping) or part.keys() & {"@vocab", "@import"}:
            return None
        terms |= part.keys()
    return frozenset(terms)


def _is_signed_as_json(document: Mapping[str, Any]) -> bool:
    """Whether every proof is of a kind that does not look at meanings."""
    proofs = [proof for proof, _ in each(document.get("proof", []), ROOT)]
    return all(isinstance(proof, Mapping) and proof.get("cryptosuite") in _BY_JSON for proof in proofs)
