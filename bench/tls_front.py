"""nginx in front of the simulator, which ends TLS with a certificate of an authority made on the spot."""

import os
import pathlib
import shutil
import socket
import subprocess
import time

NEEDED = ("openssl", "nginx")

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
    listen 127.0.0.1:{port} {listen};
    ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.key;
    location / {{
      proxy_pass http://simulator; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host;
    }}
  }}
}}
"""


def found(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def run(*command):
    command = [found(command[0]), *map(str, command[1:])]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()}")


class TlsFront:
    """Of one host name. Whoever trusts `authority` (a file) may ask https://HOST:PORT."""

    def __init__(self, folder, host, port):
        self.folder, self.host, self.port = pathlib.Path(folder), host, port
        self.authority = self.folder / "authority.pem"
        self.process = None
        self.make_certificates()

    def make_certificates(self):
        new = ("openssl", "req", "-x509", "-days", "2", "-nodes", "-newkey", "ec")
        new += ("-pkeyopt", "ec_paramgen_curve:prime256v1")
        key = self.folder / "authority.key"
        run(*new, "-subj", "/CN=bench", "-keyout", key, "-out", self.authority)
        signed = ("-CA", self.authority, "-CAkey", key)
        signed += ("-addext", f"subjectAltName=DNS:{self.host}")
        server = ("-keyout", self.folder / "server.key", "-out", self.folder / "server.pem")
        name = ("-subj", f"/CN={self.host}")
        run(*new, *name, *signed, "-addext", "basicConstraints=CA:false", *server)

    def lead_to(self, simulator_url, listen="ssl", http="access_log off;"):
        """From now on the host is this simulator. listen and http: more words for nginx."""
        self.stop()
        config = self.folder / "nginx.conf"
        config.write_text(
            NGINX.format(
                folder=self.folder,
                simulator=simulator_url.removeprefix("http://"),
                user="user root;" if os.geteuid() == 0 else "",
                port=self.port,
                listen=listen,
                http=http,
            )
        )
        command = [found("nginx"), "-c", config, "-e", self.folder / "nginx.log"]
        self.process = subprocess.Popen(command)
        self.wait_until_it_listens()

    def wait_until_it_listens(self):
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
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
