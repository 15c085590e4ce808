"""What deploy/ says, held to the code: commands, settings, metrics, alerts and their sections in the runbook."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from registry.cli import commands
from registry.http.metrics import Metrics
from registry.settings import Settings
from registry.vault.master import MasterKeys

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
GUIDES = [*sorted(DEPLOY.glob("*.md")), *([ROOT / "README.md"] if (ROOT / "README.md").exists() else [])]
WRITTEN = [path for path in sorted(DEPLOY.rglob("*")) if path.is_file() and "secrets" not in path.parts]

_CODE = re.compile(r"^(?:```|~~~)[^\n]*\n(.*?)^(?:```|~~~)|^(?: {4,})([^\n]+)|`([^`\n]+)`", re.DOTALL | re.MULTILINE)
_COMMAND = re.compile(r"\bregistry((?: --?[a-z-]+)*) ([a-z][a-z-]*)(?![\w./:=@-])([^`|\n#(]*)")
_RUN = re.compile(r"\brun --rm (\w+) ([a-z][a-z-]*)")
_EXPRESSION_NAME = re.compile(r"\b(registry_[a-z0-9_]+|up)\b")


def code_in(path: Path) -> str:
    """Everything in a Markdown file that is set as code."""
    return "\n".join("\n".join(filter(None, match)) for match in _CODE.findall(path.read_text("utf-8")))


def command(name: str, rest: str) -> click.Command:
    """The command, or the one of a group that the first word of *rest* names."""
    found = commands.commands[name]
    if isinstance(found, click.Group):
        assert rest.split()[:1], f"registry {name} needs one of {', '.join(found.commands)}"
        assert rest.split()[0] in found.commands, f"registry {name} {rest} does not exist"
        return found.commands[rest.split()[0]]
    return found


def known_options(name: str, rest: str) -> set[str]:
    return {option for parameter in command(name, rest).params for option in parameter.opts}


def metric_names() -> set[str]:
    """The name of every series that the process can show."""
    names = {"up"}
    for family in Metrics(version="0").registry.collect():
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
        names |= {family.name + suffix for suffix in suffixes}
    return names


def alerts() -> list[dict[str, Any]]:
    rules = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text("utf-8"))
    return [rule for group in rules["groups"] for rule in group["rules"]]


def compose() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    return parsed


def anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_and_option_that_a_guide_names_exists(guide: Path):
    """Also on which service of compose.yaml it runs."""
    code = code_in(guide)
    found = [(name, options) for _, name, options in _COMMAND.findall(code)]
    for service, name in _RUN.findall(code):
        assert service in compose()["services"]
        found.append((name, ""))
    assert found
    for name, rest in found:
        assert name in commands.commands, f"registry {name} does not exist"
        unknown = {option for option in rest.split() if option.startswith("--")} - known_options(name, rest)
        assert not unknown, f"registry {name} knows no {unknown}"


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_every_variable_that_is_named_is_a_setting(path: Path):
    named = set(re.findall(r"\bREGISTRY_[A-Z0-9_]+", path.read_text("utf-8")))
    assert named <= {f"REGISTRY_{name.upper()}" for name in Settings.model_fields}


def test_every_metric_that_an_alert_or_the_runbook_names_is_one_of_the_process():
    there = metric_names()
    for rule in alerts():
        named = set(_EXPRESSION_NAME.findall(rule["expr"]))
        assert named, rule["alert"]
        assert named <= there, rule["alert"]
    named = set(re.findall(r"\bregistry_[a-z0-9_]+", code_in(DEPLOY / "RUNBOOK.md")))
    families = {re.sub("_(bucket|sum|count)$", "", name) for name in there}
    roles = {"registry_owner", "registry_writer", "registry_projector"}
    assert named - roles <= there | families


def test_every_alert_has_its_section_in_the_runbook_and_a_sentence_for_a_person():
    for rule in alerts():
        annotations = rule["annotations"]
        path, _, anchor = annotations["runbook"].partition("#")
        assert anchor == rule["alert"].lower()
        assert anchor in anchors(PROMETHEUS / path)
        assert annotations["summary"].endswith(".")
        assert rule["labels"]["severity"] in ("page", "ticket")


def test_every_alert_has_a_test_that_fires_it_and_one_that_does_not():
    tests = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text("utf-8"))["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    names = {rule["alert"] for rule in alerts()}
    assert names == {case["alertname"] for case in cases if case.get("exp_alerts")}
    assert names == {case["alertname"] for case in cases if not case.get("exp_alerts")}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(guide: Path):
    for target in re.findall(r"\]\(([^)\s]+)\)", guide.read_text("utf-8")):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = guide.parent / path if path else guide
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


def test_compose_runs_commands_that_exist_and_gives_each_the_secrets_that_are_made():
    """The set-up has all roles; the processes have their own and no other."""
    parsed = compose()
    ours = {name: service for name, service in parsed["services"].items() if name != "postgres"}
    assert {"init", "project", "serve"} == set(ours)
    for name, service in ours.items():
        assert service["command"][0] == name
        assert name in commands.commands
        assert f"pgpass.{name}" in [one["source"] for one in service["secrets"] if isinstance(one, dict)]
        assert {f"pgpass.{name}", "master.key"} == {
            one["source"] if isinstance(one, dict) else one for one in service["secrets"]
        }
    assert "/readyz" in str(parsed["services"]["serve"]["healthcheck"])
    made = set(re.findall(r"> ([a-z]+\.[a-z]+)$", (DEPLOY / "make-secrets").read_text("utf-8"), re.MULTILINE))
    assert made == set(parsed["secrets"])


def test_commands_by_hand_see_what_the_processes_see():
    """What publishes files is looked at and mended by hand as well; the roles of commands come last."""
    services = compose()["services"]
    by_hand, projecting = services["init"], services["project"]
    assert set(projecting["environment"]) <= set(by_hand["environment"])
    assert "REGISTRY_FILES" in by_hand["environment"]
    assert by_hand["volumes"] == projecting["volumes"]
    assert {one.partition(":")[0] for one in by_hand["volumes"]} <= set(compose()["volumes"])
    section = (DEPLOY / "RUNBOOK.md").read_text("utf-8").partition("## How commands are run")[2].partition("\n# ")[0]
    files = [Path(path).name for path in re.findall(r"EnvironmentFile=-?(\S+)", section)]
    assert files == ["registry.env", "project.env", "operator.env"]
    names = (
        set(re.findall(r"^REGISTRY_\w+URL", (DEPLOY / "systemd" / one).read_text(), re.MULTILINE)) for one in files
    )
    _, of_project, of_operator = names
    assert of_project <= of_operator, "whose roles count"


def test_the_jobs_that_are_scraped_are_those_that_are_watched():
    scraped = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text("utf-8"))["scrape_configs"]
    jobs = {job["job_name"] for job in scraped}
    (down,) = (rule for rule in alerts() if rule["alert"] == "RegistryDown")
    assert jobs == set(re.findall(r"registry-[a-z]+", down["expr"]))


@pytest.mark.parametrize("name", ["serve", "project"])
def test_a_unit_runs_its_command_as_nobody_special(name: str):
    lines = (DEPLOY / "systemd" / f"registry-{name}.service").read_text("utf-8").splitlines()
    assert f"ExecStart=/opt/registry/bin/registry {name}" in lines
    assert {"User=registry", "NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="} <= set(lines)
    for line in lines:
        if line.startswith("EnvironmentFile="):
            assert (DEPLOY / "systemd" / Path(line.partition("=")[2]).name).exists()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not here")
def test_the_secrets_that_are_made_are_private_and_the_master_key_is_one(tmp_path: Path):
    folder = tmp_path / "secrets"
    make = [DEPLOY / "make-secrets", folder, str(os.getuid()), str(os.getuid())]
    subprocess.run(make, check=True, capture_output=True)
    assert MasterKeys.from_file(folder / "master.key").current_id.startswith("mk-")
    assert {0o600} == {path.stat().st_mode & 0o777 for path in folder.iterdir()}
    passwords = dict(line.split(":")[3:] for line in (folder / "pgpass.init").read_text("ascii").splitlines())
    assert {"postgres", "registry_owner", "registry_writer", "registry_projector"} == set(passwords)
    assert passwords["postgres"] == (folder / "postgres.password").read_text("ascii")
    for role, password in passwords.items():
        assert len(password) == 64
        assert role == "postgres" or f"{role} LOGIN PASSWORD '{password}'" in (folder / "roles.sql").read_text("ascii")
    again = subprocess.run(make, check=False, capture_output=True)
    assert again.returncode == 1


def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        if os.environ.get("REGISTRY_REQUIRE_PROMTOOL") == "1":
            pytest.fail("promtool is not here, and REGISTRY_REQUIRE_PROMTOOL=1 demands it")
        pytest.skip("promtool is not here")
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml"), ("check", "config", "prometheus.yml")],
    ids=" ".join,
)
def test_prometheus_understands_the_alerts_and_they_fire_when_they_should(arguments: tuple[str, ...]):
    done = subprocess.run(
        [promtool(), *arguments], cwd=PROMETHEUS, check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
