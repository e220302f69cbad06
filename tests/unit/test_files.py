"""What the workflow takes for the code of a rule."""

from pathlib import Path

import pytest

import spiketwin
from spiketwin.files import code_digest

PACKAGE = Path(spiketwin.__file__).parent


@pytest.fixture
def package(tmp_path):
    for name in ("report/page.py", "report/templates/page.j2", "report/page.pyc", "randomness.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "matters"),
    [("report/page.py", True), ("report/templates/page.j2", True), ("randomness.py", True),
     ("report/new.css", True), ("report/page.pyc", False), ("other.py", False)],
)  # fmt: skip
def test_the_hash_changes_with_what_a_room_is_made_of(package, changed, matters):
    before = code_digest(package, ("report", "randomness.py"))
    assert before == code_digest(package, ("report", "randomness.py"))
    (package / changed).write_text("changed")
    assert (code_digest(package, ("report", "randomness.py")) != before) is matters


def test_a_room_that_does_not_exist_is_an_error(package):
    with pytest.raises(FileNotFoundError):
        code_digest(package, ("rapport",))


def test_templates_and_published_numbers_are_code():
    suffixes = {path.suffix for path in PACKAGE.rglob("*.*") if "__pycache__" not in path.parts}
    assert suffixes <= {".py", ".csv", ".j2", ".css"}
