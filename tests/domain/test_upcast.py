"""Retired event shapes are read for ever."""

from __future__ import annotations

from typing import Any

from registry.domain.upcast import UPCASTS, Fields, upcast


def _grade_to_level(fields: Fields) -> Fields:
    return {**{name: value for name, value in fields.items() if name != "grade"}, "level": fields["grade"]}


def _level_to_number(fields: Fields) -> Fields:
    return {**fields, "level": len(fields["level"])}


RETIRED: Any = {("DegreeGiven", 1): _grade_to_level, ("DegreeGiven", 2): _level_to_number}


def test_the_oldest_shape_goes_through_every_step() -> None:
    assert upcast("DegreeGiven", 1, {"grade": "aaa", "by": "x"}, RETIRED) == {"level": 3, "by": "x"}


def test_a_younger_shape_goes_through_the_rest() -> None:
    assert upcast("DegreeGiven", 2, {"level": "aa"}, RETIRED) == {"level": 2}


def test_todays_shape_is_left_as_it_is() -> None:
    fields = {"level": 2}
    assert upcast("DegreeGiven", 3, fields, RETIRED) is fields


def test_a_shape_of_another_type_is_left_as_it_is() -> None:
    fields = {"grade": "aaa"}
    assert upcast("TitleGiven", 1, fields, RETIRED) is fields


def test_what_was_read_is_not_changed_in_place() -> None:
    fields = {"grade": "aaa"}
    upcast("DegreeGiven", 1, fields, RETIRED)
    assert fields == {"grade": "aaa"}


def test_every_retired_shape_leads_to_todays() -> None:
    """No step is missing between a retired shape and the type's present number."""
    from registry.domain.events import EVENT_TYPES

    for name, cls in EVENT_TYPES.items():
        steps = [number for type_name, number in UPCASTS if type_name == name]
        assert sorted(steps) == list(range(1, cls.schema_number)), name
    assert {name for name, _ in UPCASTS} <= set(EVENT_TYPES)
