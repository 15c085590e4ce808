"""The description says what is mounted, and is OpenAPI 3.1."""

import re

import orjson
import pytest
import schemathesis

from registry.http.openapi import describe
from registry.http.routes import ROUTES

DESCRIBED = orjson.loads(describe(ROUTES, origin="https://registry.example", version="1"))


def test_every_route_is_described_once():
    described = {(method.upper(), path) for path, item in DESCRIBED["paths"].items() for method in item}
    assert described == {(one.method, one.path) for one in ROUTES}
    assert len(ROUTES) == len(described)


def test_operation_ids_are_unique():
    ids = [one.operation_id for one in ROUTES]
    assert len(ids) == len(set(ids))


def test_every_reference_leads_somewhere():
    references = set(re.findall(rb'"\$ref":"#/components/schemas/(\w+)"', orjson.dumps(DESCRIBED)))
    assert {one.decode() for one in references} <= set(DESCRIBED["components"]["schemas"])


@pytest.mark.parametrize("one", ROUTES, ids=lambda one: one.operation_id)
def test_every_operation_tells_its_errors_and_its_parameters(one):
    described = DESCRIBED["paths"][one.path][one.method.lower()]
    assert {str(status) for status in one.answers} < set(described["responses"])
    in_path = {parameter["name"] for parameter in described.get("parameters", ()) if parameter["in"] == "path"}
    assert in_path == set(re.findall(r"\{(\w+)\}", one.path))
    assert ("401" in described["responses"]) is (one.scope is not None)
    assert ("413" in described["responses"]) is (one.body is not None or bool(one.streamed))
    keyed = any(parameter["name"] == "Idempotency-Key" for parameter in described.get("parameters", ()))
    assert keyed is one.records


def test_others_can_read_it():
    schema = schemathesis.openapi.from_dict(DESCRIBED)
    assert len(list(schema.get_all_operations())) == len(ROUTES)


async def test_the_service_serves_it(service):
    status, described = await service.ask("GET", "/openapi.json", key="")
    assert (status, described["openapi"]) == (200, "3.1.0")
    assert set(described["paths"]) == set(DESCRIBED["paths"])
    assert described["servers"][0]["url"].startswith("http")
