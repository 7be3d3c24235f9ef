"""The reference of files: the run folder, and the columns of every table that a command writes."""

from __future__ import annotations

import re
from importlib import import_module

from links import ROOT
from tables import code, table

TABLES = {
    "RUN/split.csv": ("train", "data.splits:_COLUMNS"),
    "AUDIT/issues.csv": ("audit", "analysis.image_audit.issues:COLUMNS"),
    "LABELS/label_errors.csv": ("find_label_errors", "analysis.label_errors.files:COLUMNS"),
    "CLEAN/prepare.csv": ("prepare", "cleaning.preparation_record:COLUMNS"),
    "GENERATED/truth.csv": ("generate", "shelf_generator.studio:COLUMNS"),
    "AUDIT/findings.csv": ("gallery_audit", "gallery.inspection:FINDING_COLUMNS"),
    "AUDIT/products.csv": ("gallery_audit", "gallery.inspection:PRODUCT_COLUMNS"),
    "AUDIT/mix_ups.csv": ("gallery_audit", "gallery.inspection:MIX_UP_COLUMNS"),
    "GROUPS/groups.csv": ("gallery_discover", "gallery.discovery_folder:COLUMNS"),
    "OUT/table.csv": ("ablate", "ablation.files:_COLUMNS"),
}
"""CSV tables: the verb that writes each, and the constant that lists its columns."""
_RUN_FOLDER = re.compile(r"^## The run folder\n\n(?P<table>(?:\|.*\n)+)\n(?P<said>(?:.+\n)+)", re.MULTILINE)


def file_formats_page() -> dict[str, str]:
    """Return the page by path."""
    architecture = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    found = _RUN_FOLDER.search(architecture)
    if found is None:
        raise LookupError("docs/architecture.md has no table after '## The run folder', which this page repeats")
    rows = [
        (code(file), _verb(verb), ", ".join(map(code, _columns(constant)))) for file, (verb, constant) in TABLES.items()
    ]
    parts = [
        "# Files\n",
        "Look up the files that shelfmind writes. Tables are CSV in UTF-8 with a header, records are JSON or JSON "
        "Lines, arrays are NumPy files. Every file is written atomically: it is complete or absent.\n",
        "## The run folder\n",
        found["table"],
        found["said"],
        "## Tables\n",
        table(("file", "written by", "columns"), rows),
        "## Other formats\n",
        "- Data sets: [supported layouts](../quick-start.md#your-own-photos).\n"
        "- Exported networks and their metadata: [Exporting](../exporting.md#formats-and-precisions).\n"
        "- The columns of `truth.csv` in generated data: [Generated data](../generated-data.md#truthcsv).\n"
        "- Galleries: [ADR 12](../adr/0012-gallery-as-log.md).\n"
        "- Ablation tables: [keys](ablation-tables.md); recipes: [keys](recipe.md).\n",
    ]
    return {"reference/files.md": "\n".join(parts)}


def _verb(name: str) -> str:
    from commands import FOLDER, page_of

    from shelfmind.verbs import command_words

    return f"[`{' '.join(command_words(name))}`]({FOLDER.removeprefix('reference/')}/{page_of(name)})"


def _columns(constant: str) -> tuple[str, ...]:
    module, _, name = constant.partition(":")
    columns: tuple[str, ...] = getattr(import_module(f"shelfmind.{module}"), name)
    return columns
