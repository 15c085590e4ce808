"""RDF terms written straight into canonical N-Quads; what would need escaping is refused.

Templates may only hold values that every N-Quads writer prints the same way.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Final

from pyoxigraph import NamedNode

from registry.errors import Malformed

_IRI: Final = re.compile(r"(https?://|did:[a-z0-9]+:|urn:[a-z0-9]+:)[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]+")
_PLAIN: Final = re.compile(r"[ !#-\[\]-~]*")
"""Printable ASCII but quotation mark and backslash."""


def iri(value: object) -> str:
    """Return *value*, an http, https, did or urn IRI in ASCII, as an N-Quads term; raise `Malformed` otherwise."""
    if isinstance(value, str) and _IRI.fullmatch(value):
        with suppress(ValueError):
            return str(NamedNode(value))
    raise Malformed(f"{str(value)[:200]!r} is not an http, https, did or urn identifier in plain ASCII.")


def literal(value: object, datatype: str | None = None) -> str:
    """Return the text *value* as an N-Quads literal of *datatype* (an IRI; plain text without)."""
    if not isinstance(value, str) or not _PLAIN.fullmatch(value):
        raise Malformed(f"{str(value)[:200]!r} is not plain ASCII text without quotation mark and backslash.")
    return f'"{value}"' if datatype is None else f'"{value}"^^<{datatype}>'
