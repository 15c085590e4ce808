"""What is sent to be verified (VCALM 1.0, sections 3.4.1 and 3.4.2): strict around the document, free inside."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from registry.http.bodies import Body
from registry.http.fields import Moment

Text = Annotated[str, Field(min_length=1, max_length=2048)]
Document = dict[str, Any] | str
"""JSON, or a compact JWS or `data:` URL."""


class CredentialOptions(Body):
    """How a credential is to be verified; members that are not known are kept, to be refused by VCALM's own problem."""

    model_config = ConfigDict(
        strict=True,
        extra="allow",
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=False,
        validate_by_alias=True,
    )

    checks: list[str] | None = Field(default=None, max_length=32)
    """Accepted for older clients: every check is made, whatever is listed."""
    return_results: bool = True
    return_problem_details: bool = True
    return_credential: bool = False
    verification_date: Moment | None = None
    """Verify for this past moment."""
    identifier: Text | None = None
    """Of the person who is said to be the subject; the credential must be about her (Open Badges 3.0)."""


class PresentationOptions(CredentialOptions):
    """How a presentation is to be verified."""

    challenge: Text | None = None
    domain: Text | None = None
    return_presentation: bool = False


class VerifyCredentialBody(Body):
    """POST /credentials/verify."""

    document_member = "verifiableCredential"

    verifiable_credential: Document
    options: CredentialOptions = Field(default_factory=lambda: CredentialOptions.model_validate({}))


class VerifyPresentationBody(Body):
    """POST /presentations/verify: a presentation with a proof, or (`presentation`) one without."""

    document_member = "verifiablePresentation"

    verifiable_presentation: Document | None = None
    presentation: dict[str, Any] | None = None
    options: PresentationOptions = Field(default_factory=lambda: PresentationOptions.model_validate({}))

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.verifiable_presentation is None) == (self.presentation is None):
            raise PydanticCustomError("form", "Send `verifiablePresentation` or, without a proof, `presentation`.")
        return self


class LintBody(Body):
    """POST /credentials/lint: a credential, signed or not yet, and the status lists it names, if they are at hand."""

    document_member = "verifiableCredential"

    verifiable_credential: Document
    status_list_credentials: Annotated[list[Document], Field(max_length=8)] = Field(default_factory=list)
