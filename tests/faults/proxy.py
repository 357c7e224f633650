"""A TCP proxy that cuts a connection at the n-th byte, as networks do.

    with Proxy("127.0.0.1", 5432) as proxy:      # connect to 127.0.0.1:proxy.port
        proxy.cut("up", 1234, "reset")

Bytes are counted over all connections since the last cut() or clear(): "up" those to the server,
"down" those from it. At the n-th byte, which still goes through, the connection that carried it is
  reset      ended with RST on both sides
  closed     ended in good order on both sides
  swallowed  left open, but nothing passes any more; after HOLD seconds it is reset
and the others go on. A cut happens once."""

import contextlib
import select
import socket
import struct
import threading

HOLD = 2  # seconds
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST
MODES = ("reset", "closed", "swallowed")
DIRECTIONS = ("up", "down")


class Proxy:
    def __init__(self, host, port):
        self.target = (host, port)
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.ended = threading.Event()
        self.clear()
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def clear(self):
        """No cut, and no bytes yet."""
        self.cut(None, 0, None)

    def cut(self, direction, at, mode):
        with self.lock:
            self.planned = (direction, at, mode)
            self.done = False  # the cut happened
            self.bytes = dict.fromkeys(DIRECTIONS, 0)

    def close(self):
        self.ended.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        """One connection, to its end. One thread owns both sockets, so that closing one resets it at
        once."""
        mode, ends = "reset", [client]
        with contextlib.ExitStack() as stack:
            stack.callback(client.close)
            with contextlib.suppress(OSError):
                server = socket.create_connection(self.target)
                stack.callback(server.close)
                ends.append(server)
                mode = self.pass_on(client, server)
                if mode == "swallowed":
                    self.ended.wait(HOLD)
            if mode == "closed":
                return
            for end in ends:
                with contextlib.suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    def take(self, direction, count):
        """How many of these bytes go through, and how the connection ends then."""
        with self.lock:
            before = self.bytes[direction]
            self.bytes[direction] += count
            planned, at, mode = self.planned
            if planned == direction and not self.done and before + count >= at:
                self.done = True
                return max(0, at - before), mode
        return count, None

    def pass_on(self, client, server):
        """Until a side ends, or the cut comes; how the connection is to end."""
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while not self.ended.is_set():
            for source in select.select([client, server], [], [], 0.5)[0]:
                data = source.recv(65536)
                up = source is client
                through, mode = (
                    self.take("up" if up else "down", len(data)) if data else (0, "closed")
                )
                (server if up else client).sendall(data[:through])
                if mode:
                    return mode
        return "reset"
