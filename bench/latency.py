"""First sync at 200 ms latency under each plan's burst limit, against calls ÷ calls per second.

The simulator answers small pages here: full ones would keep two cores, which it shares, busier than the limits allow."""

from aims import ROWS, WITHOUT_FLOW
from measure import heading, row, spread

LATENCY_MS = 200
WINDOW_S = 2
PAGE_ROWS = 100
AIM = 1.15
TABLES = "activities,persons,organizations,deals,notes,files"
# Requests in a window of two seconds.
PLANS = {"lite": 20, "growth": 40, "premium": 100, "ultimate": 120}


def company(calls):
    """Most rows are activities, as in real companies; the lists are read in about so many calls."""
    rows = calls * PAGE_ROWS
    return {
        "activities": rows * 50 // 100,
        "persons": rows * 20 // 100,
        "organizations": rows * 10 // 100,
        "deals": rows * 10 // 100,
        "notes": rows * 8 // 100,
        "files": rows * 2 // 100,
    }


def sync(bench, plan, sizes):
    options = [word for table, rows in sizes.items() for word in (f"--{table}", rows)]
    options += ["--size", "small", "--plan", plan, "--latency-ms", LATENCY_MS]
    options += ["--set", f"page_max={PAGE_ROWS}"]
    with bench.simulator(*options) as sim:
        done, result = bench.sync(sim, bench.fresh_sqlite(), "--tables", TABLES)
        return done, result, sim.stats()["burst429"]


def whole(bench):
    """The company of the aims in full pages, with all its tables but histories: minutes for small plans."""
    heading(
        f"The company of the aims at {LATENCY_MS} ms latency", "calls", "theory s", "s", "ratio"
    )
    options = [word for table, rows in ROWS.items() for word in (f"--{table}", rows)]
    options += ["--deals-with-products", 40, "--archived", 20, "--deleted-deals", 0, "--deleted", 0]
    for plan, limit in PLANS.items():
        with bench.simulator(*options, "--plan", plan, "--latency-ms", LATENCY_MS) as sim:
            words = ("--tables", WITHOUT_FLOW, "--budget", "100%")
            _, result = bench.sync(sim, bench.fresh_sqlite(), *words)
        theory = result["requests"] * WINDOW_S / limit
        row(plan, result["requests"], theory, result["wall_s"], result["wall_s"] / theory)
    print(f"  Aim: at most {AIM}")


def part(bench):
    if bench.full:
        whole(bench)
    heading(
        f"First sync into SQLite at {LATENCY_MS} ms latency, under the burst limit of each plan",
        "calls",
        "theory s",
        "min s",
        "median",
        "max",
        "ratio",
        "MiB",
        "429s",
    )
    for plan, limit in PLANS.items():
        per_second = limit / WINDOW_S
        calls = int(per_second * (4 if bench.quick else 20))
        walls, peaks, refused = [], [], 0
        for _ in range(1 if bench.quick else min(bench.rounds, 3)):
            done, result, burst429 = sync(bench, plan, company(calls))
            walls.append(result["wall_s"])
            peaks.append(done.peak_mib)
            refused += burst429
        theory = result["requests"] / per_second
        low, middle, high = spread(walls)
        row(
            plan,
            result["requests"],
            theory,
            low,
            middle,
            high,
            middle / theory,
            max(peaks),
            refused,
        )
    print(f"  Ratio: median against the theory. Aim: at most {AIM}, and no burst 429")
