"""How a verification is wanted (VCALM 1.0, sections 3.4.1 and 3.4.2, and our own)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller asked for; nothing is needed."""

    at: datetime | None = None
    """Verify for this past moment (`verificationDate`); None: for now."""
    challenge: str | None = None
    """What the presentation's proofs must answer to."""
    domain: str | None = None
    """Whom the presentation's proofs must be made for."""
    identifier: str | None = None
    """Of the person who is said to be the subject: an e-mail address, a name … (Open Badges 3.0, `IdentityObject`)."""
