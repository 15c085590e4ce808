"""The quick ways through a batch say what the slow ones say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.status_lists.published_list import Entries
from registry.errors import Malformed
from registry.http.lookups import _queries

INDICES = st.integers(-3, 200)


@given(
    packed=st.binary(max_size=16), width=st.sampled_from([1, 2, 4, 8]), is_ietf=st.booleans(), indices=st.lists(INDICES)
)
def test_many_entries_are_each_entry(packed, width, is_ietf, indices):
    entries = Entries(packed, width, is_ietf)

    def one(index):
        try:
            return entries.value(index)
        except IndexError:
            return None

    assert entries.values(indices) == [one(index) for index in indices]


GOOD = [
    {"credentialId": "urn:1"},
    {"credentialId": "", "issuer": "did:web:a"},
    {"statusListCredential": "https://a", "statusListIndex": "0"},
    {"statusListCredential": "", "statusListIndex": 7},
    {"statusListIndex": "131071", "statusListCredential": "https://a"},
]
BAD = [
    None, [], "urn:1", {}, {"credentialId": [[]]}, {"credentialId": None}, {"credentialId": 1}, {"issuer": "a"},
    {"credentialId": "urn:1", "issuer": None}, {"credentialId": "urn:1", "issuer": 1},
    {"credentialId": "urn:1", "issuer": {"a": {}}}, {"credentialId": "urn:1", "else": "a"},
    {"credentialId": "urn:1", "statusListIndex": "1"}, {"credentialId": "urn:1", "statusListIndex": None},
    {"credentialId": "urn:1", "issuer": "a", "statusListIndex": None}, {"statusListCredential": "https://a"},
    {"statusListCredential": "https://a", "statusListIndex": None}, {"statusListIndex": "1"},
    {"statusListCredential": None, "statusListIndex": "1"}, {"statusListCredential": 1, "statusListIndex": "1"},
    {"statusListCredential": "https://a", "statusListIndex": "1", "issuer": "a"},
    {"credentialId": None, "statusListCredential": "https://a", "statusListIndex": "1"},
    *({"statusListCredential": "https://a", "statusListIndex": index} for index in (
        "", "01", "-1", "+1", " 1", "1 ", "1_0", "0x1", "1.0", "\u0661", "9" * 11, "9" * 5000, -1, 1.0, True, False, [],
    )),
]  # fmt: skip


def test_good_queries_are_taken_as_they_are():
    assert _queries({"queries": GOOD}, 10) == GOOD


@pytest.mark.parametrize("query", BAD, ids=str)
def test_anything_else_is_named_by_its_place(query):
    with pytest.raises(Malformed) as refused:
        _queries({"queries": [*GOOD, query, *GOOD]}, 20)
    assert refused.value.extra == {"pointer": f"/queries/{len(GOOD)}"}
