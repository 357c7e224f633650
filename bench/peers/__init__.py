"""The same first sync by Penstock, a plain script and the connectors that PyPI has, side by side.

part() installs what is missing, then starts this package in a network of its own, where
api.pipedrive.com is the simulator (network.py). Everybody asks there over TLS, and whoever writes into
a database writes into the same PostgreSQL server.
"""

import os
import pathlib
import sys

from . import network
from .airbyte import Airbyte
from .bruin import Ingestr
from .ours import Penstock
from .peer import Unavailable
from .script import Plain
from .singer import Singer

PEERS = (Penstock, Plain, Singer, Airbyte, Ingestr)  # the first is what the others compare to


def part(bench):
    print("\nThe same first sync by others")
    missing = network.missing()
    if missing:
        print(f"  not run: {missing}")
        return
    names = [peer.short for peer in installed(PEERS)]  # while there is a world to install from
    words = ["--build", bench.build.resolve(), "--folder", bench.folder]
    words += ["--rounds", min(bench.rounds, 3), "--peers", ",".join(names)]
    words += ["--quick"] if bench.quick else []
    here = pathlib.Path(__file__).resolve().parent.parent
    env = {**os.environ, "PYTHONPATH": str(here)}
    code = network.enter([sys.executable, "-m", "peers", *map(str, words)], env=env)
    if code != 0:
        print(f"  not finished: ended with {code}")


def installed(kinds):
    """Those that this machine can run; says why it cannot run the others."""
    peers = []
    for kind in kinds:
        peer = kind()
        try:
            peer.install()
            peers.append(peer)
        except Unavailable as reason:
            print(f"  {peer.short}: not run: {reason}")
    return peers
