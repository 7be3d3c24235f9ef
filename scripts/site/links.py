"""Links as they are written in the repository, led to the pages of the site."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]
OUTSIDE = {"benchmarks/RESULTS.md": "results.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
"""Pages of the site that lie beside `docs`: where in the repository, and where in the site."""
_LINK = re.compile(r"(?<!!)\[(?P<text>[^\[\]]*)\]\((?P<target>[^()\s]+)\)")
_FENCED = re.compile(r"(^ *```.*?^ *```\n?)", re.DOTALL | re.MULTILINE)
_FETCHED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?(?P<place>(?:https?:)?//[^\"' >]+)|"
    r"<link\b[^>]*\bhref=[\"']?(?P<linked>(?:https?:)?//[^\"' >]+)"
)
_ELSEWHERE = re.compile(r"[a-z]+:|#|/")


def site_links(markdown: str, page: PurePosixPath) -> str:
    """The text of a page with its relative links as the site has them; fenced code stays as it is.

    Raises:
        LookupError: a link leads to what is not in the repository.
    """
    parts = _FENCED.split(markdown)
    return "".join(
        part if index % 2 else _LINK.sub(lambda link: _led(link, page), part) for index, part in enumerate(parts)
    )


def fetched(html: str) -> list[str]:
    """What a browser would load from elsewhere to show this page; links that people follow do not count."""
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
        place = wanted.removeprefix("docs/")  # whether it is there, MkDocs sees
    elif (ROOT / wanted).exists():
        return f"{link['text']} (`{wanted}` in the source tree)" if wanted not in link["text"] else link["text"]
    else:
        raise LookupError(f"{source}: the link to {link['target']} leads to {wanted}, which is not there")
    return f"[{link['text']}]({posixpath.relpath(place, page.parent)}{'#' + anchor if anchor else ''})"
