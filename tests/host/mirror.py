# SPDX-License-Identifier: LGPL-2.1-or-later
"""Packages for a host that has no network but its loopback: what it asks for there comes from the machine's apt."""

import http.server
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).parent


def machine(function):
    """What a function of lib.sh prints."""
    script = f". {HERE}/lib.sh; {function}"
    return subprocess.run(["bash", "-c", script], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def listen_in(pid):
    """A socket that listens on the loopback of another network namespace."""
    made = []

    def run():
        with open(f"/proc/{pid}/ns/net", "rb") as namespace:
            os_setns(namespace.fileno())
        made.append(socket.create_server(("127.0.0.1", 0)))
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return made[0]


def os_setns(fd):
    import ctypes
    if ctypes.CDLL(None, use_errno=True).setns(fd, 0x40000000) < 0:
        raise OSError(ctypes.get_errno(), "setns")


class Mirror:
    """The machine's mirror, as URL inside of HOST."""

    def __init__(self, host):
        upstream = machine("mirror").rstrip("/")
        self.requests = requests = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                requests.append(self.path)
                try:
                    with urllib.request.urlopen(upstream + self.path, timeout=60) as answer:
                        self.send_response(200)
                        self.send_header("Content-Length", answer.headers["Content-Length"])
                        self.end_headers()
                        shutil.copyfileobj(answer, self.wfile)
                except urllib.error.HTTPError as error:
                    self.send_response(error.code)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                except OSError:
                    self.close_connection = True

            def log_message(self, *_):
                pass

        # Where there is no address but the loopback's, apt of Debian 13 takes 127.0.0.1 for none of its kind.
        host.run("root", "ip", "addr", "add", "198.18.0.1/32", "dev", "lo", check=True)
        self.host = host
        listener = listen_in(host.init)
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
        self.server.daemon_threads = True
        self.server.socket.close()
        self.server.socket = listener
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.host.run("root", "ip", "addr", "del", "198.18.0.1/32", "dev", "lo", check=True)
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def apt_options():
    """Of the machine's apt: a mirror of another day needs them."""
    command = ["apt-config", "dump", "--format", '%F "%v";%n', "Acquire"]
    lines = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    return "\n".join(line for line in lines if line.startswith("Acquire::Check-")) + "\n"


def suite():
    return os.environ.get("BOTHY_HOST_SUITE") or machine("machine_suite")
