"""The Node process that judges, and what it says."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from registry.securing.contexts import PINNED

PROJECT = Path(__file__).parent
AT = "2029-06-30T12:00:00Z"
"""When a credential is judged: within the validity of every fixture. Lists are judged as of now, always."""

Document = dict[str, Any]
CLEAR: Mapping[str, bool] = {"revocation": False, "suspension": False}


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether the libraries accept it, what they object to, and the bit of each purpose."""

    verified: bool
    errors: tuple[str, ...] = ()
    statuses: Mapping[str, bool] | None = None


class Judge:
    """A running judge: `@digitalbazaar/vc` and what belongs to it, with their default checks."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._requests: IO[str] = process.stdin
        self._answers: IO[str] = process.stdout

    def configure(self, origin: str, door: str | None = None) -> None:
        """Let it fetch from *origin*, found at *door*, and tell it where the contexts of Open Badges and CLR lie."""
        self.ask("configure", origin=origin, door=door or origin, contexts={url: str(file_of(url)) for url in PINNED})

    def verify(self, credential: Document, lists: Mapping[str, Document] | None = None) -> Judgement:
        """Judge the proof of *credential* and its status; *lists* stand in for published ones."""
        return self._judgement("verifyCredential", credential=credential, now=AT, lists=lists or {})

    def check_status(self, credential: Document, lists: Mapping[str, Document] | None = None) -> Judgement:
        """Judge the status lists that *credential* names, and its bits in them; not its own proof."""
        return self._judgement("checkStatus", credential=credential, lists=lists or {})

    def verify_list(self, published: Document) -> Judgement:
        """Judge a list as the credential that it is."""
        return self._judgement("verifyList", list=published)

    def open(self, credential: Document, method: str) -> dict[str, Any]:
        """Open the envelope of *credential* under the key of *method*: verified, errors, document, header."""
        return self.ask("open", url=credential["id"], method=method)

    def ask(self, command: str, **request: Any) -> dict[str, Any]:
        """Return the answer to one request."""
        self._requests.write(json.dumps({"command": command, **request}) + "\n")
        self._requests.flush()
        line = self._answers.readline()
        assert line, "the judge ended; its reason is on stderr"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _judgement(self, command: str, **request: Any) -> Judgement:
        answer = self.ask(command, **request)
        return Judgement(answer["verified"], tuple(answer["errors"]), answer.get("statuses"))


@contextmanager
def sitting() -> Iterator[Judge]:
    """Run a judge until the block is left."""
    with subprocess.Popen(
        ["node", "judge.mjs"], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        try:
            yield Judge(process)
        finally:
            process.kill()


def file_of(url: str) -> Path:
    """Return the file that an installed Python package has of the context at *url*."""
    (package, folder), name, _ = PINNED[url]
    spec = find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / folder / name
