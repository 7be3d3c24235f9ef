"""Conversion of links in the repository to pages of the site."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]
OUTSIDE = {"benchmarks/RESULTS.md": "results.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
"""Pages of the site from outside `docs`: path in the repository, and path in the site."""
_LINK = re.compile(r"(?<!!)\[(?P<text>[^\[\]]*)\]\((?P<target>[^()\s]+)\)")
_FENCED = re.compile(r"(^ *```.*?^ *```\n?)", re.DOTALL | re.MULTILINE)
_FETCHED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?(?P<place>(?:https?:)?//[^\"' >]+)|"
    r"<link\b[^>]*\bhref=[\"']?(?P<linked>(?:https?:)?//[^\"' >]+)"
)
_ELSEWHERE = re.compile(r"[a-z]+:|#|/")


def site_links(markdown: str, page: PurePosixPath) -> str:
    """Return the text of a page with its relative links converted; fenced code stays unchanged.

    Raises:
        LookupError: a link target is not in the repository.
    """
    parts = _FENCED.split(markdown)
    return "".join(
        part if index % 2 else _LINK.sub(lambda link: _led(link, page), part) for index, part in enumerate(parts)
    )


def fetched(html: str) -> list[str]:
    """Return the URLs that a browser would load from other hosts to show this page; hyperlinks do not count."""
    return sorted({found["place"] or found["linked"] for found in _FETCHED.finditer(html)})


def _led(link: re.Match[str], page: PurePosixPath) -> str:
    target, _, anchor = link["target"].partition("#")
    if _ELSEWHERE.match(link["target"]):
        return link[0]
    inside = {site: repository for repository, site in OUTSIDE.items()}
    source = inside.get(str(page), f"docs/{page}")
    wanted = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
    if wanted in OUTSIDE:
        place = OUTSIDE[wanted]
    elif wanted.startswith("docs/"):
        place = wanted.removeprefix("docs/")  # MkDocs checks whether it exists
    elif (ROOT / wanted).exists():
        return f"{link['text']} (`{wanted}` in the source tree)" if wanted not in link["text"] else link["text"]
    else:
        raise LookupError(f"{source}: the link to {link['target']} leads to {wanted}, which does not exist")
    return f"[{link['text']}]({posixpath.relpath(place, page.parent)}{'#' + anchor if anchor else ''})"
