"""Errors → RFC 9457 problem documents. The only such map; a test fails when an error has no row.

A problem's `type` is `<origin>/problems/<slug>`, and answers GET with what it means: the slug is the contract, the
sentence in `detail` is for people and may change.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from registry import errors
from registry.errors import QuotaExceeded, RegistryError, Unavailable

CONTENT_TYPE = "application/problem+json"
NO_STORE = {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem; `slug` ends its `type`, `title` is the same for every occurrence (RFC 9457, section 3.1)."""

    status: int
    slug: str
    title: str


class AtTheDoor(Exception):
    """What only HTTP can get wrong (method, path, framing); no error of the registry."""

    def __init__(self, kind: Kind, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.headers = headers or {}


BAD_HTTP = Kind(400, "bad-http", "The message is not HTTP as we read it")
NO_SUCH_PATH = Kind(404, "no-such-path", "Nothing lives at this path")
METHOD_NOT_ALLOWED = Kind(405, "method-not-allowed", "The path does not know this method")
BODY_TIMEOUT = Kind(408, "body-timeout", "The body did not arrive in time")
EXPECTATION_FAILED = Kind(417, "expectation-failed", "Only 100-continue can be expected")
INTERNAL = Kind(500, "internal-error", "Something went wrong on our side")
NOT_READY = Kind(503, "not-ready", "The process is not ready to serve")

# What a verification may find that no specification has a type for (`registry.domain.problem`); these answer nothing.
FINDINGS = (
    Kind(200, "credential-expired", "The credential has expired"),
    Kind(200, "credential-not-yet-valid", "The credential is not valid yet"),
    Kind(200, "credential-revoked", "The credential is revoked"),
    Kind(200, "credential-suspended", "The credential is suspended"),
    Kind(200, "credential-superseded", "The credential was replaced"),
    Kind(200, "credential-unregistered", "The credential is not registered"),
    Kind(200, "issuer-stopped", "The issuer may not issue any more"),
    Kind(200, "contained-credential", "A contained credential is not valid"),
    Kind(400, "badge-not-conforming", "The badge does not conform"),
    Kind(400, "wrong-recipient", "The credential is about somebody else"),
)

DOOR_KINDS = (BAD_HTTP, NO_SUCH_PATH, METHOD_NOT_ALLOWED, BODY_TIMEOUT, EXPECTATION_FAILED, INTERNAL, NOT_READY)

_UNAUTHENTICATED = Kind(401, "unauthenticated", "A valid API key is needed")
_UNFIT = Kind(503, "unfit", "The process cannot serve; a person must look")

OURS = (INTERNAL, _UNFIT)
"""What is wrong inside: told with its trace in the log, not to the world. All else anybody can cause at will."""

KINDS: dict[type[RegistryError], Kind] = {
    errors.RegistryError: INTERNAL,
    errors.Refused: Kind(400, "refused", "The request was refused"),
    errors.Malformed: Kind(400, "malformed", "The request is not well formed"),
    errors.UnsafeDocument: Kind(400, "unsafe-document", "Signing would lose part of the document"),
    errors.UnknownContext: Kind(400, "unknown-context", "A JSON-LD context is not known here"),
    errors.RemoteRefused: Kind(400, "remote-refused", "The URL is never fetched from here"),
    errors.UnknownVerificationMethod: Kind(400, "unknown-verification-method", "The key of a proof cannot be had"),
    errors.Unauthenticated: _UNAUTHENTICATED,
    errors.ApiKeyRefused: _UNAUTHENTICATED,  # why a key does not hold is for metrics only
    errors.Forbidden: Kind(403, "forbidden", "The API key is not for this"),
    errors.NotFound: Kind(404, "not-found", "There is no such thing"),
    errors.UnknownIssuer: Kind(404, "unknown-issuer", "No such issuer"),
    errors.UnknownCredential: Kind(404, "unknown-credential", "No such credential"),
    errors.UnknownStatusList: Kind(404, "unknown-status-list", "No such status list"),
    errors.UnknownApiKey: Kind(404, "unknown-api-key", "No such API key"),
    errors.OutOfHistory: Kind(404, "out-of-history", "Nothing is known of that moment"),
    errors.HistoryOff: Kind(501, "history-off", "The past is not told here"),
    errors.NotAcceptable: Kind(406, "not-acceptable", "No representation fits what is accepted"),
    errors.Conflict: Kind(409, "conflict", "The state of things forbids it"),
    errors.AlreadyRegistered: Kind(409, "already-registered", "Another credential has this id"),
    errors.IllegalTransition: Kind(409, "illegal-transition", "The status cannot change this way"),
    errors.NoSuspensionEntry: Kind(409, "no-suspension-entry", "The credential cannot be suspended"),
    errors.NoMessageEntry: Kind(409, "no-message-entry", "The credential has no entry for messages"),
    errors.StatusListDiffers: Kind(409, "status-list-differs", "There is another list of this kind"),
    errors.TooManyStatusLists: Kind(409, "too-many-status-lists", "The issuer has status lists enough"),
    errors.AmbiguousCredential: Kind(409, "ambiguous-credential", "Several issuers use this credential id"),
    errors.SlugTaken: Kind(409, "slug-taken", "The slug belongs to another issuer"),
    errors.IssuerNotActive: Kind(409, "issuer-not-active", "The issuer cannot issue now"),
    errors.TooManyApiKeys: Kind(409, "too-many-api-keys", "Two API keys are live already"),
    errors.SecretAlreadyShown: Kind(409, "secret-already-shown", "The secret was shown once"),
    errors.DelegationMissing: Kind(409, "delegation-missing", "The DID's document does not list our key"),
    errors.NoFittingKey: Kind(409, "no-fitting-key", "The issuer has no key for the securing mechanism"),
    errors.TooLarge: Kind(413, "too-large", "The body is over its limit"),
    errors.UnsupportedMediaType: Kind(415, "unsupported-media-type", "The body comes in a form not read here"),
    errors.UnknownOrigin: Kind(421, "unknown-origin", "No log answers to this host"),
    errors.KeyReused: Kind(422, "key-reused", "The Idempotency-Key belongs to another request"),
    errors.QuotaExceeded: Kind(429, "quota-exceeded", "The quota is used up"),
    errors.Unavailable: Kind(503, "unavailable", "Not now; repeat the request in a moment"),
    errors.QueueFull: Kind(503, "queue-full", "Too many writes are waiting"),
    errors.OutOfTurn: Kind(503, "out-of-turn", "What the request is to follow is not recorded yet"),
    errors.NotYetVisible: Kind(503, "not-yet-visible", "The position asked for is not visible yet"),
    errors.ListsNotReady: Kind(503, "lists-not-ready", "The issuer's status lists are being opened"),
    errors.RemoteUnavailable: Kind(503, "remote-unavailable", "What lies elsewhere cannot be had"),
    errors.DatabaseUnavailable: Kind(503, "database-unavailable", "The database cannot be reached"),
    errors.Unfit: _UNFIT,
    errors.SettingsRefused: _UNFIT,
    errors.EmbeddedFailed: _UNFIT,
    errors.MigrationRefused: _UNFIT,
    errors.LoadRefused: _UNFIT,
    errors.BrokenLog: _UNFIT,
    errors.ForkedLog: _UNFIT,
    errors.RestoreOnItsWay: _UNFIT,
    errors.MasterKeyUnusable: _UNFIT,
}


def kind_of(error: RegistryError | type[RegistryError]) -> Kind:
    """Return how *error* is answered."""
    return KINDS[error if isinstance(error, type) else type(error)]


def kinds() -> Iterator[Kind]:
    """Every kind of problem there is, by its slug."""
    yield from sorted({*KINDS.values(), *DOOR_KINDS, *FINDINGS}, key=lambda kind: kind.slug)


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem document about to be sent."""

    kind: Kind
    detail: str
    extra: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self, *, origin: str, request_id: str) -> web.Response:
        """Render it (RFC 9457); *origin* may be empty where no log is known, *request_id* where there is none."""
        body = {
            "type": f"{origin}/problems/{self.kind.slug}",
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            **({"requestId": request_id} if request_id else {}),
            **self.extra,
        }
        rendered = orjson.dumps(body, default=str)
        return web.Response(body=rendered, status=self.kind.status, headers={**NO_STORE, **self.headers})


def problem_of(error: RegistryError | AtTheDoor) -> Problem:
    """Return the problem that *error* is, with the headers that its status asks for."""
    if isinstance(error, AtTheDoor):
        return Problem(error.kind, error.detail, {}, error.headers)
    kind = kind_of(error)
    extra = {name: value for name, value in error.extra.items() if name not in _INTERNAL}
    detail = _SAID_OF_OURS if kind in OURS else error.detail
    return Problem(kind, detail, extra, _headers(error))


_INTERNAL = frozenset({"headers", "reason"})
_SAID_OF_OURS = "The request failed on our side and was written down; quote its id when you ask about it."


def internal() -> Problem:
    """Return the answer to what nobody foresaw; it tells nothing of the cause."""
    return Problem(INTERNAL, _SAID_OF_OURS)


def _headers(error: RegistryError) -> dict[str, str]:
    match error:
        case QuotaExceeded(retry_after_s=wait_s) | Unavailable(retry_after_s=wait_s):
            headers = {"Retry-After": str(max(1, math.ceil(wait_s)))}
        case errors.Unauthenticated():
            headers = {"WWW-Authenticate": 'Bearer realm="registry"'}
        case _:
            headers = {}
    given = error.extra.get("headers")
    return {**headers, **given} if isinstance(given, dict) else headers
