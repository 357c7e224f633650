"""What tests of the budget share: a company whose tokens are counted, and runs that the budget ends.

Tokens of a company of one seat on the smallest plan: 30,000 a day, of which 20 % (6,000) are Penstock's, and half of
those (3,000) for first loads and histories."""

POOL, SHARE, BACKFILL, RESERVE = 30_000, 6_000, 3_000, 5_000
ME = 2  # users/me
# The daily limit without the burst limit, and a clock that stands.
SMALL = ("--plan", "lite", "--seats", 1, "--burst", 100_000, "--frozen-clock")
DAY = 86_400


class Company:
    """A simulated company, and what is spent of it in any 24 hours."""

    def __init__(self, simulator):
        self.simulator = simulator
        self.seconds = 0
        self.spent = []  # (simulated second, tokens)
        self.counted = 0

    def count(self):
        tokens = self.simulator.stats()["companies"][0]["tokens"]
        self.spent.append((self.seconds, tokens - self.counted))
        self.counted = tokens
        return self.spent[-1][1]

    def in_24_hours(self):
        """Less a minute: the simulator's clock stands while a run takes its seconds."""
        return sum(tokens for at, tokens in self.spent if at > self.seconds - DAY + 60)

    def advance(self, seconds):
        self.simulator.advance(seconds)
        self.seconds += seconds

    def left(self):
        company = self.simulator.stats()["companies"][0]
        return company["budget"] - company["tokens_today"]


def parked(result, *words):
    assert result.code == 75, result
    assert result.report["outcome"] == "parked", result
    for word in words:
        assert word in result.report["message"], result
    return result


def live_deals(simulator):
    return [row["id"] for row in simulator.truth("deals") if not row["is_deleted"]]
