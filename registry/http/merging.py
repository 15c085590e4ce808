"""Several processes' metrics as one page: every sample says which of them it is from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_FAMILY: Final = re.compile(r"# (?:HELP|TYPE) (\S+)")
_SAMPLE: Final = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(\{)?")


def merged(pages: Mapping[str, str]) -> str:
    """Return the pages (Prometheus's text format 0.0.4) by part, as one page whose samples have a label `worker`.

    Samples of one family stand together, under one HELP and TYPE, as the format asks for. A sample that has the label
    already keeps it.
    """
    heads: dict[str, list[str]] = {}
    samples: dict[str, list[str]] = {}
    for part, page in pages.items():
        family = ""
        for line in page.splitlines():
            if head := _FAMILY.match(line):
                family = head[1]
                lines = heads.setdefault(family, [])
                if line not in lines and len(lines) < 2:
                    lines.append(line)
            elif line and not line.startswith("#"):
                samples.setdefault(family, []).append(_labelled(line, part))
    families = [[*lines, *samples.get(family, ())] for family, lines in heads.items()]
    return "".join(f"{line}\n" for lines in families for line in lines)


def _labelled(sample: str, part: str) -> str:
    named = _SAMPLE.match(sample)
    assert named is not None, sample
    rest = sample[named.end() :]
    if not named[2]:
        return f'{named[1]}{{worker="{part}"}}{rest}'
    if rest.startswith("worker="):
        return sample
    return f'{named[1]}{{worker="{part}",{rest}'
