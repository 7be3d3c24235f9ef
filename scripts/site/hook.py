"""The MkDocs hook: generated pages, pages from outside `docs`, links to both, and the language of each page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from commands import command_pages
from file_formats import file_formats_page
from languages import counterpart, language_of
from links import OUTSIDE, ROOT, fetched, site_links
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from modules import module_pages
from networks import networks_page
from recipes import ablation_tables_page, recipe_keys_page, recipes_page

Pages = dict[str, str]
GENERATED: tuple[Callable[[], Pages], ...] = (
    command_pages,
    recipe_keys_page,
    recipes_page,
    ablation_tables_page,
    networks_page,
    file_formats_page,
    module_pages,
)
"""Each returns pages: Markdown by path in the site."""


def on_config(config: Any) -> Any:
    """Fill the navigation entries that mkdocs.yml leaves empty."""
    found = {
        "Python": sorted(module_pages(), key=lambda path: (path.count("/"), path != "reference/python/index.md", path)),
        "Decisions": sorted(f"adr/{path.name}" for path in (ROOT / "docs" / "adr").glob("*.md")),
    }
    for tab in config.nav:
        for entries in tab.values():
            for place, entry in enumerate(entries):
                if isinstance(entry, dict) and (name := next(iter(entry))) in found:
                    entries[place] = {name: found[name]}
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages from outside `docs`."""
    for outside, inside in OUTSIDE.items():
        files.append(File.generated(config, inside, abs_src_path=str(ROOT / outside)))
    for make in GENERATED:
        for path, text in make().items():
            files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Convert links from the repository to the pages of the site."""
    return site_links(markdown, PurePosixPath(page.file.src_uri))


def on_page_context(context: dict[str, Any], page: Any, config: Any, nav: Any) -> dict[str, Any]:
    """Set the language of a page, and link the language switch to its counterpart."""
    config.theme["language"] = language_of(page.file.src_uri)
    for alternate in config.extra["alternate"]:
        alternate["link"] = counterpart(page.file.src_uri, alternate["lang"]).replace(".md", ".html")
    return context


def on_post_build(config: Any) -> None:
    """Check that the site works offline.

    Raises:
        PluginError: a page loads something from another host.
    """
    for page in sorted(Path(config.site_dir).rglob("*.html")):
        found = fetched(page.read_text(encoding="utf-8"))
        if found:
            raise PluginError(f"{page} loads {', '.join(found)}: the site must work offline")
