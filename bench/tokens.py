"""Requests and tokens against the oracle, which knows the simulator's data and the rules only."""

from measure import heading, row


def part(bench):
    from test_oracle import first_load_bill, idle_bill

    heading("Tokens against the oracle", "requests", "oracle", "tokens", "oracle")
    options = ["--frozen-clock", "--deals", 1200, "--persons", 1700, "--activities", 2600]
    with bench.free_simulator(*options, "--notes", 700) as sim:
        url = bench.fresh_sqlite()
        for name, bill in (("first sync", first_load_bill), ("second sync", idle_bill)):
            calls, price = bill(sim).total()
            _, result = bench.sync(sim, url)
            row(name, result["requests"], calls, result["tokens"], price)
