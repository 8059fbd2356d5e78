"""Imports run one way: dsp <- sweep <- baselines <- reports, and only sweep/cli knows them all."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ORDER = ("dsp", "sweep", "baselines", "reports")


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for package in ORDER for path in sorted((ROOT / package).rglob("*.py"))}


def imported(path: Path, text: str | None = None) -> Iterator[str]:
    """Every module of ours that a file imports, wherever in the file."""
    module = module_name(path)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8") if text is None else text)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([node.module] if node.module else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.split(".")[0] in ORDER:
                yield name if name in MODULES else name.rpartition(".")[0] or name


def offences(module: str, imports: Iterator[str]) -> list[str]:
    in_cli = module == "sweep.cli" or module.startswith("sweep.cli.")
    found = []
    for name in imports:
        into_cli = name == "sweep.cli" or name.startswith("sweep.cli.")
        if into_cli and not in_cli:
            found.append(f"{module} imports {name}: only sweep.cli may")
        elif not in_cli and ORDER.index(name.split(".")[0]) > ORDER.index(module.split(".", maxsplit=1)[0]):
            found.append(f"{module} imports {name}: against the direction {' <- '.join(ORDER)}")
    return found


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_run_one_way(module: str) -> None:
    assert offences(module, imported(MODULES[module])) == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("dsp.spectra", "import sweep.plan"),
        ("sweep.plan", "def f():\n    from baselines import store"),
        ("sweep.session", "from sweep.cli.main import run"),
        ("sweep.session", "from .cli import main"),
        ("baselines", "import reports"),
    ],
)
def test_the_check_sees_an_offence(module: str, line: str) -> None:
    path = ROOT / Path(*module.split(".")).with_suffix(".py")
    if module in ORDER:
        path = ROOT / module / "__init__.py"
    assert len(offences(module, imported(path, line))) == 1


def test_no_import_cycles() -> None:
    """Modules can be put in an order in which each needs only earlier ones."""
    needs = {module: set(imported(path)) - {module} for module, path in MODULES.items()}
    while needs:
        free = {module for module, wanted in needs.items() if not wanted & needs.keys()}
        assert free, f"import cycle among {sorted(needs)}"
        needs = {module: wanted for module, wanted in needs.items() if module not in free}


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from sweep.cli.parser import build_parser\nimport sweep.cli.main\n"
        "build_parser().format_help()\n"
        "heavy = {'numpy', 'scipy', 'h5py', 'matplotlib', 'rtlsdr', 'sigmf', 'typst', 'inspect', 'shutil'}\n"
        "heavy &= set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_core_needs_no_driver_and_no_page_layout() -> None:
    """What a replay imports works where neither librtlsdr nor a font is installed."""
    for module in ("sweep.sources.registry", "sweep.session"):
        code = (
            f"import sys, {module}\n"
            "sys.exit(', '.join(sorted({'rtlsdr', 'matplotlib', 'typst'} & set(sys.modules))) or 0)\n"
        )
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), module
