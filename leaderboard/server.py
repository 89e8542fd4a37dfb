"""A leaderboard that runs: the page and the worker in one process, until it is interrupted."""

from __future__ import annotations

import logging
import os
import signal
import threading
from pathlib import Path

from agroflux_data import console
from agroflux_data.errors import AgrofluxError
from leaderboard import locations
from leaderboard.intake import QUOTA, Intake
from leaderboard.store import open_store
from leaderboard.tokens import Tokens
from leaderboard.worker import Worker

__all__ = ["serve"]


def serve(
    data: str | Path,
    targets: str | Path | None,
    store: str | Path,
    *,
    host: str = "127.0.0.1",
    port: int = 7860,
    quota: int = QUOTA,
) -> None:
    """Serve the page, and score what comes in, until interrupted.

    Parameters
    ----------
    data : str or Path
        A sealed release, here or on the Hub (`leaderboard.locations`).
    targets : str, Path or None
        Its hidden targets; by default those beside it.
    store : str or Path
        A folder, or a repository on the Hub (`leaderboard.store.open_store`).
    host, port
        Where to listen.
    quota : int
        Submissions that an owner has a day for each task.

    Raises
    ------
    AgrofluxError
        The release, its targets or the store are not there, or the port is taken.
    """
    release = locations.release(data)
    hidden = locations.hidden_targets(release, data, targets)
    records = open_store(store)
    intake = Intake(records, release, quota)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # Uploads wait in the store, closed to others on this machine. Gradio reads both settings when it is imported.
    os.environ["GRADIO_TEMP_DIR"], os.environ["GRADIO_ANALYTICS_ENABLED"] = str(records.uploads()), "False"
    from leaderboard.app import App
    from leaderboard.identity import HostTokens, HuggingFace, on_space

    identity = HuggingFace() if on_space() else HostTokens(Tokens(store))
    worker = Worker(records, release, hidden)
    page = App(release, records, intake, identity, worker.wake)
    # A server is stopped politely by SIGTERM as by Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    worker.start()
    threading.Thread(target=intake.prepare, name="prepare", daemon=True).start()
    try:
        url = page.launch(host, port)
        console.output.print(f"The leaderboard is at {url} (stop it with Ctrl-C)")
        page.blocks.block_thread()
    except OSError as error:
        raise AgrofluxError("cannot listen there", expected="a free port", came=f"{host}:{port}") from error
    finally:
        worker.stop()
        records.close()
