"""The program inside a canonicalisation worker: documents in, answers out, over pipes, until end of file.

It starts with an environment free of secrets and under resource limits, and it never touches the network or the
database. Frames are a length (4 bytes, big endian) and that many bytes of JSON. A request is
`{"documents", "digest"}`, its answer one `{"canonical"}` or `{"error", "detail", "extra"}` for each document.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable
from typing import Any, BinaryIO, Final

import orjson

HEADER: Final = struct.Struct(">I")


def frame(message: object) -> bytes:
    """Return *message* as one frame."""
    return HEADER.pack(len(body := _encoded(message))) + body


def _encoded(message: object) -> bytes:
    """Return *message* as JSON; the fast way cannot write what no document from outside holds (2^64, surrogates)."""
    try:
        return orjson.dumps(message)
    except orjson.JSONEncodeError:
        return json.dumps(message).encode()


def main() -> None:
    """Read the settings frame, answer `{}` when ready, then answer every request; return at end of file."""
    # Ctrl-C and a supervisor's signal reach the whole group; the parent decides when its workers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    settings = _read(requests)
    if settings is None:
        return
    try:
        canonicalise = _prepared(settings)
    except Exception as error:  # noqa: BLE001  # whatever it is, the parent can say it and this process cannot
        _write(answers, {"error": "Unfit", "detail": f"{type(error).__name__}: {error}"})
        return
    _write(answers, {})
    while (request := _read(requests)) is not None:
        # Should the parent be gone, nobody else ends a document that never ends.
        signal.setitimer(signal.ITIMER_REAL, 2 * settings["time_limit_s"])
        results = [_answer(canonicalise, document, request["digest"]) for document in request["documents"]]
        signal.setitimer(signal.ITIMER_REAL, 0)
        _write(answers, results)


def _prepared(settings: dict[str, Any]) -> Callable[[dict[str, Any], Any], str]:
    """Import, warm up, and set the limits; return what canonicalises a document."""
    from registry.securing.contexts import CREDENTIALS_V2, Contexts
    from registry.securing.rdf import Processor, canonicalise_here

    contexts = Contexts({url: base64.b64decode(content) for url, content in settings["contexts"].items()})
    processor = Processor(contexts)
    os.nice(settings["niceness"])
    memory = settings["memory_limit_bytes"]
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core would hold somebody's credential
    if CREDENTIALS_V2 in contexts.documents:
        canonicalise_here({"@context": CREDENTIALS_V2, "id": "urn:x", "type": "VerifiableCredential"}, processor)
    return lambda document, digest: canonicalise_here(document, processor, digest)


def _answer(
    canonicalise: Callable[[dict[str, Any], Any], str], document: dict[str, Any], digest: str
) -> dict[str, Any]:
    from registry.errors import RegistryError

    try:
        return {"canonical": canonicalise(document, digest)}
    except RegistryError as error:
        return {"error": type(error).__name__, "detail": error.detail, "extra": error.extra}
    except MemoryError:
        return {"error": "Malformed", "detail": "The document needs more memory than one may have."}
    except UnicodeEncodeError:
        return {"error": "Malformed", "detail": "The document holds half of a surrogate pair, which is no character."}
    except Exception as error:  # noqa: BLE001  # PyLD stumbles over some malformed input; this one is the input's fault
        return {"error": "Malformed", "detail": f"The document cannot be read as JSON-LD ({type(error).__name__})."}


def _read(stream: BinaryIO) -> Any:
    """Return the next message; None at end of file."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    (length,) = HEADER.unpack(header)
    body = stream.read(length)
    if len(body) < length:
        return None
    return json.loads(body)


def _write(stream: BinaryIO, message: object) -> None:
    stream.write(frame(message))
    stream.flush()
