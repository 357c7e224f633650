"""A private network in which api.pipedrive.com is the simulator: the peers cannot be told another
address, so all of them, Penstock too, ask there, by TLS.

enter() starts a program in namespaces of its own (no rights needed where the kernel lets people make
them). In there, PrivateNetwork lays a hosts file and a certificate authority made on the spot over
the machine's, and lets nginx end TLS in front of the simulator. Nothing outside sees any of it, and
nothing inside reaches the world.
"""

import ctypes
import os
import subprocess

import tls_front
from tls_front import TlsFront, found, run

HOST = "api.pipedrive.com"
URL = f"https://{HOST}"
NEEDED = ("unshare", "ip", *tls_front.NEEDED)
MS_BIND = 4096
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"  # what libcurl and Go read on Debian


def missing():
    """What this machine lacks, as text, or None."""
    lacking = [name for name in NEEDED if not found(name)]
    if lacking:
        return f"needs {', '.join(lacking)} (in Debian: util-linux iproute2 openssl nginx-light)"
    return enter(["true"], stderr=subprocess.DEVNULL) and "this system refuses namespaces to us"


def enter(command, **options):
    """Runs a program in namespaces of its own; its exit code."""
    # Root stays root, so that it can still hand a database server to another user.
    who = [] if os.geteuid() == 0 else ["--map-current-user", "--keep-caps"]
    return subprocess.run(
        [found("unshare"), *who, "--net", "--mount", *command], **options
    ).returncode


def lay_over(source, target):
    """Not mount(8): it wants to be root itself, whatever it may do."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(os.fsencode(source), os.fsencode(target), None, MS_BIND, None) != 0:
        raise OSError(ctypes.get_errno(), f"mounting over {target}")


class PrivateNetwork(TlsFront):
    """Of a program that enter() started."""

    def __init__(self, folder, bundles=()):
        """bundles: lists of authorities that programs bring with them."""
        run("ip", "link", "set", "lo", "up")
        super().__init__(folder, HOST, 443)
        hosts = self.folder / "hosts"
        hosts.write_text(f"127.0.0.1 localhost {HOST}\n")
        lay_over(hosts, "/etc/hosts")
        for bundle in (AUTHORITIES, *bundles):
            lay_over(self.authority, bundle)
