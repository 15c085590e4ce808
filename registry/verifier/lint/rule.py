"""A rule, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any, Final

from registry.domain.problem import Problem
from registry.verifier.lint.examined import Examined


class Severity(StrEnum):
    """How sure it is that something fails."""

    ERROR = "error"
    """A specification says so: any verifier may refuse."""
    WARNING = "warning"
    """Verifiers are known that refuse, ignore or misread it."""
    NOTE = "note"
    """It works, and will surprise somebody."""


_MOST: Final = 100
"""Problems that are taken of one check of the verifier."""

Trip = tuple[str, str] | Problem
"""Where (JSON pointer) and why (a sentence); or a problem, which says both and its own source."""

Check = Callable[[Examined], Iterator[Trip]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that is known to go wrong."""

    name: str
    """Short, lower case, with hyphens; the same for ever, so that one can be told to look away."""
    severity: Severity
    fails_in: str
    """Who fails, and how: completes "this credential will fail in …"."""
    source: str
    """Where that is known from: the section of a specification, or a verifier's name and file."""
    remedy: str
    """What to do, as a sentence."""
    check: Check


def rule(name: str, severity: Severity, *, fails_in: str, source: str, remedy: str) -> Callable[[Check], Rule]:
    """Return what makes a rule of a check."""
    return lambda check: Rule(name, severity, fails_in, source, remedy, check)


def shape(
    name: str,
    *checks: Callable[[Mapping[str, Any]], Iterator[Problem]],
    at: tuple[str, ...] = (),
    elsewhere_than: tuple[str, ...] = (),
    severity: Severity = Severity.ERROR,
    fails_in: str,
    source: str,
    remedy: str,
) -> Rule:
    """Return the rule that a document has the shape that *checks* of the verifier ask for.

    Only what is wrong *at* members of these names counts, or *elsewhere_than* at them; without both, everything. Where
    a problem names its own section, that is told instead of *source*.
    """

    def found(examined: Examined) -> Iterator[Trip]:
        for check in checks:
            for problem in islice(check(examined.document), _MOST):
                member = (problem.pointer or "").rpartition("/")[2]
                if (not at or member in at) and member not in elsewhere_than:
                    yield problem

    return Rule(name, severity, fails_in, source, remedy, found)


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a document trips."""

    rule: str
    severity: Severity
    pointer: str
    """JSON pointer (RFC 6901) into what was handed in; empty: the whole of it."""
    because: str
    fails_in: str
    remedy: str
    source: str

    def json(self) -> dict[str, str]:
        """Return it as it goes over the wire."""
        return {
            "rule": self.rule,
            "severity": self.severity,
            "pointer": self.pointer,
            "failsIn": self.fails_in,
            "because": self.because,
            "remedy": self.remedy,
            "source": self.source,
        }


def finding(of: Rule, trip: Trip, within: str) -> Finding:
    """Return what *of* found, in the part of the document at the pointer *within*."""
    if isinstance(trip, Problem):
        pointer, because, source = trip.pointer or "", trip.detail, trip.source or of.source
    else:
        (pointer, because), source = trip, of.source
    return Finding(of.name, of.severity, within + pointer, because, of.fails_in, of.remedy, source)
