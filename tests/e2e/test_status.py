"""What `status` says of a copy that is not complete: a lag counts from what brought the table up to date."""

import datetime
import json
import os
import pty
import subprocess
import termios

from harness import PENSTOCK, run_penstock, sync
from spending import SMALL, parked

HOUR = 3600


def look(database, *words):
    run = run_penstock("status", "--json", "--to", database.url, *words)
    return {table["table"]: table for table in json.loads(run.stdout)["tables"]}


def test_a_first_load_that_is_not_complete_was_never_synced(simulate, database):
    """Archived deals are read before the others, and lines are parked without a call."""
    simulator = simulate(*SMALL)
    words = ("--tables", "deals,deal_products")
    parked(sync(simulator, database.url, *words, "--max-tokens", 2 + 10 + 20, code=75))
    seen = look(database, *words)
    assert seen["deals"]["rows"] > 0
    for table in seen.values():
        assert (table["lag_s"], table["last_run"]) == (None, None), table
    sync(simulator, database.url, *words)
    assert all(table["lag_s"] is not None for table in look(database, *words).values())


def test_a_lag_counts_from_when_a_table_was_due(simulate, database):
    """Most tables are asked for every day, files every six hours: that alone is no alarm."""
    began = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=27)
    simulator = simulate(*SMALL, "--now", began.strftime("%Y-%m-%dT%H:%M:%SZ"))
    words = ("status", "--to", database.url, "--dealflow", "off", "--max-lag", "2h")
    sync(simulator, database.url, "--dealflow", "off")
    simulator.advance(20 * HOUR)
    sync(simulator, database.url, "--dealflow", "off")
    simulator.advance(7 * HOUR)
    sync(simulator, database.url, "--tables", "deals,persons,users,deal_products,stages")
    late = run_penstock(*words)
    assert late.returncode == 1
    assert "activities lags 7 h" in late.stderr and "filters lags 1 d 3 h" in late.stderr
    assert not [name for name in ("files", "persons", "users") if f"{name} lags" in late.stderr]
    sync(simulator, database.url, "--dealflow", "off")
    assert run_penstock(*words).returncode == 0


def test_lines_that_were_not_read_lag(simulate, database):
    """The run that parked them did not bring them up to date; the deals are."""
    simulator = simulate(*SMALL)
    words = ("--tables", "deals,deal_products")
    sync(simulator, database.url, *words)
    before = look(database, *words)
    simulator.advance(HOUR)
    simulator.admin("bulk", entity="deals", count=20)
    parked(sync(simulator, database.url, *words, "--max-tokens", 2 + 10, code=75))
    after = look(database, *words)
    assert after["deal_products"]["last_outcome"] == "parked"
    assert after["deal_products"]["last_run"] == before["deal_products"]["last_run"]
    assert after["deals"]["last_run"] > before["deals"]["last_run"]


def test_histories_that_wait_for_the_budget_do_not_lag(simulate, database):
    """They do so for weeks; the backlog tells."""
    simulator = simulate(*SMALL)
    words = ("--tables", "deals,dealflow")
    parked(sync(simulator, database.url, *words, "--max-tokens", 1000, code=75))
    flow = look(database, *words)["dealflow"]
    assert flow["backlog"] > 0 and flow["lag_s"] is not None


def on_a_terminal(columns, *words):
    """The lines of what is printed there; they fit into its buffer."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    subprocess.run([PENSTOCK, *words], stdout=theirs, stdin=subprocess.DEVNULL, check=True)
    text = os.read(ours, 1 << 16).decode()
    os.close(theirs)
    os.close(ours)
    return text.splitlines()


def test_a_narrow_terminal_shows_what_matters(simulate, database):
    simulator = simulate(*SMALL)
    words = ("--tables", "deals,dealflow")
    parked(sync(simulator, database.url, *words, "--max-tokens", 1000, code=75))
    lines = on_a_terminal(72, "status", "--to", database.url, *words, "--no-color")
    title = next(line for line in lines if line.startswith("TABLE"))
    assert "BACKLOG" in title and "ENDED" in title and "BOOKMARK" not in title
    assert max(map(len, lines[1:])) <= 72
    assert "first loads and histories;" in " ".join(lines), "sentences are folded at blanks"


def test_quiet_says_nothing_of_several_connections(simulate, tmp_path):
    """Cron mails whatever is printed, an empty line too."""
    simulator = simulate(*SMALL)
    more = f"api_url: '{simulator.url}', tables: [users, stages]"
    (tmp_path / "penstock.yaml").write_text(
        "connections:\n"
        + "".join(
            f"  - {{name: {name}, api_token: env:ACME, destination: 'sqlite:{name}.db', {more}}}\n"
            for name in "abc"
        )
    )

    def run(*words):
        return run_penstock(*words, cwd=tmp_path, env={"ACME": simulator.token})

    for words in ("check", "sync", "status", "verify", "views"):
        quiet = run(words, "-q")
        assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", ""), words
    people = run("status").stdout
    assert [part.partition(":")[0] for part in people.split("\n\n")] == ["a", "b", "c"]
