"""The JSON-LD contexts we know, each pinned by the SHA-256 digest of its bytes; never fetched.

A context decides what a signature covers, so its bytes must be the same tomorrow. Two installed packages carry
them as data files: PyLD those of the W3C, openbadgeslib those of 1EdTech and a few more. One lies beside this module,
because no package for Python has it: credentials/status/v1, which defines status entries in credentials of the data
model 1.1, as Digital Bazaar publishes it (npm vc-bitstring-status-list-context 1.1.0). An operator adds others in a
folder with an index::

    contexts.json   {"https://example.org/context.json": {"file": "example.json", "sha256": "3d34…"}}

Left out on purpose: openbadgeslib also answers the unversioned `ob/v3p0/context.json` with revision 3.0.3, which is
not what 1EdTech serves there; PyLD's copy of credentials/v2 is reformatted, openbadgeslib's has the digest that the
Recommendation prints (VCDM 2.0, appendix B.1).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import orjson

from registry.errors import SettingsRefused, UnknownContext

CREDENTIALS_V2: Final = "https://www.w3.org/ns/credentials/v2"
DID_V1: Final = "https://www.w3.org/ns/did/v1"
MULTIKEY_V1: Final = "https://w3id.org/security/multikey/v1"
JWS_2020_V1: Final = "https://w3id.org/security/suites/jws-2020/v1"
DATA_INTEGRITY_V2: Final = "https://w3id.org/security/data-integrity/v2"
ED25519_2020_V1: Final = "https://w3id.org/security/suites/ed25519-2020/v1"
STATUS_V1: Final = "https://www.w3.org/ns/credentials/status/v1"
CREDENTIALS_V1: Final = "https://www.w3.org/2018/credentials/v1"

INDEX: Final = "contexts.json"

_PYLD = ("pyld", "documentloader/frozen/bundled")
_OPENBADGES = ("openbadgeslib", "ob3/contexts")
_OURS = ("registry", "securing")

PINNED: Final[Mapping[str, tuple[tuple[str, str], str, str]]] = {
    CREDENTIALS_V2: (
        _OPENBADGES,
        "credentials-v2.json",
        "59955ced6697d61e03f2b2556febe5308ab16842846f5b586d7f1f7adec92734",
    ),
    CREDENTIALS_V1: (
        _PYLD,
        "credentials-v1.jsonld",
        "00d7dd6d3ad8b920e3e550dd3a3d9090bffcac84cdbf943da6924b3e0a5c8bb8",
    ),
    STATUS_V1: (
        _OURS,
        "credentials-status-v1.json",
        "fd08cbf28ddd829ab2f1978c48f43ab07a112c1c90245a0cfac7ba721c65170c",
    ),
    DID_V1: (_PYLD, "did-v1.jsonld", "62c1054bf404d6dd3a4b26b64f830fd72095f6a26edc4469908c94351352ce5f"),
    "https://w3id.org/security/v1": (
        _PYLD,
        "security-v1.jsonld",
        "e2d146cd556f6fa5f14996c6f1749667d5a14073fa30f0643990068e2c0b1bac",
    ),
    "https://w3id.org/security/v2": (
        _PYLD,
        "security-v2.jsonld",
        "4cb186bc29c08af6e40c58178c22dd84d542f2871a063afed6e648b47abc3cf6",
    ),
    ED25519_2020_V1: (
        _PYLD,
        "security-ed25519-2020-v1.jsonld",
        "b9e1ab971fd8bf2c7553e0c4a9438e0b9450afde1ea1ca5b2492368b9f549588",
    ),
    JWS_2020_V1: (
        _PYLD,
        "security-jws-2020-v1.jsonld",
        "00ee65bb7307f9a01c3170b823083b0d4de68223520834b2c5eb7a09bae5dea6",
    ),
    DATA_INTEGRITY_V2: (
        _OPENBADGES,
        "security-data-integrity-v2.json",
        "67f21e6e33a6c14e5ccfd2fc7865f7474fb71a04af7e94136cb399dfac8ae8f4",
    ),
    MULTIKEY_V1: (
        _OPENBADGES,
        "security-multikey-v1.json",
        "ba2c182de2d92f7e47184bcca8fcf0beaee6d3986c527bf664c195bbc7c58597",
    ),
    "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.1.json": (
        _OPENBADGES,
        "ob-v3p0-context-3.0.1.json",
        "5f3d9dd6288ef437ff8286cf95ffbff609c748a66f24a1e9450c45ca64be1571",
    ),
    "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.2.json": (
        _OPENBADGES,
        "ob-v3p0-context-3.0.2.json",
        "00666ad080ba407687ed1846b7f5e7495f5019042b202a727de47c48a1755c53",
    ),
    "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json": (
        _OPENBADGES,
        "ob-v3p0-context-3.0.3.json",
        "3d34f4d4ef1bce691106e63798beb5e7b862ba841423f5ee1e53ab7ddf3bca84",
    ),
    "https://purl.imsglobal.org/spec/ob/v3p0/extensions.json": (
        _OPENBADGES,
        "ob-v3p0-extensions.json",
        "87c06c81bc2317663bf288d740d94fddd2818c4342b186270ff6371dfaa63f93",
    ),
    "https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json": (
        _OPENBADGES,
        "clr_context_2.0.1.json",
        "880f1902d4158f2f33ce06af41b90719977cd1ea337a9de2e41edb3ff5e543d6",
    ),
}
"""Address → the package and folder that carry it, file name, SHA-256 of the file."""


@dataclass(frozen=True, slots=True)
class Contexts:
    """The contexts a process may use: address → bytes whose digest was checked when this was made."""

    documents: Mapping[str, bytes] = field(repr=False)

    def document(self, url: str) -> dict[str, Any]:
        """Return the context document at *url*, freshly parsed; raise `UnknownContext`."""
        try:
            found: dict[str, Any] = orjson.loads(self.documents[url])
        except KeyError:
            raise UnknownContext(
                f"The JSON-LD context {url} is not known here, and contexts are never fetched. To add it, put the"
                f" file into the folder that REGISTRY_CONTEXTS names and its address, file name and SHA-256 digest"
                f" into {INDEX} there.",
                context=url,
            ) from None
        return found


def load_contexts(folder: Path | None = None) -> Contexts:
    """Return the pinned contexts and those of the operator's *folder*.

    Raises `SettingsRefused` when a file is missing, is not a context, or does not have its digest.
    """
    documents = {url: _checked(url, _shipped(*where) / name, digest) for url, (where, name, digest) in PINNED.items()}
    for url, (path, digest) in _index(folder).items() if folder is not None else ():
        found = _checked(url, path, digest)
        if documents.setdefault(url, found) != found:
            raise SettingsRefused(f"{folder}/{INDEX} gives {url} other bytes than the ones pinned in this program.")
    return Contexts(documents)


def terms_like_schemes(context: object) -> set[str]:
    """Return the URI schemes that *context* (or one nested in it) defines as terms.

    Such a term can turn `did:key:z…` into another IRI wherever the context applies (JSON-LD 1.1, section 4.1.5).
    """
    found: set[str] = set()
    waiting = [context]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            found |= SCHEMES & part.keys()
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return found


SCHEMES: Final = frozenset({"did", "urn"})
"""Schemes of the ids we issue under that JSON-LD could mistake for a prefix (`https://` it cannot)."""


def _shipped(package: str, folder: str) -> Path:
    """Return the folder of an installed package, without importing it (that would take a second)."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SettingsRefused(f"The package {package}, which carries JSON-LD contexts, is not installed.")
    return Path(spec.submodule_search_locations[0]) / folder


def _index(folder: Path) -> dict[str, tuple[Path, str]]:
    """Return what the operator's index says: address → file and digest."""
    try:
        index = orjson.loads((folder / INDEX).read_bytes())
        entries = {url: (folder / entry["file"], str(entry["sha256"]).lower()) for url, entry in index.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SettingsRefused(
            f'{folder / INDEX} cannot be read as {{"address": {{"file": …, "sha256": …}}}}: {error}'
        ) from error
    if wrong := [url for url, (_, digest) in entries.items() if not re.fullmatch("[0-9a-f]{64}", digest)]:
        raise SettingsRefused(f"{folder / INDEX} gives no SHA-256 digest (64 hexadecimal digits) for {wrong[0]}.")
    return entries


def _checked(url: str, path: Path, digest: str) -> bytes:
    """Return the bytes at *path*, which are a JSON-LD context with this SHA-256 digest."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsRefused(f"The JSON-LD context {url} cannot be read: {error}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise SettingsRefused(
            f"The JSON-LD context {url} in {path} has the SHA-256 digest {found}, but {digest} is pinned."
        )
    try:
        document = orjson.loads(content)
    except ValueError as error:
        raise SettingsRefused(f"The JSON-LD context {url} in {path} is not JSON: {error}") from error
    if not isinstance(document, dict) or "@context" not in document:
        raise SettingsRefused(f"The file {path} is not a JSON-LD context: it has no @context.")
    if schemes := terms_like_schemes(document):
        raise SettingsRefused(f"The JSON-LD context {url} defines {min(schemes)!r}, which would rewrite identifiers.")
    return content
