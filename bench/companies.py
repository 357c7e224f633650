"""Several companies in one process: what each further one costs."""

from measure import heading, row, run

AIM_MIB = 8


def write_config(folder, sim, destination):
    """One connection a company."""
    lines = ["connections:"]
    environment = {}
    for number, company in enumerate(sim.companies):
        environment[f"TOKEN_{number}"] = company["token"]
        lines += [
            f"  - name: company{number}",
            f"    api_token: env:TOKEN_{number}",
            f"    api_url: {sim.url}",
            f"    destination: {destination(number)}",
        ]
    path = folder / "penstock.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path, environment


def sync(bench, count):
    folder = bench.folder / f"companies-{count}"
    folder.mkdir()
    with bench.free_simulator("--companies", count, "--size", "small") as sim:
        config, tokens = write_config(folder, sim, lambda n: f"sqlite:{folder}/{n}.db")
        command = [bench.penstock, "sync", "--config", config, "--json", "-q"]
        done = run(command, env=bench.environment(sim, **tokens))
    if done.code != 0:
        raise SystemExit(f"sync ended with {done.code}: {done.output[-2000:]}{done.errors[-2000:]}")
    return done


def part(bench):
    counts = [1, 3] if bench.quick else [1, 10, 100]
    columns = ["wall s", "s each", "CPU s", "MiB", "MiB each more"]
    heading("Companies of 1,000 rows in one process, each into a SQLite file of its own", *columns)
    alone = None
    for count in counts:
        done = sync(bench, count)
        alone = alone or done
        more = (done.peak_mib - alone.peak_mib) / (count - 1) if count > 1 else None
        row(f"{count:,}", done.wall_s, done.wall_s / count, done.cpu_s, done.peak_mib, more)
    print(f"  Aim: under {AIM_MIB} MiB for each further one")
