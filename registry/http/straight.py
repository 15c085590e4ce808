"""Finding the route of a path segment by segment, where aiohttp tries the pattern of one resource after the other.

Under `/issuers` lie some thirty resources, and the writes among them are the hot ones. What is not found here is left
to aiohttp, which would find the same: a test asks both about every path.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.web_urldispatcher import AbstractRoute
from yarl import URL

_VARIABLE = re.compile(r"\{([a-zA-Z]+)\}")
_NOTHING: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Segment:
    """What may follow a part of a path."""

    by_name: dict[str, _Segment] = field(default_factory=dict)
    by_variable: _Segment | None = None
    variables: tuple[str, ...] = ()
    """Of the whole way here, in order."""
    routes: dict[str, AbstractRoute] = field(default_factory=dict)


class Straight(web.AbstractResource):
    """Resolves the paths below *prefix* (one segment) that it was told of; to be registered before their resources."""

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self._prefix = prefix
        self._root = _Segment()

    def learn(self, resource: web.Resource) -> None:
        """Take in the routes of *resource*, whose variables are whole segments, if it lies below the prefix."""
        _, *segments = resource.canonical.split("/")
        if f"/{segments[0]}" != self._prefix:
            return
        node, variables = self._root, []
        for segment in segments:
            if found := _VARIABLE.fullmatch(segment):
                variables.append(found[1])
                node.by_variable = node = node.by_variable or _Segment()
            else:
                node = node.by_name.setdefault(segment, _Segment())
        node.variables = tuple(variables)
        node.routes = {route.method: route for route in resource}

    async def resolve(self, request: web.Request) -> Any:
        """Return (what matched, methods allowed), as aiohttp wants it; (None, none) leaves the path to others."""
        path, node, values = request.rel_url.path_safe, self._root, []
        for segment in path.split("/")[1:]:
            following = node.by_name.get(segment)
            if following is None:
                following = node.by_variable
                if following is None or not segment:
                    return None, _NOTHING
                values.append(segment if "%" not in segment else segment.replace("%2F", "/").replace("%25", "%"))
            node = following
        route = node.routes.get(request.method) or node.routes.get("*")
        if route is None or "{" in path or "}" in path:  # aiohttp's variables hold no braces
            return None, _NOTHING
        return web.UrlMappingMatchInfo(dict(zip(node.variables, values, strict=True)), route), _NOTHING

    @property
    def canonical(self) -> str:
        """Where aiohttp looks for this resource."""
        return self._prefix

    def url_for(self, **_: str) -> URL:
        """Return nothing of use: URLs are made elsewhere."""
        return URL(self._prefix)

    def add_prefix(self, prefix: str) -> None:
        """Refuse: this is no part of another application."""
        raise NotImplementedError

    def get_info(self) -> Any:
        """Return nothing to look at."""
        return {}

    def raw_match(self, path: str) -> bool:
        """It is found by no template."""
        return False

    def __iter__(self) -> Iterator[AbstractRoute]:
        return iter(())

    def __len__(self) -> int:
        return 0
