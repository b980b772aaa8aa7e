"""What breaks first from 100 to 10,000 clinics: `python tests/benchmarks/country.py [--measure]`.

A simulation over the constants of `docs/sizing.json`: every film of the busiest hour passes the audit trail, the
database, the pages and the readers, each a queue of its own, once with all clinics in one installation and once split
into regions; and a region fails, and catches up. It takes seconds, and writes `docs/country.json` and
`docs/pictures/country.svg`, from which `make docs` writes the guide. `--measure` first measures anew, against a MariaDB
server of its own, how much processor time an entry of the audit trail takes: entries of one installation are signed one
after the other.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FILMS_A_DAY = 500
"""Of one clinic."""
HOURS = {8: 0.08, 9: 0.15, 10: 0.25, 11: 0.15, 12: 0.08, 13: 0.06, 14: 0.10, 15: 0.08, 16: 0.05}
"""Share of a day's films by the hour; 10 is the busiest."""
LOAD = 0.7
"""How busy a part may be in the busiest hour."""
ENTRIES_OF_A_FILM = 3
"""In the audit trail: it was uploaded, somebody saw it, results were sent."""
SYNC_MILLISECONDS = 0.5
"""How long a disk for databases takes to keep a commit; taken, not measured."""
DATABASE_CORES, LINE_MEGABITS, DISK_TERABYTES, NIGHT_HOURS = 32, 10_000, 8, 8
"""One database's machine, the line to it and its disk, and the hours for a backup of all films through that line."""
SIZES = (100, 1_000, 10_000)
OUTAGES = (1, 4, 24)
"""Hours for which a region fails, from 9 o'clock on."""
SEED = 18
Figures = dict[str, Any]


def film_costs(*, large: bool = False) -> Figures:
    """Read what a film costs, a small JPEG or a large DICOM file: processor milliseconds by part, and bytes."""
    measured = json.loads((DOCS / "sizing.json").read_text(encoding="utf-8"))
    run = measured["large"] if large else measured["runs"][0]
    return {**run["processor"], "bytes": run["film_bytes"], "rows": run["disk"]["rows"]}


def busiest(clinics: int) -> float:
    """Return the films a second in the busiest hour."""
    return clinics * FILMS_A_DAY * max(HOURS.values()) / 3600


def shares(clinics: int, costs: Figures, entry: float) -> dict[str, float]:
    """Return how much of each part, of which an installation has one alone, so many clinics need; 1 is all of it."""
    rate, year = busiest(clinics), 365 * clinics * FILMS_A_DAY
    return {
        "audit trail": rate * ENTRIES_OF_A_FILM * (entry + SYNC_MILLISECONDS) / 1000,
        "database": rate * costs["database"] / 1000 / DATABASE_CORES,
        "line": rate * costs["bytes"] * 8 / 1e6 / LINE_MEGABITS,
        "database's disk, a year": year * costs["rows"] / 1e12 / DISK_TERABYTES,
        "backup of a year's films in a night": year * costs["bytes"] * 8 / 1e6 / LINE_MEGABITS / 3600 / NIGHT_HOURS,
    }


def breaks_at(costs: Figures, entry: float) -> dict[str, int]:
    """Return at how many clinics each part is as busy as it may be, the first one first."""
    alone = {name: int(LOAD / share) for name, share in shares(1, costs, entry).items()}
    return dict(sorted(alone.items(), key=lambda item: item[1]))


def region_size(costs: Figures, entry: float) -> int:
    """Return how many clinics one installation takes, in hundreds, so that no part is busier than it may be."""
    most = LOAD / max(shares(1, costs, entry).values())
    return max(100, int(most // 100) * 100)


def served(arrivals: NDArray[np.float64], servers: int, seconds: float) -> NDArray[np.float64]:
    """Pass arrivals, in order, through a queue with some servers that each take as long; return when each is done."""
    done, free = [0.0] * len(arrivals), [0.0] * servers
    for number, at in enumerate(arrivals.tolist()):
        place = number % servers  # equal service: the server that began first is free first
        free[place] = done[number] = max(at, free[place]) + seconds
    return np.array(done)


def busiest_hour(clinics: int, costs: Figures, entry: float) -> dict[str, float]:
    """Let the films of an installation's busiest hour through its queues; return seconds from upload to answer."""
    rate = busiest(clinics)
    source = np.random.default_rng(SEED)
    arrivals = np.sort(source.uniform(0, 3600, source.poisson(rate * 3600)))
    now = served(arrivals, 1, ENTRIES_OF_A_FILM * (entry + SYNC_MILLISECONDS) / 1000)
    now = served(now, DATABASE_CORES, costs["database"] / 1000)
    for part in ("pages", "workers"):
        now = served(now, cores(clinics, costs[part]), costs[part] / 1000)
    took = now - arrivals
    return {
        "films": len(arrivals),
        "median_seconds": round(float(np.median(took)), 2),
        "p95_seconds": round(float(np.percentile(took, 95)), 2),
        "late_minutes": round(max(0.0, float(now[-1]) - 3600) / 60, 1),
    }


def cores(clinics: int, milliseconds: float) -> int:
    """Return the cores of a part of which there may be as many as one likes."""
    return math.ceil(busiest(clinics) * milliseconds / 1000 / LOAD)


def outage(clinics: int, hours: int, headroom: float) -> dict[str, float]:
    """Let a region fail from 9 o'clock on; its films wait at the clinics, and come when it is there again."""
    capacity = busiest(clinics) * 60 * headroom  # films a minute
    begins, ends = 9 * 60, (9 + hours) * 60
    waiting = delayed = 0.0
    caught_up = ends
    for minute in range(5 * 24 * 60):
        new = clinics * FILMS_A_DAY * HOURS.get(minute // 60 % 24, 0.0) / 60
        if begins <= minute < ends or (minute >= ends and waiting > 0):
            delayed += new
        waiting += new
        waiting = waiting if begins <= minute < ends else max(0.0, waiting - capacity)
        if minute >= ends and waiting <= 0:
            caught_up = minute
            break
    return {"hours": hours, "films": round(delayed), "hours_to_catch_up": round((caught_up - ends) / 60, 1)}


def machines(clinics: int, costs: Figures, region: int) -> dict[str, float]:
    """Return what so many clinics need, split into regions."""
    regions = math.ceil(clinics / region)
    each = math.ceil(clinics / regions)
    return {
        "clinics": clinics,
        "regions": regions,
        "clinics_of_a_region": each,
        "films_per_second": round(busiest(clinics), 1),
        "database_cores": math.ceil(busiest(each) * costs["database"] / 1000 / LOAD),
        "pages_cores": cores(each, costs["pages"]),
        "workers": cores(each, costs["workers"]),
        "line_megabits": math.ceil(busiest(each) * costs["bytes"] * 8 / 1e6),
        "rows_terabytes": round(365 * each * FILMS_A_DAY * costs["rows"] / 1e12, 1),
        "films_terabytes": round(365 * each * FILMS_A_DAY * costs["bytes"] / 1e12, 1),
    }


def simulate(entry: float) -> Figures:
    """Simulate everything."""
    costs = film_costs()
    region = region_size(costs, entry)
    most = 1 / shares(region, costs, entry)["audit trail"]  # more readers do not sign entries faster
    return {
        "entry_milliseconds": entry,
        "region": region,
        "breaks_at": breaks_at(costs, entry),
        "breaks_at_large": breaks_at(film_costs(large=True), entry),
        "together": [
            {"clinics": size, **busiest_hour(size, costs, entry), "shares": _rounded(shares(size, costs, entry))}
            for size in SIZES
        ],
        "region_hour": busiest_hour(region, costs, entry),
        "machines": [machines(size, costs, region) for size in SIZES],
        "outages": [
            {**outage(region, hours, 1 / LOAD), "with_twice_the_readers": outage(region, hours, min(2 / LOAD, most))}
            for hours in OUTAGES
        ],
    }


def _rounded(found: dict[str, float]) -> dict[str, float]:
    return {name: round(share, 3) for name, share in found.items()}


def draw(found: Figures, file: Path) -> None:
    """Draw how busy each single part is by the number of clinics, and how a region catches up."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "lungwise", "font.size": 9, "svg.fonttype": "none"})
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9.6, 3.8), layout="constrained")
    clinics = np.geomspace(30, 10_000, 60)
    costs, entry = film_costs(), found["entry_milliseconds"]
    for style, name in zip(("-", "--", "-.", ":", (0, (5, 1, 1, 1))), found["breaks_at"], strict=True):
        left.plot(clinics, [shares(int(one), costs, entry)[name] * 100 for one in clinics], linestyle=style, label=name)
    left.axhline(LOAD * 100, color="black", linewidth=0.8)
    left.set(xscale="log", yscale="log", ylim=(0.5, 2000), xlabel="clinics in one installation")
    left.set(ylabel="% of the part in use", title="What one installation has once")
    left.text(32, LOAD * 110, f"{LOAD:.0%}")
    left.legend(fontsize=7, loc="upper left")
    hours = [one["hours"] for one in found["outages"]]
    places = np.arange(len(hours))
    right.bar(places - 0.2, [one["hours_to_catch_up"] for one in found["outages"]], 0.4, label="readers as planned")
    twice = [one["with_twice_the_readers"]["hours_to_catch_up"] for one in found["outages"]]
    right.bar(places + 0.2, twice, 0.4, label="twice as many", hatch="//")
    right.set_xticks(places, [f"{one} h" for one in hours])
    right.set(xlabel="a region is away from 9 o'clock on", ylabel="hours until no film waits", title="Catching up")
    right.legend(fontsize=7)
    figure.savefig(file, metadata={"Date": None})
    pyplot.close(figure)


def measure(entries: int = 300) -> float:
    """Measure the processor time of an audit entry, in the program and the database: the trail is locked meanwhile."""
    import psutil

    sys.path.insert(0, str(Path(__file__).parents[1]))
    import lungwise.wiring  # noqa: F401 - loads every model
    from lungwise.access import Person, Role
    from lungwise.audit.actions import Action, Subject
    from lungwise.audit.service import AuditTrail
    from lungwise.settings import Settings
    from lungwise.store import Database, check_keys, utc_now
    from lungwise.store.migrations import upgrade
    from servers import MariaDb

    who, server = Person(None, "country", 1, Role.ADMINISTRATOR), MariaDb()
    try:
        with tempfile.TemporaryDirectory() as folder:
            database = Database(Settings(data_folder=Path(folder), database_url=server.new_database()))
            upgrade(database.engine)
            check_keys(database)
            assert server.process is not None
            process = psutil.Process(server.process.pid)
            before, here = sum(process.cpu_times()[:2]), time.process_time()
            for _ in range(entries):
                database.transact(
                    lambda session: AuditTrail(session, utc_now).record(who, Action.SAW, Subject.STUDY, "0" * 20)
                )
            spent = time.process_time() - here + sum(process.cpu_times()[:2]) - before
            database.close()
    finally:
        server.remove()
    return float(round(spent / entries * 1000, 2))


@click.command()
@click.option("--measure", "measures", is_flag=True, help="Measure an entry of the audit trail anew first.")
def main(measures: bool) -> None:
    """Simulate, and write what the guide shows."""
    kept = DOCS / "country.json"
    entry = measure() if measures else json.loads(kept.read_text(encoding="utf-8"))["entry_milliseconds"]
    found = simulate(entry)
    kept.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    draw(found, DOCS / "pictures" / "country.svg")
    click.echo(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
