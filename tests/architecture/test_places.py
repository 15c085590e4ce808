"""Things that are added in a known number of places: this fails when one was forgotten."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from projections.catalog import PROJECTIONS
from projections.projection import Projection
from registry import errors
from registry.domain import commands, events
from registry.domain.events import EVENT_TYPES, Event
from registry.domain.upcast import UPCASTS
from registry.http.problems import KINDS
from tests.architecture.sources import ROOT, functions, matched, modules, tree

DOMAIN = modules("registry/domain")
VECTORS = ROOT / "tests/vectors/events"


def kinds_of(base: type, home: str) -> Iterator[type]:
    """Every class below *base* that is defined in the module *home*."""
    for child in base.__subclasses__():
        if child.__module__ == home:
            yield child
        yield from kinds_of(child, home)


def leaves_of(base: type, home: str) -> set[type]:
    """The classes below *base* that nothing derives from."""
    return {cls for cls in kinds_of(base, home) if not any(kinds_of(cls, home))}


# ── events ───────────────────────────────────────────────────────────────────────────────────────────────────

OPENS_THE_LOG = {"LogOpened"}
"""Decided by nobody: position 1 of a log comes with the log."""


def test_every_event_class_is_a_member_of_the_union() -> None:
    assert {cls.__name__ for cls in leaves_of(Event, events.__name__)} == set(EVENT_TYPES)


def test_an_events_recorded_name_is_its_class_name() -> None:
    assert {name: cls.__name__ for name, cls in EVENT_TYPES.items()} == {name: name for name in EVENT_TYPES}


def test_every_event_has_an_arm_where_states_are_folded() -> None:
    folds = [one for path in DOMAIN for one in functions(path) if path.name == "streams.py" or one.name == "evolve"]
    assert set(EVENT_TYPES) - matched(*folds) == set()


def test_every_event_follows_from_a_decision() -> None:
    made = {
        name.id
        for path in DOMAIN
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        for name in ast.walk(node.func)
        if isinstance(name, ast.Name)
    }
    assert set(EVENT_TYPES) - made == OPENS_THE_LOG


def test_every_event_type_and_every_retired_shape_has_a_stored_example() -> None:
    expected = {f"{name}.json" for name in EVENT_TYPES} | {f"{name}.{number}.json" for name, number in UPCASTS}
    assert {path.name for path in VECTORS.iterdir()} == expected


# ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_command_has_an_arm_in_a_decision() -> None:
    wanted = {cls.__name__ for cls in leaves_of(commands.Command, commands.__name__)}
    deciding = [one for path in DOMAIN for one in functions(path, "decide", "register")]
    assert wanted - matched(*deciding) == set()


def test_every_command_is_planned() -> None:
    """What `plan` tells apart, itself or by a base class, is every command there is."""
    planned = matched(*functions(ROOT / "registry/commands/plans.py", "plan"))
    unplanned = {
        cls.__name__
        for cls in leaves_of(commands.Command, commands.__name__)
        if not planned & {base.__name__ for base in cls.__mro__ if base is not commands.Command}
    }
    assert unplanned == set()


# ── errors ───────────────────────────────────────────────────────────────────────────────────────────────────

ERRORS = sorted({errors.RegistryError, *kinds_of(errors.RegistryError, errors.__name__)}, key=lambda cls: cls.__name__)


@pytest.mark.parametrize("error", ERRORS, ids=lambda cls: cls.__name__)
def test_every_error_has_a_row_in_the_map_of_problems(error: type[errors.RegistryError]) -> None:
    assert error in KINDS


@pytest.mark.parametrize("error", ERRORS, ids=lambda cls: cls.__name__)
def test_every_error_is_drawn_in_the_tree(error: type[errors.RegistryError]) -> None:
    assert re.search(rf"\b{error.__name__}\b", errors.__doc__ or "")


def test_the_status_that_is_drawn_is_the_one_that_is_answered() -> None:
    for line in (errors.__doc__ or "").splitlines():
        drawn = re.fullmatch(r"[\s│├└─]*(\w+) +(\d{3})(?: .*)?", line)
        if drawn:
            assert KINDS[getattr(errors, drawn[1])].status == int(drawn[2]), drawn[1]


def test_no_error_is_defined_elsewhere() -> None:
    """The tree shows every error of ours there is."""
    strangers = {cls for cls in everything_below(errors.RegistryError) if cls.__module__ != errors.__name__}
    assert strangers == set()


def everything_below(base: type) -> Iterator[type]:
    for child in base.__subclasses__():
        yield child
        yield from everything_below(child)


# ── projections ──────────────────────────────────────────────────────────────────────────────────────────────

FOLDERS = sorted(path.parent for path in (ROOT / "projections").glob("*/schema.sql"))


def test_every_projection_has_a_folder_and_a_line_in_the_catalog() -> None:
    assert sorted(one.name for one in PROJECTIONS) == [folder.name for folder in FOLDERS]


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda one: one.name)
def test_every_projection_has_a_test_file(projection: Projection) -> None:
    assert (ROOT / f"tests/projections/test_{projection.name}.py").is_file()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_a_projections_folder_holds_a_schema_a_projector_and_a_view(folder: Path) -> None:
    assert {"projector.py", "schema.sql", "view.py"} <= {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda one: one.name)
def test_a_projection_names_every_table_it_creates(projection: Projection) -> None:
    assert sorted(re.findall(r"CREATE TABLE (\w+)", projection.schema)) == sorted(projection.tables)


def test_no_two_projections_have_a_table_of_the_same_name() -> None:
    """A batch goes to all of them under one search path, and readers see all in one schema."""
    tables = [table for projection in PROJECTIONS for table in projection.tables]
    assert sorted(tables) == sorted(set(tables))


# ── metrics ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_metric_is_told_by_somebody() -> None:
    home = ROOT / "registry/http/metrics.py"
    made = r"self\.(\w+) = self\._(?:counter|gauge|histogram)\("
    metrics = {name for name in re.findall(made, home.read_text()) if not name.startswith("_")}
    elsewhere = "".join(path.read_text() for path in (ROOT / "registry").rglob("*.py") if path != home)
    used = {name for name in metrics if re.search(rf"metrics\.{name}\b", elsewhere)}
    assert len(metrics) > 20
    assert metrics - used == set()
