"""The README's tour is run as it stands, by a shell, against a real service."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

from registry.settings import table

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


async def test_every_command_of_the_tour_works(service, tmp_path):
    demo = {
        "REGISTRY_URL": service.url,
        "REGISTRY_OPERATOR_KEY": service.operator_key,
        "REGISTRY_ISSUER": service.issuer_slug,
        "REGISTRY_ISSUER_KEY": service.issuer_key,
    }
    (tmp_path / "demo.env").write_text("".join(f"{name}='{value}'\n" for name, value in demo.items()))
    tour = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL)).replace("curl -sS", "curl --fail-with-body -sS")
    port = service.metrics_url.rpartition(":")[2]
    env = {**os.environ, "REGISTRY_HOME": str(tmp_path), "REGISTRY_METRICS_PORT": port}
    shell = await asyncio.create_subprocess_exec(
        "bash", "-euo", "pipefail", "-c", tour, cwd=tmp_path, env=env,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = (text.decode() for text in await shell.communicate())
    assert shell.returncode == 0, out + err
    said = [
        '"status":"suspended"', '"status":"active"', '"status":"revoked"', "revocation is set", "Board of Nursing",
        '"verdict":"valid"', '"verdict":"revoked"', "nothing is said against it", "data:application/vc+jwt,",
        '"BitstringStatusListCredential"',
    ]  # fmt: skip
    assert [word for word in said if word not in out] == []


def test_the_table_of_settings_is_the_code_s():
    assert table() in README
