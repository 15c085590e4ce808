"""The unsigned list credential, as JSON and as canonical N-Quads (W3C Bitstring Status List 1.0, section 2.2).

It always has the same shape and no blank nodes, so its canonical form (RDFC-1.0) is a template; filling it costs a
thirtieth of the general path. Both forms are made from the same checked values, and a test holds them together.

Three terms of a message list (`statusSize`, `statusMessages`, `statusReference`) are missing in the list's part of
credentials/v2; without a meaning they would not be signed. Such a list says in its `@context` what they mean, and
gives its messages ids, so that it has no blank nodes either.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from registry.domain.names import is_absolute_iri
from registry.domain.status_list import is_plain_message
from registry.errors import Malformed
from registry.securing.contexts import CREDENTIALS_V2

_STATUS = "https://www.w3.org/ns/credentials/status#"
_XSD_INTEGER = "http://www.w3.org/2001/XMLSchema#integer"

MESSAGE_TERMS: dict[str, object] = {
    "statusSize": {"@id": f"{_STATUS}statusSize", "@type": _XSD_INTEGER},
    "statusReference": {"@id": f"{_STATUS}statusReference", "@type": "@id"},
    "statusMessages": {
        "@id": f"{_STATUS}statusMessages",
        "@context": {"status": f"{_STATUS}status", "message": f"{_STATUS}message"},
    },
}
"""What the terms of a message list mean; the IRIs are those of the same terms in an entry."""

_PURPOSE = re.compile(r"[A-Za-z]{1,64}")
_ENCODED_LIST = re.compile(r"u[A-Za-z0-9_\-]+")

# Sorted by code point, as RDFC-1.0 demands: "#" sorts before ">", so the subject's lines come first for any URL.
_TEMPLATE = """\
<{url}#list> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> \
<https://www.w3.org/ns/credentials/status#BitstringStatusList> .
<{url}#list> <https://www.w3.org/ns/credentials/status#encodedList> \
"{encoded_list}"^^<https://w3id.org/security#multibase> .
<{url}#list> <https://www.w3.org/ns/credentials/status#statusPurpose> "{purpose}" .
<{url}#list> <https://www.w3.org/ns/credentials/status#ttl> \
"{ttl_ms}"^^<http://www.w3.org/2001/XMLSchema#integer> .
<{url}> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> \
<https://www.w3.org/2018/credentials#VerifiableCredential> .
<{url}> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> \
<https://www.w3.org/ns/credentials/status#BitstringStatusListCredential> .
<{url}> <https://www.w3.org/2018/credentials#credentialSubject> <{url}#list> .
<{url}> <https://www.w3.org/2018/credentials#issuer> <{issuer}> .
<{url}> <https://www.w3.org/2018/credentials#validFrom> \
"{valid_from}"^^<http://www.w3.org/2001/XMLSchema#dateTime> .
<{url}> <https://www.w3.org/2018/credentials#validUntil> \
"{valid_until}"^^<http://www.w3.org/2001/XMLSchema#dateTime> .
"""


@dataclass(frozen=True, slots=True)
class ListCredential:
    """The values of one list credential; raises `Malformed` for any that would need escaping somewhere.

    No `&` either: one widely used verifier decodes HTML entities before it parses, which breaks the signature.
    """

    url: str
    issuer: str
    purpose: str
    encoded_list: str
    valid_from: datetime
    valid_until: datetime
    ttl_ms: int
    status_size: int = 1
    """Bits of an entry."""
    messages: tuple[tuple[str, str], ...] = ()
    """(status, message) of every value of a message list."""
    reference: tuple[str, ...] = ()
    """Where to read about the messages."""

    def __post_init__(self) -> None:
        _check(_is_plain_iri(self.url, "https:", "http:") and "#" not in self.url, "URL", self.url)
        _check(_is_plain_iri(self.issuer, "did:", "https:", "http:"), "issuer", self.issuer)
        _check(_PURPOSE.fullmatch(self.purpose) is not None, "purpose", self.purpose)
        _check(_ENCODED_LIST.fullmatch(self.encoded_list) is not None, "encodedList", self.encoded_list[:80])
        _check(self.ttl_ms >= 0, "ttl", self.ttl_ms)
        _check(len(self.messages) in (0, 1 << self.status_size), "statusMessages", len(self.messages))
        for value, (status, message) in enumerate(self.messages):
            _check(status == f"{value:#x}", "status", status)
            _check(is_plain_message(message), "message", message[:80])
        for url in self.reference:
            _check(_is_plain_iri(url, "https:", "http:"), "statusReference", url)

    def document(self) -> dict[str, object]:
        """Return the unsigned credential as JSON values."""
        return {
            "@context": [CREDENTIALS_V2, MESSAGE_TERMS] if self.messages else [CREDENTIALS_V2],
            "id": self.url,
            "type": ["VerifiableCredential", "BitstringStatusListCredential"],
            "issuer": self.issuer,
            "validFrom": timestamp(self.valid_from),
            "validUntil": timestamp(self.valid_until),
            "credentialSubject": {
                "id": f"{self.url}#list",
                "type": "BitstringStatusList",
                "statusPurpose": self.purpose,
                "encodedList": self.encoded_list,
                "ttl": self.ttl_ms,
                **(self._messages_document() if self.messages else {}),
            },
        }

    def _messages_document(self) -> dict[str, object]:
        """`statusSize` is required where the purpose is `message`, also when it is 1 (section 2.2)."""
        return {
            "statusSize": self.status_size,
            "statusMessages": [
                {"id": self._message_id(status), "status": status, "message": message}
                for status, message in self.messages
            ],
            **({"statusReference": list(self.reference)} if self.reference else {}),
        }

    def _message_id(self, status: str) -> str:
        return f"{self.url}#{status}"

    def canonical(self) -> str:
        """Return the canonical N-Quads of `document` (RDFC-1.0), ready to be hashed and signed."""
        quads = self._quads()
        if self.messages:
            quads = "".join(sorted([*quads.splitlines(keepends=True), *self._message_quads()]))
        return quads

    def _quads(self) -> str:
        return _TEMPLATE.format(
            url=self.url,
            issuer=self.issuer,
            purpose=self.purpose,
            encoded_list=self.encoded_list,
            valid_from=timestamp(self.valid_from),
            valid_until=timestamp(self.valid_until),
            ttl_ms=self.ttl_ms,
        )

    def _message_quads(self) -> list[str]:
        about = f"<{self.url}#list> <{_STATUS}"
        return [
            f'{about}statusSize> "{self.status_size}"^^<{_XSD_INTEGER}> .\n',
            *(f"{about}statusReference> <{url}> .\n" for url in self.reference),
            *(f"{about}statusMessages> <{self._message_id(status)}> .\n" for status, _ in self.messages),
            *(
                f'<{self._message_id(status)}> <{_STATUS}{name}> "{text}" .\n'
                for status, message in self.messages
                for name, text in (("status", status), ("message", message))
            ),
        ]


def timestamp(moment: datetime) -> str:
    """Return *moment* as an XSD dateTimeStamp in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_plain_iri(text: str, *schemes: str) -> bool:
    """Whether JSON-LD, N-Quads and every verifier take *text* as it stands.

    Only these schemes: the context could read another one as a prefix.
    """
    return text.startswith(schemes) and is_absolute_iri(text) and "&" not in text


def _check(holds: bool, what: str, value: object) -> None:
    if not holds:
        raise Malformed(f"A status list credential cannot carry the {what} {value!r}: it would need escaping.")
