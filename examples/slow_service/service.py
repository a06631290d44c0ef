"""A feature service on this machine that answers each request after a while, as one far away does."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

FEATURES = 64


class Answer(BaseHTTPRequestHandler):
    """Answers `GET /INDEX` with the features of a sample, float32 (FEATURES,)."""

    latency_s = 0.0

    def do_GET(self) -> None:
        """Wait for the latency, and send the features."""
        time.sleep(self.latency_s)
        random = np.random.default_rng(int(self.path[1:]))
        body = random.standard_normal(FEATURES, dtype=np.float32).tobytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print nothing."""


class Service(ThreadingHTTPServer):
    """The service. A thread answers each request, and ends with the process."""

    daemon_threads = True
    # Every worker may ask at once.
    request_queue_size = 128


def start_service(latency_ms: float) -> str:
    """Start the service on a free port of the loopback address, and return its URL.

    Args:
        latency_ms: milliseconds until it answers.
    """
    handler = type("Answer", (Answer,), {"latency_s": latency_ms * 1e-3})
    service = Service(("127.0.0.1", 0), handler)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{service.server_port}"
