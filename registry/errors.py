"""Every error this project raises on purpose.

::

    RegistryError
    ├── Refused                      the caller asked for something that cannot be; nothing was recorded
    │   ├── Malformed                400  the request is not well formed
    │   │   ├── UnsafeDocument       400  signing it would lose terms, types or ids
    │   │   ├── UnknownContext       400  a JSON-LD context nobody pinned
    │   │   └── RemoteRefused        400  a URL that is never fetched
    │   ├── UnknownVerificationMethod 400 the key that a proof names cannot be had, or not for this
    │   ├── Unauthenticated          401  no key, or one that does not hold
    │   │   └── ApiKeyRefused        401  why it does not is for metrics only
    │   ├── Forbidden                403  a good key, but not for this
    │   ├── NotFound                 404
    │   │   ├── UnknownIssuer · UnknownCredential · UnknownStatusList · UnknownApiKey · OutOfHistory
    │   ├── NotAcceptable            406  no representation the caller accepts
    │   ├── Conflict                 409  the state of things forbids it
    │   │   ├── AlreadyRegistered · IllegalTransition · NoSuspensionEntry · AmbiguousCredential
    │   │   ├── SlugTaken · IssuerNotActive · TooManyApiKeys · SecretAlreadyShown · NoFittingKey
    │   │   ├── NoMessageEntry · StatusListDiffers · TooManyStatusLists · DelegationMissing
    │   ├── TooLarge                 413
    │   ├── UnsupportedMediaType     415
    │   ├── UnknownOrigin            421  no log answers to this Host
    │   ├── KeyReused                422  an Idempotency-Key came back with another request
    │   ├── QuotaExceeded            429  later, please
    │   └── HistoryOff               501  this registry does not tell the past
    ├── Unavailable                  503  true again in a moment; safe to repeat
    │   ├── QueueFull                     back-pressure of the sequencer
    │   ├── OutOfTurn                     what it is to follow is not recorded
    │   ├── NotYetVisible                 a projection has not reached the position asked for
    │   ├── ListsNotReady                 no index may be given out before its list can be fetched
    │   ├── RemoteUnavailable             what lies elsewhere cannot be had
    │   └── DatabaseUnavailable           PostgreSQL cannot be reached
    └── Unfit                        the process cannot go on; a person must look (exit status ≠ 0)
        ├── SettingsRefused               a setting is missing, unsafe or contradicts another
        ├── EmbeddedFailed                the embedded PostgreSQL cannot run here
        ├── MigrationRefused              an applied migration was edited, or the schema is newer than the code
        ├── LoadRefused                   made-up credentials may not go into this log
        ├── BrokenLog                     the log does not verify; names the first wrong position
        ├── ForkedLog                     the log is behind what was already published
        │   └── RestoreOnItsWay           that is accepted, and not projected yet
        └── MasterKeyUnusable             a secret cannot be unwrapped

Each carries one sentence for a person, saying what was wrong and what to do. `registry/http/problems.py`
is the only place that turns them into answers, `registry/cli.py` into exit statuses.
"""

from __future__ import annotations


class RegistryError(Exception):
    """The root; `str()` of it is a sentence for a person."""

    def __init__(self, detail: str, **extra: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra
        """Members of the problem document beside the standard ones (JSON values, camelCase keys)."""


class Refused(RegistryError):
    """The caller asked for something that cannot be; nothing was recorded."""


class Malformed(Refused):
    """The request is not well formed."""


class UnsafeDocument(Malformed):
    """Signing the document would silently lose part of it."""


class UnknownContext(Malformed):
    """The document names a JSON-LD context that is not pinned here."""


class RemoteRefused(Malformed):
    """The URL names what is never fetched from here, whoever asks."""


class UnknownVerificationMethod(Refused):
    """The key that a proof names cannot be had or used; `problem_type` and `title` are the specification's words."""

    def __init__(self, detail: str, *, problem_type: str, title: str) -> None:
        super().__init__(detail)
        self.problem_type = problem_type
        self.title = title


class Unauthenticated(Refused):
    """There is no key, or one that does not hold."""


class ApiKeyRefused(Unauthenticated):
    """The key that was presented does not hold; `reason` is for metrics and never for the caller."""

    def __init__(self, detail: str, *, reason: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Forbidden(Refused):
    """The key is good, but not for this."""


class NotFound(Refused):
    """What the request speaks of does not exist, as far as the caller may know."""


class UnknownIssuer(NotFound):
    """No issuer answers to this name."""


class UnknownCredential(NotFound):
    """No credential of this id is registered."""


class UnknownStatusList(NotFound):
    """No status list has this id."""


class UnknownApiKey(NotFound):
    """No API key has this id."""


class OutOfHistory(NotFound):
    """What is asked for did not exist at that moment, or the moment is yet to come."""


class HistoryOff(Refused):
    """This registry is set to tell nothing about the past."""


class NotAcceptable(Refused):
    """No representation suits what the caller accepts."""


class Conflict(Refused):
    """The state of things forbids the change."""


class AlreadyRegistered(Conflict):
    """The issuer has registered another credential under this id."""


class IllegalTransition(Conflict):
    """The change does not lead from where the credential or issuer stands."""


class NoSuspensionEntry(Conflict):
    """The credential was issued without a suspension entry, so nobody would see it suspended."""


class NoMessageEntry(Conflict):
    """The credential was issued without a message entry, so nobody would see the message."""


class StatusListDiffers(Conflict):
    """The issuer has a status list of this kind, of another shape."""


class TooManyStatusLists(Conflict):
    """The issuer has as many status lists of its own as it may have."""


class AmbiguousCredential(Conflict):
    """Several issuers use this credential id; the question must name one."""


class SlugTaken(Conflict):
    """The slug belongs, or once belonged, to another issuer."""


class IssuerNotActive(Conflict):
    """A suspended or withdrawn issuer cannot do this."""


class TooManyApiKeys(Conflict):
    """Two keys are live already; revoke one first."""


class SecretAlreadyShown(Conflict):
    """The request was carried out before; its secret was shown once and is not kept."""


class DelegationMissing(Conflict):
    """A DID that is controlled elsewhere does not list our key; `delegation` tells what its document needs."""


class NoFittingKey(Conflict):
    """The registry holds no key of the issuer that the securing mechanism can sign with."""


class TooLarge(Refused):
    """The body, or something in it, is over its limit."""


class UnsupportedMediaType(Refused):
    """The body comes in a form this path does not read."""


class UnknownOrigin(Refused):
    """No log answers to the host that was asked."""


class KeyReused(Refused):
    """The Idempotency-Key was used before with another request."""


class QuotaExceeded(Refused):
    """The caller's quota is used up; `retry_after_s` tells when to come back."""

    def __init__(self, detail: str, *, retry_after_s: float, **extra: object) -> None:
        super().__init__(detail, **extra)
        self.retry_after_s = retry_after_s


class Unavailable(RegistryError):
    """True again in a moment; repeating the request (with its Idempotency-Key) is safe."""

    def __init__(self, detail: str, *, retry_after_s: float = 1, **extra: object) -> None:
        super().__init__(detail, **extra)
        self.retry_after_s = retry_after_s


class QueueFull(Unavailable):
    """More writes are waiting than may wait."""


class OutOfTurn(Unavailable):
    """A request that is to follow another one came to its turn before that was recorded."""


class NotYetVisible(Unavailable):
    """A projection has not reached the position that the caller asked to see."""


class ListsNotReady(Unavailable):
    """The issuer's next status lists are not published yet, so no index may be given out."""


class RemoteUnavailable(Unavailable):
    """What lies elsewhere did not answer, or not rightly; `extra["reason"]` is for metrics."""


class DatabaseUnavailable(Unavailable):
    """PostgreSQL cannot be reached, or did not answer in time."""


class Unfit(RegistryError):
    """The process cannot go on; the sentence says what a person must do."""


class SettingsRefused(Unfit):
    """A setting is missing, unsafe, or contradicts another."""


class EmbeddedFailed(Unfit):
    """The embedded PostgreSQL cannot run here."""


class MigrationRefused(Unfit):
    """An applied migration was edited, or the schema is newer than this code."""


class LoadRefused(Unfit):
    """Made-up credentials go into an empty log only, and into no production."""


class BrokenLog(Unfit):
    """The log does not verify; `position` is the first one that is wrong."""

    def __init__(self, detail: str, *, position: int) -> None:
        super().__init__(detail)
        self.position = position


class ForkedLog(Unfit):
    """The log is behind what was already published from it: a restore to an earlier point."""


class RestoreOnItsWay(ForkedLog):
    """A restore was accepted, and the projections are on their way there: nothing for a person to do."""


class MasterKeyUnusable(Unfit):
    """A secret cannot be unwrapped with the master keys at hand."""
