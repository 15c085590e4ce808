"""`registry batch` against a real service: what a registrar sees, gets back, and sends again."""

import asyncio
import codecs
import csv
import json
import os
import sys
from itertools import count
from urllib.parse import urlsplit

import pytest

from registry.batch.issued import write_issued

_numbers = count(1)


async def started(service, *arguments, command="batch", url=None, key=None, without=""):
    """Start the command with a pipe to answer it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    environment |= {
        "REGISTRY_URL": url or service.url,
        "REGISTRY_ISSUER": service.issuer_slug,
        "REGISTRY_API_KEY": service.issuer_key if key is None else key,
    }
    environment.pop(without, None)
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "registry",
        command,
        *map(str, arguments),
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def run(service, *arguments, **options):
    """Run the command; its exit status and what it wrote."""
    process = await started(service, *arguments, **options)
    output, _ = await process.communicate(b"")
    assert b"Traceback" not in output, output.decode()
    return process.returncode, output.decode()


def table(path, header, rows):
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def fresh(number):
    first = next(_numbers) * 1_000_000
    return [f"urn:cli:{first + one}" for one in range(number)]


HEADER = ["Student ID", "Award", "Degree", "Birthday"]
MAPPING = ["--column", "credentialId=Award", "--column", "type=Degree", "--operation", "register"]


async def test_a_table_with_columns_of_its_own_is_sent_and_what_was_rejected_is_corrected_and_sent_again(
    service, tmp_path
):
    one, two, three = fresh(3)
    rows = [["1", one, "VerifiableCredential", "secret"], ["2", "no iri", "Badge", ""], ["3", three, "", ""]]
    file = table(tmp_path / "awards.csv", HEADER, rows)
    status, told = await run(service, file, *MAPPING)
    assert status == 1
    assert "3 rows: 1 carried out, 0 so already, 2 rejected" in told
    assert "Not sent, since they say nothing about a row here: Student ID, Birthday" in told
    assert "row 2  'no iri'  Award: " in told
    assert "row 3  " + three in told
    rejected = tmp_path / "awards.rejected.csv"
    assert rejected.read_bytes().startswith(codecs.BOM_UTF8), "as the table does: Excel wants it"
    with rejected.open(newline="", encoding="utf-8-sig") as given:
        header, *lines = list(csv.reader(given))
    assert header == [*HEADER, "problem"]
    assert [line[0] for line in lines] == ["2", "3"]
    assert lines[0][-1].startswith("Award: A credential id")
    table(rejected, header, [["2", two, "Badge", "", lines[0][-1]], ["3", three, "Badge", "", lines[1][-1]]])
    status, told = await run(service, rejected, *MAPPING)
    assert (status, told.splitlines()[-1]) == (0, "2 rows: 2 carried out, 0 so already, 0 rejected")


async def test_the_same_command_again_does_not_write_over_corrections(service, tmp_path):
    file = table(tmp_path / "awards.csv", HEADER, [["1", "no iri", "Badge", ""]])
    rejected, beside = tmp_path / "awards.rejected.csv", tmp_path / "awards.rejected-2.csv"
    await run(service, file, *MAPPING)
    first = rejected.read_bytes()
    _, told = await run(service, file, *MAPPING)
    assert (f"{rejected}; correct them there" in told, beside.exists()) == (True, False), told
    rejected.write_text("corrected")
    for _ in range(2):
        _, told = await run(service, file, *MAPPING)
        assert f"{beside}; correct them there" in told
    assert (rejected.read_text(), beside.read_bytes()) == ("corrected", first)
    await run(service, file, *MAPPING, "--rejected", rejected)
    assert rejected.read_bytes() == first
    assert sorted(tmp_path.iterdir()) == [file, beside, rejected]


async def test_the_table_that_registered_revokes_too(service, tmp_path):
    rows = [[one, "VerifiableCredential", "2026-05-15T00:00:00Z"] for one in fresh(2)]
    file = table(tmp_path / "graduates.csv", ["Award", "Degree", "validFrom"], rows)
    mapping = ("--column", "credentialId=Award", "--column", "type=Degree")
    assert (await run(service, file, *mapping, "--operation", "register"))[0] == 0
    status, told = await run(service, file, *mapping, "--operation", "revoke")
    assert (status, "2 carried out" in told) == (0, True), told
    assert "Not sent, since they say nothing about a row here: Degree, validFrom" in told


async def test_a_cell_of_spaces_is_a_row_and_the_reasons_stand_beside_their_rows(service, tmp_path):
    file = table(tmp_path / "revoked.csv", ["credentialId", "Remark"], [["  ", "blank"], ["urn:cli:nobody", "nobody"]])
    status, told = await run(service, file, "--operation", "revoke")
    assert (status, "2 rows: 0 carried out, 0 so already, 2 rejected" in told) == (1, True), told
    with (tmp_path / "revoked.rejected.csv").open(newline="", encoding="utf-8-sig") as given:
        first, second = list(csv.reader(given))[1:]
    assert first[1:] == ["blank", "credentialId: This member is required."]
    assert second[1:] == ["nobody", "The issuer has registered no credential under this id."]


async def test_what_was_rejected_of_a_table_with_tabs_is_one_too(service, tmp_path):
    (one,) = fresh(1)
    file = tmp_path / "awards.tsv"
    file.write_text(f"Award\tDegree\n{one}\t\n")
    status, _ = await run(service, file, *MAPPING)
    rejected = tmp_path / "awards.rejected.tsv"
    assert (status, rejected.read_text().splitlines()[0]) == (1, "Award\tDegree\tproblem")
    rejected.write_text(rejected.read_text().replace(f"{one}\t", f"{one}\tBadge"))
    status, told = await run(service, rejected, *MAPPING)
    assert (status, "1 carried out" in told) == (0, True), told


async def test_a_table_whose_cells_are_separated_by_semicolons_is_read_and_written_so(service, tmp_path):
    one, two = fresh(2)
    file = tmp_path / "awards.csv"
    file.write_text(f'"Name, first";Award;Degree\n"Lee, Ada";{one};Badge\n"Mo, Bo";{two};\n')
    status, told = await run(service, file, *MAPPING)
    assert (status, "2 rows: 1 carried out, 0 so already, 1 rejected" in told) == (1, True), told
    header, row = (tmp_path / "awards.rejected.csv").read_text().splitlines()
    assert (header, row.startswith(f"Mo, Bo;{two};;")) == ("Name, first;Award;Degree;problem", True)


async def test_a_column_that_is_probably_misspelt_is_asked_about_before_anything_is_sent(service, tmp_path):
    (one,) = fresh(1)
    header = ["credentialId", "type", "Valid until", "Location", "reason"]
    file = table(tmp_path / "awards.csv", header, [[one, "Badge", "2030-01-01T00:00:00Z", "Ulm", ""]])
    status, told = await run(service, file, "--operation", "register")
    assert (status, "carried out" in told) == (2, False), told
    assert "do you mean validUntil? Then say --column 'validUntil=Valid until'" in told
    asked = [file, "--operation", "register", "--dry-run"]
    status, told = await run(service, *asked, "--leave-out", "Valid until")
    assert (status, "1 would be carried out" in told) == (0, True), told
    assert "Not sent, since they say nothing about a row here: Location, reason" in told
    status, told = await run(service, *asked, "--column", "validUntil=Valid until")
    assert (status, "1 would be carried out" in told) == (0, True), told
    status, told = await run(service, *asked, "--leave-out", "Valid")
    assert (status, "--leave-out Valid: " in told) == (2, True), told


async def test_who_does_not_say_where_to_is_told_how(service, tmp_path):
    file = table(tmp_path / "graduates.csv", ["credentialId"], [["urn:cli:1"]])
    status, told = await run(service, file, without="REGISTRY_URL")
    assert status == 2
    assert "--url, or REGISTRY_URL (exported) is missing" in told


async def test_the_same_file_again_is_the_same_batch_and_a_dry_run_records_nothing(service, tmp_path):
    file = tmp_path / "rows.ndjson"
    rows = [{"operation": "register", "credentialId": one, "type": ["VerifiableCredential"]} for one in fresh(150)]
    file.write_text("\n".join(map(json.dumps, rows)))
    status, told = await run(service, file, "--dry-run")
    assert (status, "150 would be carried out" in told, "Nothing was recorded." in told) == (0, True, True)
    outcomes = tmp_path / "outcomes.ndjson"
    first = await run(service, file, "--result", outcomes)
    assert (first[0], "150 carried out" in first[1]) == (0, True)
    told = [json.loads(line) for line in outcomes.read_text().splitlines()]
    assert [one["credentialId"] for one in told] == [row["credentialId"] for row in rows]
    again = await run(service, file, "--result", outcomes)
    assert (again[0], again[1].endswith(first[1])) == (0, True)
    assert "was carried out before, as the batch file-rows-" in again[1].splitlines()[0]
    assert "carried out before" not in first[1]


async def test_who_sends_an_old_file_again_is_told_that_nothing_was_done_and_how_to_have_it_done(service, tmp_path):
    file = tmp_path / "absent.ndjson"
    rows = [{"credentialId": one, "type": ["VerifiableCredential"]} for one in fresh(2)]
    file.write_text("\n".join(map(json.dumps, rows)))
    await run(service, file, "--operation", "register")
    file.write_text("\n".join(json.dumps({"credentialId": row["credentialId"]}) for row in rows))
    for operation in ("suspend", "reinstate"):
        status, told = await run(service, file, "--operation", operation)
        assert (status, "2 rows: 2 carried out" in told, "nothing was done now" in told) == (0, True, False), told
    status, told = await run(service, file, "--operation", "suspend")
    assert (status, "nothing was done now" in told, "--batch-id" in told) == (0, True, True), told
    status, told = await run(service, file, "--operation", "suspend", "--batch-id", f"again-{next(_numbers)}")
    assert (status, told) == (0, "2 rows: 2 carried out, 0 so already, 0 rejected\n")


async def test_rejected_rows_of_json_carry_their_reason(service, tmp_path):
    file = tmp_path / "rows.ndjson"
    file.write_text('\n{"operation": "revoke", "credentialId": "urn:cli:nobody"}\n\nno json\n')
    status, _ = await run(service, file, "--rejected", tmp_path / "again.ndjson")
    first, second = (tmp_path / "again.ndjson").read_text().splitlines()
    assert (status, second) == (1, "no json")
    assert json.loads(first) == {
        "operation": "revoke",
        "credentialId": "urn:cli:nobody",
        "problem": "The issuer has registered no credential under this id.",
    }


async def test_a_connection_that_is_lost_is_made_again_and_every_row_counts_once(service, tmp_path):
    file = tmp_path / "rows.ndjson"
    rows = [{"operation": "register", "credentialId": one, "type": ["VerifiableCredential"]} for one in fresh(3_000)]
    file.write_text("\n".join(map(json.dumps, rows)))
    cuts = [100_000, 150_000]

    async def pass_on(reader, writer):
        """Hand the bytes to the service; after so many, cut the connection."""
        target = urlsplit(service.url)
        left = cuts.pop(0) if cuts else 1 << 30
        there_reader, there = await asyncio.open_connection(target.hostname, target.port)

        async def back():
            while piece := await there_reader.read(65536):
                writer.write(piece)
            writer.close()

        answering = asyncio.create_task(back())
        while left > 0 and (piece := await reader.read(16_384)):
            there.write(piece)
            await there.drain()
            left -= len(piece)
        if left <= 0:
            there.transport.abort()
            writer.transport.abort()
        await answering

    async with await asyncio.start_server(pass_on, "127.0.0.1", 0) as proxy:
        url = f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
        status, told = await run(service, file, url=url)
    assert (status, cuts) == (0, []), told
    assert told.count("Trying again, and going on where it was") == 2
    assert "3,000 rows: 3,000 carried out, 0 so already, 0 rejected" in told


async def test_what_cannot_be_done_is_told_in_a_sentence(service, tmp_path):
    file = table(tmp_path / "awards.csv", HEADER, [["1", "a:b", "", ""]])
    status, told = await run(service, file, *MAPPING, key="reg_test_nobody_x")
    assert (status, told.count("\n") <= 2, "Error:" in told) == (2, True, True)
    status, told = await run(service, file, *MAPPING, "--patience", 0, url="http://127.0.0.1:9")
    assert status == 2
    status, told = await run(service, file, "--column", "credentialId=Awrd")
    assert (status, "do you mean `Award`?" in told) == (2, True)
    status, told = await run(service, file)
    assert (status, "--column" in told) == (2, True)
    status, told = await run(service, file, *MAPPING, key="")
    assert (status, "REGISTRY_API_KEY" in told) == (2, True)
    latin = tmp_path / "latin.csv"
    latin.write_bytes("credentialId,type\nurn:a:é,x\n".encode("latin-1"))
    status, told = await run(service, latin, "--operation", "register")
    assert (status, "UTF-8" in told) == (2, True)


# ── issuing ──────────────────────────────────────────────────────────────────────────────────────────────────


def document(one, **more):
    contexts, subject = ["https://www.w3.org/ns/credentials/v2"], {"id": "did:example:ada"}
    known = {"@context": contexts, "id": one, "type": ["VerifiableCredential"], "credentialSubject": subject}
    return json.dumps({"credential": {**known, "validFrom": "2026-01-01T00:00:00Z", **more}})


async def test_signed_credentials_are_written_beside_the_file_for_its_owner_and_the_same_again(service, tmp_path):
    one, two, lossy = fresh(3)
    file, issued = tmp_path / "year.ndjson", tmp_path / "year.issued.ndjson"
    file.write_text("\n".join((document(one), document(lossy, nobodyDefinesThis="x"), document(two))))
    status, told = await run(service, file, "--operation", "issue", "--dry-run")
    assert (status, "2 would be carried out" in told, issued.exists()) == (1, True, False), told
    status, told = await run(service, file, "--operation", "issue")
    assert (status, "3 rows: 2 carried out, 0 so already, 1 rejected" in told) == (1, True), told
    assert f"2 signed credentials: {issued}" in told
    assert (issued.stat().st_mode & 0o777, [*tmp_path.glob("*.part")]) == (0o600, [])
    lines = [json.loads(line) for line in issued.read_text().splitlines()]
    assert [line["verifiableCredential"]["id"] for line in lines] == [one, two]
    assert all(line["verifiableCredential"]["proof"] for line in lines)
    assert json.loads((tmp_path / "year.rejected.ndjson").read_text())["credential"]["id"] == lossy
    before = issued.read_bytes()
    issued.unlink()
    await run(service, file, "--operation", "issue")
    assert issued.read_bytes() == before


async def test_two_that_write_one_file_at_once_write_it_whole_and_a_broken_one_leaves_nothing(tmp_path):
    path, half = tmp_path / "year.issued.ndjson", asyncio.Event()
    lines = [json.dumps({"outcome": "accepted", "verifiableCredential": {}}).encode() + b"\n"] * 3

    async def halting():
        for line in lines:
            yield line
            await half.wait()

    async def at_once():
        for line in lines:
            yield line

    async def broken():
        yield lines[0]
        raise ConnectionError

    first = asyncio.create_task(write_issued(halting(), path))
    await asyncio.sleep(0)
    await write_issued(at_once(), path)
    assert path.read_bytes() == b"".join(lines)
    half.set()
    assert (await first)["issued"] == 3
    with pytest.raises(ConnectionError):
        await write_issued(broken(), path)
    assert path.read_bytes() == b"".join(lines)
    assert [*tmp_path.iterdir()] == [path]


async def test_rows_that_ask_to_issue_themselves_need_a_file_and_nothing_is_refused_for_want_of_it(service, tmp_path):
    one, two = fresh(2)
    file, issued = tmp_path / "mixed.ndjson", tmp_path / "signed.ndjson"
    registration = {"operation": "register", "credentialId": two, "type": ["VerifiableCredential"]}
    rows = [json.dumps(registration), json.dumps({"operation": "issue", **json.loads(document(one))})]
    file.write_text("\n".join(rows))
    status, told = await run(service, file)
    assert (status, "Row 2 asks to issue" in told, "--issued FILE" in told) == (2, True, True), told
    status, told = await run(service, file, "--issued", issued)
    assert (status, "2 rows: 2 carried out" in told, "1 signed credentials" in told) == (0, True, True), told
    status, told = await run(service, file, "--issued", issued)
    assert "as the batch file-rows-issued-" in told


async def test_a_table_holds_no_credentials_to_issue(service, tmp_path):
    status, told = await run(service, table(tmp_path / "a.csv", HEADER, []), "--operation", "issue")
    assert (status, ".ndjson" in told) == (2, True)


# ── by query ─────────────────────────────────────────────────────────────────────────────────────────────────


async def registered(service, tmp_path, achievement, number):
    ids = fresh(number)
    rows = [{"credentialId": one, "type": ["VerifiableCredential"], "achievement": achievement} for one in ids]
    file = tmp_path / f"{ids[0][8:]}.ndjson"
    file.write_text("\n".join(map(json.dumps, rows)))
    status, told = await run(service, file, "--operation", "register")
    assert status == 0, told
    return ids


async def test_by_query_what_was_shown_is_revoked_once_it_is_confirmed_and_nothing_that_came_later(service, tmp_path):
    achievement, result = f"https://example.edu/cli/{next(_numbers)}", tmp_path / "result.ndjson"
    ids = await registered(service, tmp_path, achievement, 12)
    asked = ["revoke", "--achievement", achievement, "--issued-from", "2000-01-01", "--result", result]
    process = await started(service, *asked, command="batch-by-query")
    shown = await process.stdout.readuntil(b"[y/N]")
    assert b"12 would be carried out" in shown
    assert ids[0].encode() in shown
    assert "… and 2 more".encode() in shown
    await registered(service, tmp_path, achievement, 1)
    told, _ = await process.communicate(b"y\n")
    assert (process.returncode, b"12 rows: 12 carried out" in told) == (0, True), told
    assert [json.loads(line)["credentialId"] for line in result.read_text().splitlines()] == ids
    status, told = await run(service, *asked[:3], "--dry-run", command="batch-by-query")
    assert (status, "13 rows: 1 would be carried out, 12 so already" in told) == (0, True), told
    assert ids[0] not in told, "it is revoked already"


async def test_by_query_records_nothing_unless_somebody_agrees(service, tmp_path):
    achievement = f"https://example.edu/cli/{next(_numbers)}"
    await registered(service, tmp_path, achievement, 2)
    asked = ["suspend", "--achievement", achievement]
    status, told = await run(service, *asked, command="batch-by-query")
    assert (status, "say --yes" in told) == (2, True), told
    process = await started(service, *asked, command="batch-by-query")
    told, _ = await process.communicate(b"n\n")
    assert (process.returncode, b"Nothing was recorded" in told) == (2, True), told
    status, told = await run(service, *asked, "--yes", command="batch-by-query")
    assert (status, "2 rows: 2 carried out, 0 so already" in told) == (0, True), told
    status, told = await run(service, *asked, "--yes", command="batch-by-query")
    assert (status, "2 so already" in told, "Nothing was recorded" in told) == (0, True, True), told
    status, told = await run(service, "revoke", command="batch-by-query")
    assert (status, "--achievement" in told) == (2, True)
    status, told = await run(service, "revoke", "--issued-from", "yesterday", command="batch-by-query")
    assert (status, "Error:" in told) == (2, True), told


async def test_by_query_a_look_in_which_all_is_rejected_says_so_in_its_exit_status(service, tmp_path):
    achievement = f"https://example.edu/cli/{next(_numbers)}"
    await registered(service, tmp_path, achievement, 2)
    asked = ["--achievement", achievement, "--yes"]
    assert (await run(service, "revoke", *asked, command="batch-by-query"))[0] == 0
    status, told = await run(service, "suspend", *asked, command="batch-by-query")
    assert (status, "2 would be rejected" in told, "Nothing was recorded" in told) == (1, True, True), told
