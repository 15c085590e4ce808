"""`registry lint`: where a credential will fail, before it is issued or while somebody wonders why it did."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

import click

if TYPE_CHECKING:
    from registry.verifier.lint.lint import Report
    from registry.verifier.lint.rule import Finding
    from registry.verifier.opened import Presented

FAILING = 1
"""Exit status when there are errors."""

PLACES = 3
"""Places of one fault that are written out beside the first; `--json` has all."""

_COLOURS = {"error": "red", "warning": "yellow", "note": "blue"}


def _tell_rules(context: click.Context, _: click.Parameter, is_asked: bool) -> None:
    if not is_asked:
        return
    from registry.verifier.lint.table import RULES

    for one in RULES:
        click.echo(f"{click.style(f'{one.severity:<8}', fg=_COLOURS[one.severity])} {click.style(one.name, bold=True)}")
        click.echo(f"         fails in  {one.fails_in}")
        click.echo(f"         source    {one.source}")
    context.exit()


@click.command(short_help="Say where a credential will fail, and why.")
@click.argument("file", type=click.File("rb"))
@click.option("--list", "lists", type=click.File("rb"), multiple=True, help="A status list it names, to be compared.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.option("--rules", is_flag=True, is_eager=True, expose_value=False, callback=_tell_rules, help="List all rules.")
def lint(file: BinaryIO, lists: tuple[BinaryIO, ...], as_json: bool) -> None:
    """Say where the credential or status list in FILE (- for standard input) will fail, and why.

    Needs nothing: no service, no database, no network. FILE holds JSON, also as an answer of the service has it
    ({"verifiableCredential": …}), or a credential as JWT. Exit status 1 if there is an error: something that any
    verifier may refuse. Warnings are what known verifiers refuse, ignore or misread; notes may surprise somebody.
    """
    report = asyncio.run(_linted(_presented(file.read()), [_presented(one.read()) for one in lists]))
    if as_json:
        click.echo(json.dumps(report.json(), ensure_ascii=False, indent=2))
    else:
        for alike in _alike(report.findings):
            click.echo(_told(alike))
        click.echo(_summary(report))
    if report.json()["errors"]:
        sys.exit(FAILING)


def _presented(content: bytes) -> Presented:
    """Return what a file holds: a JWT as it is, or JSON, taken out of the answer of a service."""
    from registry.strict_json import json_object

    if content.lstrip()[:2] == b"ey":
        return content.decode("ascii", errors="replace").strip()
    document = json_object(content, "The file")
    inside = document.get("verifiableCredential")
    return inside if isinstance(inside, dict | str) and "@context" not in document else document


async def _linted(presented: Presented, lists: list[Presented]) -> Report:
    from registry.securing.contexts import load_contexts
    from registry.securing.rdf import canonicalise_here
    from registry.settings import load
    from registry.verifier.lint.lint import lint_presented
    from registry.wiring import utc_now

    contexts = load_contexts(load().contexts)

    async def canonical_of(document: dict[str, Any]) -> str:
        return canonicalise_here(document, contexts)

    return await lint_presented(presented, lists, canonical_of=canonical_of, now=utc_now())


def _alike(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Gather what differs by its place only: a transcript repeats the faults of its first credential in each."""
    gathered: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        gathered.setdefault((finding.rule, finding.because), []).append(finding)
    return list(gathered.values())


def _told(alike: Sequence[Finding]) -> str:
    """Return findings that are alike as lines for a terminal; colours vanish where there is none."""
    finding, *others = alike
    severity = click.style(f"{finding.severity:<8}", fg=_COLOURS[finding.severity], bold=True)
    where = click.style(finding.pointer or "(the whole)", bold=True)
    lines = [
        f"{severity} {where}  {click.style(finding.rule, dim=True)}",
        f"         {finding.because}",
        f"         fails in  {finding.fails_in}",
        f"         do        {finding.remedy}",
        *([f"         also at   {_places(others)}"] if others else []),
        click.style(f"         source    {finding.source}", dim=True),
    ]
    return "\n".join(lines) + "\n"


def _places(findings: Sequence[Finding]) -> str:
    more = len(findings) - PLACES
    return ", ".join(one.pointer for one in findings[:PLACES]) + (f", and {more} more" if more > 0 else "")


def _summary(report: Report) -> str:
    from registry.verifier.lint.rule import Severity

    counts = [(report.count(severity), severity) for severity in Severity]
    found = ", ".join(f"{count} {severity}{'' if count == 1 else 's'}" for count, severity in counts)
    return f"{found} ({report.json()['rules']} rules)"
