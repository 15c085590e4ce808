"""What to do when a judge is missing from this machine."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def absent(why: str) -> NoReturn:
    """Skip the test; fail it where `REGISTRY_REQUIRE_INTEROP=1`."""
    if os.environ.get("REGISTRY_REQUIRE_INTEROP") == "1":
        pytest.fail(f"{why}, and REGISTRY_REQUIRE_INTEROP=1 demands it")
    pytest.skip(why)
