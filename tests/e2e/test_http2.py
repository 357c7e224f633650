"""Against a server that offers HTTP/2 and compression, as Pipedrive's does: nginx ends TLS in front of the simulator."""

import socket
import sys

import pytest
from harness import QUICK, ROOT, Sqlite, assert_equals_truth, run_penstock

sys.path.insert(0, str(ROOT / "bench"))
from tls_front import TlsFront  # noqa: E402

TABLES = ["deals", "persons", "deal_products"]
LOG = (
    "log_format fields '$server_protocol $connection $sent_http_content_encoding $body_bytes_sent';"
)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def front(tmp_path):
    front = TlsFront(tmp_path, "localhost", free_port())
    yield front
    front.stop()


def run(front, simulator, database, **env):
    words = ("sync", "-q", "--json", "--to", database.url, "--tables", ",".join(TABLES))
    url = f"https://localhost:{front.port}"
    return run_penstock(*words, "--api-url", url, token=simulator.token, env=env)


def test_one_connection_and_compressed_pages(simulate, front, tmp_path):
    simulator = simulate(*QUICK, "--deals", "2500", "--latency-ms", "30")
    database = Sqlite(tmp_path / "crm.db")
    log = f"{LOG} access_log {tmp_path}/access.log fields;"
    front.lead_to(
        simulator.url, listen="ssl http2", http=f"{log} gzip on; gzip_types application/json;"
    )
    result = run(front, simulator, database, SSL_CERT_FILE=str(front.authority))
    front.stop()
    assert result.returncode == 0, result.stderr
    assert_equals_truth(simulator, database, TABLES)
    seen = [line.split() for line in (tmp_path / "access.log").read_text().splitlines()]
    protocols, connections, encodings, sizes = zip(*seen, strict=True)
    assert len(protocols) > 15 and set(protocols) == {"HTTP/2.0"}
    assert len(set(connections)) == 1  # though several requests were under way at once
    assert set(encodings[1:]) == {"gzip"}  # but for the first small answer
    assert sum(map(int, sizes)) < simulator.stats()["bytes"] / 3


@pytest.mark.parametrize("file", [None, "missing.pem"])
def test_an_authority_that_nobody_trusts(simulate, front, tmp_path, file):
    """The token is not sent, and the message says what to do."""
    simulator = simulate(*QUICK, "--deals", "10")
    front.lead_to(simulator.url)
    env = {"SSL_CERT_FILE": str(tmp_path / file)} if file else {}
    result = run(front, simulator, Sqlite(tmp_path / "crm.db"), **env)
    assert result.returncode == 2, result.stderr
    assert "SSL_CERT_FILE" in result.stderr
    assert simulator.requests() == []
