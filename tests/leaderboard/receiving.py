"""A leaderboard without its page, to be killed: ``python -m tests.leaderboard.receiving DATA STORE PORT QUOTA``.

Intake, worker and scoring children are those of ``agroflux-leaderboard serve``; a POST to ``/OWNER`` takes the place of
the page. It says "ready" once it listens.
"""

from __future__ import annotations

import json
import sys
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release, Targets
from leaderboard.intake import Intake
from leaderboard.locations import Address, is_remote
from leaderboard.store import Busy, HubStore, Store, open_store
from leaderboard.store.budget import Budget
from leaderboard.store.hub import Pace
from leaderboard.worker import Worker


def main(data: str, place: str, port: str, quota: str) -> None:
    """Serve until killed."""
    store: Store = (
        # As quick as the Hub of the tests allows, so that many commits are interrupted.
        HubStore(Address.from_text(place).id, pace=Pace(gather=0.1, results=0.5), budget=Budget(burst=10_000))
        if is_remote(place)
        else open_store(place)
    )
    release = Release(data)
    intake = Intake(store, release, int(quota))
    worker = Worker(store, release, Targets.of(release), lease_seconds=3)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            with tempfile.NamedTemporaryFile() as file:
                file.write(body)
                file.flush()
                try:
                    status, answer = 200, intake.receive(Path(file.name), self.path.strip("/")).to_json()
                    worker.wake()
                except Busy:
                    status, answer = 503, {}
                except AgrofluxError as error:
                    status, answer = 400, {"error": str(error)}
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
    worker.start()
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
