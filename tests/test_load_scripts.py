"""`python -m load_tests` names every script that there is."""

from __future__ import annotations

from pathlib import Path

import load_tests
from load_tests.__main__ import BESIDE, told
from load_tests.bench import SCRIPTS

FOLDER = Path(load_tests.__file__).parent


def test_every_script_is_named_and_every_name_is_a_script():
    scripts = {
        (path.parent if path.name == "__main__.py" else path).stem
        for path in (*FOLDER.glob("*.py"), *FOLDER.glob("*/__main__.py"))
        if '__name__ == "__main__"' in path.read_text()
    }
    parts = {"__main__", "load_tests", "page", "peer"}  # what others start, and this
    assert {script.name for script in SCRIPTS} | set(BESIDE) == scripts - parts
    assert len(told().splitlines()) < 10
