"""Somebody else's fuzzer reads our description and holds us to it, as issuer and as operator."""

import asyncio
import sys
from pathlib import Path

import pytest

SCHEMATHESIS = Path(sys.executable).with_name("st")
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("who", ["anybody", "issuer", "operator"])
async def test_the_fuzzer_finds_nothing(service, who):
    key = {"anybody": None, "issuer": service.issuer_key, "operator": service.operator_key}[who]
    command = [
        SCHEMATHESIS, "--config-file", CONFIGURATION, "run", f"{service.url}/openapi.json",
        "--max-examples", "25", "--seed", "1", "--no-color",
        "--suppress-health-check", "all", "--exclude-checks", "positive_data_acceptance",
        *(("--header", f"Authorization: Bearer {key}") if key else ()),
        *(("--exclude-checks", "positive_data_acceptance,ignored_auth") if key else ()),
    ]  # fmt: skip
    running = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await running.communicate()
    assert running.returncode == 0, output.decode()[-8000:]
