"""A small Hub for tests: the part of the Hugging Face Hub's API that publishing needs, on 127.0.0.1.

    with Hub() as hub:
        token = hub.account("ada", ("fluxes",))
        api = HfApi(endpoint=hub.url, token=token)

Repositories of models, datasets and Spaces live in memory, public or private, with commits, branches and tags. Every
file is a "regular" one, sent inside its commit; the Hub's separate stores for large files are left out.
"""

from tests.hub.repositories import Account, Commit, Repository
from tests.hub.server import Hub, Request

__all__ = ["Account", "Commit", "Hub", "Repository", "Request"]
