"""The house: who may import whom, and how big rooms may grow."""

import ast
import statistics
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "spiketwin"
ORDER = [
    "recording", "trials", "network", "losses", "learning", "simulate", "analysis", "figures",
    "report",
]  # fmt: skip
FOUNDATION = {"config", "errors", "randomness", "files", "__init__"}
LIBRARIES = {
    "pynwb": {"recording"},
    "hdmf": {"recording"},
    "hdmf_zarr": {"recording"},
    "h5py": {"recording"},
    "matplotlib": {"figures"},
    "torch": {"network", "losses", "learning", "simulate", "cli"},
    "ot": {"losses"},
}
FILES = sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    """Room of a file."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> list[str]:
    """Full names of everything a file imports."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append(node.module)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_left(path):
    mine = room(path)
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "spiketwin" or len(parts) == 1 or mine == "cli":
            continue
        other = parts[1]
        assert other != "cli", f"{mine} imports the command line"
        if mine in FOUNDATION:
            assert other in FOUNDATION, f"{mine} imports {other}"
        elif other not in FOUNDATION:
            assert ORDER.index(other) <= ORDER.index(mine), f"{mine} imports {other}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_libraries_stay_in_their_rooms(path):
    for name in imports(path):
        library = name.split(".")[0]
        if library in LIBRARIES:
            assert room(path) in LIBRARIES[library], f"{path} imports {library}"


def functions() -> list[tuple[int, str]]:
    """Body lines and place of every function."""
    found = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body
                if ast.get_docstring(node) is not None and len(body) > 1:
                    body = body[1:]
                lines = (node.end_lineno or 0) - body[0].lineno + 1
                found.append((lines, f"{path.name}:{node.lineno} {node.name}"))
    return found


def test_functions_are_small():
    sizes = sorted(functions())
    lengths = [lines for lines, _ in sizes]
    assert statistics.median(lengths) <= 8
    assert lengths[int(0.9 * (len(lengths) - 1))] <= 30
    assert lengths[-1] <= 60, sizes[-1]


def test_files_are_small():
    long = {
        p.name: n for p in FILES if (n := len(p.read_text(encoding="utf-8").splitlines())) > 300
    }
    assert not long


def test_nothing_is_unpickled_and_yaml_is_loaded_safely():
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert "allow_pickle=True" not in text and "import pickle" not in text, path
        assert "torch.load(" not in text, path
        assert "yaml.load(" not in text, path
