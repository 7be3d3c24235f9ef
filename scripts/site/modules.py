"""The Python reference: the public functions, then the modules of the package, from their docstrings."""

from __future__ import annotations

import ast
from pathlib import Path

from functions import functions, other_names
from links import ROOT
from tables import table

PACKAGE = ROOT / "src" / "shelfmind"
FOLDER = "reference/python"
HIDDEN = frozenset({"cli", "display", "api"})
"""Modules that are not meant to be called from Python."""
_LESS_LIKELY = "---\nsearch: {boost: 0.2}\n---\n"
"""Search results from module pages rank below all others."""


def module_pages() -> dict[str, str]:
    """Return the pages by path."""
    entries = [path for path in sorted(PACKAGE.iterdir()) if _is_public(path)]
    rows = [(f"[`shelfmind.{entry.stem}`]({entry.stem}.md)", _summary(entry)) for entry in entries]
    index = (
        "# Python\n\nLook up the public Python API. `import shelfmind` provides every command as a function with the "
        "same arguments; each function also accepts a request object. Heavy dependencies are imported only when a "
        "function needs them. Names that are not on this page may change in any version."
        "\n\n## Commands { #verbs }\n\n"
        f"{functions()}\n## Other classes and functions {{ #other }}\n\n"
        + table(
            ("name", "description"), [(f"[`shelfmind.{name}`]({link})", said) for name, link, said in other_names()]
        )
        + "\n## Modules of the package { #modules }\n\n[Architecture](../../architecture.md) shows their layers.\n\n"
    )
    pages = {f"{FOLDER}/index.md": index + table(("module", "description"), rows)}
    return pages | {f"{FOLDER}/{entry.stem}.md": _page(entry) for entry in entries}


def _page(entry: Path) -> str:
    inner = sorted(path for path in entry.rglob("*.py") if _says_something(path)) if entry.is_dir() else []
    parts = [_LESS_LIKELY, f"# shelfmind.{entry.stem}\n"]
    parts += [f"::: {_dotted(module)}\n" for module in [entry, *inner]]
    return "\n".join(parts)


def _dotted(module: Path) -> str:
    return ".".join(module.relative_to(PACKAGE.parent).with_suffix("").parts)


def _is_public(path: Path) -> bool:
    if path.stem in HIDDEN or path.stem.startswith("_"):
        return False
    return path.suffix == ".py" or (path / "__init__.py").is_file()


def _says_something(path: Path) -> bool:
    return path.stem != "__init__" and "__pycache__" not in path.parts


def _summary(entry: Path) -> str:
    source = entry / "__init__.py" if entry.is_dir() else entry
    said = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or ""
    return said.split("\n\n")[0]
