"""Bodies that come again and again are read once."""

import pytest

from registry.errors import Malformed
from registry.http.bodies import MessageBody, RevocationBody, SuspensionBody, read_beside

INVESTIGATION = b'{"reason":"investigation"}'


async def test_the_same_bytes_are_the_same_body_and_each_model_reads_them_itself():
    first = await read_beside(SuspensionBody, INVESTIGATION)
    assert await read_beside(SuspensionBody, INVESTIGATION) is first
    for _ in range(2):
        with pytest.raises(Malformed):  # no reason to revoke, whoever read it before
            await read_beside(RevocationBody, INVESTIGATION)
    assert isinstance(await read_beside(RevocationBody, b'{"reason":"unspecified"}'), RevocationBody)


@pytest.mark.parametrize("model", [SuspensionBody, RevocationBody])
def test_what_is_remembered_cannot_be_changed(model):
    assert model.is_repeated
    body = model.model_validate_json("{}")
    assert hash(body) == hash(model.model_validate_json("{}"))  # frozen, and no member of it is a list or an object


async def test_a_long_body_is_not_remembered():
    raw = b'{"reason":"unspecified"' + b" " * 256 + b"}"
    assert await read_beside(RevocationBody, raw) is not await read_beside(RevocationBody, raw)


async def test_other_bodies_are_read_each_time():
    raw = b'{"status":"0x1"}'
    assert await read_beside(MessageBody, raw) is not await read_beside(MessageBody, raw)
