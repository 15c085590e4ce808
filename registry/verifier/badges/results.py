"""Results refer to result descriptions of the achievement, and keep to them (Open Badges 3.0, B.1.16 to B.1.18)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from registry.domain.problem import Problem
from registry.verifier.badges.rules import OB, nonconforming, objects, require
from registry.verifier.structure.path import Path

_RESULT: Final = f"{OB}, B.1.16"
_DESCRIPTION: Final = f"{OB}, B.1.17"
_LEVEL: Final = f"{OB}, B.1.18"


def results(subject: Mapping[str, Any], achievement: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    """Return what is wrong with the results of *subject* (at *path*) and the descriptions in its *achievement*."""
    within: Path = ((path, "achievement"), "resultDescription")
    descriptions: dict[str, Mapping[str, Any]] = {}
    for item, where in objects(achievement.get("resultDescription"), within):
        yield from _description(item, where)
        if isinstance(identifier := item.get("id"), str):
            descriptions.setdefault(identifier, item)
    for item, where in objects(subject.get("result"), (path, "result")):
        yield from require(item, where, _RESULT, type_="Result")
        if "resultDescription" not in item:
            continue
        named = item["resultDescription"]
        if not isinstance(named, str) or named not in descriptions:
            detail = "The result description that is named is not in the achievement that is awarded."
            yield nonconforming((where, "resultDescription"), detail, _RESULT)
        else:
            yield from _result(item, descriptions[named], where)


def _description(item: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    yield from require(item, path, _DESCRIPTION, type_="ResultDescription", texts=("name", "resultType"), urls=("id",))
    levels = set()
    for level, where in objects(item.get("rubricCriterionLevel"), (path, "rubricCriterionLevel")):
        yield from require(level, where, _LEVEL, type_="RubricCriterionLevel", texts=("name",), urls=("id",))
        levels.add(level.get("id"))
    if "requiredLevel" in item and item["requiredLevel"] not in levels:
        detail = "The required level is not one of the levels of the rubric."
        yield nonconforming((path, "requiredLevel"), detail, _DESCRIPTION)
    if "requiredValue" in item and not _is_within(item["requiredValue"], item):
        detail = "The required value is not one that is allowed."
        yield nonconforming((path, "requiredValue"), detail, _DESCRIPTION)


def _result(item: Mapping[str, Any], description: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    levels = {level.get("id") for level, _ in objects(description.get("rubricCriterionLevel"), path)}
    if "achievedLevel" in item and item["achievedLevel"] not in levels:
        detail = "The level that was achieved is not one of the rubric in the result description."
        yield nonconforming((path, "achievedLevel"), detail, _RESULT)
    if description.get("resultType") == "Status" and "status" not in item:
        yield nonconforming((path, "status"), "A result of the type Status has a `status`.", _RESULT)
    if "value" in item and not _is_within(item["value"], description):
        detail = "The value is not one that the result description allows."
        yield nonconforming((path, "value"), detail, _RESULT)


def _is_within(value: Any, description: Mapping[str, Any]) -> bool:
    """Whether *value* is in `allowedValue`, or between `valueMin` and `valueMax` where those are numbers."""
    allowed = description.get("allowedValue")
    if allowed is not None:
        return value in (allowed if isinstance(allowed, list) else [allowed])
    number = _number(value)
    least, most = _number(description.get("valueMin")), _number(description.get("valueMax"))
    if number is None:
        return least is None and most is None
    return (least is None or number >= least) and (most is None or number <= most)


def _number(value: Any) -> float | None:
    try:
        return float(value) if isinstance(value, (str, int, float)) and len(str(value)) < 40 else None
    except ValueError:
        return None
