"""The path of each image in the clean data set: portable and unique."""

from __future__ import annotations

import os
from collections.abc import Sequence

from shelfmind.cleaning.names import clean_name, clean_names
from shelfmind.cleaning.rows import Row
from shelfmind.data.listing import natural_key


def target_paths(rows: Sequence[Row], jpeg: bool) -> list[str]:
    """For each row its path in the clean data set, ``split/class/file`` with slashes; "" for a dropped row.

    Files keep their cleaned names; with `jpeg` all end in .jpg. If several files in a folder would have the same name,
    ignoring case, the second gets the suffix _2 and so on: files from another class last, else in natural order. The
    result does not depend on the order of the rows.
    """
    targets = [""] * len(rows)
    taken: set[str] = set()
    last: dict[tuple[str, str], int] = {}  # all numbers of these names up to this one are taken
    own = clean_names({row.given for row in rows}, merge=True)
    kept = (index for index, row in enumerate(rows) if row.kept)
    order = sorted(kept, key=lambda i: (own[rows[i].given] != rows[i].class_name, natural_key(rows[i].source)))
    for index in order:
        row = rows[index]
        stem, suffix = os.path.splitext(row.source.rsplit("/", 1)[-1])
        folder = f"{row.new_split}/{row.class_name}"
        stem, suffix = clean_name(stem), ".jpg" if jpeg else suffix
        path = f"{folder}/{stem}{suffix}"
        key = f"{folder}/{stem}".casefold(), suffix.casefold()
        number = last.get(key, 1)
        while path.casefold() in taken:
            number += 1
            path = f"{folder}/{stem}_{number}{suffix}"
        last[key] = number
        taken.add(path.casefold())
        targets[index] = path
    return targets
