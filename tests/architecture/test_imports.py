"""Imports that must never exist, and a domain that knows no time and no chance."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import CODE, ROOT, functions, modules, named, tree

CONFIG = ROOT / "pyproject.toml"


def lint(config: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter in a process of its own: it sets logging up for its whole process."""
    program = (
        "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(sys.argv[1], no_cache=True))"
    )
    return subprocess.run(
        [sys.executable, "-c", program, config], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_every_import_contract_is_kept() -> None:
    done = lint(CONFIG)
    assert done.returncode == os.EX_OK, done.stdout


def test_a_broken_contract_would_be_noticed(tmp_path: Path) -> None:
    """The linter sees the standard library, other packages and indirect imports: each is forbidden here in vain."""
    contract = '[[tool.importlinter.contracts]]\nname = "{}"\ntype = "forbidden"\nsource_modules = ["{}"]\n'
    rules = [("registry.domain", "hashlib"), ("registry.domain", "pydantic"), ("registry.http", "registry.errors")]
    config = tmp_path / "pyproject.toml"
    config.write_text(
        '[tool.importlinter]\nroot_packages = ["registry", "projections"]\ninclude_external_packages = true\n'
        + "".join(contract.format(f"no {what}", who) + f'forbidden_modules = ["{what}"]\n' for who, what in rules)
    )
    done = lint(config)
    assert done.returncode != os.EX_OK
    assert "0 kept, 3 broken" in done.stdout


# ── the domain: time, ids and randomness arrive in the command ───────────────────────────────────────────────

IMPURE_MODULES = {
    "aiohttp", "asyncio", "asyncpg", "contextvars", "io", "locale", "logging", "multiprocessing", "os", "pathlib",
    "platform", "random", "secrets", "socket", "subprocess", "sys", "tempfile", "threading", "time", "uuid_utils",
    "warnings",
}  # fmt: skip
IMPURE_NAMES = {"uuid1", "uuid4", "urandom", "open", "input", "print", "environ", "getenv"}
IMPURE_METHODS = {"now", "utcnow", "today"}


def impurities(syntax: ast.AST) -> set[str]:
    """What *syntax* reaches for that a pure function may not."""
    found: set[str] = set()
    for node in ast.walk(syntax):
        match node:
            case ast.Import(names=aliases):
                found |= {alias.name for alias in aliases if alias.name.partition(".")[0] in IMPURE_MODULES}
            case ast.ImportFrom(module=str() as module, names=aliases):
                found |= {module} if module.partition(".")[0] in IMPURE_MODULES else set()
                found |= {alias.name for alias in aliases if alias.name in IMPURE_NAMES}
            case ast.Name(id=name, ctx=ast.Load()) if name in IMPURE_NAMES:
                found.add(name)
            case ast.Attribute(attr=name) if name in IMPURE_NAMES | IMPURE_METHODS:
                found.add(name)
            case ast.AsyncFunctionDef(name=name) | ast.Global(names=[name, *_]):
                found.add(f"{type(node).__name__} {name}")
    return found


@pytest.mark.parametrize("path", modules("registry/domain"), ids=named)
def test_the_domain_reads_no_clock_no_randomness_and_no_surroundings(path: Path) -> None:
    assert impurities(tree(path)) == set()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("from datetime import datetime\nx = datetime.now(UTC)", {"now"}),
        ("import time\ntime.time()", {"time"}),
        ("import os.path", {"os.path"}),
        ("from secrets import token_bytes", {"secrets"}),
        ("from uuid import UUID, uuid4", {"uuid4"}),
        ("import uuid\nuuid.uuid4()", {"uuid4"}),
        ("with open('x'): pass", {"open"}),
        ("async def f(): ...", {"AsyncFunctionDef f"}),
        ("def f():\n global seen", {"Global seen"}),
        ("def f(now): return now", set()),
        ("from hashlib import sha256\nfrom uuid import UUID", set()),
    ],
)
def test_an_impurity_would_be_noticed(code: str, expected: set[str]) -> None:
    assert impurities(ast.parse(code)) == expected


@pytest.mark.parametrize("path", modules("registry/domain"), ids=named)
def test_the_domain_keeps_nothing_between_two_decisions(path: Path) -> None:
    """No mutable default is shared by two calls."""
    defaults = [default for one in functions(path) for default in (*one.args.defaults, *one.args.kw_defaults)]
    assert not [ast.unparse(each) for each in defaults if isinstance(each, ast.List | ast.Dict | ast.Set)]


def test_a_relative_import_hides_no_room() -> None:
    relative = [
        named(path)
        for path in modules(*CODE)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []
