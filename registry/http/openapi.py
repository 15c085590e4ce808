"""The route table → OpenAPI 3.1, so that the description cannot differ from what is mounted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from registry.domain.names import LogName
from registry.errors import TooLarge, UnsupportedMediaType
from registry.http.answers import ProblemAnswer
from registry.http.operation import Operation, Parameter
from registry.http.problems import BODY_TIMEOUT, CONTENT_TYPE, INTERNAL, kind_of

DESCRIPTION: web.AppKey[Mapping[LogName, bytes]] = web.AppKey("description", Mapping[LogName, bytes])

_SECURITY = "apiKey"
_REF = "#/components/schemas/{model}"
_PATH_PARAMETER = re.compile(r"\{(\w+)\}")
_PATH_PARAMETERS = {
    "purpose": "What the lists are for: refresh, message or token.",
    "id": "The id, percent-encoded.",
    "slug": "The issuer's slug.",
    "keyId": "The API key's id.",
    "kind": "The last segment of a problem's `type`.",
}
_IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key",
    "The same key and request take effect once, for ever; another request under the key is refused.",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    within="header",
)
_LOCATED = frozenset({"issueCredential", "registerCredential", "createStatusList", "createIssuersStatusList"})

Json = dict[str, Any]


def describe(operations: Iterable[Operation], *, origin: str, version: str) -> bytes:
    """Return the description of *operations* as JSON."""
    table = tuple(operations)
    paths: Json = {}
    for one in table:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one)
    return orjson.dumps(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Credential registry",
                "version": version,
                "description": "Issuance, suspension and revocation of credentials in an append-only log, published "
                "as signed status lists. HEAD goes wherever GET goes; errors are problem documents (RFC 9457).",
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": origin}],
            "paths": paths,
            "components": {
                "schemas": _schemas(table),
                "securitySchemes": {_SECURITY: {"type": "http", "scheme": "bearer", "bearerFormat": "reg_…"}},
            },
        }
    )


def _operation(operation: Operation) -> Json:
    described: Json = {
        "operationId": operation.operation_id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "responses": _responses(operation),
        "security": [] if operation.scope is None else [{_SECURITY: []}],
    }
    if operation.scope is not None:
        described["description"] = f"Needs an API key with the scope `{operation.scope}`."
    if parameters := _parameters(operation):
        described["parameters"] = parameters
    if operation.body is not None:
        described["requestBody"] = {
            "required": not operation.body_is_optional,
            "content": {
                "application/json": {"schema": _ref(operation.body)},
                **({own: {"schema": {"type": "object"}}} if (own := operation.body.document_type()) else {}),
                **{raw: {"schema": {"type": "string"}} for raw in operation.raw_types},
            },
        }
    if operation.streamed:
        described["requestBody"] = {
            "required": True,
            "content": {media_type: {"schema": {"type": "string"}} for media_type in operation.streamed},
        }
    return described


def _parameters(operation: Operation) -> list[Json]:
    in_path: list[Json] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _PATH_PARAMETERS[name],
            "schema": {"type": "string", "minLength": 1},
        }
        for name in _PATH_PARAMETER.findall(operation.path)
    ]
    given = (*operation.parameters, *((_IDEMPOTENCY_KEY,) if operation.records else ()))
    return in_path + [
        {
            "name": one.name,
            "in": one.within,
            "required": one.is_required,
            "description": one.description,
            "schema": dict(one.schema),
        }
        for one in given
    ]


def _responses(operation: Operation) -> Json:
    responses: Json = {}
    for status, model in operation.answers.items():
        response: Json = {"description": operation.summary if status < 300 else "What the client has is still good."}
        if model is not None:
            response["content"] = {
                **{media_type: {"schema": _ref(model)} for media_type in operation.media_types},
                **{media_type: {} for media_type in operation.opaque_types},
            }
        if operation.records:
            response["headers"] = {
                "Registry-Position": {"description": "Where the log has it.", "schema": {"type": "string"}}
            }
            if operation.operation_id in _LOCATED:
                response["headers"]["Location"] = {"description": "What was made.", "schema": {"type": "string"}}
        responses[str(status)] = response
    for status, titles in sorted(_problems(operation).items()):
        response = responses.setdefault(str(status), {})
        response["description"] = "; ".join(titles)
        response.setdefault("content", {})[CONTENT_TYPE] = {"schema": _ref(ProblemAnswer)}
    return responses


def _problems(operation: Operation) -> dict[int, list[str]]:
    kinds = [kind_of(error) for error in operation.errors]
    kinds.append(INTERNAL)
    if operation.method != "GET":
        kinds.append(kind_of(UnsupportedMediaType))
    if operation.body is not None or operation.streamed:
        kinds += [kind_of(TooLarge), BODY_TIMEOUT]
    titles: dict[int, list[str]] = {}
    for kind in dict.fromkeys(kinds):
        titles.setdefault(kind.status, []).append(kind.title)
    return titles


def _ref(model: type[BaseModel]) -> Json:
    return {"$ref": _REF.format(model=model.__name__)}


def _schemas(table: Iterable[Operation]) -> Json:
    requests = {one.body for one in table if one.body is not None}
    answers = {model for one in table for model in one.answers.values() if model is not None} | {ProblemAnswer}
    wanted = [(model, "validation") for model in sorted(requests | answers, key=lambda model: model.__name__)]
    _, schemas = models_json_schema(wanted, ref_template=_REF)  # type: ignore[arg-type]
    defined: Json = schemas["$defs"]
    return defined
