"""What was presented, taken out of its envelope: JSON, a `data:` URL inside JSON, a compact JWS, or a COSE_Sign1.

Sources: VCDM 2.0, sections 4.12.1 and 4.12.2 (enveloped credentials and presentations); Securing Verifiable
Credentials using JOSE and COSE 1.0, section 3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from registry.domain.problem import Problem
from registry.errors import Malformed
from registry.securing.contexts import CREDENTIALS_V2
from registry.securing.enveloped import Envelope, open_envelope, read_data_url
from registry.verifier.structure.check import unreadable
from registry.verifier.structure.parties import types_of
from registry.verifier.structure.path import ROOT, malformed

Presented = Mapping[str, Any] | str | bytes
"""A credential or presentation: JSON, perhaps with an enveloped one in its `id`; a compact JWS or `data:` URL; COSE."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What is expected: a credential or a presentation."""

    word: str
    """For sentences."""
    enveloped_type: str
    form: str
    """Of its media types: `vc` or `vp`."""
    section: str


CREDENTIAL: Final = Kind("credential", "EnvelopedVerifiableCredential", "vc", "VCDM 2.0, section 4.12.1")
PRESENTATION: Final = Kind("presentation", "EnvelopedVerifiablePresentation", "vp", "VCDM 2.0, section 4.12.2")


@dataclass(frozen=True, slots=True)
class Opened:
    """A document, and the envelope it came in if there is one."""

    document: Mapping[str, Any]
    envelope: Envelope | None = None
    content: bytes | None = None
    """The bytes of the envelope."""

    def digest_sha256(self) -> str:
        """Return the digest of the secured document, in hexadecimal, as it is recorded when it is issued here."""
        content = self.content if self.content is not None else orjson.dumps(dict(self.document))
        return hashlib.sha256(content).hexdigest()


def envelope_of(presented: Presented) -> str | bytes:
    """Return the envelope that *presented* is or holds, unread; empty for what is read already."""
    found = presented.get("id", "") if isinstance(presented, Mapping) else presented
    return found if isinstance(found, (str, bytes)) else ""


def opened(presented: Presented, kind: Kind) -> Opened | list[Problem]:
    """Return the document that *presented* is or holds, or why it cannot be had; nothing is verified."""
    try:
        if isinstance(presented, bytes):
            return _enveloped(open_envelope(presented, f"application/{kind.form}+cose"), presented)
        if isinstance(presented, str):
            return _enveloped(*_text(presented, kind))
        if kind.enveloped_type in types_of(presented):
            problems = list(_envelope_problems(presented, kind))
            return problems or _enveloped(*_text(str(presented["id"]), kind))
    except Malformed as error:
        return [unreadable(error.detail)]
    return Opened(presented)


def _enveloped(envelope: Envelope, content: bytes) -> Opened:
    return Opened(envelope.document, envelope, content)


def _text(text: str, kind: Kind) -> tuple[Envelope, bytes]:
    if not text.startswith("data:"):
        return open_envelope(text, f"application/{kind.form}+jwt"), text.encode()
    head, comma, body = text.partition(",")
    # wallets and test suites that follow older drafts name no more than this
    if head.removeprefix("data:") in ("application/jwt", f"application/{kind.form}-ld+jwt"):
        head = f"data:application/{kind.form}+jwt"
    if not head.removeprefix("data:").startswith(f"application/{kind.form}+"):
        raise Malformed(f"The data: URL holds no {kind.word}: its media type is {head.removeprefix('data:')[:80]!r}.")
    content, media_type = read_data_url(head + comma + body)
    return open_envelope(content, media_type), content


def _envelope_problems(document: Mapping[str, Any], kind: Kind) -> list[Problem]:
    found = []
    contexts = document.get("@context")
    if CREDENTIALS_V2 not in (contexts if isinstance(contexts, list) else [contexts]):
        detail = f"`@context` of an enveloped {kind.word} includes {CREDENTIALS_V2}."
        found.append(malformed((ROOT, "@context"), detail, kind.section))
    if types_of(document) != [kind.enveloped_type]:
        found.append(malformed((ROOT, "type"), f"`type` is {kind.enveloped_type} alone.", kind.section))
    if not isinstance(url := document.get("id"), str) or not url.startswith("data:"):
        found.append(malformed((ROOT, "id"), f"`id` is a data: URL that holds the {kind.word}.", kind.section))
    return found
