"""The measurement of lists as files: what comes from the service behind nginx is not taken for a file."""

from __future__ import annotations

from dataclasses import replace

import pytest

from load_tests.files import is_a_file_alike
from load_tests.lists import Asked
from load_tests.peer import Answer

TYPED = {"Content-Type": "application/vc", "ETag": '"a digest"'}
SERVED = Asked("identity", {}, Answer("GET", "/status-lists/1", 200, TYPED, b"a list"))


def changed(**differently: object) -> Asked:
    return replace(SERVED, answer=replace(SERVED.answer, **differently))


def test_a_file_has_an_entity_tag_of_its_own():
    assert is_a_file_alike(SERVED, changed(headers={**TYPED, "ETag": '"6925a1b0-4d2"'}))


@pytest.mark.parametrize(("name", "tag"), [("ETag", '"a digest"'), ("etag", '"a digest"'), ("ETag", 'W/"a digest"')])
def test_what_nginx_fetched_from_the_service_is_no_file(name, tag):
    headers = {"Content-Type": "application/vc", name: tag}
    assert not is_a_file_alike(SERVED, changed(headers=headers))


@pytest.mark.parametrize("other", [{"body": b"another"}, {"status": 404}])
def test_another_list_is_not_alike(other):
    assert not is_a_file_alike(SERVED, changed(headers={**TYPED, "ETag": '"6925a1b0-4d2"'}, **other))
