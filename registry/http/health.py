"""Whether the process lives, and whether it should be sent work. Lag pages somebody; it never takes lookups down."""

from __future__ import annotations

import asyncio

from aiohttp import web

from registry.http.door import Call
from registry.http.parts import Remark
from registry.http.problems import NOT_READY, Problem


async def alive(call: Call) -> web.Response:
    """The loop turns."""
    return call.unstored({"status": "alive"})


async def ready(call: Call) -> web.Response:
    """200 when every check is content and nobody asked the process to leave; else 503 naming what is not.

    A balancer goes by the status. The lag of the projections stands in the 200 for people: every process has the
    same, and to take them all away would mend nothing.
    """
    if call.parts.drain.has_begun:
        return _not_ready(call, {"drain": "The process is about to stop."})
    asking = asyncio.ensure_future(call.parts.checks())
    await asyncio.wait({asking}, timeout=call.parts.limits.ready_timeout_s)
    if not asking.done():
        asking.add_done_callback(lambda late: late.cancelled() or late.exception())
        asking.cancel()  # not waited for: a database that hangs also hangs the cancelling of what it was asked
        return _not_ready(call, {"checks": "The checks did not finish in time."})
    checks = asking.result()
    failing = {name: said for name, said in checks.items() if said is not None and not isinstance(said, Remark)}
    if failing:
        return _not_ready(call, failing)
    return call.unstored({"status": "ready", "checks": {name: said or "ok" for name, said in checks.items()}})


def _not_ready(call: Call, failing: dict[str, str]) -> web.Response:
    problem = Problem(NOT_READY, " ".join(failing.values()), {"checks": failing}, {"Retry-After": "1"})
    return problem.response(origin=call.origin, request_id=call.request_id)
