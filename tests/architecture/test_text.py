"""What is committed: no machine's paths, no package registry, no rule bent without a reason, no module too long."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.architecture.sources import CODE, ROOT, modules, named, tree


@cache
def committed() -> list[Path]:
    """Every file under version control, and what is about to be; where there is no git, every file."""
    try:
        listed = subprocess.run(
            ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return sorted(path for path in ROOT.rglob("*") if path.is_file() and not _is_hidden(path))
    return sorted(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(ROOT).parts)


@cache
def texts() -> dict[str, str]:
    """Every committed text by its path."""
    found = {}
    for path in committed():
        try:
            found[named(path)] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # no text
    return found


FOREIGN = {
    "a package registry": r"pypi\.org|python[h]osted\.org|npm[j]s\.|proxy\.go[l]ang|/artifactory/|/simple/?[\s\"']",
    "a package index option": r"--(?:extra-)?index-u[r]l|--trusted-ho[s]t|find-li[n]ks",
    "a path of somebody's machine": r"(?<![\w.>)\]}/~-])/(?:home|root|Users|work|mnt)/\w",
}


@pytest.mark.parametrize("what", FOREIGN)
def test_no_committed_text_names(what: str) -> None:
    found = {
        f"{name}: {match[0]}"
        for name, text in texts().items()
        if name != named(Path(__file__)) and (match := re.search(FOREIGN[what], text))
    }
    assert found == set()


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("a package registry", "https://files.python" + "hosted.org/packages"),
        ("a package index option", "pip install --index-" + "url x"),
        ("a path of somebody's machine", '"/' + 'home/somebody/x"'),
        ("a path of somebody's machine", "cd /" + "work/main"),
    ],
)
def test_a_foreign_name_would_be_noticed(what: str, text: str) -> None:
    assert re.search(FOREIGN[what], text)


def test_a_credential_may_name_work_and_home_in_a_url() -> None:
    assert not re.search(FOREIGN["a path of somebody's machine"], "https://college.example/" + "work/main/1")


def test_the_constraints_are_exact_versions_and_nothing_else() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    wrong = [
        line for line in lines if line and not re.fullmatch(r"#.*|[\w.\[\]-]+==[\w.+!]+(?: *;.*)?(?: *#.*)?", line)
    ]
    assert wrong == []
    assert not [line for line in lines if "://" in line]


# ── rules that are bent say why ──────────────────────────────────────────────────────────────────────────────


def test_every_ignore_in_the_configuration_has_its_reason_beside_it() -> None:
    table, inside, bare = "", False, []
    for line in (ROOT / "pyproject.toml").read_text().splitlines():
        if line.startswith("["):
            table, inside = line, False
        starts = re.match(r"(ignore|ignore_missing_imports|ignore_imports|unmatched_\w+|allow_\w+)\s*=", line)
        bends = starts or inside or table == "[tool.ruff.lint.per-file-ignores]" or "overrides" in table
        inside = (inside or bool(starts and line.rstrip().endswith("["))) and not line.startswith("]")
        is_rule = re.search(r'"[^"]+"', line) or re.search(r"=\s*true", line)
        if bends and is_rule and not line.startswith("[") and "# " not in line:
            bare.append(line)
    # an override's reason stands beside the modules it is for
    assert [line for line in bare if not line.startswith("ignore_missing_imports")] == []


# ── size and names ───────────────────────────────────────────────────────────────────────────────────────────

LONGEST_MODULE = 400


def test_no_module_is_too_long_to_be_read_in_one_sitting() -> None:
    lengths = {named(path): len(path.read_text().splitlines()) for path in modules(*CODE)}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_MODULE} == {}


TOP = {"pyproject.toml", "README.md", "registry", "projections", "deploy", "load_tests", "tests"}
BESIDE = {"Makefile", "constraints.txt", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md"}


def test_nothing_new_lies_at_the_top() -> None:
    names = {path.relative_to(ROOT).parts[0] for path in committed()}
    assert {name for name in names if not name.startswith(".")} - TOP - BESIDE == set()


VAGUE = "manager|helper|util|service|handler|base|info|entity"
VAGUE_MODULE = re.compile(rf"(?:^|.*_)(?:{VAGUE})s?$")
VAGUE_CLASS = re.compile(rf".*(?:{'|'.join(word.title() for word in VAGUE.split('|'))})s?$")


def test_nothing_has_a_name_that_says_nothing() -> None:
    vague = {named(path) for path in modules(*CODE) if VAGUE_MODULE.match(path.stem)}
    for path in modules(*CODE):
        classes = [node for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)]
        vague |= {f"{named(path)}: {node.name}" for node in classes if VAGUE_CLASS.match(node.name)}
    assert vague == set()


def test_a_test_that_was_switched_off_does_not_hide() -> None:
    """A skip is allowed where something outside is missing, never for what is unfinished."""
    hidden = re.compile(r"mark\.(?:skip|xfail)\b")
    assert {name for name, text in texts().items() if name.startswith("tests/") and hidden.search(text)} - {
        named(Path(__file__))
    } == set()
