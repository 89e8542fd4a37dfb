"""Publishing against a small Hub: what is sent, what is refused, what resumes, and what `load_dataset` then reads."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import HfApi, constants

from agroflux_data.build import build
from agroflux_data.check import check, known_files
from agroflux_data.errors import AgrofluxError
from agroflux_data.hub import Home, pull, push
from agroflux_data.plan import Plan
from agroflux_data.release import SECRET, Release, Targets, targets_folder
from agroflux_data.splits import Edition
from agroflux_data.versions import Version
from tests.agroflux_data.test_build import content
from tests.conftest import TOY_SECRET
from tests.toy import ToySource


def toy_towers(out: Path, secret: bytes = TOY_SECRET, version: str = "1.0.0", sites: int = 11) -> Release:
    """A sealed release of two tasks, its targets beside it."""
    source = ToySource("towers", sites, secret=secret)
    return build(Plan(Edition.SEALED, None, 0, secret, (source,), Version.from_text(version)), out, workers=1)


@pytest.fixture(scope="module")
def towers(tmp_path_factory) -> Path:
    return toy_towers(tmp_path_factory.mktemp("towers") / "agroflux").path


@pytest.fixture
def api(hub) -> HfApi:
    return HfApi(token=hub.account("ada", ("fluxes",)))


@pytest.fixture
def home(api) -> Home:
    return Home("fluxes/agroflux", api)


@pytest.fixture
def vault(api) -> Home:
    return Home("fluxes/agroflux-targets", api)


def both(folder: Path, home: Home, vault: Home, **options) -> None:
    release = Release(folder)
    push(release, home, targets=(Targets.of(release), vault), **options)


def test_a_pulled_release_is_the_one_that_was_pushed(towers, tmp_path, hub, home, vault):
    both(towers, home, vault)
    back = pull(home, tmp_path / "agroflux", vault=vault)
    published, pushed = content(back.path), content(towers)
    card = (back.path / "README.md").read_text()
    assert 'load_dataset("fluxes/agroflux", "towers_temporal")' in card
    del published["README.md"], pushed["README.md"]
    assert published == pushed
    assert content(targets_folder(back.path)) == content(targets_folder(towers))
    assert (targets_folder(back.path) / SECRET).stat().st_mode & 0o077 == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["agroflux", "agroflux-targets"]


def test_targets_are_private_and_nothing_of_them_is_in_the_public_repository(towers, hub, home, vault):
    both(towers, home, vault)
    public, private = hub.repository(home.id), hub.repository(vault.id)
    assert not public.private
    assert private.private
    assert private.files[SECRET].strip() == TOY_SECRET
    hidden = {bytes for path, bytes in private.files.items() if path not in (".gitattributes",)}
    assert not hidden & set(public.files.values())
    assert public.tags["v1.0.0"].files == public.files
    assert private.tags["v1.0.0"].files == private.files
    assert not HfApi(token=False).repo_exists(vault.id, repo_type="dataset")


def test_private_makes_both_private(towers, hub, home, vault):
    both(towers, home, vault, private=True)
    assert hub.repository(home.id).private


def test_a_public_target_repository_is_refused_before_anything_is_sent(towers, hub, home, vault, api):
    api.create_repo(vault.id, repo_type="dataset", private=False)
    with pytest.raises(AgrofluxError, match="a public repository: expected a private one"):
        both(towers, home, vault)
    assert not hub.sent("POST", "/commit/")


def test_targets_that_become_public_on_the_way_stop_the_push(towers, hub, home, vault):
    def published_by_someone(request):
        if "/commit/" in request.path:
            hub.repository(vault.id).private = False

    hub.fault = published_by_someone
    with pytest.raises(AgrofluxError, match="a public repository: expected a private one; stopped"):
        both(towers, home, vault)
    assert SECRET not in hub.repository(vault.id).files
    assert len(hub.sent("POST", f"{vault.id}/commit/")) == 1


def test_one_repository_for_both_is_refused(towers, home, api):
    with pytest.raises(AgrofluxError, match="one repository for both"):
        both(towers, home, Home("Fluxes/AgroFlux", api))


def test_a_release_does_not_replace_targets_nor_targets_a_release(towers, hub, home, vault):
    both(towers, home, vault)
    with pytest.raises(AgrofluxError, match="repository of something else: expected a public release"):
        push(Release(towers), vault)
    hub.repository(home.id).private = True
    with pytest.raises(AgrofluxError, match="repository of something else: expected hidden targets"):
        both(towers, Home("fluxes/third", home.api), home)
    assert SECRET in hub.repository(vault.id).files


def test_what_check_refuses_is_not_sent(towers, tmp_path, hub, home):
    copy = tmp_path / "agroflux"
    shutil.copytree(towers, copy)
    shutil.copy(targets_folder(towers) / SECRET, copy / SECRET)
    with pytest.raises(AgrofluxError, match=r"not fit to be published.*secret: a file that the release does not know"):
        push(Release(copy), home)
    # A hidden value under the name of a shard that the release does know.
    (copy / SECRET).unlink()
    shard = Release(copy).splits("towers_temporal")["test"].shards[0].file
    shutil.copy(targets_folder(towers) / shard, copy / shard)
    with pytest.raises(AgrofluxError, match="not fit to be published"):
        push(Release(copy), home)
    assert not hub.requests


def test_damaged_targets_are_not_sent(towers, tmp_path, hub, home, vault):
    shutil.copytree(towers, tmp_path / "agroflux")
    shutil.copytree(targets_folder(towers), tmp_path / "agroflux-targets")
    shard = next((tmp_path / "agroflux-targets").rglob("*.parquet"))
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(AgrofluxError, match=f"agroflux-targets/.*{shard.name}: expected"):
        both(tmp_path / "agroflux", home, vault)
    assert not hub.requests


def test_an_open_release_has_no_targets_to_push(toy_open_release, towers, home, vault):
    targets = Targets(targets_folder(towers))
    with pytest.raises(AgrofluxError, match="an open release hides nothing"):
        push(Release(toy_open_release), home, targets=(targets, vault))


@pytest.mark.parametrize("without_xet", [False, True])
def test_a_push_that_broke_off_goes_on(towers, hub, home, monkeypatch, without_xet):
    """By both ways in which the library uploads a folder."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", without_xet)
    release = Release(towers)
    commits = []

    def break_off_at_the_second(request):
        if "/commit/" in request.path:
            commits.append(request)
        return 413 if len(commits) > 1 else None

    hub.fault = break_off_at_the_second
    with pytest.raises(AgrofluxError, match="refused by the Hub: expected success; run it again to go on, got '413"):
        push(release, home)
    first = {path for path in hub.repository(home.id).files if path.endswith(".parquet")}
    assert first == {shard.file for shard in release.shards if shard.file.startswith("towers_temporal")}
    assert not hub.repository(home.id).tags

    hub.fault = None
    hub.requests.clear()
    push(release, home)
    assert set(hub.repository(home.id).files) > {shard.file for shard in release.shards} > first
    sent = sum(request.size for request in hub.sent("POST", "/commit/"))
    rest = sum(shard.bytes for shard in release.shards if shard.file not in first)
    shards = {shard.file for shard in release.shards}
    papers = sum((towers / name).stat().st_size for name in known_files(release) - shards)
    # A commit carries files in base64, four bytes for three.
    assert sent < 1.4 * (rest + papers) < papers + sum(shard.bytes for shard in release.shards)


def test_pushing_again_sends_nothing(towers, hub, home, vault):
    both(towers, home, vault)
    before = hub.repository(home.id).head, hub.repository(vault.id).head
    both(towers, home, vault)
    assert (hub.repository(home.id).head, hub.repository(vault.id).head) == before


def test_a_published_version_keeps_its_rows(towers, tmp_path, hub, home):
    push(Release(towers), home)
    same = toy_towers(tmp_path / "same", b"quite another secret")
    with pytest.raises(AgrofluxError, match=r"version 1.0.0 is published already, with other rows"):
        push(same, home)

    next_one = toy_towers(tmp_path / "next", b"quite another secret", "2.0.0", sites=4)
    push(next_one, home)
    newest = pull(home, tmp_path / "newest")
    assert (newest.revision, str(newest.version)) == (next_one.revision, "2.0.0")
    first = pull(home, tmp_path / "first", revision="v1.0.0")
    assert first.revision == Release(towers).revision
    gone = {shard.file for shard in first.shards} - {shard.file for shard in next_one.shards}
    assert gone
    assert not gone & set(hub.repository(home.id).files)


def test_targets_are_pulled_at_the_version_of_their_release(towers, tmp_path, home, vault):
    both(towers, home, vault)
    toy_towers(tmp_path / "next", b"quite another secret", "2.0.0")
    both(tmp_path / "next", home, vault)
    first = pull(home, tmp_path / "first", revision="v1.0.0", vault=vault)
    assert Targets.of(first).revision == Release(towers).revision


def test_a_pull_that_broke_off_goes_on(towers, tmp_path, hub, home):
    push(Release(towers), home)
    last = Release(towers).shards[-1].file
    hub.fault = lambda request: 403 if request.path.endswith(last) else None
    with pytest.raises(AgrofluxError, match="refused by the Hub"):
        pull(home, tmp_path / "agroflux")
    assert not (tmp_path / "agroflux").exists()

    there = {path.name for path in tmp_path.rglob("*.parquet")}
    assert there
    hub.fault = None
    hub.requests.clear()
    pull(home, tmp_path / "agroflux")
    assert [path.name for path in tmp_path.iterdir()] == ["agroflux"]
    fetched = {Path(request.path).name for request in hub.sent("GET", "/resolve/")}
    assert Path(last).name in fetched
    assert not fetched & there


def test_a_file_that_is_not_what_was_built_is_not_pulled(towers, tmp_path, hub, home):
    push(Release(towers), home)
    repository = hub.repository(home.id)
    shard = Release(towers).shards[0]
    repository.commit("main", "a careless hand", {shard.file: repository.files[shard.file][:-1] + b"?"})
    with pytest.raises(AgrofluxError, match=rf"not what was built.*{shard.file}: content differs"):
        pull(home, tmp_path / "agroflux")
    assert not (tmp_path / "agroflux").exists()
    repository.commit("main", "put right", {shard.file: (towers / shard.file).read_bytes()})
    pull(home, tmp_path / "agroflux")


def test_pull_leaves_what_stands_there(towers, tmp_path, hub, home):
    (tmp_path / "thesis").mkdir()
    with pytest.raises(AgrofluxError, match="something stands there already"):
        pull(home, tmp_path / "thesis")
    assert not hub.requests


def test_a_repository_without_a_release_is_named(tmp_path, home, api):
    api.create_repo(home.id, repo_type="dataset")
    with pytest.raises(AgrofluxError, match=r"not a release: expected a repository with provenance\.json"):
        pull(home, tmp_path / "agroflux")


@pytest.mark.parametrize("id", ["agroflux", "a/b/c", "a b/c", "fluxes/agro--flux", ""])
def test_a_bad_repository_id_is_named(api, id):
    with pytest.raises(AgrofluxError, match="not a repository: expected ORG/NAME"):
        Home(id, api)


def test_what_the_hub_refuses_is_one_clear_error(towers, tmp_path, hub, api, monkeypatch):
    release = Release(towers)
    with pytest.raises(AgrofluxError, match=r"no such repository on the Hub: .*got 'fluxes/none'"):
        pull(Home("fluxes/none", api), tmp_path / "out")
    push(release, Home("fluxes/agroflux", api), private=True)
    with pytest.raises(AgrofluxError, match="no such revision"):
        pull(Home("fluxes/agroflux", api), tmp_path / "out", revision="v9.9.9")

    stranger = HfApi(token=hub.account("eve"))
    with pytest.raises(AgrofluxError, match="no such repository on the Hub"):
        pull(Home("fluxes/agroflux", stranger), tmp_path / "out")
    with pytest.raises(AgrofluxError, match=r"refused by the Hub: expected a token that may write there, got .403"):
        push(release, Home("fluxes/other", stranger))
    reader = HfApi(token=hub.account("ro", ("fluxes",), writes=False))
    with pytest.raises(AgrofluxError, match="expected a token that may write there"):
        push(release, Home("fluxes/agroflux", reader))
    with pytest.raises(AgrofluxError, match="expected a valid token"):
        push(release, Home("fluxes/other", HfApi(token="hf_mistyped")))
    with pytest.raises(AgrofluxError, match="no token: expected hf auth login, or HF_TOKEN"):
        push(release, Home("fluxes/other", HfApi()))
    with pytest.raises(AgrofluxError, match="the Hub did not answer"):
        pull(Home("fluxes/agroflux", HfApi(endpoint="http://127.0.0.1:9", token="hf_x")), tmp_path / "out")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(AgrofluxError, match="the Hub is out of reach: expected HF_HUB_OFFLINE unset"):
        pull(Home("fluxes/agroflux", api), tmp_path / "out")


_LOAD = """
import json, sys
from datasets import load_dataset
name, task = sys.argv[1:]
loaded = load_dataset(name, task)
streams = load_dataset(name, task, streaming=True)
some = load_dataset(name, task, split="test", columns=["sequence", "NEE"], revision="v1.0.0", streaming=True)
print(json.dumps({
    "rows": {split: rows["sequence"][:] for split, rows in loaded.items()},
    "streamed": {split: [row["sequence"] for row in rows] for split, rows in streams.items()},
    "columns": list(next(iter(some))), "shape": len(loaded["train"][0]["TMAX"]),
}))
"""


def test_the_commands_publish_what_load_dataset_reads(towers, tmp_path, hub):
    token = hub.account("ada", ("fluxes",))
    environment = os.environ | hub.environment(tmp_path / "cache") | {"HF_TOKEN": token}
    tool = Path(sys.executable).with_name("agroflux-data")

    def run(*command: str) -> str:
        ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    said = run(
        tool, "push", str(towers), "fluxes/agroflux", "--targets", str(targets_folder(towers)), "fluxes/hidden"
    )  # fmt: skip
    assert f"{hub.url}/datasets/fluxes/agroflux, tag v1.0.0" in said
    assert hub.repository("fluxes/hidden").private

    environment.pop("HF_TOKEN")  # what follows is for everyone
    hub.requests.clear()
    read = json.loads(run(sys.executable, "-c", _LOAD, "fluxes/agroflux", "towers_temporal").splitlines()[-1])
    release = Release(towers)
    for split in release.splits("towers_temporal"):
        assert read["rows"][split] == read["streamed"][split] == release.keys("towers_temporal", split).tolist()
    assert read["columns"] == ["sequence", "NEE"]
    assert read["shape"] == 365

    assert "version 1.0.0" in run(tool, "pull", "fluxes/agroflux", "mine")
    assert list(check(Release(tmp_path / "mine"))) == []
