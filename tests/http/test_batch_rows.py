"""Rows that say the same are read once: what is remembered of one never shows in another."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from hypothesis import given
from hypothesis import strategies as st

from registry.domain.commands import RegisterCredential
from registry.domain.names import IssuerId
from registry.http.auth import ISSUE
from registry.http.batch_files import JsonRows
from registry.http.batch_rows import Reader

NOW = datetime(2026, 11, 25, tzinfo=UTC)
ISSUER = IssuerId(UUID(int=7))
TYPE = ["VerifiableCredential"]
GOOD = st.fixed_dictionaries(
    {"credentialId": st.sampled_from(["urn:a:1", "urn:a:2"]), "type": st.sampled_from([TYPE, [*TYPE, "Badge"]])},
    optional={
        "validFrom": st.sampled_from(["2026-05-15T00:00:00Z", "2026-05-15T00:00:00+02:00"]),
        "validUntil": st.sampled_from(["2025-05-15T00:00:00Z", "2027-05-15T00:00:00Z"]),
        "achievement": st.sampled_from(["https://example.edu/a", "https://example.edu/b"]),
        "problem": st.just("an earlier refusal"),
    },
)
TROUBLE = st.fixed_dictionaries(
    {},
    optional={
        "operation": st.sampled_from(["revoke", 7, "register"]),
        "credentialId": st.sampled_from(["no id", "urn:" + "x" * 1100, None, 3, ["urn:a:1"]]),
        "type": st.sampled_from([[], [1], ["a", ["b"]], "VerifiableCredential", None]),
        "validFrom": st.sampled_from(["2026-05-15", None, 5]),
        "achievement": st.sampled_from(["no IRI", {"id": "urn:a"}]),
        "credential_id": st.just("urn:a:3"),
        "more": st.sampled_from([True, 1, "1"]),
    },
)
ROWS = GOOD | st.builds(lambda good, trouble: {**good, **trouble}, GOOD, TROUBLE)


@dataclass(frozen=True)
class Caller:
    """May issue, and change nothing."""

    key_id: str = "0123456789ab"
    issuer: UUID | None = ISSUER
    scopes: frozenset[str] = frozenset({ISSUE})


def reader() -> Reader:
    return Reader(JsonRows(), ISSUER, "https://r.example", Caller(), lambda: NOW, lambda: UUID(int=1), None, "register")


@given(st.lists(ROWS, max_size=12))
def test_a_row_is_read_as_if_it_were_alone(rows: list[dict[str, Any]]) -> None:
    records = [orjson.dumps(row) for row in (*rows, *rows)]
    together = reader()
    assert [together.row(record) for record in records] == [reader().row(record) for record in records]


def test_rows_that_differ_in_their_id_alone_are_read_as_such() -> None:
    one, all_rows = reader(), []
    for number in range(3):
        said = {"credentialId": f"urn:a:{number}", "type": TYPE, "validFrom": "2026-05-15T00:00:00Z"}
        all_rows.append(one.row(orjson.dumps(said)))
    assert all_rows == [
        RegisterCredential(NOW, ISSUER, f"urn:a:{number}", tuple(TYPE), "2026-05-15T00:00:00Z") for number in range(3)
    ]
