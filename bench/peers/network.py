"""A private network in which api.pipedrive.com is the simulator: the peers cannot be told another
address, so all of them, Penstock too, ask there, by TLS.

enter() starts a program in namespaces of its own (no rights needed where the kernel lets people make
them). In there, PrivateNetwork lays a hosts file and a certificate authority made on the spot over
the machine's, and lets nginx end TLS in front of the simulator. Nothing outside sees any of it, and
nothing inside reaches the world.
"""

import ctypes
import os
import pathlib
import shutil
import socket
import subprocess
import time

HOST = "api.pipedrive.com"
URL = f"https://{HOST}"
NEEDED = ("unshare", "ip", "openssl", "nginx")
MS_BIND = 4096
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"  # what libcurl and Go read on Debian


def missing():
    """What this machine lacks, as text, or None."""
    lacking = [name for name in NEEDED if not found(name)]
    if lacking:
        return f"needs {', '.join(lacking)} (in Debian: util-linux iproute2 openssl nginx-light)"
    return enter(["true"], stderr=subprocess.DEVNULL) and "this system refuses namespaces to us"


def found(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def enter(command, **options):
    """Runs a program in namespaces of its own; its exit code."""
    # Root stays root, so that it can still hand a database server to another user.
    who = [] if os.geteuid() == 0 else ["--map-current-user", "--keep-caps"]
    return subprocess.run(
        [found("unshare"), *who, "--net", "--mount", *command], **options
    ).returncode


def run(*command):
    command = [found(command[0]), *map(str, command[1:])]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()}")


def lay_over(source, target):
    """Not mount(8): it wants to be root itself, whatever it may do."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(os.fsencode(source), os.fsencode(target), None, MS_BIND, None) != 0:
        raise OSError(ctypes.get_errno(), f"mounting over {target}")


NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log; {user}
events {{ worker_connections 256; }}
http {{
  {http}
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  keepalive_requests 1000000; proxy_buffers 64 64k; proxy_buffer_size 64k; proxy_read_timeout 1h;
  upstream simulator {{ server {simulator}; keepalive 64; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:443 {listen};
    ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.key;
    location / {{
      proxy_pass http://simulator; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host;
    }}
  }}
}}
"""


class PrivateNetwork:
    """Of a program that enter() started."""

    def __init__(self, folder, bundles=()):
        """bundles: lists of authorities that programs bring with them."""
        self.folder = pathlib.Path(folder)
        self.authority = self.folder / "authority.pem"
        self.process = None
        run("ip", "link", "set", "lo", "up")
        self.make_certificates()
        hosts = self.folder / "hosts"
        hosts.write_text(f"127.0.0.1 localhost {HOST}\n")
        lay_over(hosts, "/etc/hosts")
        for bundle in (AUTHORITIES, *bundles):
            lay_over(self.authority, bundle)

    def make_certificates(self):
        new = ("openssl", "req", "-x509", "-days", "2", "-nodes", "-newkey", "ec")
        new += ("-pkeyopt", "ec_paramgen_curve:prime256v1")
        key = self.folder / "authority.key"
        name = ("-subj", "/CN=bench")
        run(*new, *name, "-keyout", key, "-out", self.authority)
        signed = ("-CA", self.authority, "-CAkey", key, "-addext", f"subjectAltName=DNS:{HOST}")
        server = ("-keyout", self.folder / "server.key", "-out", self.folder / "server.pem")
        run(*new, "-subj", f"/CN={HOST}", *signed, "-addext", "basicConstraints=CA:false", *server)

    def lead_to(self, simulator_url, listen="ssl", http="access_log off;"):
        """From now on api.pipedrive.com is this simulator. listen and http: more words for nginx."""
        self.stop()
        user = "user root;" if os.geteuid() == 0 else ""
        address = simulator_url.removeprefix("http://")
        config = self.folder / "nginx.conf"
        words = {"folder": self.folder, "simulator": address, "user": user}
        config.write_text(NGINX.format(**words, listen=listen, http=http))
        command = [found("nginx"), "-c", config, "-e", self.folder / "nginx.log"]
        self.process = subprocess.Popen(command)
        self.wait_until_it_listens()

    def wait_until_it_listens(self):
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", 443)).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    log = self.folder / "nginx.log"
                    raise RuntimeError(f"nginx does not start: {log.read_text()}") from None
                time.sleep(0.02)

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None
