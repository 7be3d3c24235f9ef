"""Finds out what kind of data set a path holds."""

from __future__ import annotations

from pathlib import Path

from shelfmind.data.csv_file import delimiter_of, image_lists
from shelfmind.data.folder import split_folders
from shelfmind.data.grocery_store import split_lists
from shelfmind.data.listing import list_images, subfolders
from shelfmind.data.rp2k import image_root, is_mirror_header, meta_file
from shelfmind.errors import UserError, argument
from shelfmind.nouns import counted
from shelfmind.tables import read_table, shortened

_ARCHIVES = frozenset({".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"})
_LOOKED_FOR = (
    "looked for class folders (train/<class>/ or <class>/), RP2K (all/train/<class>/), "
    "a CSV file with the columns path,label, and Grocery Store (train.txt, classes.csv)"
)


def detect_format(root: Path) -> str:
    """The name of the format of the data at `root`.

    Raises `UserError` if the path is missing, if nothing known is there, or if more than one format fits; the message
    says what was looked for and what was found.
    """
    require_path(root)
    if root.is_file():
        return _file_format(root)
    if (root / "classes.csv").is_file() and split_lists(root):
        return "grocery_store"
    if _is_rp2k(root):
        return "rp2k"
    fitting = []
    lists = image_lists(root)
    if lists:
        fitting.append("csv")
    if _has_class_folders(root):
        fitting.append("folder")
    if len(fitting) > 1:
        names = ", ".join(path.name for path in lists)
        raise UserError(
            f"{root} holds class folders as well as lists of images ({names}); say which to use: "
            f"{argument('format', 'folder')}, or {argument('format', 'csv')}, or the list's own path"
        )
    if not fitting:
        raise UserError(f"no data set in {root}: {_LOOKED_FOR}; found {_contents(root)}")
    return fitting[0]


def require_path(root: Path) -> None:
    """Raises `UserError` naming the nearest folder that does exist if `root` does not."""
    try:
        if root.exists():
            return
        near = next((parent for parent in root.parents if parent.exists()), None)
    except (OSError, ValueError) as error:  # a folder above that may not be searched; a name too long
        raise UserError(f"cannot read {root}: {getattr(error, 'strerror', None) or error}") from error
    hint = f" (the nearest folder that exists is {near})" if near else ""
    raise UserError(f"no such file or folder: {root}{hint}")


def _file_format(path: Path) -> str:
    if path.suffix.lower() in _ARCHIVES:
        raise UserError(f"{path} is an archive; unpack it and give the folder")
    if delimiter_of(path) is None:
        raise UserError(
            f"{path} is a file, but not a UTF-8 CSV whose first line names the columns path,label[,split]; "
            "give such a list or a folder of images"
        )
    return "csv"


def _is_rp2k(root: Path) -> bool:
    images = image_root(root)
    if images is None:
        return False
    if images.name == "all":
        return True
    meta = meta_file(root)
    if meta is None:
        return False
    rows = read_table(meta)
    return bool(rows) and is_mirror_header(rows[0][1])


def _has_class_folders(root: Path) -> bool:
    """Whether there are split folders, or any folder with an image in it; the photos of a list lie in one folder."""
    if split_folders(root):
        return True
    folders = subfolders(root)
    if image_lists(root) and len(folders) < 2:
        return False
    return bool(list_images(root, recursive=False).images) or any(list_images(path).images for path in folders)


def _contents(root: Path) -> str:
    """What a folder holds, for a message."""
    folders = [f"{path.name}/" for path in subfolders(root)]
    others = list_images(root, recursive=False).others
    files = [counted(count, f"{suffix or 'other'} file") for suffix, count in sorted(others.items())]
    return shortened([*folders, *files]) or "an empty folder"
