"""Which fold belongs to which stream."""

from __future__ import annotations

import pytest

from registry.domain.events import ApiKeyCreated, LogOpened, SlugClaimed
from registry.domain.names import LOG_STREAM, Stream, api_keys_stream, issuer_stream, lists_stream, slug_stream
from registry.domain.streams import evolve
from tests.domain.facts import ISSUER, SLUG, STREAM, after, recorded, registered
from tests.domain.test_issuer import REGISTERED
from tests.domain.test_status_list import opened

OPENED = LogOpened(log_id=ISSUER, log_name="main", origin="https://registry.example")
KEY = ApiKeyCreated(key_id="a", name="registrar's office", scopes=())


@pytest.mark.parametrize(
    ("stream", "event", "state"),
    [
        (STREAM, registered(), "Credential"),
        (issuer_stream(ISSUER), REGISTERED, "Issuer"),
        (lists_stream(ISSUER), opened(), "tuple"),
        (api_keys_stream(None), KEY, "dict"),
        (slug_stream(SLUG), SlugClaimed(slug=SLUG, issuer_id=ISSUER), "UUID"),
        (LOG_STREAM, OPENED, "OpenedLog"),
    ],
)
def test_each_stream_has_its_own_fold(stream: Stream, event: object, state: str) -> None:
    assert type(after(stream, event)).__name__ == state


def test_a_slug_is_owned_by_whoever_claimed_it() -> None:
    stream = slug_stream(SLUG)
    owner = after(stream, SlugClaimed(slug=SLUG, issuer_id=ISSUER))
    assert owner == ISSUER
    assert evolve(stream, owner, recorded(OPENED)) == ISSUER


def test_a_stream_nobody_folds_is_a_defect() -> None:
    with pytest.raises(KeyError, match="diary"):
        evolve(Stream("diary/1"), None, recorded(OPENED))
