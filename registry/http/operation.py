"""One row of the route table: everything that is said about an operation, once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel

from registry.errors import RegistryError
from registry.http.bodies import Body
from registry.http.parts import Limits, Parts

Handle = Callable[[Any], Awaitable[web.StreamResponse]]
"""A handler behind the door: (Call) → answer."""
Direct = Callable[[Parts, Any], Callable[[web.Request], Awaitable[web.StreamResponse]]]
"""(parts, operation) → an aiohttp handler that does the door's work itself, for the hot routes."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the query or a header, as OpenAPI describes it; handlers read and judge them."""

    name: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    within: Literal["query", "header"] = "query"
    is_required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A method on a path."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    operation_id: str
    summary: str
    tag: str
    handle: Handle | None = None
    direct: Direct | None = None
    """Instead of `handle`, where every microsecond counts."""
    scope: str | None = None
    """What the API key must be for; None: public and anonymous."""
    body: type[Body] | None = None
    body_is_optional: bool = False
    reads_raw: bool = False
    """Whether the handler reads the body's bytes itself; `body` then only describes them."""
    raw_types: tuple[str, ...] = ()
    """Media types of bodies that are taken as they are, beside JSON; the handler reads them itself."""
    streamed: tuple[str, ...] = ()
    """Media types of a body without bound, which the handler reads as it comes in; instead of `body`."""
    body_limit: Literal["body_bytes", "document_bytes", "lookups_bytes"] = "body_bytes"
    answers: Mapping[int, type[BaseModel] | None] = field(default_factory=dict)
    """Status → the model of the JSON answer; None: see `media_types`."""
    media_types: tuple[str, ...] = ("application/json",)
    opaque_types: tuple[str, ...] = ()
    """Further media types of a good answer, that no model describes."""
    errors: tuple[type[RegistryError], ...] = ()
    parameters: tuple[Parameter, ...] = ()
    records: bool = False
    """Whether it appends to the log, and so honours `Idempotency-Key` and answers with `Registry-Position`."""
    is_local: bool = False
    """Asked by whoever runs the process: answers under any Host, and knows no quota."""
    is_quiet: bool = False
    """Counted, not logged."""
    is_bulk: bool = False
    """Of unbounded length: nobody waits for it to be over, and it waits for single requests (`courtesy`)."""

    def limit(self, limits: Limits) -> int:
        """The most bytes that its body may have."""
        limit: int = getattr(limits, self.body_limit)
        return limit
