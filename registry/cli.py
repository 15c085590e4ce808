"""The `registry` command. Every refusal is one sentence on standard error and an exit status that is not 0."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from registry.errors import RegistryError

if TYPE_CHECKING:
    from rich.progress import Progress


REFUSED = 1
"""Exit status of a refusal; click's own for a wrong command line is 2."""


def main() -> None:
    """Run the command line; no traceback ever reaches the terminal for something a person can mend."""
    signal.signal(signal.SIGTERM, _stopped_early)  # before heavy imports: a stop during start-up is orderly, too
    try:
        commands.main(standalone_mode=False)
    except RegistryError as error:
        click.echo(f"registry: {error.detail}", err=True)
        sys.exit(REFUSED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)


def _stopped_early(*_: object) -> None:
    raise KeyboardInterrupt


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="credential-registry")
@click.option("--verbose", is_flag=True, help="Log more than warnings.")
def commands(verbose: bool) -> None:
    """Record, revoke and publish the status of verifiable credentials.

    Settings come from the environment (REGISTRY_…); the README lists them.
    """
    from registry.http.access import configure

    configure(level=logging.INFO if verbose else logging.WARNING)


@commands.command()
def dev() -> None:
    """Run everything on this machine: embedded PostgreSQL, demo authority and issuer, service. Ctrl-C ends it."""
    from registry import dev as development
    from registry.settings import load

    defaults: dict[str, Any] = {"env": "dev", "tick_s": 1, "ttl_s": 5}
    given = {name: value for name, value in defaults.items() if not _is_set(name)}
    settings = load(**given)

    async def work(stop: asyncio.Event) -> None:
        async with development.running(settings, _say) as (process, demo):
            _say(f"service      {demo.url}   metrics http://{settings.metrics_host}:{settings.metrics_port}/metrics")
            _say(f"operator     {demo.operator_key}")
            _say(f"issuer       {demo.issuer}   {demo.issuer_key}")
            _say(development.next_steps(demo, settings.home))
            _say("  Ctrl-C stops everything.")
            await _until(stop, process.failed())
            _say("stopping")

    _run(work)


@commands.command()
def serve() -> None:
    """Serve HTTP: the write side, lookups and published lists. Needs a database, and `registry project` beside it."""
    _run_process(door=True, projecting=False)


@commands.command()
def project() -> None:
    """Project the logs and publish status lists; of several processes one leads."""
    _run_process(door=False, projecting=True)


@commands.command()
@click.option("--superuser-dsn", help="Create roles and database with this DSN first, where they are missing.")
@click.option("--database", default="registry", show_default=True, help="The database that --superuser-dsn creates.")
@click.option("--operator", help="Also make an API key for an operator of this name, and print it once.")
def init(superuser_dsn: str | None, database: str, operator: str | None) -> None:
    """Set a deployment up: roles, migrations, master key, logs, the first operator key. Safe to repeat."""
    from registry import deployment
    from registry.settings import load

    settings = load()
    asyncio.run(deployment.init(settings, _say, superuser_dsn=superuser_dsn, database=database, operator=operator))


@commands.command()
def migrate() -> None:
    """Apply the migrations that are missing, as REGISTRY_OWNER_DATABASE_URL."""
    from registry import deployment
    from registry.settings import load

    applied = asyncio.run(deployment.migrate(load()))
    _say(f"applied: {', '.join(applied)}" if applied else "up to date")


@commands.command()
@click.argument("projections", nargs=-1)
@click.option("--accept-difference", is_flag=True, help="Switch even if the new rows differ from the live ones.")
def rebuild(projections: tuple[str, ...], accept_difference: bool) -> None:
    """Fill projections anew beside the live ones, compare, and switch; all of them, or those named."""
    from registry import deployment
    from registry.settings import load

    with _progress("rebuilding") as told:
        rebuilt = asyncio.run(deployment.rebuild(load(), projections, told, accept_difference=accept_difference))
    for one in rebuilt:
        compared = f", {len(one.differences)} differences" if one.is_compared else ", nothing to compare with"
        _say(f"{one.projection}: generation {one.generation} is live{compared}")


@commands.command("verify-log")
@click.argument("log", default="")
def verify_log(log: str) -> None:
    """Re-read a log as an outsider and name the first position that is wrong; all logs, or the one named."""
    from registry import deployment
    from registry.settings import load

    with _progress("verifying") as told:
        heads = asyncio.run(deployment.verify(load(), log or None, told))
    for name, head in heads.items():
        _say(f"{name}: {head.position} events verified, head {head.hash.hex()}")


@commands.command("accept-restore")
@click.argument("log")
@click.option("--yes", is_flag=True, help="Do not ask.")
def accept_restore(log: str, yes: bool) -> None:
    """Go on from a log that was restored to an earlier point: records it, and closes every open status list set."""
    from registry import deployment
    from registry.settings import load

    if not yes:
        click.confirm("Events after the restored point are lost for ever. Go on from here?", abort=True)
    _say(asyncio.run(deployment.accept_restore(load(), log)))


@commands.command("rotate-master-key")
def rotate_master_key() -> None:
    """Wrap every secret anew under the first of the master keys."""
    from registry import deployment
    from registry.settings import load

    with _progress("wrapping") as told:
        count = asyncio.run(deployment.rewrap(load(), told))
    _say(f"wrapped anew: {count}")


@commands.command()
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def doctor(as_json: bool) -> None:
    """Examine settings, secrets, database and logs, and say what to do about what is wrong."""
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


@commands.command()
def settings() -> None:
    """Print every setting, its default and meaning, as the README's table."""
    from registry.settings import table

    click.echo(table())


def _say(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()


def _is_set(name: str) -> bool:
    import os

    return f"REGISTRY_{name.upper()}" in os.environ


def _run_process(*, door: bool, projecting: bool) -> None:
    from registry import deployment
    from registry.app import Databases, Process
    from registry.settings import load

    settings = load()

    async def work(stop: asyncio.Event) -> None:
        for warning in await deployment.require_fit(settings, writing=door):
            click.echo(f"warning: {warning.subject}: {warning.sentence}", err=True)
        process = Process(settings, Databases.of(settings), door=door, projecting=projecting)
        async with process.running() as service:
            if door:
                _say(f"serving on {settings.host}:{settings.port}")
            _say(f"metrics on {settings.metrics_host}:{service.metrics_port}")
            await _until(stop, process.failed())

    _run(work)


def _run(work: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    """Run *work* until it ends; SIGINT and SIGTERM set its event, and only that."""

    async def watched() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(work(stop))

        def asked_to_stop() -> None:
            if stop.is_set():
                return
            stop.set()
            # a start-up that is still under way is ended where it stands
            loop.call_later(4, task.cancel)

        for one in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(one, asked_to_stop)
        try:
            await task
        except asyncio.CancelledError:
            if not stop.is_set():
                raise

    asyncio.run(watched())


async def _until(stop: asyncio.Event, failure: Coroutine[Any, Any, None]) -> None:
    """Return when *stop* is set; raise what *failure* raises."""
    waits = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(failure)]
    done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for one in pending:
        one.cancel()
    for one in done:
        one.result()


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on a terminal; nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    bar: Progress = Progress(
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
