"""What a registry of some size needs, as arithmetic over what was measured and what is assumed; `cost.py` tells it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

YEARS = 10
PURPOSES = 2
"""Lists of a set: revocation and suspension."""
LIST_SIZE = 131_072
GB = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Measured:
    """What one core of the machine of README.md did; `load_tests/large.py` and the scripts of the rows measure it."""

    log_bytes: float = 1510
    """Of the disk, for each event of the log, with its keys (large, `disk`: events)."""
    credential_bytes: float = 569
    """For each credential besides: its row for lookups and its allocation, with keys (large, `disk`)."""
    key_bytes: float = 1032
    """For each registration with an Idempotency-Key: the answer that is kept (large, `disk`: idempotency_keys)."""
    list_stored_bytes: float = 17044
    """For each published list, in every form with 0.2 % of 131,072 entries set, as it is and gzipped."""
    list_bytes: float = 1392
    """On the wire, gzipped, with 0.2 % of 131,072 entries set."""
    list_bytes_mass: float = 5244
    """The same with 2.6 % set, after a mass revocation."""
    append_per_s: float = 20410
    """Full commands that one sequencing process takes, 64 in flight (row 1)."""
    writes_per_cpu_s: float = 6897
    """Revocations over HTTP (row 4)."""
    lookups_per_cpu_s: float = 17842
    """Single lookups over HTTP (row 7)."""
    lists_per_cpu_s: float = 28264
    """GET of a list from the service, gzipped (row 5)."""
    files_per_cpu_s: float = 83983
    """The same as a file behind nginx (row 6)."""
    projected_per_s: float = 12143
    """Events (row 10, large `projected`)."""
    list_ms: float = 2.96
    """To read, build, sign and store one list in every form (large, `published`; row 13 is the building alone)."""
    serving_mib: float = 129
    """Of one serving process over 10 M credentials (row 14)."""


@dataclass(frozen=True, slots=True)
class Assumed:
    """How the registry is used; nobody measured that."""

    events_per_credential: float = 2.1
    """Registered and secured here; some change later."""
    keyed: float = 1
    """Requests that carry an Idempotency-Key, for each credential."""
    checks_per_credential: float = 20
    """Times a year that somebody verifies a credential of the last ten years and needs its list: none has it yet."""
    peak: float = 5
    """How much busier the busiest second is than the average one."""
    ttl_s: float = 60
    """How long a list may be kept (REGISTRY_TTL_S)."""
    tick_s: float = 15
    """How often lists that changed are published (REGISTRY_TICK_S)."""
    edges: float = 50
    """Places of a content delivery network; each asks for a list at most once in a ttl."""
    resign_s: float = 21_600
    """After which a list is signed again though nothing changed: half of the validity."""
    disk_tb: float = 4
    """Of one database server."""
    share_of_core: float = 0.5
    """How much of a core is planned to be used; the rest is for what nobody foresaw."""


@dataclass(frozen=True, slots=True)
class Demand:
    """One column of the plan's sizes."""

    name: str
    credentials_a_year: float
    peak_events_per_s: float
    authorities: int
    """Logs: one authority, one log, one process that sequences it, and one that projects and publishes."""
    verifiers: int
    """Who checks credentials: employers, schools, agencies."""

    @property
    def credentials(self) -> float:
        """After ten years."""
        return self.credentials_a_year * YEARS

    @property
    def lists(self) -> float:
        """Of all purposes, if sets are full."""
        return self.credentials / LIST_SIZE * PURPOSES


DEMANDS = (
    Demand("one state", 1_700_000, 50, 1, 1_000),
    Demand("fifty states", 83_400_000, 660, 50, 50_000),
    Demand("the world", 1_000_000_000, 8_000, 500, 1_000_000),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One need, for any demand."""

    name: str
    unit: str
    of: Callable[[Demand, Measured, Assumed], float]
    how: str
    """From what it is computed, in the words of the fields above."""
    is_use: bool = False
    """Whether it is a share of what there is: the largest such share is the first limit."""


def disk_gb(demand: Demand, m: Measured, a: Assumed) -> float:
    """The database after ten years, without write-ahead log, copies and backups."""
    each = m.log_bytes * a.events_per_credential + m.credential_bytes + m.key_bytes * a.keyed
    return (demand.credentials * each + demand.lists * m.list_stored_bytes) / GB


def checks_per_s(demand: Demand, a: Assumed) -> float:
    """Requests for lists in the busiest second."""
    return demand.credentials * a.checks_per_credential / 31_536_000 * a.peak


def origin_per_s(demand: Demand, a: Assumed) -> float:
    """Requests for lists that come through a content delivery network: each edge once a ttl for each list, at most."""
    return min(checks_per_s(demand, a), demand.lists * a.edges / a.ttl_s)


def cores(rate: float, per_cpu_s: float, a: Assumed) -> float:
    """Cores for *rate*, none of them used for more than planned."""
    return rate / per_cpu_s / a.share_of_core


def serving_gib(demand: Demand, m: Measured, a: Assumed) -> float:
    """The memory of as many serving processes as there are cores to serve with, two at least wherever one runs."""
    busy = cores(demand.peak_events_per_s, m.writes_per_cpu_s, a) + cores(checks_per_s(demand, a), m.lists_per_cpu_s, a)
    return max(ceil(busy), 2 * demand.authorities) * m.serving_mib / 1024


def per_authority(share: float, demand: Demand) -> float:
    """Per cent of one core or process, if *share* of one is spread evenly over the authorities."""
    return 100 * share / demand.authorities


LINES = (
    Line("credentials after ten years", "M", lambda d, _m, _a: d.credentials / 1e6, "credentials_a_year * 10"),
    Line("lists", "", lambda d, _m, _a: d.lists, "credentials / 131,072 * 2 purposes"),
    Line(
        "disk after ten years",
        "GB",
        disk_gb,
        "credentials * (log_bytes * events_per_credential + credential_bytes + key_bytes * keyed)"
        " + lists * list_stored_bytes",
    ),
    Line(
        "cores that write",
        "",
        lambda d, m, a: cores(d.peak_events_per_s, m.writes_per_cpu_s, a),
        "peak_events_per_s / writes_per_cpu_s / share_of_core",
    ),
    Line(
        "list requests at peak",
        "/s",
        lambda d, _m, a: checks_per_s(d, a),
        "credentials * checks_per_credential / a year * peak",
    ),
    Line(
        "list traffic at peak",
        "Mbit/s",
        lambda d, m, a: checks_per_s(d, a) * m.list_bytes * 8 / 1e6,
        "list requests * list_bytes * 8",
    ),
    Line(
        "the same after a mass revocation",
        "Mbit/s",
        lambda d, m, a: checks_per_s(d, a) * m.list_bytes_mass * 8 / 1e6,
        "list requests * list_bytes_mass * 8",
    ),
    Line(
        "requests if every verifier kept every list fresh",
        "/s",
        lambda d, _m, a: d.verifiers * d.lists / a.ttl_s,
        "verifiers * lists / ttl_s: nobody does; what nothing but a CDN bears",
    ),
    Line(
        "cores that serve list requests, Python",
        "",
        lambda d, m, a: cores(checks_per_s(d, a), m.lists_per_cpu_s, a),
        "list requests / lists_per_cpu_s / share_of_core",
    ),
    Line(
        "cores that serve list requests, nginx",
        "",
        lambda d, m, a: cores(checks_per_s(d, a), m.files_per_cpu_s, a),
        "list requests / files_per_cpu_s / share_of_core",
    ),
    Line(
        "memory of what serves, Python",
        "GiB",
        serving_gib,
        "serving_mib * cores that write and serve lists, rounded up, at least 2 for each authority",
    ),
    Line(
        "requests at the origin behind a CDN",
        "/s",
        lambda d, _m, a: origin_per_s(d, a),
        "the smaller of list requests and lists * edges / ttl_s",
    ),
    Line(
        "cores if all were lookups, Python",
        "",
        lambda d, m, a: cores(checks_per_s(d, a), m.lookups_per_cpu_s, a),
        "list requests / lookups_per_cpu_s / share_of_core",
    ),
    Line(
        "published lists, every form",
        "MiB",
        lambda d, m, _a: d.lists * m.list_stored_bytes / (1 << 20),
        "lists * list_stored_bytes",
    ),
    Line(
        "publishing a revocation that touches every list",
        "s",
        lambda d, m, _a: d.lists / PURPOSES * m.list_ms / 1000 / d.authorities,
        "lists of one purpose * list_ms / authorities",
    ),
    Line(
        "rebuilding all projections",
        "h",
        lambda d, m, a: d.credentials * a.events_per_credential / m.projected_per_s / 3600 / d.authorities,
        "credentials * events_per_credential / projected_per_s / authorities",
    ),
    Line(
        "use of sequencing",
        "%",
        lambda d, m, _a: per_authority(d.peak_events_per_s / m.append_per_s, d),
        "peak_events_per_s / append_per_s / authorities",
        is_use=True,
    ),
    Line(
        "use of projecting",
        "%",
        lambda d, m, _a: per_authority(d.peak_events_per_s / m.projected_per_s, d),
        "peak_events_per_s / projected_per_s / authorities",
        is_use=True,
    ),
    Line(
        "use of signing when nothing changes",
        "%",
        lambda d, m, a: per_authority(d.lists * m.list_ms / 1000 / a.resign_s, d),
        "lists * list_ms / resign_s / authorities",
        is_use=True,
    ),
    Line(
        "use of signing when every list changes in every tick",
        "%",
        lambda d, m, a: per_authority(d.lists * m.list_ms / 1000 / a.tick_s, d),
        "lists * list_ms / tick_s / authorities",
        is_use=True,
    ),
    Line(
        "use of the disk after ten years",
        "%",
        lambda d, m, a: per_authority(disk_gb(d, m, a) / 1000 / a.disk_tb, d),
        "disk / disk_tb / authorities",
        is_use=True,
    ),
)


def first_limit(demand: Demand, measured: Measured, assumed: Assumed) -> tuple[str, float]:
    """Return what is used up first as the registry grows, and by how much it may grow until then."""
    uses = {line.name: line.of(demand, measured, assumed) for line in LINES if line.is_use}
    name = max(uses, key=lambda one: uses[one])
    return name, 100 / uses[name]
