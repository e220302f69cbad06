"""Compiled kernels on disk: folders that are missing, damaged, or cannot be written."""

import os
import subprocess
import sys

import pytest
from filelock import FileLock

from spiketwin.network.kernels import compiled

KERNELS = """
import numpy as np
from spiketwin.network.kernels.rows import add, copy
{between}
ones = np.ones(3, np.float32)
add(ones, ones)
copy(ones, ones, 3)
print(ones.sum())
"""
OWN = """
from spiketwin.network.kernels.compiled import compiled

@compiled
def double(x):
    return 2 * x

@compiled
def triple(x):
    return 3 * x

print(double(1.0) + triple(1.0) + 1)
"""


def _run(script, folder, **environment):
    """What the script says about its kernels; it computes 6 whatever happens to them."""
    done = subprocess.run(
        [sys.executable, *script],
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "6.0\n"
    return done.stderr.splitlines()


def _kernels(folder, between=""):
    return _run(["-c", KERNELS.format(between=between)], folder)


@pytest.mark.parametrize("damaged", ["*.nbi", "*.nbc"])
def test_damaged_kernels_are_compiled_again_and_it_is_said_once(tmp_path, damaged):
    assert not _kernels(tmp_path)
    files = list(tmp_path.rglob(damaged))
    assert len(files) >= 2
    for file in files:
        file.write_bytes(b"garbage\n")
    (said,) = _kernels(tmp_path)
    assert "cannot be read" in said and "NUMBA_CACHE_DIR" in said
    assert not _kernels(tmp_path)


def test_a_missing_folder_is_made(tmp_path):
    assert not _kernels(tmp_path / "not" / "there")
    assert list((tmp_path / "not" / "there").rglob("*.nbc"))


@pytest.fixture
def unwritable(tmp_path):
    """A folder that nobody can make, whatever their rights: it lies in a file."""
    (tmp_path / "file").write_text("")
    return tmp_path / "file" / "folder"


def test_a_folder_that_cannot_be_written_is_named_once_with_what_is_used_instead(unwritable):
    (said,) = _kernels(unwritable)
    assert f"NUMBA_CACHE_DIR cannot be written ({unwritable})" in said
    assert "kernels are kept in" in said and "__pycache__" in said


def test_a_folder_that_disappears_is_named_once_for_all_kernels(tmp_path):
    folder = str(tmp_path / "cache")
    between = f"import shutil; shutil.rmtree({folder!r}); open({folder!r}, 'w').close()"
    said = _kernels(folder, between)
    assert len(said) == 2 and all(folder in line for line in said)
    assert "compiled kernels cannot be read" in said[0]
    assert "compiled kernels cannot be written" in said[1]


def test_kernels_run_without_any_folder_to_keep_them_in_and_it_is_said_once(tmp_path, unwritable):
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "__pycache__").write_text("a file where the folder should be")
    script = [str(tmp_path / "own.py")]
    # The folder of all the user's programs is the last one that is tried.
    elsewhere = {"HOME": str(unwritable), "XDG_CACHE_HOME": str(unwritable)}
    said = _run(script, "", **elsewhere)
    assert len(said) == 1 and "there is no folder to keep compiled kernels in" in said[0]


SLOW = """
import time
from numba.core.compiler import Compiler
from spiketwin.network.kernels import compiled

@compiled.compiled
def double(x):
    return 2 * x

compile_pipeline = Compiler.compile_extra

def slowly(self, function):
    print("compiling", flush=True)
    time.sleep(2)
    return compile_pipeline(self, function)

Compiler.compile_extra = slowly
print(double(3.0))
"""


def test_a_kernel_needed_by_two_processes_is_compiled_by_one(tmp_path):
    (tmp_path / "own.py").write_text(SLOW)
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, str(tmp_path / "own.py")]
    both = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = sorted(process.communicate()[0].split() for process in both)
    assert said == [["6.0"], ["compiling", "6.0"]]


def test_a_kernel_locked_for_too_long_is_compiled_here_and_it_is_said(
    monkeypatch, tmp_path, capsys
):
    monkeypatch.setattr("numba.core.config.CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(compiled, "PATIENCE_S", 0.1)

    @compiled.compiled
    def double(x):
        return 2 * x

    with FileLock(double._cache._lock.lock_file):
        assert double(3) == 6
    assert "another process has been compiling" in capsys.readouterr().err
    assert compiled.on_disk(double)
