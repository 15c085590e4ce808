"""THE route table: every method and path there is, and what is said about it. OpenAPI and the matrix test read it."""

from __future__ import annotations

from registry import errors as e
from registry.errors import RegistryError
from registry.http import (
    about,
    aggregation,
    answers,
    api_keys,
    auth,
    batch_answers,
    batch_files,
    batch_query,
    batch_rows,
    batches,
    bodies,
    credentials,
    health,
    issuer_answers,
    issuers,
    keys,
    lint,
    list_answers,
    list_bodies,
    lookups,
    own_credentials,
    own_lists,
    revocations,
    standing,
    status_changes,
    status_lists,
    verification_answers,
    verify,
    verify_bodies,
)
from registry.http.conditional import JSON_TYPES, SIGNED_TYPES
from registry.http.operation import Operation, Parameter
from registry.securing.enveloped import CREDENTIAL_TYPES, PRESENTATION_TYPES

_READ: tuple[type[RegistryError], ...] = (e.Malformed, e.UnknownOrigin, e.QuotaExceeded, e.DatabaseUnavailable)
_OURS = (
    e.Malformed, e.Unauthenticated, e.Forbidden, e.UnknownIssuer, e.UnknownOrigin, e.QuotaExceeded,
    e.DatabaseUnavailable,
)  # fmt: skip
_PAST = (e.OutOfHistory, e.HistoryOff, e.NotYetVisible)
_WRITE = (*_OURS, e.Conflict, e.KeyReused, e.QueueFull)
_CHANGE = (*_WRITE, e.UnknownCredential, e.IllegalTransition)

_POSITION = Parameter(
    "Registry-Position", "Wait until this position is visible, as a write answered it.", within="header"
)
_TIMESTAMP = Parameter(
    "timestamp", "As it stood at this moment, XSD dateTimeStamp.", {"type": "string", "format": "date-time"}
)
_TIME = Parameter("time", "The same in seconds since 1970; of a list, an IETF form.", {"type": "integer", "minimum": 0})
_DRY_RUN = Parameter("dry_run", "Tell only what would happen.", {"type": "boolean", "default": False})
_PAGE = (
    Parameter("limit", "Entries of a page.", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}),
    Parameter("cursor", "Where the page begins: `next` of the page before."),
)
_STATUSES = {"type": "string", "enum": ["active", "suspended", "revoked", "superseded"]}
_KINDS = {"type": "string", "enum": ["school", "agency", "employer", "training-provider", "licensing-board"]}
_STANDINGS = {"type": "string", "enum": ["active", "suspended", "withdrawn"]}

_VERIFIED = dict.fromkeys((200, 400), verification_answers.VerificationAnswer)
"""400: malformed or badly signed, told in the same shape."""

_ISSUER = "/issuers/{slug}"
_BATCH = f"{_ISSUER}/batches/{{id}}"
_CREDENTIAL = f"{_ISSUER}/credentials/{{id}}"

PUBLIC = (
    Operation(
        method="GET", path="/status-lists/{id}", operation_id="getStatusList", tag="status",
        summary="A signed status list", direct=status_lists.status_list, is_quiet=True,
        answers={200: list_answers.StatusListAnswer, 304: None}, media_types=JSON_TYPES, opaque_types=SIGNED_TYPES,
        parameters=(_TIMESTAMP, _TIME),
        errors=(*_READ, e.UnknownStatusList, e.NotAcceptable, *_PAST),
    ),
    Operation(
        method="GET", path=f"{_ISSUER}/status-lists", operation_id="getStatusListAggregation", tag="status",
        summary="The issuer's Token Status Lists", handle=aggregation.aggregation, is_quiet=True, parameters=_PAGE,
        answers={200: list_answers.AggregationAnswer}, errors=(*_READ, e.UnknownIssuer, e.NotYetVisible),
    ),
    Operation(
        method="GET", path="/credentials/{id}/status", operation_id="getCredentialStatus", tag="status",
        summary="Where one credential stands", direct=standing.of_path, is_quiet=True,
        parameters=(_TIMESTAMP, _TIME, _POSITION), answers={200: answers.CredentialAnswer},
        errors=(*_READ, e.UnknownCredential, e.AmbiguousCredential, *_PAST),
    ),
    Operation(
        method="GET", path="/credential-status", operation_id="findCredentialStatus", tag="status",
        summary="The same, for ids that proxies mangle and to name the issuer", handle=lookups.of_query, is_quiet=True,
        parameters=(
            Parameter("id", "The credential's id.", is_required=True),
            Parameter("issuer", "The issuer's slug or DID."),
            _TIMESTAMP, _TIME, _POSITION,
        ),
        answers={200: answers.CredentialAnswer},
        errors=(*_READ, e.UnknownCredential, e.AmbiguousCredential, *_PAST),
    ),
    Operation(
        method="POST", path="/status-lookups", operation_id="lookUpStatuses", tag="status",
        summary="Up to 10,000 questions at once", handle=lookups.batch, is_quiet=True,
        parameters=(_TIMESTAMP, _TIME, _POSITION), body=bodies.LookupsBody, reads_raw=True, body_limit="lookups_bytes",
        answers={200: answers.LookupsAnswer}, errors=(*_READ, *_PAST),
    ),
    Operation(
        method="POST", path="/credentials/verify", operation_id="verifyCredential", tag="verification",
        summary="What a credential is worth", handle=verify.credential, is_quiet=True,
        body=verify_bodies.VerifyCredentialBody, reads_raw=True, raw_types=CREDENTIAL_TYPES,
        body_limit="document_bytes", answers=_VERIFIED,
        errors=(*_READ, e.Unavailable),
    ),
    Operation(
        method="POST", path="/credentials/lint", operation_id="lintCredential", tag="verification",
        summary="Where a credential will fail, and why", handle=lint.credential, is_quiet=True,
        body=verify_bodies.LintBody, reads_raw=True, raw_types=CREDENTIAL_TYPES, body_limit="document_bytes",
        answers={200: verification_answers.LintAnswer},
        errors=(*_READ, e.Unavailable),
    ),
    Operation(
        method="POST", path="/presentations/verify", operation_id="verifyPresentation", tag="verification",
        summary="What a presentation and the credentials in it are worth", handle=verify.presentation, is_quiet=True,
        body=verify_bodies.VerifyPresentationBody, reads_raw=True, raw_types=PRESENTATION_TYPES,
        body_limit="document_bytes", answers=_VERIFIED,
        errors=(*_READ, e.Unavailable),
    ),
    Operation(
        method="GET", path="/issuers", operation_id="searchIssuers", tag="directory",
        summary="Who may issue here", handle=issuers.search, is_quiet=True,
        parameters=(
            Parameter("q", "Words of the name."), Parameter("kind", "What the issuer is.", _KINDS),
            Parameter("jurisdiction", "ISO 3166-2."), Parameter("status", "Where it stands.", _STANDINGS),
            *_PAGE, _POSITION,
        ),
        answers={200: issuer_answers.IssuersAnswer}, errors=(*_READ, e.NotYetVisible),
    ),
    Operation(
        method="GET", path=_ISSUER, operation_id="getIssuer", tag="directory",
        summary="One issuer", handle=issuers.one, is_quiet=True, parameters=(_POSITION,),
        answers={200: issuer_answers.OneIssuerAnswer}, errors=(*_READ, e.UnknownIssuer, e.NotYetVisible),
    ),
    Operation(
        method="GET", path=f"{_ISSUER}/revocations", operation_id="getRevocations", tag="status",
        summary="The revoked credentials by their ids, where the issuer chose so (1EdTech Revocation List)",
        handle=revocations.one_edtech, is_quiet=True, is_bulk=True, parameters=(_POSITION,),
        answers={200: list_answers.RevocationsAnswer, 304: None},
        errors=(*_READ, e.NotFound, e.UnknownIssuer, e.NotYetVisible),
    ),
    Operation(
        method="GET", path=f"{_ISSUER}/revocation-list", operation_id="getRevocationList", tag="status",
        summary="The same for Open Badges 2.0", handle=revocations.open_badges_2, is_quiet=True, is_bulk=True,
        parameters=(_POSITION,), answers={200: list_answers.RevocationListAnswer, 304: None},
        errors=(*_READ, e.NotFound, e.UnknownIssuer, e.NotYetVisible),
    ),
    Operation(
        method="GET", path=f"{_ISSUER}/keys", operation_id="listKeys", tag="directory",
        summary="What the issuer signs and signed with, and what became of it", handle=keys.listing, is_quiet=True,
        parameters=(_POSITION,), answers={200: issuer_answers.KeysAnswer},
        errors=(*_READ, e.UnknownIssuer, e.NotYetVisible),
    ),
    Operation(
        method="GET", path=f"{_ISSUER}/did.json", operation_id="getControllerDocument", tag="directory",
        summary="An issuer's keys, for did:web", handle=issuers.controller_document, is_quiet=True,
        parameters=(_POSITION,), answers={200: issuer_answers.ControllerDocumentAnswer},
        media_types=(issuers.DID_DOCUMENT,), errors=(*_READ, e.UnknownIssuer, e.NotYetVisible),
    ),
    Operation(
        method="GET", path="/.well-known/did.json", operation_id="getOriginDocument", tag="directory",
        summary="The keys of the issuer whose did:web is this origin", handle=issuers.origin_document, is_quiet=True,
        parameters=(_POSITION,), answers={200: issuer_answers.ControllerDocumentAnswer},
        media_types=(issuers.DID_DOCUMENT,), errors=(*_READ, e.UnknownIssuer, e.NotYetVisible),
    ),
    Operation(
        method="GET", path="/openapi.json", operation_id="getOpenApi", tag="about",
        summary="This description", handle=about.openapi, is_quiet=True,
        answers={200: answers.OpenApiAnswer}, errors=(e.UnknownOrigin, e.QuotaExceeded),
    ),
    Operation(
        method="GET", path="/problems/{kind}", operation_id="getProblem", tag="about",
        summary="What a kind of problem means", handle=about.problem, is_quiet=True,
        answers={200: answers.KindAnswer}, errors=(e.UnknownOrigin, e.QuotaExceeded, e.NotFound),
    ),
    Operation(
        method="GET", path="/livez", operation_id="isAlive", tag="about",
        summary="The loop turns", handle=health.alive, is_quiet=True, is_local=True,
        answers={200: answers.HealthAnswer},
    ),
    Operation(
        method="GET", path="/readyz", operation_id="isReady", tag="about",
        summary="Whether to send work here", handle=health.ready, is_quiet=True, is_local=True,
        answers={200: answers.HealthAnswer}, errors=(e.Unavailable,),
    ),
)  # fmt: skip

ISSUER = (
    Operation(
        method="POST", path=f"{_ISSUER}/credentials/issue", operation_id="issueCredential", tag="credentials",
        summary="Register, sign and return a credential (VCALM)", handle=credentials.issue, scope=auth.ISSUE,
        body=bodies.IssueBody, body_limit="document_bytes", answers={201: answers.IssuedAnswer}, records=True,
        errors=(
            *_WRITE, e.AlreadyRegistered, e.IssuerNotActive, e.NoFittingKey, e.UnsafeDocument, e.UnknownContext,
            e.ListsNotReady, e.NotYetVisible,
        ),
    ),
    Operation(
        method="POST", path=f"{_ISSUER}/credentials", operation_id="registerCredential", tag="credentials",
        summary="Give a credential that is signed elsewhere its status entries", handle=credentials.register,
        scope=auth.ISSUE, body=bodies.RegistrationBody, body_limit="document_bytes", records=True,
        answers={201: answers.RegistrationAnswer},
        errors=(*_WRITE, e.AlreadyRegistered, e.IssuerNotActive, e.ListsNotReady),
    ),
    Operation(
        method="POST", path=f"{_ISSUER}/credentials/status", operation_id="updateCredentialStatus", tag="credentials",
        summary="Set or clear one status (VCALM)", handle=status_changes.change, scope=auth.STATUS, records=True,
        body=bodies.StatusBody, answers={200: answers.StatusAnswer},
        errors=(*_CHANGE, e.NoSuspensionEntry, e.NoMessageEntry),
    ),
    Operation(
        method="PUT", path=f"{_CREDENTIAL}/revocation", operation_id="revokeCredential", tag="credentials",
        summary="Revoke for good", handle=credentials.revoke, scope=auth.STATUS, records=True,
        body=bodies.RevocationBody, body_is_optional=True, answers={200: answers.StatusAnswer}, errors=_CHANGE,
    ),
    Operation(
        method="PUT", path=f"{_CREDENTIAL}/suspension", operation_id="suspendCredential", tag="credentials",
        summary="Suspend", handle=credentials.suspend, scope=auth.STATUS, records=True,
        body=bodies.SuspensionBody, body_is_optional=True, answers={200: answers.StatusAnswer},
        errors=(*_CHANGE, e.NoSuspensionEntry),
    ),
    Operation(
        method="DELETE", path=f"{_CREDENTIAL}/suspension", operation_id="reinstateCredential", tag="credentials",
        summary="Lift a suspension", handle=credentials.reinstate, scope=auth.STATUS, records=True,
        answers={200: answers.StatusAnswer}, errors=_CHANGE,
    ),
    Operation(
        method="PUT", path=f"{_CREDENTIAL}/supersession", operation_id="supersedeCredential", tag="credentials",
        summary="Replace by another credential of the same issuer", handle=credentials.supersede, scope=auth.STATUS,
        records=True, body=bodies.SupersessionBody, answers={200: answers.StatusAnswer}, errors=_CHANGE,
    ),
    Operation(
        method="PUT", path=f"{_CREDENTIAL}/message", operation_id="setCredentialMessage", tag="credentials",
        summary="Set what its message entry says", handle=credentials.set_message, scope=auth.STATUS, records=True,
        body=bodies.MessageBody, answers={200: answers.MessageAnswer}, errors=(*_CHANGE, e.NoMessageEntry),
    ),
    Operation(
        method="POST", path=f"{_ISSUER}/batches", operation_id="carryOutBatch", tag="credentials",
        summary="Up to a million rows: register, issue, revoke, suspend, reinstate, supersede", handle=batches.upload,
        scope=auth.BATCH, records=True, streamed=batch_files.TYPES, is_bulk=True,
        parameters=(
            Parameter(
                "operation", "Of rows that do not say theirs.", {"type": "string", "enum": list(batch_rows.OPERATIONS)}
            ),
            _DRY_RUN,
        ),
        answers={200: batch_answers.BatchAnswer}, opaque_types=batch_files.TYPES[:1],
        errors=(*_WRITE, e.ListsNotReady, e.NoRoom),
    ),
    Operation(
        method="POST", path=f"{_ISSUER}/batches/{batches.BY_QUERY}", operation_id="carryOutBatchByQuery",
        tag="credentials", summary="Revoke or suspend all that a query means; with dry_run, look at them first",
        handle=batch_query.by_query, scope=auth.STATUS, records=True, body=batch_query.SelectionBody,
        parameters=(_DRY_RUN,), answers={200: batch_answers.BatchAnswer}, opaque_types=(batch_files.NDJSON,),
        errors=_WRITE, is_bulk=True,
    ),
    Operation(
        method="GET", path=_BATCH, operation_id="getBatch", tag="credentials",
        summary="How far a batch has come", handle=batches.one, scope=auth.READ,
        answers={200: batch_answers.BatchAnswer}, errors=(*_OURS, e.NotFound),
    ),
    Operation(
        method="GET", path=f"{_BATCH}/result", operation_id="getBatchResult", tag="credentials",
        summary="What became of each row", handle=batches.result, scope=auth.READ,
        parameters=(
            Parameter("outcome", "Only these.", {"type": "string", "enum": ["accepted", "unchanged", "rejected"]}),
        ),
        answers={200: batch_answers.RowAnswer}, media_types=(batch_files.NDJSON,), opaque_types=(batch_files.CSV,),
        errors=(*_OURS, e.NotFound), is_bulk=True,
    ),
    Operation(
        method="PUT", path=f"{_ISSUER}/status-lists/{{purpose}}", operation_id="addStatusLists", tag="status",
        summary="Give the issuer refresh, message or token lists", handle=own_lists.add, scope=auth.STATUS,
        records=True, body=list_bodies.StatusListBody, body_is_optional=True,
        answers={200: list_answers.AddedListsAnswer},
        errors=(*_WRITE, e.UnknownStatusList, e.StatusListDiffers, e.ListsNotReady),
    ),
    *(
        Operation(
            method="POST", path=path, operation_id=operation_id, tag="status",
            summary="Open a list whose indices the issuer gives out itself (VCALM)", handle=own_lists.open_own,
            scope=auth.STATUS, records=True, body=list_bodies.OwnListBody, answers={201: list_answers.OwnListAnswer},
            errors=(*_WRITE, e.TooManyStatusLists, e.IssuerNotActive, e.ListsNotReady),
        )
        for path, operation_id in (
            ("/status-lists", "createStatusList"), (f"{_ISSUER}/status-lists", "createIssuersStatusList"),
        )
    ),
    Operation(
        method="GET", path=f"{_ISSUER}/status-list-sets", operation_id="listStatusListSets", tag="status",
        summary="The issuer's sets of status lists", handle=own_lists.listing, scope=auth.READ,
        answers={200: list_answers.ListSetsAnswer}, errors=_OURS,
    ),
    Operation(
        method="GET", path=f"{_ISSUER}/credentials", operation_id="listCredentials", tag="credentials",
        summary="The issuer's credentials", handle=own_credentials.listing, scope=auth.READ,
        parameters=(Parameter("status", "Only these.", _STATUSES), *_PAGE, _POSITION),
        answers={200: answers.CredentialsAnswer}, errors=(*_OURS, e.NotYetVisible),
    ),
    Operation(
        method="GET", path=f"{_ISSUER}/doubtful-credentials", operation_id="listDoubtfulCredentials",
        tag="credentials", summary="What a compromised key secured at or after its cut-off", handle=keys.doubtful,
        scope=auth.READ, parameters=_PAGE, answers={200: issuer_answers.DoubtfulAnswer}, errors=_OURS,
    ),
    Operation(
        method="GET", path=_CREDENTIAL, operation_id="getCredential", tag="credentials",
        summary="One credential with its status entries", handle=own_credentials.one, scope=auth.READ,
        parameters=(_POSITION,), answers={200: answers.OwnCredential},
        errors=(*_OURS, e.UnknownCredential, e.NotYetVisible),
    ),
    Operation(
        method="GET", path=f"{_CREDENTIAL}/events", operation_id="getCredentialEvents", tag="credentials",
        summary="One credential's history", handle=own_credentials.history, scope=auth.READ,
        answers={200: answers.HistoryAnswer}, errors=(*_OURS, e.UnknownCredential),
    ),
)  # fmt: skip

OPERATOR = (
    Operation(
        method="POST", path="/issuers", operation_id="registerIssuer", tag="issuers",
        summary="Register an issuer", handle=issuers.register, scope=auth.OPERATOR, records=True,
        body=bodies.IssuerBody, answers={201: issuer_answers.IssuerAnswer}, errors=(*_WRITE, e.SlugTaken),
    ),
    Operation(
        method="PATCH", path=_ISSUER, operation_id="changeIssuer", tag="issuers",
        summary="Change an issuer's description or settings", handle=issuers.change, scope=auth.OPERATOR, records=True,
        body=bodies.IssuerChangesBody, answers={200: issuer_answers.IssuerAnswer},
        errors=(*_WRITE, e.IllegalTransition),
    ),
    Operation(
        method="PUT", path=f"{_ISSUER}/suspension", operation_id="suspendIssuer", tag="issuers",
        summary="Stop an issuer from issuing", handle=issuers.suspend, scope=auth.OPERATOR, records=True,
        body=bodies.ReasonBody, body_is_optional=True, answers={200: issuer_answers.IssuerAnswer},
        errors=(*_WRITE, e.IllegalTransition),
    ),
    Operation(
        method="DELETE", path=f"{_ISSUER}/suspension", operation_id="reinstateIssuer", tag="issuers",
        summary="Let an issuer issue again", handle=issuers.reinstate, scope=auth.OPERATOR, records=True,
        answers={200: issuer_answers.IssuerAnswer}, errors=(*_WRITE, e.IllegalTransition),
    ),
    Operation(
        method="PUT", path=f"{_ISSUER}/withdrawal", operation_id="withdrawIssuer", tag="issuers",
        summary="End an issuer for good", handle=issuers.withdraw, scope=auth.OPERATOR, records=True,
        body=bodies.ReasonBody, body_is_optional=True, answers={200: issuer_answers.IssuerAnswer},
        errors=(*_WRITE, e.IllegalTransition),
    ),
    Operation(
        method="PUT", path=f"{_ISSUER}/did", operation_id="adoptDid", tag="issuers",
        summary="Propose a DID controlled elsewhere, or adopt it when its document lists our keys",
        handle=keys.adopt_did, scope=auth.OPERATOR, records=True, body=bodies.DidBody, body_is_optional=True,
        answers={200: issuer_answers.IssuerAnswer, 202: issuer_answers.IssuerAnswer},
        errors=(*_WRITE, e.DelegationMissing, e.IllegalTransition),
    ),
    Operation(
        method="POST", path=f"{_ISSUER}/keys/rotation", operation_id="rotateKeys", tag="issuers",
        summary="Let new keys sign; with compromisedSince, what the old ones signed from then on does not count",
        handle=keys.rotate, scope=auth.OPERATOR, records=True, body=bodies.RotationBody, body_is_optional=True,
        answers={200: issuer_answers.IssuerAnswer, 202: issuer_answers.IssuerAnswer},
        errors=(*_WRITE, e.IllegalTransition),
    ),
    Operation(
        method="GET", path=f"{_ISSUER}/api-keys", operation_id="listApiKeys", tag="issuers",
        summary="An issuer's API keys", handle=api_keys.listing, scope=auth.OPERATOR,
        answers={200: issuer_answers.ApiKeysAnswer}, errors=_OURS,
    ),
    Operation(
        method="POST", path=f"{_ISSUER}/api-keys", operation_id="createApiKey", tag="issuers",
        summary="Make an API key; it is shown once", handle=api_keys.create, scope=auth.OPERATOR, records=True,
        body=bodies.ApiKeyBody, answers={201: issuer_answers.ApiKeyAnswer},
        errors=(*_WRITE, e.TooManyApiKeys, e.SecretAlreadyShown),
    ),
    Operation(
        method="DELETE", path=f"{_ISSUER}/api-keys/{{keyId}}", operation_id="revokeApiKey", tag="issuers",
        summary="Revoke an API key", handle=api_keys.revoke, scope=auth.OPERATOR, records=True,
        answers={200: issuer_answers.ApiKeyRevokedAnswer}, errors=(*_WRITE, e.UnknownApiKey),
    ),
)  # fmt: skip

ROUTES: tuple[Operation, ...] = (*PUBLIC, *ISSUER, *OPERATOR)
"""In this order they are mounted; a path's literal segments win over its parameters."""
