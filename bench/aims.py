"""What the company of the aims costs in tokens: its first load, its days, its idle hours.

Shared by bench/run (the whole company) and tests/e2e/test_tokens.py (a tenth of it). What was spent is the simulator's
own count."""

from harness import Simulator, sync
from measure import heading, row

HOUR, DAY = 3600, 86_400
# Rows of the company, and rows that a day touches.
ROWS = {
    "deals": 50_000,
    "persons": 100_000,
    "organizations": 30_000,
    "activities": 300_000,
    "notes": 20_000,
    "files": 5_000,
}
TOUCHED = {
    "deals": 1_000,
    "persons": 1_500,
    "organizations": 500,
    "activities": 4_000,
    "notes": 300,
}
# At most, in tokens.
AIM_FIRST_LOAD, AIM_DAY, AIM_IDLE_HOUR = 15_000, 600, 100

WITHOUT_FLOW = (
    "activities,activity_types,currency,deal_fields,deal_products,deals,files,filters,notes,organizations,persons,"
    "pipelines,products,stages,users"
)


class Company:
    """A simulator of it, with 1/scale of its rows, and a database."""

    def __init__(self, url, scale=1):
        self.simulator = Simulator(
            *("--plan", "ultimate", "--seats", "1000", "--no-limits", "--frozen-clock"),
            *(
                "--deals-with-products",
                "40",
                "--archived",
                "20",
                "--deleted-deals",
                "0",
                "--deleted",
                "0",
            ),
            *(word for name, rows in ROWS.items() for word in (f"--{name}", rows // scale)),
        )
        self.url, self.scale = url, scale
        self.rows = {}  # that the last run wrote, by table

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.simulator.stop()

    def sync(self, timeout=1200):
        """Tokens of one run."""
        self.simulator.admin("reset_counters")
        result = sync(
            *(self.simulator, self.url, "--tables", WITHOUT_FLOW, "--budget", "100%"),
            timeout=timeout,
        )
        self.rows = result.rows()
        return self.simulator.stats()["tokens"]

    def idle_hours(self, hours=24):
        """Tokens of each hourly run of a day on which nothing changes."""
        tokens = []
        for _ in range(hours):
            self.simulator.advance(HOUR)
            tokens.append(self.sync())
        return tokens

    def touch(self, entity, part, parts):
        """The edit of one part of the rows that a day touches, in its own part of the table."""
        first, end = (TOUCHED[entity] * i // parts for i in (part, part + 1))
        start = 1 + ROWS[entity] // self.scale * part // parts
        return {"op": "bulk", "entity": entity, "count": end - first, "from_id": start}

    def busy_day(self, times=24):
        """Tokens of the one run after a day on which people touch TOUCHED rows, in so many seconds of it."""
        for i in range(times):
            self.simulator.advance(DAY // times)
            self.simulator.operations([self.touch(entity, i, times) for entity in TOUCHED])
        return self.sync()


def part(bench):
    """The aims beside what was counted."""
    if bench.quick:  # the test of these aims is the quick way
        return
    with Company(bench.fresh_sqlite()) as company:
        first = company.sync()
        hours = company.idle_hours()
        day = company.busy_day()
    heading("The company of the aims, without histories of deals", "tokens", "at most")
    row("first load", first, AIM_FIRST_LOAD)
    row("a day's changes in one run", day, AIM_DAY)
    row("idle hourly run, mean of a day", sum(hours) / len(hours), AIM_IDLE_HOUR)
    row("idle hourly run, most of them", sorted(hours)[len(hours) // 2], AIM_IDLE_HOUR)
