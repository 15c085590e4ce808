"""Every error has its answer, and only one place gives it."""

import json

import pytest

from registry import errors
from registry.errors import RegistryError
from registry.http.problems import INTERNAL, KINDS, AtTheDoor, Kind, Problem, internal, kinds, problem_of


def all_errors(cls=RegistryError):
    yield cls
    for child in cls.__subclasses__():
        yield from all_errors(child)


def made(cls):
    match cls:
        case errors.QuotaExceeded:
            return cls("Sentence.", retry_after_s=2.4)
        case errors.BrokenLog:
            return cls("Sentence.", position=7)
        case errors.ApiKeyRefused:
            return cls("Sentence.", reason="expired")
        case errors.UnknownVerificationMethod:
            return cls("Sentence.", problem_type="https://w3id.org/security#INVALID_VERIFICATION_METHOD", title="Title")
    return cls("Sentence.")


OF_THE_PROJECT = [cls for cls in all_errors() if cls.__module__ == "registry.errors"]


@pytest.mark.parametrize("cls", OF_THE_PROJECT)
def test_every_error_has_a_row_of_its_own(cls):
    assert cls in KINDS


@pytest.mark.parametrize("cls", OF_THE_PROJECT)
def test_every_error_becomes_a_problem_document(cls):
    response = problem_of(made(cls)).response(origin="https://registry.example", request_id="r-1")
    body = json.loads(response.body)
    assert response.content_type == "application/problem+json"
    assert response.status == body["status"]
    assert body["type"].startswith("https://registry.example/problems/")
    assert body["title"]
    assert body["detail"]
    assert body["requestId"] == "r-1"


def test_a_slug_means_one_thing():
    slugs = [kind.slug for kind in kinds()]
    assert len(slugs) == len(set(slugs))


@pytest.mark.parametrize("cls", [errors.QuotaExceeded, errors.QueueFull, errors.NotYetVisible, errors.ListsNotReady])
def test_what_passes_says_when_to_come_back(cls):
    assert int(problem_of(made(cls)).headers["Retry-After"]) >= 1


def test_401_says_how_to_authenticate():
    assert problem_of(errors.Unauthenticated("Sentence.")).headers["WWW-Authenticate"].startswith("Bearer")


def test_members_of_an_error_stand_in_its_document_but_reasons_for_metrics_do_not():
    error = errors.IllegalTransition("Sentence.", currentStatus="revoked", reason="secret", headers={"A": "b"})
    problem = problem_of(error)
    assert dict(problem.extra) == {"currentStatus": "revoked"}
    assert problem.headers["A"] == "b"


@pytest.mark.parametrize("cls", [errors.SettingsRefused, errors.MasterKeyUnusable, errors.RegistryError])
def test_what_is_wrong_inside_is_not_told_to_the_world(cls):
    assert "Sentence." not in problem_of(cls("Sentence.")).detail


def test_the_unforeseen_tells_nothing():
    assert internal().kind is INTERNAL


def test_what_only_http_can_get_wrong_keeps_its_headers():
    problem = problem_of(AtTheDoor(Kind(405, "x", "X"), "Sentence.", {"Allow": "GET"}))
    assert (problem.kind.status, dict(problem.headers)) == (405, {"Allow": "GET"})


def test_without_a_log_the_type_is_relative():
    body = json.loads(Problem(INTERNAL, "Sentence.").response(origin="", request_id="").body)
    assert body["type"] == "/problems/internal-error"
    assert "requestId" not in body
