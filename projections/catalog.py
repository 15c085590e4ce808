"""Every projection there is."""

from __future__ import annotations

from projections.credential_status.projector import CREDENTIAL_STATUS
from projections.issuer_directory.projector import ISSUER_DIRECTORY
from projections.projection import Projection
from projections.status_lists.projector import STATUS_LISTS

PROJECTIONS: tuple[Projection, ...] = (ISSUER_DIRECTORY, CREDENTIAL_STATUS, STATUS_LISTS)
"""In the order in which a batch is applied and locks are taken."""
