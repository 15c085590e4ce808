"""Results refer to result descriptions of the achievement, and keep to them (Open Badges 3.0, B.1.16 to B.1.18).

That a reference leads somewhere is asked for; that levels and values are among those that are described is only said
of them, and 1EdTech's own examples do not keep to it: so that is told, and breaks nothing.
"""

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
    for item, where in _described(achievement, path):
        texts = ("name", "resultType")
        yield from require(item, where, _DESCRIPTION, type_="ResultDescription", texts=texts, urls=("id",))
        for level, at in objects(item.get("rubricCriterionLevel"), (where, "rubricCriterionLevel")):
            yield from require(level, at, _LEVEL, type_="RubricCriterionLevel", texts=("name",), urls=("id",))
    descriptions = _descriptions(achievement, path)
    for item, where in objects(subject.get("result"), (path, "result")):
        yield from require(item, where, _RESULT, type_="Result")
        named = item.get("resultDescription")
        if named is None:
            continue
        if not isinstance(named, str) or named not in descriptions:
            detail = "The result description that is named is not in the achievement that is awarded."
            yield nonconforming((where, "resultDescription"), detail, _RESULT)
        elif descriptions[named].get("resultType") == "Status" and "status" not in item:
            yield nonconforming((where, "status"), "A result of the type Status has a `status`.", _RESULT)


def inconsistencies(subject: Mapping[str, Any], achievement: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    """Return which levels and values are not among those that the result descriptions have."""
    for item, where in _described(achievement, path):
        if "requiredLevel" in item and item["requiredLevel"] not in _levels(item):
            detail = "The required level is not one of the levels of the rubric."
            yield nonconforming((where, "requiredLevel"), detail, _DESCRIPTION)
        if "requiredValue" in item and not _is_within(item["requiredValue"], item):
            yield nonconforming(
                (where, "requiredValue"), "The required value is not one that is allowed.", _DESCRIPTION
            )
    descriptions = _descriptions(achievement, path)
    for item, where in objects(subject.get("result"), (path, "result")):
        named = item.get("resultDescription")
        description = descriptions.get(named) if isinstance(named, str) else None
        if description is None:
            continue
        if "achievedLevel" in item and item["achievedLevel"] not in _levels(description):
            detail = "The level that was achieved is not one of the rubric in the result description."
            yield nonconforming((where, "achievedLevel"), detail, _RESULT)
        if "value" in item and not _is_within(item["value"], description):
            detail = "The value is not one that the result description allows."
            yield nonconforming((where, "value"), detail, _RESULT)


def _described(achievement: Mapping[str, Any], path: Path) -> Iterator[tuple[Mapping[str, Any], Path]]:
    return objects(achievement.get("resultDescription"), ((path, "achievement"), "resultDescription"))


def _descriptions(achievement: Mapping[str, Any], path: Path) -> dict[str, Mapping[str, Any]]:
    return {item["id"]: item for item, _ in _described(achievement, path) if isinstance(item.get("id"), str)}


def _levels(description: Mapping[str, Any]) -> list[Any]:
    return [level.get("id") for level, _ in objects(description.get("rubricCriterionLevel"), ())]


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
