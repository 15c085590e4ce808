"""The `registry` command. Every refusal is one sentence on standard error and an exit status that is not 0."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING

import click

from registry.batch.command import batch
from registry.batch.query_command import batch_by_query
from registry.errors import RegistryError
from registry.issuer_keys import keys
from registry.lint_command import lint
from registry.load_command import load
from registry.operators import operator_keys
from registry.progress_bar import progress_bar
from registry.stopping import STOPS, Stop, run

if TYPE_CHECKING:
    from registry.settings import Settings

REFUSED = 1
"""Exit status of a refusal; click's own for a wrong command line is 2."""

INTERRUPTED = 130
"""Exit status of a command that was stopped before its end."""

LASTING = frozenset({"dev", "serve", "project", "worker"})
"""The commands that run until they are told to stop: for them that is a success, at any moment."""


def main() -> None:
    """Run the command line; no traceback ever reaches the terminal for something a person can mend."""
    stopped = _leave if LASTING.intersection(sys.argv[1:]) else _interrupt
    for one in STOPS:  # before heavy imports: a stop during start-up is orderly, too
        signal.signal(one, stopped)
    try:
        commands.main(standalone_mode=False)
    except RegistryError as error:
        click.echo(f"registry: {error.detail}", err=True)
        sys.exit(REFUSED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)


def _leave(*_: object) -> None:
    os._exit(0)  # nothing is open yet, and an exception in the midst of an import may get lost


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="credential-registry")
@click.option("--verbose", is_flag=True, help="Log more than warnings.")
def commands(verbose: bool) -> None:
    """Record, revoke and publish the status of verifiable credentials.

    Settings come from the environment (REGISTRY_…); `registry settings` lists them. To try things out, start with
    `registry dev`. A deployment is set up with `registry init`, and then runs `registry serve` and `registry project`,
    as many of each as you like. Where no database is named, commands that examine or mend work on the embedded one
    that `registry dev` keeps in REGISTRY_HOME, whether or not it runs.
    """
    from registry.http.access import configure

    configure(level=logging.INFO if verbose else logging.WARNING)


@commands.command(short_help="Run everything on this machine.")
def dev() -> None:
    """Run everything on this machine: PostgreSQL, a demo authority and issuer, the service.

    Needs nothing. All of it is kept in REGISTRY_HOME, with the demo's keys in demo.env there; remove that folder and
    every trace is gone. Ctrl-C stops it, and the next start goes on where it was. For trying things out, not for
    production: lists are published every second.
    """
    from registry import dev as development
    from registry.settings import load

    settings = load(**development.defaults())

    async def work(stop: Stop) -> None:
        async with development.running(settings, _say) as running:
            for line in development.summary(running.demo, settings, running.metrics_port):
                _say(line)
            await stop.until(running.failed)

    run(work)


@commands.command(short_help="Serve HTTP.")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes that share the port; default: REGISTRY_WORKERS.")
@click.pass_context
def serve(context: click.Context, workers: int | None) -> None:
    """Serve HTTP: the write side, lookups and published lists.

    Needs REGISTRY_DATABASE_URL (as registry_writer), the master key and REGISTRY_LOGS, set up by `registry init`; and
    `registry project` beside it, on this machine (with another REGISTRY_METRICS_PORT) or another. SIGTERM drains it.

    With --workers N, N processes serve and one more writes the logs for them; what ends is started again.
    """
    from registry.settings import load

    settings = load(**({} if workers is None else {"workers": workers}))
    if settings.workers == 1:
        _run_process(door=True, projecting=False)
    else:
        _run_workers(settings, ("--verbose",) if context.find_root().params["verbose"] else ())


@commands.command(hidden=True)
@click.argument("name")
@click.argument("folder")
def worker(name: str, folder: str) -> None:
    """Be one of the processes of `registry serve --workers`, which alone starts this."""
    from registry import worker as part_of_several

    sys.exit(part_of_several.main(name, folder))


@commands.command(short_help="Project the logs and publish status lists.")
def project() -> None:
    """Project the logs and publish status lists; of several processes one leads.

    Needs REGISTRY_PROJECTOR_DATABASE_URL (as registry_projector), the master key, and a folder that remembers what was
    published (REGISTRY_PUBLISHED_HEADS) and is never restored together with the database.
    """
    _run_process(door=False, projecting=True)


@commands.command(short_help="Set a deployment up.")
@click.option("--superuser-dsn", help="Create roles and database with this DSN first, where they are missing.")
@click.option("--database", default="registry", show_default=True, help="The database that --superuser-dsn creates.")
@click.option("--operator", help="Also make an API key for an operator of this name who has none, and print it, once.")
def init(superuser_dsn: str | None, database: str, operator: str | None) -> None:
    """Set a deployment up: roles, migrations, master key, logs, the first operator key.

    Needs REGISTRY_OWNER_DATABASE_URL (as registry_owner), and REGISTRY_DATABASE_URL for --operator. Safe to repeat:
    what is there stays, and an operator who has a live key gets no other (`registry operator-keys make` does that).
    """
    from registry import deployment
    from registry.settings import load

    settings = load()
    asyncio.run(deployment.init(settings, _say, superuser_dsn=superuser_dsn, database=database, operator=operator))


@commands.command(short_help="Apply the migrations that are missing.")
def migrate() -> None:
    """Apply the migrations that are missing.

    Needs REGISTRY_OWNER_DATABASE_URL (as registry_owner). Processes of the version before may go on meanwhile.
    """
    from registry import deployment
    from registry.settings import load

    applied = asyncio.run(deployment.migrate(load()))
    _say(f"applied: {', '.join(applied)}" if applied else "up to date")


@commands.command(short_help="Fill projections anew.")
@click.argument("projections", nargs=-1)
@click.option("--accept-difference", is_flag=True, help="Switch even if the new rows differ from the live ones.")
def rebuild(projections: tuple[str, ...], accept_difference: bool) -> None:
    """Fill projections anew beside the live ones, compare, and switch; all of them, or those named.

    Needs REGISTRY_PROJECTOR_DATABASE_URL (as registry_projector). Readers see the old rows until the switch; where old
    and new differ, nothing is switched without --accept-difference.
    """
    from registry import deployment
    from registry.settings import load

    with progress_bar("rebuilding") as told:
        rebuilt = asyncio.run(deployment.rebuild(load(), projections, told, accept_difference=accept_difference))
    for one in rebuilt:
        compared = f", {len(one.differences)} differences" if one.is_compared else ", nothing to compare with"
        _say(f"{one.projection}: generation {one.generation} is live{compared}")


@commands.command("verify-log", short_help="Check a log as an outsider.")
@click.argument("log", default="")
def verify_log(log: str) -> None:
    """Re-read a log as an outsider and name the first position that is wrong; all logs, or the one named.

    Needs REGISTRY_DATABASE_URL. Checks every hash, every event, every stream's count, and that nothing is missing;
    the service may go on writing meanwhile.
    """
    from registry import deployment
    from registry.settings import load

    with progress_bar("verifying") as told:
        heads = asyncio.run(deployment.verify(load(), log or None, told))
    for name, head in heads.items():
        _say(f"{name}: {head.position} events verified, head {head.hash.hex()}")


@commands.command("accept-restore", short_help="Go on from a restored log.")
@click.argument("log")
@click.option("--yes", is_flag=True, help="Do not ask.")
def accept_restore(log: str, yes: bool) -> None:
    """Go on from a LOG that was restored to an earlier point.

    Needs what `registry serve` and `registry project` need. Records that published positions are lost, and closes
    every open status list set, so that no index is ever given out twice. What was published as revoked stays revoked.
    Run it once, with `registry serve` stopped, when no later backup can be had. It asks first, if there is anything.
    """
    from registry import deployment
    from registry.settings import load

    def agree(sentence: str) -> None:
        if not yes:
            click.confirm(f"{sentence} Go on from here?", abort=True)

    _say(asyncio.run(deployment.accept_restore(load(), log, agree)))


@commands.command("publish-files", short_help="Compare published files, and mend them.")
@click.option("--check", is_flag=True, help="Only say what is wrong; exit status 1 if anything is.")
def publish_files(check: bool) -> None:
    """Compare every published file with what was signed, and write what is missing or wrong.

    Needs REGISTRY_PROJECTOR_DATABASE_URL (as registry_projector) and REGISTRY_FILES, the directory or object store.
    `registry project` does the same by itself, round by round; it may run meanwhile.
    """
    from registry import deployment
    from registry.settings import load

    with progress_bar("comparing") as told:
        report = asyncio.run(deployment.publish_files(load(), told, repairing=not check))
    for sentence in report.faults:
        _say(sentence)
    wrong = len(report.faults)
    mended = "" if check else f", {report.written} files written"
    _say(f"{report.where}: {report.compared} lists compared, {wrong} not as published{mended}")
    if check and report.faults:
        sys.exit(REFUSED)


@commands.command("rotate-master-key", short_help="Wrap every secret anew.")
def rotate_master_key() -> None:
    """Wrap every secret anew under the first of the master keys.

    Needs REGISTRY_DATABASE_URL. Before: add the new key's line below the first in every process's master key file
    and restart; move it to the top and restart. After: remove the old line.
    """
    from registry import deployment
    from registry.settings import load

    with progress_bar("wrapping") as told:
        count = asyncio.run(deployment.rewrap(load(), told))
    _say(f"wrapped anew: {count}")


@commands.command(short_help="Say what is wrong, and what to do.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def doctor(as_json: bool) -> None:
    """Examine settings, secrets, database and logs, and say what to do about what is wrong.

    Needs what `registry serve` needs. Changes nothing; exit status 1 if something forbids a start.
    """
    from registry import deployment
    from registry.doctor import Verdict
    from registry.settings import load

    findings = asyncio.run(deployment.examine(load()))
    if as_json:
        click.echo(json.dumps([{"subject": f.subject, "verdict": f.verdict, "sentence": f.sentence} for f in findings]))
    else:
        marks = {Verdict.GOOD: "ok     ", Verdict.WARNING: "warning", Verdict.REFUSED: "REFUSED"}
        for one in findings:
            click.echo(f"{marks[one.verdict]}  {one.subject}: {one.sentence}")
    if any(one.verdict is Verdict.REFUSED for one in findings):
        sys.exit(REFUSED)


@commands.command(short_help="Print every setting.")
@click.option("--markdown", is_flag=True, help="The table of all defaults instead, as the README has it.")
def settings(markdown: bool) -> None:
    """Print every setting as it is in force here, and what it means.

    Those with a star come from the environment; secrets, such as the DSNs, are not shown. Needs nothing, but refuses
    what `registry serve` would refuse; the defaults are shown even then, with --markdown.
    """
    from registry.settings import load, table
    from registry.settings_told import in_force

    click.echo(table() if markdown else in_force(load()))


commands.add_command(batch)
commands.add_command(batch_by_query)
commands.add_command(lint)
commands.add_command(operator_keys)
commands.add_command(keys)
commands.add_command(load)


def _say(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()


def _run_process(*, door: bool, projecting: bool) -> None:
    from registry import deployment
    from registry.app import Process
    from registry.http.access import warn
    from registry.lifetime import Databases
    from registry.settings import load

    settings = load()

    async def work(stop: Stop) -> None:
        with deployment.refusals():
            await lived(stop)

    async def lived(stop: Stop) -> None:
        for warning in await deployment.require_fit(settings, writing=door):
            warn(f"{warning.subject}: {warning.sentence}")
        process = Process(settings, Databases.of(settings), door=door, projecting=projecting)
        async with process.running() as service:
            if door:
                _say_where(settings)
            else:
                _say("projecting and publishing")
            _say(f"metrics on {settings.metrics_host}:{service.metrics_port}")
            await stop.until(process.life.failed)

    run(work)


def _run_workers(settings: Settings, options: tuple[str, ...]) -> None:
    from registry import deployment, workers
    from registry.http.access import name_process, warn

    name_process(workers.PARENT)

    async def work(stop: Stop) -> None:
        with deployment.refusals():
            await lived(stop)

    async def lived(stop: Stop) -> None:
        for warning in await deployment.require_fit(settings, writing=True):
            warn(f"{warning.subject}: {warning.sentence}")
        async with workers.running(settings, options) as (parts, metrics_port):
            _say_where(settings, f" with {settings.workers} workers")
            _say(f"metrics on {settings.metrics_host}:{metrics_port}")
            await stop.until(parts.life.failed)

    run(work)


def _say_where(settings: Settings, how: str = "") -> None:
    _say(f"serving on {settings.host}:{settings.port}{how}")
    if settings.dcc_port is not None:
        _say(f"status service for {settings.dcc_issuer} on {settings.dcc_host}:{settings.dcc_port}")
