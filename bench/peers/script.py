"""Our own plain script (plain.py)."""

from .peer import HERE, Peer


class Plain(Peer):
    name = "plain script (requests, psycopg)"
    short = "plain.py"
    requirements = ("plain",)
    remarks = ("every column but the id is text; a second run reads and pays everything again",)

    def command(self, place):
        return [self.program("plain", "python"), HERE / "plain.py", place.database]

    def environment(self, place):
        return {"PIPEDRIVE_API_TOKEN": place.token}
