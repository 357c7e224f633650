"""tap-pipedrive (Stitch's tap) piped into a Singer target.

The target is MeltanoLabs' for PostgreSQL: of the targets for a database on PyPI the one that is kept
(released in 2026; target-sqlite ended in 2019, target-postgres in 2018, pipelinewise's in 2023)."""

import json
import subprocess

from .peer import BEFORE_ALL, SAME_NAMES, Peer


class Singer(Peer):
    name = "tap-pipedrive 2.1.0, target-postgres"
    short = "tap"
    requirements = ("tap", "target")
    schema = "tap"
    tables = SAME_NAMES
    remarks = (
        "one request at a time, each on a connection of its own (requests.get in tap.py); 100 rows a page",
        "asks for the products of each deal singly; never asks /deals/archived",
    )

    def prepare(self, place):
        folder = place.folder
        config = {"api_token": place.token, "start_date": BEFORE_ALL}
        (folder / "config.json").write_text(json.dumps(config))
        target = {
            "sqlalchemy_url": place.database.replace("postgres://", "postgresql+psycopg://"),
            "default_target_schema": self.schema,
            "use_copy": True,
        }
        (folder / "target.json").write_text(json.dumps(target))
        command = [self.program("tap", "tap-pipedrive"), "--config", folder / "config.json"]
        found = subprocess.run([*command, "--discover"], capture_output=True, text=True, check=True)
        catalog = json.loads(found.stdout)
        for stream in catalog["streams"]:
            for entry in stream["metadata"]:
                wanted = entry["breadcrumb"] or stream["stream"] in self.tables.values()
                entry["metadata"]["selected"] = bool(wanted)
        (folder / "catalog.json").write_text(json.dumps(catalog))

    def command(self, place):
        tap = f"{self.program('tap', 'tap-pipedrive')} --config config.json --catalog catalog.json"
        target = f"{self.program('target', 'target-postgres')} --config target.json"
        return ["bash", "-c", f"set -o pipefail; {tap} | {target}"]
