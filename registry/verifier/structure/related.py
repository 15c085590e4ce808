"""Integrity of related resources (VCDM 2.0, section 5.3)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from registry.domain.problem import CRYPTOGRAPHIC_SECURITY_ERROR, Problem
from registry.verifier.structure.lexical import is_media_type, is_url, multihash, sri
from registry.verifier.structure.path import ROOT, Path, each, malformed, pointer

_SECTION: Final = "VCDM 2.0, section 5.3"
_PATH: Final[Path] = (ROOT, "relatedResource")


def related(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Each related resource is named once, by URL, with at least one digest that can be read."""
    seen: set[str] = set()
    for resource, path in each(document.get("relatedResource", []), _PATH):
        if not isinstance(resource, Mapping):
            yield malformed(path, "A related resource is an object with an `id` and a digest.", _SECTION)
            continue
        url = resource.get("id")
        if not isinstance(url, str) or not is_url(url):
            yield malformed((path, "id"), "A related resource is named by its URL.", _SECTION)
        elif url in seen:
            yield malformed((path, "id"), "A related resource is named once.", _SECTION)
        else:
            seen.add(url)
        yield from _digests(resource, path)


def _digests(resource: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    if "mediaType" in resource and not is_media_type(resource["mediaType"]):
        yield malformed((path, "mediaType"), "`mediaType` is a media type, such as application/json.", _SECTION)
    if "digestSRI" not in resource and "digestMultibase" not in resource:
        yield malformed(path, "A related resource has a `digestSRI` or a `digestMultibase`.", _SECTION)
    for text, where in each(resource.get("digestSRI", []), (path, "digestSRI")):
        if not sri(text):
            yield malformed(where, "`digestSRI` is like sha384-…, with the digest in base64.", _SECTION)
    for text, where in each(resource.get("digestMultibase", []), (path, "digestMultibase")):
        if multihash(text) is None:
            detail = "`digestMultibase` is a multihash of SHA-2 in base58 (z…) or base64url (u…)."
            yield malformed(where, detail, _SECTION)


def wrong_digests(document: Mapping[str, Any], content_of: Callable[[str], bytes | None]) -> Iterator[Problem]:
    """Return a problem for each resource that is at hand (*content_of* knows its URL) and has another digest."""
    for resource, path in each(document.get("relatedResource", []), _PATH):
        url = resource.get("id") if isinstance(resource, Mapping) else None
        content = content_of(url) if isinstance(url, str) else None
        if content is None or _is_of(resource, content):
            continue
        detail = f"The digest given for {url} is not the one of its content; the credential means another version."
        yield Problem(CRYPTOGRAPHIC_SECURITY_ERROR, "A digest does not match", detail, pointer(path), _SECTION)


def _is_of(resource: Mapping[str, Any], content: bytes) -> bool:
    """Whether every kind of digest is there once with the content's value: several may be given for its encodings."""
    digests = [found for text, _ in each(resource.get("digestSRI", []), ROOT) for found in sri(text).items()]
    digests += [found for text, _ in each(resource.get("digestMultibase", []), ROOT) if (found := multihash(text))]
    return not digests or any(hashlib.new(name, content).digest() == digest for name, digest in digests)
