"""Settings: what they refuse before anything is opened."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from registry.cli import commands
from registry.errors import SettingsRefused
from registry.settings import load, table, unknown_variables
from registry.settings_told import in_force


@pytest.mark.parametrize(
    ("given", "origins"),
    [
        ({}, {"main": "http://127.0.0.1:8080"}),
        ({"host": "::1"}, {"main": "http://[::1]:8080"}),
        ({"host": "0.0.0.0", "logs": "main=https://a.example"}, {"main": "https://a.example"}),
        (
            {"logs": "main=https://a.example, other=http://localhost:81"},
            {"main": "https://a.example", "other": "http://localhost:81"},
        ),
    ],
)
def test_every_log_has_its_origin(given, origins):
    assert load(**given).origins == origins


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"host": "0.0.0.0"}, "is public; a public origin begins with https://"),
        ({"host": "registry.example"}, "is public"),
        ({"logs": "main=http://a.example"}, "is public"),
        ({"logs": "main=https://a.example/"}, "is no origin"),
        ({"logs": "main=https://me@a.example"}, "is no origin"),
        ({"logs": "main=https://A.example"}, "in lower case"),
        ({"logs": "main=https://a.example:443"}, "without the port that is understood"),
        ({"logs": "main=https://a.example,main=https://b.example"}, "stands twice"),
        ({"logs": "main=https://a.example,other=https://a.example"}, "stands twice"),
        ({"logs": "Main=https://a.example"}, "is no log name"),
        ({"tick_s": 60, "ttl_s": 60}, "REGISTRY_TICK_S"),
        ({"ttl_s": 30_000}, "REGISTRY_TTL_S"),
        ({"validity_s": 90_000}, "REGISTRY_VALIDITY_S"),
        ({"resign_at": 1}, "REGISTRY_RESIGN_AT"),
        ({"list_size": 131_071}, "REGISTRY_LIST_SIZE"),
        ({"trusted_proxies": "everybody"}, "REGISTRY_TRUSTED_PROXIES"),
        ({"fetch_private_hosts": "https://lists.internal"}, "REGISTRY_FETCH_PRIVATE_HOSTS"),
        ({"dcc_port": 4008}, "REGISTRY_DCC_ISSUER"),
        ({"dcc_port": 4008, "dcc_issuer": "Not A Slug"}, "REGISTRY_DCC_ISSUER: 'Not A Slug' is no slug"),
        ({"dcc_port": 4008, "dcc_issuer": "other/college"}, "REGISTRY_DCC_ISSUER: write log/slug"),
        (
            {"dcc_port": 4008, "dcc_issuer": "college", "dcc_host": "0.0.0.0"},
            "whoever reaches it may register",
        ),
        ({"dcc_port": 4008, "dcc_issuer": "college", "dcc_host": "db.internal"}, "is no loopback address"),
    ],
)
def test_what_contradicts_itself_or_endangers_somebody_is_refused_with_a_sentence(given, sentence):
    with pytest.raises(SettingsRefused) as refusal:
        load(**given)
    assert sentence in str(refusal.value)


@pytest.mark.parametrize(
    ("given", "tenant"),
    [
        ({}, None),
        ({"dcc_issuer": "college"}, None),
        ({"dcc_port": 4008, "dcc_issuer": "college"}, ("main", "college")),
        ({"dcc_port": 4008, "dcc_issuer": "college", "dcc_host": "::1"}, ("main", "college")),
        ({"dcc_port": 4008, "dcc_issuer": "college", "dcc_host": "0.0.0.0", "dcc_token": "x"}, ("main", "college")),
        ({"dcc_port": 4008, "dcc_issuer": "college", "dcc_host": "0.0.0.0", "dcc_open": True}, ("main", "college")),
        (
            {"logs": "a=https://a.example,b=https://b.example", "dcc_port": 4008, "dcc_issuer": "b/college"},
            ("b", "college"),
        ),
    ],
)
def test_the_status_service_of_coordinators_is_off_until_it_has_a_port_an_issuer_and_a_guard(given, tenant):
    assert load(**given).dcc_tenant == tenant


def test_a_switch_that_is_neither_is_refused_with_the_words_for_it(monkeypatch):
    monkeypatch.setenv("REGISTRY_FETCH", "maybe")
    with pytest.raises(SettingsRefused, match="REGISTRY_FETCH: write true or false"):
        load()


def test_a_variable_that_looks_like_a_setting_and_is_none_is_named_with_what_was_meant():
    [typo, other] = unknown_variables(["REGISTRY_TICK", "REGISTRY_XYZZY", "REGISTRY_TTL_S", "REGISTRY_URL", "HOME"])
    assert (typo.startswith("REGISTRY_TICK "), "REGISTRY_TICK_S" in typo) == (True, True)
    assert "registry settings" in other


def test_what_is_in_force_is_told_and_no_secret(monkeypatch):
    monkeypatch.setenv("REGISTRY_PORT", "18080")
    monkeypatch.setenv("REGISTRY_FETCH", "off")
    monkeypatch.setenv("REGISTRY_DATABASE_URL", "postgresql://registry_writer:secret@db.example/registry")
    lines = in_force(load()).splitlines()
    assert {
        "* REGISTRY_PORT=18080 (default: 8080)",
        "* REGISTRY_FETCH=false (default: true)",
        "* REGISTRY_DATABASE_URL=(not shown) (default: unset)",
        "  REGISTRY_VALIDITY_S=43200",
        "  REGISTRY_LOGS=",
    } <= set(lines)
    assert "secret@" not in "".join(lines)


def test_the_command_tells_it_and_the_table_too_where_a_setting_is_refused(monkeypatch):
    monkeypatch.setenv("REGISTRY_HOME", "/srv/registry")
    assert "* REGISTRY_HOME=/srv/registry\n" in CliRunner().invoke(commands, ["settings"]).output
    monkeypatch.setenv("REGISTRY_PORT", "none")
    with pytest.raises(SettingsRefused, match="REGISTRY_PORT"):
        CliRunner().invoke(commands, ["settings"], catch_exceptions=False)
    assert CliRunner().invoke(commands, ["settings", "--markdown"]).output == table() + "\n"
