"""Every projection there is."""

from __future__ import annotations

from projections.projection import Projection
from projections.status_lists.projector import STATUS_LISTS

PROJECTIONS: tuple[Projection, ...] = (STATUS_LISTS,)
"""In the order in which a batch is applied and locks are taken."""
