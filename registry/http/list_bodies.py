"""Bodies of requests about an issuer's status lists."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field

from registry.http.bodies import Body
from registry.http.fields import Web

STATUS_LIST_INDEX = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)
"""An index as text has one spelling."""


class StatusMessageBody(Body):
    """What one value of a message list means."""

    status: Annotated[str, Field(max_length=8)]
    message: Annotated[str, Field(max_length=200)]


class StatusListBody(Body):
    """The shape of a list, for which only `message` and `token` have a choice: PUT …/status-lists/{purpose}."""

    status_size: Annotated[int, Field(ge=1, le=8)] | None = None
    status_messages: Annotated[list[StatusMessageBody], Field(max_length=256)] | None = None
    status_reference: Annotated[list[Web], Field(min_length=1, max_length=8)] | Web | None = None


class OwnListBody(Body):
    """POST /status-lists (VCALM, create status list); the id is the registry's to make."""

    status_purpose: Literal["revocation", "suspension", "refresh", "message"]
    options: StatusListBody = Field(default_factory=StatusListBody)
