"""Lists as they are read: in the form and coding that most verifiers ask for, and in others."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from urllib.parse import urlsplit

from load_tests.deployment.client import Client
from load_tests.deployment.signatures import Signatures
from load_tests.deployment.version import Version
from load_tests.deployment.witness import Witness
from projections.status_lists.representation import EMBEDDED, STATUSLIST_JWT

USUAL = {"Accept": EMBEDDED, "Accept-Encoding": "gzip"}
_IDENTITY = {"Accept": EMBEDDED, "Accept-Encoding": "identity"}
_TOKEN = {"Accept": STATUSLIST_JWT, "Accept-Encoding": "gzip"}


class Reader:
    """Reads lists, believes nothing that is not signed, and tells the witness; everything raises `Wrong`."""

    def __init__(self, client: Client, witness: Witness, signatures: Signatures) -> None:
        self._client, self._witness, self._signatures = client, witness, signatures
        self._without_token: set[str] = set()

    async def read(self, url: str, *, has_it: bool = False, beyond: bool = False) -> Version | None:
        """Return the list as it is served now, its signature checked, unless it could not be had."""
        newest = self._witness.newest(url)
        has_it = has_it and newest is not None and bool(newest.etag)
        headers = {**USUAL, "If-None-Match": newest.etag} if has_it and newest else USUAL
        kind = "list, unchanged" if has_it else "list"
        moment = datetime.now(UTC)
        answer = await self._client.ask(kind, "GET", urlsplit(url).path, headers=headers, beyond=beyond)
        if answer.status == 304 and newest is not None:
            self._witness.unchanged(url, newest.etag, answer.asked, answer.now, moment)
            return newest
        if answer.status != 200:
            return None
        version = await self._signatures.version(url, answer.body, answer.headers.get("ETag", ""))
        self._witness.read(version, answer.asked, answer.now)
        return version

    async def read_otherwise(self, url: str, random: Random) -> None:
        """Read a list that was read before without compression, or as a token if it is published as one."""
        is_token = random.random() < 0.5 and url not in self._without_token and self._witness.newest(url) is not None
        headers, kind = (_TOKEN, "list, as token") if is_token else (_IDENTITY, "list, identity")
        answer = await self._client.ask(kind, "GET", urlsplit(url).path, headers=headers)
        if answer.status == 406:
            self._without_token.add(url)
        if answer.status != 200:
            return
        check = self._signatures.token if is_token else self._signatures.version
        self._witness.read(await check(url, answer.body), answer.asked, answer.now)
