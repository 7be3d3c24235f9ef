"""Write the self-contained page of a gallery audit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from shelfmind.analysis.image_audit.class_sizes import TINY
from shelfmind.analysis.image_audit.quality import ROBUST_Z
from shelfmind.files import write_text
from shelfmind.gallery.inspection import Inspection
from shelfmind.gallery.mix_ups import MIXED_UP
from shelfmind.pages.gallery_sections import gallery_headlines, gallery_sections
from shelfmind.pages.templates import Picture, page_template
from shelfmind.pages.thumbnails import thumbnail
from shelfmind.pages.words import Text, counted, joined, say


def write_gallery_report(
    path: Path, inspection: Inspection, figures: Mapping[str, Any], read: Callable[[str], bytes]
) -> None:
    """Write the page; `read` returns a photo by SHA-256. Raises `UserError` if the page cannot be written."""
    names = {entry.sha256: entry.photo for entry in inspection.enrolled.entries}

    @cache
    def picture(photo: Path) -> Picture:
        return Picture(thumbnail(read(photo.name)), names[photo.name])

    page = page_template("pages/gallery.html.j2").render(
        title=say("Gallery audit: {}", Path(figures["gallery"]).name),
        lead=_lead(figures),
        headlines=gallery_headlines(inspection),
        sections=gallery_sections(inspection),
        figures=figures,
        limits={"photos": TINY, "mixed_up": MIXED_UP, "deviations": ROBUST_Z},
        picture=picture,
    )
    write_text(path, page)


def _lead(figures: Mapping[str, Any]) -> Text:
    """Return the number of photos and products, and the leave-one-out accuracy."""
    products, photos = counted(figures["products"], "product"), counted(figures["photos"], "photo")
    there = say("{} of {}.", photos, products)
    nearest = figures["nearest_to_own"]
    if nearest["share"] is None:
        return there
    low, high = (f"{100 * bound:.0f}%" for bound in nearest["ci95"])
    share = say("{} ({} to {})", f"{100 * nearest['share']:.1f}%", low, high)
    evaluated = say(
        "Leave-one-out: {1} of {0} are nearest to their own product: {2}.",
        counted(nearest["evaluated"], "photo"),
        f"{nearest['photos']:,}",
        share,
    )
    return joined([there, evaluated])
