"""Penstock, as the others: over TLS, into PostgreSQL."""

from .peer import TABLES, Peer


class Penstock(Peer):
    name = short = "penstock"
    schema = "pipedrive"

    def command(self, place):
        penstock = place.build / "src" / "cli" / "penstock"
        return [penstock, "sync", "-q", "--to", place.database, "--tables", ",".join(TABLES)]

    def environment(self, place):
        return {
            "PIPEDRIVE_API_TOKEN": place.token,
            "PENSTOCK_STATE_DIR": str(place.folder / "state"),
        }
