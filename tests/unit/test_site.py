"""The documentation site's own pages and links, without MkDocs; `make docs` builds it and checks all links."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from shelfmind.cli.commands import full_command
from shelfmind.recipe import Recipe
from shelfmind.verbs import VERBS

ROOT = Path(__file__).parents[2]
SITE = ROOT / "scripts" / "site"
DOCS = ROOT / "docs"
FENCED = re.compile(r"^ *```.*?^ *```\n", re.MULTILINE | re.DOTALL)
LIST_WITHIN = re.compile(r"\n(-|\d+\.) ")
STARTS_LIST = re.compile(r"\s*(#.*\n)*\s*(-|\d+\.) ")
OUTSIDE = ("benchmarks/RESULTS.md", "CHANGELOG.md", "CONTRIBUTING.md")
PAGES = sorted(str(path.relative_to(ROOT)) for path in [*DOCS.rglob("*.md"), *(ROOT / name for name in OUTSIDE)])
TERM = re.compile(r"^\| (?P<first>[^|]+) \| (?P<second>[^|]+) \|", re.MULTILINE)


@pytest.fixture(scope="module", autouse=True)
def beside() -> Any:
    """The site's modules import each other by their plain names, as MkDocs has it."""
    sys.path.insert(0, str(SITE))
    yield
    sys.path.remove(str(SITE))


@pytest.fixture(scope="module")
def commands() -> str:
    from commands import command_pages

    return "\n".join(command_pages().values())


@pytest.mark.parametrize("name", list(VERBS))
def test_every_verb_with_every_option_is_in_the_reference(name: str, commands: str) -> None:
    from commands import anchor

    _, _, rest = commands.partition(f"{{ #{anchor(name)} }}")
    section = rest.partition("\n## ")[0]
    for option in full_command(name).params:
        if option.param_type_name == "option" and option.name != "help":
            assert all(f"`{flag}`" in section for flag in option.opts), option.opts
            assert option.help, option.name


def test_every_recipe_key_is_in_the_reference() -> None:
    from recipes import recipe_keys_page

    (page,) = recipe_keys_page().values()
    for name, field in Recipe.model_fields.items():
        assert f"## `{name}`" in page
        keys = getattr(field.annotation, "model_fields", {})
        missing = [key for key in keys if f"| `{name}.{key}` |" not in page]
        assert missing == []
    row = next(line for line in page.splitlines() if "`train.batch_size`" in line)
    assert "whole number, ≥ 2" in row
    assert "`128`" in row
    assert "`balanced_softmax`" in next(line for line in page.splitlines() if "`loss.name`" in line)


def test_all_pages_are_made_without_mindspore() -> None:
    """And without what training alone needs: the site can be built where neither is installed."""
    made = (
        "import sys; sys.modules['mindspore'] = None; sys.path.insert(0, sys.argv[1]); "
        "from commands import command_pages; from recipes import *; from networks import networks_page; "
        "from file_formats import file_formats_page; from modules import module_pages; "
        "[make() for make in (command_pages, recipe_keys_page, recipes_page, ablation_tables_page, networks_page, "
        "file_formats_page, module_pages)]"
    )
    subprocess.run([sys.executable, "-c", made, str(SITE)], check=True, timeout=120)


@pytest.mark.parametrize(
    ("page", "link", "led"),
    [
        ("training.md", "[x](../benchmarks/RESULTS.md#engines)", "[x](results.md#engines)"),
        ("adr/0005.md", "[x](../../benchmarks/RESULTS.md)", "[x](../results.md)"),
        ("results.md", "[ADR\n2](../docs/adr/0002.md)", "[ADR\n2](adr/0002.md)"),
        ("contributing.md", "[x](docs/architecture.md)", "[x](architecture.md)"),
        ("deploy.md", "[`deploy`](../deploy)", "`deploy`"),
        ("index.md", "[x](https://www.mindspore.cn) and [y](#here)", "[x](https://www.mindspore.cn) and [y](#here)"),
        ("index.md", "```\n[x](../gone.md)\n```\n", "```\n[x](../gone.md)\n```\n"),
    ],
)
def test_links_of_the_repository_lead_to_pages(page: str, link: str, led: str) -> None:
    from links import site_links

    assert site_links(link, PurePosixPath(page)) == led


def test_a_link_to_nothing_is_found() -> None:
    from links import site_links

    with pytest.raises(LookupError, match=r"docs/index\.md: the link to \.\./gone\.md"):
        site_links("[x](../gone.md)", PurePosixPath("index.md"))


def test_what_would_be_fetched_is_found() -> None:
    from links import fetched

    page = '<link href="https://fonts.example/css"><script src="//cdn.example/a.js"></script><a href="https://kept.example">'
    assert fetched(page) == ["//cdn.example/a.js", "https://fonts.example/css"]


@pytest.mark.parametrize(
    ("page", "language", "led"),
    [
        ("quick-start.md", "zh", "zh/quick-start.md"),
        ("zh/quick-start.md", "en", "quick-start.md"),
        ("zh/glossary.md", "zh", "zh/glossary.md"),
        ("training.md", "zh", "zh/training.md"),
        ("tutorials/contest.md", "zh", "zh/tutorials/contest.md"),
        ("deploy.md", "zh", "zh/index.md"),
    ],
)
def test_the_language_switch_leads_to_the_same_page(page: str, language: str, led: str) -> None:
    from languages import counterpart

    assert counterpart(page, language) == led


@pytest.mark.parametrize("page", PAGES)
def test_lists_begin_after_a_blank_line(page: str) -> None:
    """GitHub shows the others as lists, too; the site would join them with the paragraph above."""
    text = FENCED.sub("", (ROOT / page).read_text(encoding="utf-8"))
    joined = [block for block in text.split("\n\n") if LIST_WITHIN.search(block) and not STARTS_LIST.match(block)]
    assert joined == []


def test_both_glossaries_have_the_same_terms() -> None:
    def terms(file: str) -> list[tuple[str, str]]:
        rows = TERM.findall((DOCS / file).read_text(encoding="utf-8"))
        return [(first, second) for first, second in rows if first != "---"][1:]

    assert dict(terms("zh/glossary.md")) == {
        chinese: english for english, chinese in dict(terms("glossary.md")[::-1]).items()
    }


def test_every_variable_is_in_the_reference() -> None:
    # set by the package, for its own processes
    ours = {"SHELFMIND_SCRATCH_HERE", "SHELFMIND_SET_ISA_LIMIT", "SHELFMIND_STARTED_BY", "SHELFMIND_WORKERS_HERE"}
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py")]
    read = {name for source in sources for name in re.findall(r"\bSHELFMIND_[A-Z_]+", source)} - ours
    listed = (DOCS / "reference" / "index.md").read_text(encoding="utf-8")
    assert {name for name in read if f"`{name}`" not in listed} == set()


def test_nothing_is_fetched_by_its_settings() -> None:
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    plain = yaml.safe_load(re.sub(r"!!python\S+ ", "", settings))
    assert plain["theme"]["font"] is False
    assert plain["use_directory_urls"] is False
    assert [place for place in plain["extra"]["polyfills"] if "//" in place] == []
