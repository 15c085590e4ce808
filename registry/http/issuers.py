"""Issuers: the public directory and controller documents, and the operator's hold on them."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

from projections.issuer_directory import controller
from projections.status_lists.aggregation import aggregation_uri
from registry.domain.commands import IssuerCommand, ReinstateIssuer, SuspendIssuer, UpdateIssuer, WithdrawIssuer
from registry.domain.events import IssuerKind, IssuerProfile
from registry.domain.issuer import IssuerStatus
from registry.domain.names import Slug, slug
from registry.errors import Malformed, UnknownIssuer
from registry.http import client, paging
from registry.http.bodies import IssuerBody, IssuerChangesBody, ReasonBody
from registry.http.door import Call
from registry.http.rendering import directory_entry
from registry.http.writes import asked, recorded
from registry.securing import did as dids

DIRECTORY = "issuer_directory"
DID_DOCUMENT = "application/did+json"

_PROFILE = ("name", "kind", "jurisdiction", "legal_name", "url", "logo", "identifiers")


async def search(call: Call) -> web.Response:
    """Who may issue here: a page of the directory."""
    request = call.request
    await directory_caught_up(call)
    page = await call.parts.views.search(
        call.log,
        q=paging.text(request, "q"),
        kind=paging.one_of(request, "kind", [kind.value for kind in IssuerKind]),
        jurisdiction=paging.text(request, "jurisdiction", longest=6),
        status=paging.one_of(request, "status", [status.value for status in IssuerStatus]),
        limit=paging.limit(request),
        cursor=paging.cursor(request),
    )
    answer: dict[str, object] = {"issuers": [directory_entry(entry) for entry in page.issuers]}
    if page.next_cursor is not None:
        answer["next"] = page.next_cursor
        call.headers["Link"] = paging.next_link(request, call.origin, page.next_cursor)
    return fresh(call.json(answer))


async def one(call: Call) -> web.Response:
    """One issuer."""
    await directory_caught_up(call)
    entry = await call.parts.views.issuer(call.log, slug_of(call))
    answer = directory_entry(entry) | {"status_list_aggregation_endpoint": aggregation_uri(call.origin, entry.slug)}
    return fresh(call.json(answer))


async def controller_document(call: Call) -> web.Response:
    """The issuer's keys, where its did:web says that they are."""
    await directory_caught_up(call)
    entry = await call.parts.views.issuer(call.log, slug_of(call))
    document = controller.document_at(entry.slug, entry.did, await call.parts.views.methods(call.log, entry.slug))
    if document is None:
        raise UnknownIssuer(f"The issuer's DID is {entry.did}, whose document does not lie here.")
    return _document(call, document)


async def origin_document(call: Call) -> web.Response:
    """The keys of the one issuer, if there is one, whose did:web is this origin itself."""
    try:
        did = dids.did_web(call.origin)
    except ValueError:
        raise UnknownIssuer("This origin is none that did:web can name: that needs https and a host name.") from None
    await directory_caught_up(call)
    entry = await call.parts.views.by_did(call.log, did)
    return _document(call, controller.document(did, await call.parts.views.methods(call.log, entry.slug)))


def _document(call: Call, document: dict[str, object]) -> web.Response:
    response = fresh(call.json(document))
    response.headers["Content-Type"] = DID_DOCUMENT
    return response


async def register(call: Call) -> web.Response:
    """Vouch for a new issuer."""
    body = call.body
    assert isinstance(body, IssuerBody)
    method = body.did or ("web" if call.origin.startswith("https://") else "key")
    if method == "web":
        require_did_web(call.origin)
    elif method != "key":
        require_foreign(method, call.origin)
    outcome = await call.parts.commands.register_issuer(
        asked(call),
        name=Slug(body.slug),
        profile=IssuerProfile(**{name: getattr(body, name) for name in _PROFILE}),
        status_profile=body.status_profile,
        public_reasons=body.public_reasons,
        did_method=method,
        mechanisms=tuple(body.mechanisms),
        key_algorithms=tuple(body.key_algorithms),
    )
    return recorded(call, outcome, 201)


async def change(call: Call) -> web.Response:
    """Change what is given, and leave the rest as it is."""
    body = call.body
    assert isinstance(body, IssuerChangesBody)
    given = body.model_fields_set
    command = UpdateIssuer(
        call.parts.clock(),
        call.issuer,
        profile={name: getattr(body, name) for name in _PROFILE if name in given},
        status_profile=body.status_profile if "status_profile" in given else None,
        public_reasons=body.public_reasons if "public_reasons" in given else None,
        legacy_lists=tuple(body.legacy_lists) if "legacy_lists" in given else None,
        mechanisms=tuple(body.mechanisms) if "mechanisms" in given else None,
        key_algorithms=tuple(body.key_algorithms) if "key_algorithms" in given else None,
    )
    return recorded(call, await call.parts.commands.update_issuer(asked(call), command))


async def suspend(call: Call) -> web.Response:
    """Stop an issuer from issuing; it can still revoke."""
    return await _handled(call, SuspendIssuer(call.parts.clock(), call.issuer, _reason(call).reason))


async def reinstate(call: Call) -> web.Response:
    """Let a suspended issuer issue again."""
    return await _handled(call, ReinstateIssuer(call.parts.clock(), call.issuer))


async def withdraw(call: Call) -> web.Response:
    """End an issuer for good; its lists are published for ever."""
    return await _handled(call, WithdrawIssuer(call.parts.clock(), call.issuer, _reason(call).reason))


async def _handled(call: Call, command: IssuerCommand) -> web.Response:
    return recorded(call, await call.parts.commands.handle(asked(call), command))


def _reason(call: Call) -> ReasonBody:
    body = call.body
    assert isinstance(body, ReasonBody)
    return body


def slug_of(call: Call) -> Slug:
    """Return the path's slug; what cannot be one names no issuer."""
    try:
        return slug(call.request.match_info["slug"])
    except Malformed as error:
        raise UnknownIssuer(error.detail) from None


async def directory_caught_up(call: Call) -> None:
    """Wait until the directory shows what the caller must see."""
    if wanted := client.wanted_position(call.request, call.log):
        await call.parts.progress.reach(call.log, DIRECTORY, wanted, timeout_s=call.parts.limits.position_wait_s)


def require_foreign(did: str, origin: str) -> None:
    """Raise `Malformed` for a *did* whose document would lie at *origin*, where nobody but us could delegate."""
    if urlsplit(dids.did_web_url(did)).netloc == urlsplit(origin).netloc:
        raise Malformed(f"{did} names this registry's own origin; ask for `did`: `web`.", pointer="/did")


def require_did_web(origin: str) -> None:
    """Raise `Malformed` for an *origin* under which no document of a did:web can lie."""
    try:
        dids.did_web(origin)
    except ValueError:
        raise Malformed(
            f"{origin} cannot carry a did:web, which needs https and a host name; ask for `did`: `key`.", pointer="/did"
        ) from None


def fresh(response: web.Response) -> web.Response:
    """Return *response*, which is asked for again before each use."""
    response.headers["Cache-Control"] = "no-cache"
    return response
