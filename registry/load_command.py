"""`registry load`: fills an empty log with made-up credentials, to measure with."""

from __future__ import annotations

import asyncio

import click

from registry.progress_bar import progress_bar


@click.command("load", short_help="Fill an empty log with made-up credentials.")
@click.option("--credentials", type=click.IntRange(min=1), default=1_000_000, show_default=True)
@click.option("--issuers", type=click.IntRange(min=1), default=300, show_default=True, help="Sizes by Zipf's law.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same registry.")
@click.option("--log", default="main", show_default=True, help="The log, which may hold its opening only.")
@click.option("--into-production", is_flag=True, help="Also where REGISTRY_ENV is neither dev nor test.")
def load(credentials: int, issuers: int, seed: int, log: str, into_production: bool) -> None:
    """Fill an empty log with made-up issuers and credentials, for load tests: all of them, or none.

    Needs REGISTRY_OWNER_DATABASE_URL (as registry_owner), migrated, and the master key. A million takes a minute or
    two. Afterwards `registry serve` and `registry project` go on from there as from any log.
    """
    from registry.loading import Plan, load_as_set
    from registry.settings import load as load_settings

    plan = Plan(credentials=credentials, issuers=issuers, seed=seed)
    with progress_bar("loading") as told:
        head = asyncio.run(load_as_set(load_settings(), log, plan, told, is_meant=into_production))
    click.echo(f"{log}: {credentials} credentials of {issuers} issuers, head {head.position} {head.hash.hex()}")
