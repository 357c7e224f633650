"""ingestr. Up to 1.1.21 its wheels on PyPI hold the program; later ones are a few kilobytes that fetch
it from elsewhere on first use, so 1.1.21 is what everybody can install. Set INGESTR_BINARY_PATH, as its own
wrapper reads it, to measure such a program that is already here."""

import os
import subprocess

from .peer import SAME_NAMES, Peer, Unavailable


class Ingestr(Peer):
    short = "ingestr"
    requirements = ("ingestr",)
    schema = "ingestr"
    tables = {name: name for name in SAME_NAMES if name not in ("deal_products", "currency")}
    remarks = (
        "a process for each table; at most 8 requests a second by its own limiter",
        "has no deal_products and no currencies",
    )

    def install(self):
        self.binary = os.environ.get("INGESTR_BINARY_PATH")
        if not self.binary:
            super().install()
            self.binary = self.program("ingestr", "ingestr")
        done = subprocess.run([self.binary, "--version"], capture_output=True, text=True)
        if done.returncode != 0:
            raise Unavailable(done.stderr.strip())
        self.name = f"ingestr {done.stdout.split()[-1].removeprefix('v')}"

    def command(self, place):
        database = place.database.replace("postgres://", "postgresql://") + "?sslmode=disable"
        ingest = f'{self.binary} ingest --yes --progress log --source-uri "$SOURCE"'
        ingest += f" --dest-uri '{database}' --source-table $table"
        ingest += f" --dest-table {self.schema}.$table"
        tables = " ".join(self.tables.values())
        return ["bash", "-c", f"for table in {tables}; do {ingest} || bad=1; done; exit $bad"]

    def environment(self, place):
        return {
            "SOURCE": f"pipedrive://?api_token={place.token}",
            "INGESTR_DISABLE_TELEMETRY": "true",
        }
