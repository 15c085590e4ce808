"""The project as text and syntax trees: what the tests of this room read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = ("registry", "projections")


def modules(*folders: str) -> list[Path]:
    """Every Python file below *folders*."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of *path*."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def named(path: Path) -> str:
    """*path* as a person writes it, from the project's root."""
    return path.relative_to(ROOT).as_posix()


def strings(path: Path) -> Iterator[str]:
    """Every string in the code of *path*, f-strings with `{}` for their holes; no docstrings."""
    docs = {id(node.value) for node in ast.walk(tree(path)) if isinstance(node, ast.Expr)}
    parts = {id(part) for node in ast.walk(tree(path)) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree(path)):
        if id(node) in docs:
            continue
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.value


def matched(*nodes: ast.AST) -> set[str]:
    """The classes that code below *nodes* tells apart: `case X(…)`, `isinstance(…, X)` and annotated parameters."""
    found: set[str] = set()
    for node in (inner for outer in nodes for inner in ast.walk(outer)):
        match node:
            case ast.MatchClass(cls=cls):
                found.update(_names(cls))
            case ast.Call(func=ast.Name(id="isinstance"), args=[_, cls]):
                found.update(_names(cls))
            case ast.arg(annotation=ast.expr() as annotation):
                found.update(_names(annotation))
    return found


def functions(path: Path, *wanted: str) -> list[ast.FunctionDef]:
    """The functions of *path* with these names, or (none given) all of them."""
    defined = [node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef)]
    return [node for node in defined if not wanted or node.name in wanted]


def _names(node: ast.AST) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
