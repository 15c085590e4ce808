"""IRIs written straight into canonical N-Quads; one that any N-Quads writer would escape is refused."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Final

from pyoxigraph import NamedNode

from registry.errors import Malformed

_IRI: Final = re.compile(r"(https?://|did:[a-z0-9]+:|urn:[a-z0-9]+:)[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]+")


def iri(value: object) -> str:
    """Return *value*, an http, https, did or urn IRI in ASCII, as an N-Quads term; raise `Malformed` otherwise."""
    if isinstance(value, str) and _IRI.fullmatch(value):
        with suppress(ValueError):
            return str(NamedNode(value))
    raise Malformed(f"{str(value)[:200]!r} is not an http, https, did or urn identifier in plain ASCII.")
