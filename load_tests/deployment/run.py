"""One run: what there is to ask for, clients that ask, what was found, and how it is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from random import Random
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from load_tests.deployment import histogram
from load_tests.deployment.client import Bounds, Client, NoAnswer, Over
from load_tests.deployment.reader import Reader
from load_tests.deployment.signatures import Signatures
from load_tests.deployment.traffic import Issuer, Known, Traffic
from load_tests.deployment.version import Wrong
from load_tests.deployment.witness import Witness
from load_tests.workloads import VERIFIERS, WITH_ISSUER, Mix
from registry.securing.did import did_web_url
from registry.strict_json import json_object

MOST_ISSUERS, MOST_LISTS, MOST_CREDENTIALS = 20, 200, 500
ANSWER_S = 30
DISCOVERY = "discovery"
"""The kind of request by which a run finds out what there is to ask for."""
NEARLY = 0.95
"""The share of the wanted rate below which it was not reached."""
READS = frozenset({"list", "lookup", "lookups", "entries"})


class Refused(Exception):
    """The run cannot be made, or must not be; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is asked to do."""

    url: str
    issuer: str | None = None
    key: str | None = None
    lists: tuple[str, ...] = ()
    credentials: tuple[str, ...] = ()
    seconds: float = 30
    requests: int = 10_000
    per_s: float = 100
    connections: int = 8
    seed: int = 1
    visible_s: float = 80
    """After which an acknowledged change must be in its list: ttl + tick + margin."""
    settle_s: float = 1
    is_own: bool = False
    mix: Mix | None = None
    """None: as verifiers and an issuer ask."""


def require_consent(plan: Plan) -> None:
    """Raise `Refused` for a target that is not on this machine, unless whoever asks says that it is theirs."""
    parts = urlsplit(plan.url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Refused("--url is the deployment's address, such as https://status.example.")
    if bool(plan.issuer) != bool(plan.key):
        raise Refused("For writes, give both --issuer and its --key (or REGISTRY_ISSUER_KEY).")
    if not plan.is_own and not _is_loopback(parts.hostname):
        raise Refused(
            f"{parts.hostname} is not this machine. Load tests are for deployments of one's own: repeat with "
            "--i-own-this-deployment if it is yours. Registrations and revocations stay in its log for ever."
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return False


async def run(plan: Plan, console: Console) -> int:
    """Put the load on, tell what was seen, and return the exit status; raises `Refused`."""
    require_consent(plan)
    connector = aiohttp.TCPConnector(limit=plan.connections)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(ANSWER_S)) as session:
        client = Client(session, plan.url, Bounds(plan.seconds, plan.requests, plan.per_s))
        witness, random = Witness(visible_s=plan.visible_s, settle_s=plan.settle_s), Random(plan.seed)
        signatures = Signatures(lambda did: _controller(client, did))
        issuer = Issuer(plan.issuer, plan.key) if plan.issuer and plan.key else None
        try:
            known = await _found(client, plan, issuer)
            reader = Reader(client, witness, signatures)
            traffic = Traffic(client, witness, reader, known, issuer, settle_s=plan.settle_s, random=random)
            client.begin()
            wrong = await _under_load(client, traffic, plan, console)
        except (NoAnswer, Over) as error:
            raise Refused(f"{plan.url} cannot be asked: {error or 'the bounds leave no request'}") from error
    _tell(console, client, plan, traffic, witness, signatures)
    if wrong is not None:
        console.print(f"WRONG: {wrong}", style="bold red", highlight=False)
        return 1
    _require_answers(client, known, signatures)
    if issuer is not None and not traffic.acknowledged:
        raise Refused("Not one write was acknowledged, so this run says nothing about writes.")
    console.print("Nothing that was read contradicts what was read or acknowledged before.", style="green")
    return 0


def _require_answers(client: Client, known: Known, signatures: Signatures) -> None:
    """Raise `Refused` where nothing was seen that could have been wrong: to see no lie then is no praise."""
    if known.lists and not signatures.checked:
        raise Refused("Not one list could be read, so this run says nothing about lists.")
    of: dict[str, set[bool]] = {}
    for kind, status in client.statuses:
        of.setdefault(kind, set()).add(0 < status < 400)
    for kind in READS & of.keys():
        if True not in of[kind]:
            raise Refused(f"Not one request of the kind {kind!r} was answered as it should be.")
    if not of.keys() - {DISCOVERY}:
        raise Refused("Nothing was asked: the bounds leave no request.")


async def _under_load(client: Client, traffic: Traffic, plan: Plan, console: Console) -> Wrong | None:
    """Ask until the bounds are reached and every acknowledged change was seen; return what was wrong, if anything."""
    mix = plan.mix or (WITH_ISSUER if plan.issuer else VERIFIERS)
    with _progress(console) as shown:
        watching = asyncio.ensure_future(_show(shown, client, plan))
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(plan.connections):
                    group.create_task(traffic.work(mix))
            await traffic.finish(time.monotonic)
        except Wrong as wrong:
            return wrong
        except BaseExceptionGroup as several:
            found, others = several.split(Wrong)
            if found is None or others is not None:
                raise
            return _first(found)
        finally:
            watching.cancel()
    return None


def _first(found: BaseExceptionGroup[Wrong]) -> Wrong:
    inner = found.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner


# ── what there is to ask for ─────────────────────────────────────────────────────────────────────────────────


async def _found(client: Client, plan: Plan, issuer: Issuer | None) -> Known:
    """Return the lists and credentials that were named, and those that the deployment tells of."""
    known = Known(list(plan.lists), list(plan.credentials))
    if issuer is not None:
        own = {"Authorization": f"Bearer {issuer.key}"}
        sets = await _json(client, f"/issuers/{issuer.slug}/status-list-sets", own)
        known.lists += [one["id"] for each in sets.get("sets", ()) for one in each["statusLists"]]
        page = await _json(client, f"{issuer.path}?limit=100", own)
        known.credentials += [one["credentialId"] for one in page.get("credentials", ())]
    if not plan.lists:
        directory = await _json(client, f"/issuers?limit={MOST_ISSUERS}")
        for each in directory.get("issuers", ()):
            path = f"/issuers/{each['slug']}/status-lists"
            known.lists += (await _json(client, path)).get("status_lists", ())
            if len(known.lists) >= MOST_LISTS:
                break
    if issuer is None and not known.lists and not known.credentials:
        raise Refused("There is nothing to ask for yet: name lists with --list, credentials with --credential.")
    known.lists = list(dict.fromkeys(known.lists))[:MOST_LISTS]
    known.credentials = known.credentials[:MOST_CREDENTIALS]
    return known


async def _json(client: Client, path: str, headers: Mapping[str, str] | None = None) -> Mapping[str, Any]:
    """Return what the deployment says at *path*; raises `Refused` when it refuses the key."""
    answer = await client.ask(DISCOVERY, "GET", path, headers=headers, beyond=True)
    if answer.status in (401, 403):
        raise Refused(f"The deployment does not take the key: {answer.status} for {path}.")
    found: Mapping[str, Any] = answer.json() if answer.status == 200 else {}
    return found


async def _controller(client: Client, did: str) -> Mapping[str, Any]:
    """Return the controller document of a did:web from the deployment itself; raises `NoAnswer` and `Malformed`."""
    answer = await client.ask(DISCOVERY, "GET", urlsplit(did_web_url(did)).path, beyond=True)
    if answer.status != 200:  # that says nothing about what the key signed
        raise NoAnswer(f"The document of {did} cannot be had: {answer.status}.")
    return json_object(answer.body, f"The document of {did}")


# ── what is shown ────────────────────────────────────────────────────────────────────────────────────────────


def _progress(console: Console) -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"), TimeRemainingColumn()
    return Progress(*columns, console=console, disable=not console.is_terminal, transient=True)


async def _show(shown: Progress, client: Client, plan: Plan) -> None:
    task = shown.add_task("asking", total=plan.seconds, told="")
    while True:
        passed = time.monotonic() - client.began
        if passed > plan.seconds:
            shown.update(task, description="waiting for the last changes")
        told = f"{client.asked:,} requests, {client.asked / max(passed, 0.1):,.0f}/s, {client.tried_again} tried again"
        shown.update(task, completed=min(passed, plan.seconds), told=told)
        await asyncio.sleep(0.2)


def _tell(
    console: Console, client: Client, plan: Plan, traffic: Traffic, witness: Witness, signatures: Signatures
) -> None:
    histogram.tell(console, client.took)
    checked = f"{signatures.checked:,} signatures checked, {witness.versions:,} versions of lists"
    lines = [
        *_told_rate(client, plan),
        f"{checked}, {traffic.acknowledged:,} acknowledged writes",
        f"{client.tried_again:,} tried again, {client.unanswered:,} never answered",
    ]
    if unusual := {key: many for key, many in client.statuses.items() if key[1] >= 400 or key[1] == 0}:
        told = ", ".join(
            f"{many} times {status or 'lost'} ({kind})" for (kind, status), many in sorted(unusual.items())
        )
        lines.append(f"not answered as asked: {told}")
    if seen := sorted(witness.entries.visible_after_s):
        half, last = seen[len(seen) // 2], seen[-1]
        lines.append(f"{len(seen)} changes seen in their lists, half after {half:.2f} s, the last after {last:.2f} s")
    for line in lines:
        console.print(line, highlight=False)


def _told_rate(client: Client, plan: Plan) -> list[str]:
    """Return how many requests a second were asked, and what that means for the times above when it was too few."""
    reached, sent = client.reached_per_s(), client.took_from_sending
    lines = [f"{reached:,.0f} requests/s asked, of {plan.per_s:,.0f} wanted"]
    if reached < NEARLY * plan.per_s:
        half, most = (1000 * sent.percentile_s(share) for share in (0.5, 0.99))
        lines.append(
            "That is too few: the times above count from when each was due, and have the waiting for a free connection "
            f"in them; from sending it was p50 {half:.2f} ms, p99 {most:.2f} ms."
        )
    return lines
