"""What pydantic found wrong with a body: sentences for people, each with the JSON pointer of its place (RFC 6901)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

_SENTENCES: Final = {
    "missing": "This member is required.",
    "literal_error": "Write {expected}.",
    "enum": "Write {expected}.",
    "string_type": "Write a string.",
    "bool_type": "Write true or false.",
    "int_type": "Write a whole number.",
    "list_type": "Write an array.",
    "dict_type": "Write an object.",
    "model_type": "Write an object.",
    "too_short": "Name at least {min_length}.",
    "too_long": "Name at most {max_length}, not {actual_length}.",
    "string_too_short": "Write at least {min_length} characters.",
    "string_too_long": "Write at most {max_length} characters.",
    "greater_than_equal": "Write {ge} or more.",
    "less_than_equal": "Write {le} or less.",
}
"""By pydantic's type of an error; its context fills them. All others speak in the words of who raised them."""


def faults(model: type[BaseModel], value: Any, errors: Iterable[ErrorDetails]) -> list[dict[str, str]]:
    """Return `{pointer, detail}` for each fault of *value*, which is no *model*; what one place may be is one fault."""
    found: dict[str, str] = {}
    for error in errors:
        steps = _steps(error, value)
        place = "".join("/" + str(step)[:80].replace("~", "~0").replace("/", "~1") for step in steps)
        sentence = _sentence(model, error, steps)
        if place in found and found[place] != sentence:
            sentence = f"{found[place].rstrip('.')}; or: {sentence}"
        found[place] = sentence
    return [{"pointer": place, "detail": sentence} for place, sentence in found.items()]


def _steps(error: ErrorDetails, value: Any) -> list[int | str]:
    """The way to the fault in *value*: pydantic's, without the alternatives of a union that it names in between."""
    steps: list[int | str] = []
    *before, last = error["loc"] or ("",)
    for step in before:
        if (isinstance(value, dict) and step in value) or (isinstance(value, list) and isinstance(step, int)):
            steps.append(step)
            value = value[step]  # type: ignore[index]  # an int for a list, a name for an object
    if error["type"] == "missing" or (isinstance(value, dict) and last in value) or isinstance(last, int):
        steps.append(last)
    return steps


def _sentence(model: type[BaseModel], error: ErrorDetails, steps: Sequence[int | str]) -> str:
    if error["type"] == "extra_forbidden" and steps:
        return unknown_member(str(steps[-1]), _names(_model_at(model, steps[:-1])))
    if (sentence := _SENTENCES.get(error["type"])) is not None:
        return sentence.format(**error.get("ctx", {}))
    return error["msg"][:300].rstrip(".") + "."


def unknown_member(name: str, known: Sequence[str], what: str = "member") -> str:
    """Return the sentence about a *name* that is not among the *known* ones; it says which was probably meant."""
    meant = get_close_matches(name, known, 1)
    hint = f"do you mean `{meant[0]}`?" if meant else f"known are {', '.join(known)}." if known else "leave it out."
    return f"This {what} is not known here; {hint}"


def _names(model: type[BaseModel] | None) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()] if model is not None else []


def _model_at(model: type[BaseModel], steps: Sequence[int | str]) -> type[BaseModel] | None:
    """The model of the object at the end of *steps*; None where it is not clear."""
    found: type[BaseModel] | None = model
    for step in steps:
        if found is None or isinstance(step, int):
            continue
        annotation = next(
            (field.annotation for name, field in found.model_fields.items() if step == (field.alias or name)), None
        )
        found = next(iter(_models_in(annotation)), None)
    return found


def _models_in(annotation: Any) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)
