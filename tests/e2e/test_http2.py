"""Against a server that offers HTTP/2 and compression, as Pipedrive's does: nginx ends TLS in front of the simulator, in
a private network in which api.pipedrive.com is here (bench/peers/network.py)."""

import json
import os
import pathlib
import sys

import pytest
from harness import QUICK, ROOT, Simulator, Sqlite, assert_equals_truth, run_penstock

sys.path.insert(0, str(ROOT / "bench"))
from peers import network  # noqa: E402

TABLES = ["deals", "persons", "deal_products"]
LOG = (
    "log_format fields '$server_protocol $connection $sent_http_content_encoding $body_bytes_sent';"
)


def sync_in_private(folder):
    """In the private network: a sync, and what nginx saw of it."""
    folder = pathlib.Path(folder)
    private = network.PrivateNetwork(folder)
    http = f"{LOG} access_log {folder}/access.log fields; gzip on; gzip_types application/json;"
    database = Sqlite(folder / "crm.db")
    with Simulator(*QUICK, "--deals", "2500", "--latency-ms", "30") as simulator:
        private.lead_to(simulator.url, listen="ssl http2", http=http)
        words = ("sync", "-q", "--json", "--to", database.url, "--api-url", network.URL)
        result = run_penstock(*words, "--tables", ",".join(TABLES), token=simulator.token)
        private.stop()
        assert result.returncode == 0, result.stderr
        assert_equals_truth(simulator, database, TABLES)
        seen = [line.split() for line in (folder / "access.log").read_text().splitlines()]
        print(json.dumps({"bytes": simulator.stats()["bytes"], "seen": seen}))


LACKING = network.missing()


@pytest.mark.skipif(bool(LACKING), reason=str(LACKING))
def test_one_connection_and_compressed_pages(tmp_path):
    env = {**os.environ, "PENSTOCK_STATE_DIR": str(tmp_path)}
    output, errors = tmp_path / "output", tmp_path / "errors"
    with output.open("w") as stdout, errors.open("w") as stderr:
        command = [sys.executable, __file__, str(tmp_path)]
        code = network.enter(command, env=env, stdout=stdout, stderr=stderr)
    assert code == 0, errors.read_text()
    report = json.loads(output.read_text())
    protocols, connections, encodings, sizes = zip(*report["seen"], strict=True)
    assert len(protocols) > 15 and set(protocols) == {"HTTP/2.0"}
    assert len(set(connections)) == 1  # though several requests were under way at once
    assert set(encodings[1:]) == {"gzip"}  # but for the first small answer
    assert sum(map(int, sizes)) < report["bytes"] / 3


if __name__ == "__main__":
    sync_in_private(sys.argv[1])
