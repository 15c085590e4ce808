"""The short way to a route leads where aiohttp's own would."""

import re

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from registry.http.application import application
from registry.http.routes import ROUTES
from registry.http.straight import Straight
from tests.http.test_door import parts

HOT = application(parts()).router


def with_aiohttp_alone():
    learn = Straight.learn
    Straight.learn = lambda *_: None
    try:
        return application(parts()).router
    finally:
        Straight.learn = learn


PLAIN = with_aiohttp_alone()
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW")
NAMES = sorted({segment for one in ROUTES for segment in one.path.split("/") if segment and "{" not in segment})
SEGMENTS = st.one_of(
    st.sampled_from(NAMES),
    st.sampled_from(["", ".", "..", "%2F", "a%2Fb", "%25", "%2525", "%7Bid%7D", "%63redentials"]),
    st.text(st.characters(codec="utf-8", exclude_characters="/?#%"), max_size=6),
)  # fmt: skip


async def found(router, method, path):
    match = await router.resolve(make_mocked_request(method, path))
    return match.route.method, match.route.resource.canonical, dict(match)


@pytest.mark.parametrize("path", sorted({operation.path for operation in ROUTES}))
@pytest.mark.parametrize("method", METHODS)
async def test_every_template_is_found_as_aiohttp_finds_it(method, path):
    asked = re.sub(r"\{.*?\}", "urn:uuid:1%2F2%2525", path)
    assert await found(HOT, method, asked) == await found(PLAIN, method, asked)


@given(method=st.sampled_from(METHODS), segments=st.lists(SEGMENTS, max_size=6))
async def test_any_path_is_found_as_aiohttp_finds_it(method, segments):
    asked = "/".join(["", "issuers", *segments])
    assert await found(HOT, method, asked) == await found(PLAIN, method, asked)


async def test_the_writes_go_the_short_way():
    [hot] = [resource for resource in HOT.resources() if isinstance(resource, Straight)]
    matched, _ = await hot.resolve(make_mocked_request("PUT", "/issuers/one/credentials/urn%3A2/revocation"))
    assert dict(matched) == {"slug": "one", "id": "urn:2"}
