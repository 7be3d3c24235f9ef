"""Recognises retail products (SKUs) in photos of shelf items, on MindSpore."""

# Written by scripts/renew_api.py from the requests of the verbs.

from collections.abc import Mapping, Sequence
from pathlib import Path
from shelfmind.data import open_catalog as open_catalog
from shelfmind.inference.predict_files import predict_files as predict
from shelfmind.inference.predictor import load as load
from shelfmind.machine.doctor import examine as doctor
from shelfmind.model_facts import list_models as list_models
from shelfmind.models import create_model as create_model
from shelfmind.recipe import load_recipe as load_recipe, recipe_names as list_recipes
from shelfmind.requests.preparing import PrepareRequest
from shelfmind.requests.watching import Observer
from shelfmind.shelf_generator.settings import GenerateRequest
from shelfmind.training.fixres import fixres as fixres
from shelfmind.training.label_check import find_label_errors as find_label_errors
from shelfmind.training.pretrain import pretrain as pretrain
from shelfmind.training.run import resume as resume, train as train
from shelfmind.training.soup import soup as soup
from shelfmind.training.tracking import TrackingWatcher as TrackingWatcher
from shelfmind.training.tune import tune as tune
from shelfmind.training.watching import Watcher as Watcher
from shelfmind.workflows.audit import audit as audit
from shelfmind.workflows.ensemble import evaluate_ensemble as evaluate_ensemble
from shelfmind.workflows.evaluate import calibrate_run as calibrate, evaluate_run as evaluate
from shelfmind.workflows.explain import explain as explain
from shelfmind.workflows.judging import judge_by as judge_by
from shelfmind.workflows.prepare import PreparationOutcome
from typing import Literal, overload

__version__: str
__all__ = [
    "TrackingWatcher",
    "Watcher",
    "audit",
    "calibrate",
    "create_model",
    "doctor",
    "evaluate",
    "evaluate_ensemble",
    "explain",
    "find_label_errors",
    "fixres",
    "generate",
    "judge_by",
    "list_models",
    "list_recipes",
    "load",
    "load_recipe",
    "open_catalog",
    "predict",
    "prepare",
    "pretrain",
    "resume",
    "soup",
    "train",
    "tune",
]

@overload
def prepare(request: PrepareRequest, /, *, watcher: Observer | None = None) -> PreparationOutcome: ...
@overload
def prepare(
    data: Path | str,
    out: Path | str,
    *,
    decisions: Sequence[Path | str] = (),
    prefer: Sequence[str] = (),
    prefer_latest: bool = False,
    ignore_missing_decisions: bool = False,
    others: str | None = None,
    new_classes: Sequence[str] = (),
    audit: Path | str | None = None,
    drop_duplicates: bool = False,
    drop_leaks: bool = False,
    merge_same_names: bool = False,
    fraction: float | None = None,
    caps: Mapping[str, int] = ...,
    cap_all: int | None = None,
    val_fraction: float | None = None,
    test_fraction: float | None = None,
    split_floor: int = 1,
    jpeg: bool = False,
    link: Literal['auto', 'hard', 'symbolic', 'copy'] = 'auto',
    mindrecord: bool = False,
    image_size: int = 256,
    seed: int = 0,
    max_bad_fraction: float = 1.0,
    format: str | None = None,
    watcher: Observer | None = None,
) -> PreparationOutcome:
    """Make a clean copy of a data set from decisions and rules. DATA is only read; the same input gives the same bytes.

    Args:
        data: data set: a folder of class folders, RP2K, a csv, or Grocery Store
        out: folder to make: a clean data set that `shelfmind train` takes
        decisions: review.jsonl of a review
        prefer: follow this one in contradictions
        prefer_latest: in contradictions, follow the last
        ignore_missing_decisions: pass over decisions whose image is gone or changed
        others: the class that the decision 'others' means
        new_classes: a class that decisions may add
        audit: the audit of DATA, for duplicates and leaks
        drop_duplicates: keep one of each picture
        drop_leaks: drop training images that are in val or test, val images in test
        merge_same_names: join classes that have the same name after normalising
        fraction: keep this share of each class and split, at least one image
        caps: at most N training images
        cap_all: at most so many training images of every other class
        val_fraction: split anew: this share of each class to val
        test_fraction: split anew: this share to test; without it test stays
        split_floor: images of each class in val and test at least (default: 1)
        jpeg: turn PNG and other images into JPEG, quality 95
        link: how images get there; auto: hard links where possible, else copies (default: auto)
        mindrecord: also write MindRecord shards
        image_size: of the squares in MindRecord, pixels (default: 256)
        seed: of samples and splits (default: 0)
        max_bad_fraction: share of unusable files above which to stop (default: 1.0)
        format: folder, rp2k, csv or grocery_store; found out if not given
        watcher: told of the progress

    Returns:
        Where it is, what was done, how its images got there, and what the user should know.

    Raises:
        UserError: everything that the user can mend.
    """

@overload
def generate(request: GenerateRequest, /, *, watcher: Observer | None = None) -> Path: ...
@overload
def generate(
    out: Path | str,
    *,
    classes: int = 12,
    images: int = 480,
    seed: int = 0,
    fonts: Sequence[str] = ('system',),
    layout: Literal['rp2k', 'folder'] = 'rp2k',
    test_fraction: float = 0.1027,
    val_fraction: float = 0.0,
    tail: float = 1.0,
    others_share: float = 0.028,
    family_size: int = 5,
    sibling_difference: float = 0.7,
    size_difference: float = 0.2,
    long_side: tuple[int, int] = (150, 400),
    difficulty: float = 1.0,
    angle: float = 0.35,
    perspective: float = 0.3,
    glare: float = 0.3,
    blur: float = 0.3,
    exposure: float = 0.35,
    occlusion: float = 0.3,
    noise: float = 0.25,
    jpeg: float = 0.4,
    clutter: float = 0.6,
    label_errors: float = 0.0,
    error_kinds: Mapping[str, float] = ...,
    error_splits: Sequence[Literal['train', 'val', 'test']] = ('train', 'val', 'test'),
    duplicates: float = 0.0,
    overrides: Sequence[str] = (),
    workers: int | None = None,
    watcher: Observer | None = None,
) -> Path:
    """Draw a data set of made-up products in RP2K's layout, with the truth about every photo in truth.csv. A factor such as glare goes from 0 (none) over the default (as on real shelves) to 1 (severe in most photos).

    Args:
        out: folder to make; it must be missing or empty
        classes: class folders, the class 'others' included (default: 12)
        images: photos in all (default: 480)
        seed: of products, counts, photos and label errors (default: 0)
        fonts: system, none (drawn strokes), or font files and folders (default: system)
        layout: all/{train,test}/<class>, or without all/ (default: rp2k)
        test_fraction: of each class's photos, but at least one (default: 0.1027)
        val_fraction: photos in a folder val, at least one a class; 0: none (default: 0.0)
        tail: long tail of class sizes: 0 none, 1 as RP2K (default: 1.0)
        others_share: photos in the class 'others'; 0: no such class (default: 0.028)
        family_size: a product line has 1 to so many siblings (default: 5)
        sibling_difference: how far the band colours of sibling flavours differ (default: 0.7)
        size_difference: difference in height / width from size to size (default: 0.2)
        long_side: least and greatest long side of a photo in pixels, or one size for all (default: 150-400)
        difficulty: multiplies the level of every factor: 0 studio photos, 1 a shelf (default: 1.0)
        angle: turned, tilted, seen from above or below (default: 0.35)
        perspective: camera close by and askew (default: 0.3)
        glare: reflections of lamps (default: 0.3)
        blur: out of focus or moved (default: 0.3)
        exposure: too dark or bright, off in colour, unevenly lit (default: 0.35)
        occlusion: hidden behind price tags, neighbours and offer discs (default: 0.3)
        noise: of the sensor (default: 0.25)
        jpeg: compression (default: 0.4)
        clutter: neighbours that reach into the photo (default: 0.6)
        label_errors: share of the photos filed under a wrong class (default: 0.0)
        error_kinds: shares of random, sibling and foreign errors, or only their names (default: random=0.4,sibling=0.4,foreign=0.2)
        error_splits: the splits that label errors may be in (default: train,val,test)
        duplicates: share of photos that are near-copies of another photo (default: 0.0)
        overrides: any setting, also those without an option of their own
        workers: processes; one a core if not given
        watcher: told of the progress

    Returns:
        The absolute path of `out`.

    Raises:
        UserError: a setting out of range, a font that is missing, an `out` that is not empty or cannot be written.
    """
