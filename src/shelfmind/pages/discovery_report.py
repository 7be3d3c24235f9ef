"""The page of a discovery: each group of photos with the nearest enrolled product."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from shelfmind.errors import UserError
from shelfmind.files import write_text
from shelfmind.gallery.discovery_folder import CHANGED, NEW, TABLE, Discovery, FoundPhoto, Group
from shelfmind.gallery.gallery import Gallery as ProductGallery
from shelfmind.images.decoding import BadImage, open_image
from shelfmind.pages.sections import Card, Gallery, Line, PageSection, Table
from shelfmind.pages.templates import Picture, page_template, path_shortener
from shelfmind.pages.thumbnails import data_uri, thumbnail
from shelfmind.pages.words import Text, say
from shelfmind.progress import Counter

MAX_GROUPS, MAX_PHOTOS, MAX_ROWS = 60, 5, 200
REFERENCES = Path("gallery:")
"""Paths in this pseudo-folder are photos of the gallery, named by checksum."""


def write_discovery_page(path: Path, found: Discovery, gallery: ProductGallery, counter: Counter) -> None:
    """Write the self-contained page. Raises `UserError` if it cannot be written."""
    changed, new = ([each for each in found.groups if each.kind == kind] for kind in (CHANGED, NEW))
    progress = counter("drawing the page", min(len(changed), MAX_GROUPS) + min(len(new), MAX_GROUPS), "groups")
    shown = path_shortener([photo.path for group in found.groups for photo in group.photos])

    @cache
    def picture(image: Path) -> Picture:
        if image.parent == REFERENCES:
            return Picture(_reference(gallery, image.name), image.name[:12])
        return Picture(thumbnail(image), shown(str(image)))

    def cards(groups: list[Group]) -> tuple[Card, ...]:
        made = []
        for group in groups[:MAX_GROUPS]:
            made.append(_card(group))
            for image in made[-1].pictures:
                picture(image)
            progress(1)
        return tuple(made)

    note = say("Photos of the group; the last picture is the most similar enrolled product.")
    sections = [
        PageSection(
            key="new",
            title=say("New products?"),
            intro=say("Photos that are similar to each other but to no enrolled product."),
            galleries=(Gallery("", note, cards(new), len(new)),) if new else (),
            empty=say("None found."),
        ),
        PageSection(
            key="changed",
            title=say("Changed packaging?"),
            intro=say(
                "Nearer to an enrolled product than 19 of 20 products are to any other, but not recognised as it."
            ),
            galleries=(Gallery("", note, cards(changed), len(changed)),) if changed else (),
            empty=say("None found."),
        ),
        _left_out(found),
    ]
    page = page_template("pages/discovery.html.j2").render(
        title=say("New products"), found=found, facts=_facts(found), sections=sections, picture=picture, table=TABLE
    )
    write_text(path, page)


def _card(group: Group) -> Card:
    pictures = [Path(photo.path) for photo in group.photos[:MAX_PHOTOS]]
    lines = [Line("", say("Group {}", f"{group.number}"))]
    if group.nearest is None:
        return Card(tuple(pictures), tuple(lines), (say("{} photos", f"{len(group.photos):,}"), ""))
    pictures.append(REFERENCES / group.nearest.sha256)
    lines.append(Line(say("nearest"), group.nearest.sku))
    similarity = say("similarity {}", f"{group.nearest.similarity:.2f}")
    return Card(tuple(pictures), tuple(lines), (say("{} photos", f"{len(group.photos):,}"), similarity))


def _facts(found: Discovery) -> list[tuple[Text, str]]:
    numbers = {
        say("In groups"): sum(len(group.photos) for group in found.groups),
        say("Enrolled products"): len(found.known),
        say("Ungrouped"): len(found.alone),
        say("Unusable"): len(found.unusable),
    }
    return [(name, f"{number:,}") for name, number in numbers.items()]


def _left_out(found: Discovery) -> PageSection:
    """Return the photos outside all groups, and the unusable files."""
    tables = [
        _table(say("Ungrouped"), found.alone),
        _table(say("Enrolled products"), found.known),
    ]
    if found.unusable:
        columns = ((say("File"), True), (say("Reason"), True))
        tables.append(Table(say("Unusable"), columns, found.unusable[:MAX_ROWS], len(found.unusable)))
    return PageSection(
        key="others",
        title=say("Not in a group"),
        intro=say("Photos of enrolled products, and photos that resemble no other photo."),
        tables=tuple(table for table in tables if table.rows),
        empty=say("None found."),
    )


def _table(title: Text, photos: tuple[FoundPhoto, ...]) -> Table:
    columns = ((say("Image"), True), (say("nearest"), True), (say("Similarity"), False))
    rows = [
        (each.path, each.nearest.sku, f"{each.nearest.similarity:.3f}") if each.nearest else (each.path, "", "")
        for each in photos[:MAX_ROWS]
    ]
    return Table(title, columns, rows, len(photos))


def _reference(gallery: ProductGallery, sha256: str) -> str | None:
    try:
        content = gallery.photo(sha256)
        return data_uri(open_image(content))
    except (UserError, BadImage):
        return None
