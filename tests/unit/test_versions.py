"""Which version ran before the newest migration, by what git knows."""

import subprocess
from pathlib import Path

import pytest

from tests.support import versions
from tests.support.versions import NoHistory, before_the_newest_migration


class Repository:
    """One with a migration in its first commit."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit("alembic/versions/0001.py")

    def git(self, *arguments: str) -> str:
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false")
        command = ["git", *who, *arguments]
        return subprocess.run(
            command, cwd=self.folder, check=True, capture_output=True, text=True, timeout=60
        ).stdout.strip()

    def write(self, name: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)

    def commit(self, name: str) -> str:
        self.write(name)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", name)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    repository = Repository(tmp_path / "repository")
    monkeypatch.setattr(versions, "ROOT", repository.folder)
    return repository


def test_it_is_the_commit_before_the_one_that_brought_it(repository: Repository) -> None:
    before = repository.commit("code.py")
    repository.commit("alembic/versions/0002.py")
    repository.commit("more.py")
    assert before_the_newest_migration() == before


def test_what_was_merged_came_with_the_merge(repository: Repository) -> None:
    repository.git("switch", "--quiet", "--create", "branch")
    repository.commit("alembic/versions/0002.py")
    repository.commit("its_code.py")
    repository.git("switch", "--quiet", "main")
    before = repository.commit("code.py")
    repository.git("merge", "--quiet", "--no-ff", "--no-edit", "branch")
    repository.commit("more.py")
    assert before_the_newest_migration() == before


@pytest.mark.parametrize("is_added", [False, True])
def test_while_one_is_being_written_it_is_what_was_committed_last(repository: Repository, is_added: bool) -> None:
    repository.commit("code.py")
    repository.write("alembic/versions/0002.py")
    if is_added:
        repository.git("add", "--all")
    assert before_the_newest_migration() == "HEAD"


def test_a_clone_without_history_says_what_to_do(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit("code.py")
    repository.commit("alembic/versions/0002.py")
    shallow = tmp_path / "shallow"
    repository.git("clone", "--quiet", "--depth=1", f"file://{repository.folder}", str(shallow))
    monkeypatch.setattr(versions, "ROOT", shallow)
    with pytest.raises(NoHistory, match="git fetch --unshallow"):
        before_the_newest_migration()


def test_so_does_what_is_no_clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(NoHistory, match="clone the repository with its history"):
        before_the_newest_migration()
