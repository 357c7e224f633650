"""Loading alone: the same rows through a driver, page by page, and through the bulk tool."""

import json
import subprocess

from bulk import MariaDbBulk, PostgresBulk
from measure import heading, row, spread

PHASES = {"first": "first load", "changed": "10 % changed"}


def load_round(bench, bulk, rows, seconds):
    bulk.fresh()
    command = [bench.build / "bench" / "bench-load", "load", bulk.url, str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    for phase, value in json.loads(done.stdout).items():
        seconds["penstock", phase].append(value)
    columns = (bench.folder / "columns").read_text().splitlines()
    for phase in PHASES:
        load = getattr(bulk, phase)
        seconds[bulk.tool, phase].append(load(bench.folder / f"{phase}.tsv", "deals", columns))


def part(bench):
    rows = 2000 if bench.quick else 100_000
    command = [bench.build / "bench" / "bench-load", "files", bench.folder, str(rows)]
    subprocess.run(command, check=True)
    bench.folder.chmod(0o755)
    counts = {"first": rows, "changed": (rows + 9) // 10}
    for kind in (PostgresBulk, MariaDbBulk):
        seconds = {(who, phase): [] for who in (kind.tool, "penstock") for phase in PHASES}
        bulk = kind()
        try:
            for _ in range(bench.rounds):
                load_round(bench, bulk, rows, seconds)
        finally:
            bulk.server.remove()
        heading(
            f"{kind.name}: {rows:,} rows of deals, page by page, against {kind.tool} of one file",
            "min s",
            "median",
            "max",
            "rows/s",
            "ratio",
        )
        for phase, what in PHASES.items():
            tool_s = spread(seconds[kind.tool, phase])[1]
            for who in (kind.tool, "penstock"):
                low, middle, high = spread(seconds[who, phase])
                speed = int(counts[phase] / middle)
                row(f"{who}, {what}", low, middle, high, speed, middle / tool_s)
        print("  Aim for a first load: at most 1.2")
