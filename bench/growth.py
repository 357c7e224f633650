"""Cost as work grows: time linear, memory flat; and memory with as many custom fields as allowed."""

from bulk import PostgresBulk
from measure import heading, row

CUSTOM_FIELDS = 350
AIM_MIB = 64


def fresh_postgres(bulk):
    bulk.fresh()
    return bulk.url


def activities(bench, name, fresh):
    sizes = [1000, 2000] if bench.quick else [10_000, 100_000, 1_000_000]
    sizes += [5_000_000] if bench.full else []
    columns = ["wall s", "CPU s", "us CPU/row", "rows/s", "MiB"]
    heading(f"One company as its activities grow, into {name} at zero latency", *columns)
    peaks = []
    for size in sizes:
        with bench.free_simulator("--size", "small", "--activities", size) as sim:
            done, result = bench.sync(sim, fresh(), "--tables", "activities")
        rows = result["rows"]
        peaks.append(done.peak_mib)
        each = done.cpu_s / rows * 1e6
        row(
            f"{size:,} activities",
            done.wall_s,
            done.cpu_s,
            each,
            int(rows / done.wall_s),
            peaks[-1],
        )
    print(f"  Largest over smallest memory: {max(peaks) / min(peaks):.2f}. Aim: flat")


def wide(bench, destinations):
    deals = 500 if bench.quick else 10_000
    heading(
        f"{deals:,} deals with {CUSTOM_FIELDS} custom fields, and all that belongs to them",
        "wall s",
        "CPU s",
        "rows",
        "MiB",
    )
    options = ["--size", "small", "--deals", deals, "--custom-fields", CUSTOM_FIELDS]
    with bench.free_simulator(*options) as sim:
        for name, fresh in destinations.items():
            done, result = bench.sync(sim, fresh())
            row(name, done.wall_s, done.cpu_s, result["rows"], done.peak_mib)
    print(f"  Aim: under {AIM_MIB} MiB for one company of any size")


def part(bench):
    bulk = PostgresBulk()
    destinations = {"SQLite": bench.fresh_sqlite, "PostgreSQL": lambda: fresh_postgres(bulk)}
    try:
        for name, fresh in destinations.items():
            activities(bench, name, fresh)
        wide(bench, destinations)
    finally:
        bulk.server.remove()
