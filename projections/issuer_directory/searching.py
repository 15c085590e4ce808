"""What a search compares: text folded, and cut into pieces of one to three characters. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

GRAM = 3
QUESTION_MAX = 200


def fold(text: str) -> str:
    """Return *text* without differences of case, of compatibility (NFKC), or of white space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def join(fields: Iterable[str | None]) -> str:
    """Return the folded *fields* in one text; a line break between them, which no folded question holds."""
    return "\n".join(folded for text in fields if text and (folded := fold(text)))


def grams(text: str) -> list[str]:
    """Return every piece of one to three characters of a folded *text*, each once, in order."""
    return sorted(
        {
            text[start : start + length]
            for length in range(1, GRAM + 1)
            for start in range(len(text) - length + 1)
        }
    )  # fmt: skip


def question_grams(question: str) -> list[str]:
    """Return the pieces that a text must have to contain the folded *question*: its longest ones."""
    length = min(GRAM, len(question))
    return sorted({question[start : start + length] for start in range(len(question) - length + 1)})
