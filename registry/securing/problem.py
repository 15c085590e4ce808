"""What is wrong with a proof, in the words of the specifications.

Types: Data Integrity 1.0, section 4.7 (Processing Errors); Controlled Identifiers 1.0, section 3.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from registry.domain import problem
from registry.domain.problem import Problem


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One of the specifications' error types; called with a sentence, it is that problem."""

    type: str
    title: str

    def __call__(self, detail: str, pointer: str | None = None) -> Problem:
        """Return the problem that *detail* tells about."""
        return Problem(self.type, self.title, detail, pointer)


PROOF_VERIFICATION: Final = ProblemType(problem.PROOF_VERIFICATION_ERROR, "The proof does not hold")
PROOF_TRANSFORMATION: Final = ProblemType(problem.PROOF_TRANSFORMATION_ERROR, "The document cannot be canonicalised")
INVALID_DOMAIN: Final = ProblemType(problem.INVALID_DOMAIN_ERROR, "The proof is for another domain")
INVALID_CHALLENGE: Final = ProblemType(problem.INVALID_CHALLENGE_ERROR, "The proof answers another challenge")
INVALID_VERIFICATION_METHOD_URL: Final = ProblemType(
    problem.INVALID_VERIFICATION_METHOD_URL, "The verification method is not named by a URL"
)
INVALID_DOCUMENT_ID: Final = ProblemType(
    problem.INVALID_CONTROLLED_IDENTIFIER_DOCUMENT_ID, "The controller document is another's"
)
INVALID_DOCUMENT: Final = ProblemType(
    problem.INVALID_CONTROLLED_IDENTIFIER_DOCUMENT, "The controller document cannot be had or read"
)
INVALID_VERIFICATION_METHOD: Final = ProblemType(
    problem.INVALID_VERIFICATION_METHOD, "The verification method cannot be used"
)
INVALID_RELATIONSHIP: Final = ProblemType(
    problem.INVALID_RELATIONSHIP_FOR_VERIFICATION_METHOD, "The key is not meant for this purpose"
)
