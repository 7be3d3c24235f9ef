"""MkDocs' hook: pages made from the code, pages from beside `docs`, links to both, and the language of each page."""

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
"""Each makes pages: their Markdown by where they lie in the site."""


def on_config(config: Any) -> Any:
    """Put what is found by looking into the places that mkdocs.yml leaves empty."""
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
    """Add what does not lie in `docs`."""
    for outside, inside in OUTSIDE.items():
        files.append(File.generated(config, inside, abs_src_path=str(ROOT / outside)))
    for make in GENERATED:
        for path, text in make().items():
            files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Lead links as they are in the repository to the pages of the site."""
    return site_links(markdown, PurePosixPath(page.file.src_uri))


def on_page_context(context: dict[str, Any], page: Any, config: Any, nav: Any) -> dict[str, Any]:
    """Give a page its language, and the switch the page that says the same in the other one."""
    config.theme["language"] = language_of(page.file.src_uri)
    for alternate in config.extra["alternate"]:
        alternate["link"] = counterpart(page.file.src_uri, alternate["lang"]).replace(".md", ".html")
    return context


def on_post_build(config: Any) -> None:
    """See that the site works without internet."""
    for page in sorted(Path(config.site_dir).rglob("*.html")):
        found = fetched(page.read_text(encoding="utf-8"))
        if found:
            raise PluginError(f"{page} loads {', '.join(found)}: the site must work without internet")
