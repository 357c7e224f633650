"""First sync at zero latency against its three limits, each alone: download, parse, load."""

import json
import os
import subprocess

from bulk import PostgresBulk
from measure import heading, row, spread

TABLES = ["deals", "persons", "organizations", "activities"]
AIM = 1.25


class Limits:
    """The lists' pages, kept, and what each step takes alone."""

    def __init__(self, bench, sim):
        self.bench, self.sim, self.folder = bench, sim, bench.folder
        self.folder.chmod(0o755)
        self.run("save")
        self.run("rows")

    def run(self, mode):
        command = [self.bench.build / "bench" / "bench-limits", mode, self.sim.url, self.folder]
        environment = self.bench.environment(self.sim)
        done = subprocess.run(
            [*command, *TABLES], env=environment, capture_output=True, text=True, check=True
        )
        return json.loads(done.stdout)["seconds"]

    def insert(self):
        (self.folder / "plain.db").unlink(missing_ok=True)
        return self.run("insert")

    def copy(self, bulk):
        """psql's \\copy, a table after the other, into tables like those of the sync before. A
        transaction a page, as in SQLite: bookmarks need them."""
        return bulk.pages({table: self.rows_of(table) for table in TABLES})

    def rows_of(self, table):
        columns = (self.folder / f"{table}.columns").read_text().splitlines()
        return columns, sorted(self.folder.glob(f"{table}-*.tsv"))


def compare(bench, seconds, limits, rows):
    slowest = max(spread(seconds[name])[1] for name in limits)
    for name in (*limits, "penstock sync"):
        low, middle, high = spread(seconds[name])
        row(name, low, middle, high, int(rows / middle), middle / slowest)
    print(f"  Ratio: against the slowest of the three. Aim: at most {AIM}")


def sizes(quick):
    if quick:
        return ["--size", "small"]
    # Half of the company that the aims speak of.
    return ["--deals", 25000, "--activities", 150000, "--persons", 50000, "--organizations", 15000]


def part(bench):
    # No archived and no deleted deals: the limits walk each list once, as a sync does then.
    options = ["--archived", 0, "--deleted", 0, "--deleted-deals", 0, *sizes(bench.quick)]
    names = ["download alone", "parse alone", "load alone", "penstock sync"]
    sqlite = {name: [] for name in names}
    postgres = {name: [] for name in names}
    bulk = PostgresBulk()
    try:
        with bench.free_simulator(*options) as sim:
            limits = Limits(bench, sim)
            for _ in range(bench.rounds):
                for seconds in (sqlite, postgres):
                    seconds["download alone"].append(limits.run("download"))
                    seconds["parse alone"].append(limits.run("parse"))
                # What one has written must not be on its way to the disk while the next is timed.
                os.sync()
                sqlite["load alone"].append(limits.insert())
                os.sync()
                _, result = bench.sync(sim, bench.fresh_sqlite(), "--tables", ",".join(TABLES))
                sqlite["penstock sync"].append(result["wall_s"])
                bulk.fresh()
                os.sync()
                _, result = bench.sync(sim, bulk.url, "--tables", ",".join(TABLES))
                postgres["penstock sync"].append(result["wall_s"])
                os.sync()
                postgres["load alone"].append(limits.copy(bulk))
    finally:
        bulk.server.remove()
    rows = result["rows"]
    for name, seconds in (
        ("SQLite", sqlite),
        ("PostgreSQL (load: \\copy, a transaction a page)", postgres),
    ):
        heading(
            f"First sync into {name}: {rows:,} rows of {', '.join(TABLES)}",
            "min s",
            "median",
            "max",
            "rows/s",
            "ratio",
        )
        compare(bench, seconds, names[:-1], rows)
