"""What `registry batch` makes of the files that people have; no service is needed for that."""

import asyncio

import pytest

from registry.batch.choosing import Choice
from registry.batch.source import Source
from registry.errors import Malformed
from registry.http.batch_files import CsvRows
from registry.http.batch_rows import columns


def received(source):
    """Return the rows that a registry reads in what is sent."""

    async def pieces():
        for piece in source.pieces():
            yield piece

    async def read():
        form = CsvRows(columns)
        return [form.members(record) async for record in form.records(pieces(), 1 << 20)]

    return asyncio.run(read())


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
def test_a_line_break_in_a_cell_is_no_end_of_its_row(tmp_path, end):
    file = tmp_path / "awards.csv"
    file.write_bytes(f'credentialId,type\nurn:a:1,"Badge{end}VerifiableCredential"\nurn:a:2,Badge\n'.encode())
    first, second = received(Source(file, Choice(operation="register")))
    assert first == {"credentialId": "urn:a:1", "type": ["Badge", "VerifiableCredential"]}
    assert second == {"credentialId": "urn:a:2", "type": ["Badge"]}


def test_a_row_with_more_cells_than_columns_is_refused_for_its_cells_are_shifted(tmp_path):
    """As where a comma in a name stands in no quotes; a comma too many at the end shifts nothing."""
    file = tmp_path / "awards.csv"
    file.write_text("credentialId,name,type\nurn:a:1,Lovelace, Ada,Badge\nurn:a:2,Ada,Badge,\nurn:a:3,Ada\n")
    source = Source(file, Choice(operation="register"))
    with pytest.raises(Malformed, match="The row has 3 cells, and the header names 2 columns"):
        received(source)
    assert "more cells" in source.in_its_words("The row has 3 cells, and the header names 2 columns.")
    file.write_text("credentialId,name,type\nurn:a:2,Ada,Badge,\n")
    assert received(source) == [{"credentialId": "urn:a:2", "type": ["Badge"]}]


def test_a_row_with_half_a_character_is_written_as_it_was(tmp_path):
    file, rejected = tmp_path / "rows.ndjson", tmp_path / "rejected.ndjson"
    file.write_text('{"credentialId": "urn:a:\\ud83d"}\n')
    with rejected.open("wb") as there:
        Source(file).write_rejected({1: "No."}, rejected, there)
    assert rejected.read_text() == '{"credentialId": "urn:a:\\ud83d", "problem": "No."}\n'
