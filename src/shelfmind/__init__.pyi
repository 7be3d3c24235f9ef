"""Recognises retail products (SKUs) in photos of shelf items, on MindSpore."""

# Written by scripts/renew_api.py from the requests of the verbs.

from collections.abc import Mapping, Sequence
from pathlib import Path
from shelfmind.benchmarking.benchmark import Benchmark
from shelfmind.data import open_catalog as open_catalog
from shelfmind.evaluation import Evaluation
from shelfmind.evaluation.calibration import TemperatureScaling
from shelfmind.evaluation.readout import Readout
from shelfmind.exporting.export import Export
from shelfmind.gallery.changes import Entry, Summary
from shelfmind.gallery.verification import Fault
from shelfmind.inference.predict_files import PredictionOutcome
from shelfmind.inference.predictor import load as load
from shelfmind.inference.recognizer import recognizer as recognizer
from shelfmind.model_facts import list_models as list_models
from shelfmind.models import create_model as create_model
from shelfmind.pages.explanations import Explanation
from shelfmind.recipe import Recipe, load_recipe as load_recipe, recipe_names as list_recipes
from shelfmind.requests.ablating import AblateRequest
from shelfmind.requests.auditing import AuditRequest, ReviewRequest
from shelfmind.requests.benchmarking import BenchmarkRequest
from shelfmind.requests.discovery import GalleryDiscoverRequest
from shelfmind.requests.expanding import ExpandRequest
from shelfmind.requests.exporting import ExportRequest
from shelfmind.requests.galleries import GalleryAddRequest, GalleryAuditRequest, GalleryCalibrateRequest, GalleryCompactRequest, GalleryCreateRequest, GalleryExportRequest, GalleryHistoryRequest, GalleryListRequest, GalleryMergeRequest, GalleryReEmbedRequest, GalleryRemoveRequest, GalleryRenameRequest, GalleryRollBackRequest, GallerySearchRequest, GalleryShowRequest, GalleryVerifyRequest
from shelfmind.requests.guiding import InitRequest
from shelfmind.requests.improving import AdaptRequest, FixresRequest, FoldInRequest, SoupRequest, TuneRequest
from shelfmind.requests.label_checking import FindLabelErrorsRequest
from shelfmind.requests.measuring import CalibrateRequest, EvaluateRequest, ExplainRequest, PredictRequest
from shelfmind.requests.preparing import PrepareRequest
from shelfmind.requests.serving import KeysAddRequest, KeysListRequest, KeysRevokeRequest, ServeRequest
from shelfmind.requests.tool import DoctorRequest
from shelfmind.requests.training import PretrainRequest, TrainRequest
from shelfmind.requests.watching import Observer, Observer as Observer
from shelfmind.review.running import ReviewOutcome
from shelfmind.serving.keys import Key
from shelfmind.serving.serve import Served
from shelfmind.shelf_generator.settings import GenerateRequest
from shelfmind.training.adaptation import Adaptation
from shelfmind.training.fixres import FixResOutcome
from shelfmind.training.fold_in import FoldInOutcome
from shelfmind.training.label_check import LabelCheckOutcome
from shelfmind.training.run import resume as resume
from shelfmind.training.soup import Soup
from shelfmind.training.tracking import TrackingWatcher as TrackingWatcher
from shelfmind.training.tune import Best
from shelfmind.training.watching import Watcher, Watcher as Watcher
from shelfmind.workflows.audit import AuditOutcome
from shelfmind.workflows.discovery import DiscoveryOutcome
from shelfmind.workflows.first_recipe import FirstRecipe
from shelfmind.workflows.galleries import Enrolment, Found
from shelfmind.workflows.gallery_audit import GalleryAudit
from shelfmind.workflows.gallery_calibration import Calibrated
from shelfmind.workflows.prepare import PreparationOutcome
from shelfmind.workflows.recommendation import recommend_recipe as recommend_recipe
from typing import Any, Literal, overload

__version__: str
__all__ = [
    "Observer",
    "TrackingWatcher",
    "Watcher",
    "ablate",
    "adapt",
    "audit",
    "benchmark",
    "calibrate",
    "create_model",
    "doctor",
    "evaluate",
    "expand",
    "explain",
    "export",
    "find_label_errors",
    "fixres",
    "fold_in",
    "gallery_add",
    "gallery_audit",
    "gallery_calibrate",
    "gallery_compact",
    "gallery_create",
    "gallery_discover",
    "gallery_export",
    "gallery_history",
    "gallery_list",
    "gallery_merge",
    "gallery_re_embed",
    "gallery_remove",
    "gallery_rename",
    "gallery_rollback",
    "gallery_search",
    "gallery_show",
    "gallery_verify",
    "generate",
    "init",
    "keys_add",
    "keys_list",
    "keys_revoke",
    "list_models",
    "list_recipes",
    "load",
    "load_recipe",
    "open_catalog",
    "predict",
    "prepare",
    "pretrain",
    "recognizer",
    "recommend_recipe",
    "resume",
    "review",
    "serve",
    "soup",
    "train",
    "tune",
]

@overload
def init(request: InitRequest, /, *, watcher: Observer | None = None) -> FirstRecipe: ...
@overload
def init(
    data: Path | str | None = None,
    *,
    purpose: str = 'known',
    minutes: float | None = None,
    cores: int | None = None,
    device: Literal['CPU', 'GPU', 'Ascend'] | None = None,
    format: str | None = None,
    out: Path | str | None = None,
    recipe: Path | str | None = None,
    watcher: Observer | None = None,
) -> FirstRecipe:
    """Write a first recipe for a data set by five questions, and say which command trains by it. On a terminal it asks for whatever is not given, five questions at most. It writes a recipe file and prints the command that trains by it; before all is answered nothing is written.

    Args:
        data: data set: a folder of class folders, RP2K, a csv, or Grocery Store
        purpose: what the recogniser is for: known products, changing ones that a gallery enrols, or a contest (default: known)
        minutes: how long the training may take; as long as it needs if not given
        cores: how many cores train; all of this machine if not given
        device: what trains: CPU, GPU or Ascend; the best of this machine if not given
        format: one of csv, folder, grocery_store, rp2k; found out if not given
        out: run folder that the command will make; runs/first, or the next that is free, if not given
        recipe: recipe file to write; OUT.yaml if not given
        watcher: told of the progress

    Returns:
        The file, the recommendation behind it, and the command that trains by it.

    Raises:
        UserError: data that cannot be used, or a place where something lies already.
    """

@overload
def audit(request: AuditRequest, /, *, watcher: Observer | None = None) -> AuditOutcome: ...
@overload
def audit(
    data: Path | str,
    out: Path | str,
    *,
    run: Path | str | None = None,
    overwrite: bool = False,
    seed: int = 0,
    format: str | None = None,
    watcher: Observer | None = None,
) -> AuditOutcome:
    """Look at a data set: classes, leaks, duplicates, label conflicts, bad files, blur, glare; a report and tables.

    Args:
        data: data set: a folder of class folders, RP2K, a csv, or Grocery Store
        out: folder to make for the report and the tables
        run: also ask this run, or what find-label-errors made, about every image
        overwrite: replace an earlier audit in that folder
        seed: of the split, where the data has none (default: 0)
        format: one of csv, folder, grocery_store, rp2k; found out if not given
        watcher: told of the progress

    Returns:
        Where it lies, and its figures.

    Raises:
        UserError: data that cannot be used, a place that cannot be written, a run of other classes.
    """

@overload
def find_label_errors(request: FindLabelErrorsRequest, /, *, watcher: Watcher | None = None) -> LabelCheckOutcome: ...
@overload
def find_label_errors(
    data: Path | str,
    out: Path | str,
    *,
    recipe: Recipe | str | None = 'default',
    overrides: Sequence[str] = (),
    epochs: int | None = None,
    max_minutes: float | None = None,
    seed: int = 0,
    weights: str | None = None,
    offline: bool = False,
    max_bad_fraction: float = 0.01,
    format: str | None = None,
    folds: int = 5,
    watcher: Watcher | None = None,
) -> LabelCheckOutcome:
    """Rank all labels by how doubtful they are; each is judged by a network that never saw the image. A network that does not clearly beat guessing judges nothing. Stopped at any moment, the same command goes on. Nothing is changed or deleted: look through what is flagged with `shelfmind review`.

    Args:
        data: data set: a folder of class folders, RP2K, a csv, or Grocery Store
        out: folder to make, or to go on with
        recipe: a name from `shelfmind recipes`, or a YAML file (default: default)
        overrides: change the recipe
        epochs: instead of the recipe's; not with max_minutes
        max_minutes: fit the whole schedule into this time instead of a number of epochs
        seed: of split, weights, order and augmentation (default: 0)
        weights: start from these: a file, a run folder, official ones by name, or generated, which come with shelfmind
        offline: never download weights
        max_bad_fraction: share of unusable files above which to stop (default: 0.01)
        format: one of csv, folder, grocery_store, rp2k; found out if not given
        folds: networks to train; each judges what it never saw (default: 5)
        watcher: told of the progress

    Returns:
        The results, in numbers.

    Raises:
        UserError: invalid input.
    """

@overload
def review(request: ReviewRequest, /, *, watcher: Observer | None = None) -> ReviewOutcome: ...
@overload
def review(
    audit: Path | str,
    *,
    data: Path | str | None = None,
    log: Path | str | None = None,
    reviewer: str | None = None,
    port: int | None = None,
    language: Literal['en', 'zh'] | None = None,
    browser: bool = True,
    watcher: Observer | None = None,
) -> ReviewOutcome:
    """Look at suspects in a browser: keep, relabel or drop them. Ctrl-C ends it; nothing in the data set is changed. Every decision is on the disk in the log before the page confirms it. Several reviewers may share one log.

    Args:
        audit: a folder that `shelfmind audit`, `find-label-errors` or `gallery discover` made
        data: where the data set, or a discovery's gallery, lies now, if moved
        log: append decisions to this file; review.jsonl in AUDIT if not given
        reviewer: the name on your decisions; your login name if not given
        port: of this machine; 0: any free one; 8765 or any if not given
        language: en or zh; as the browser asks if not given
        browser: open the page in a browser
        watcher: told of the progress

    Returns:
        How far the review had come.

    Raises:
        UserError: a folder, a log, a name or a port that cannot be used, before anything is served.
    """

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
    classes_of: Path | str | None = None,
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
        classes_of: a run, whose classes decisions may add, too
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
        format: one of csv, folder, grocery_store, rp2k; found out if not given
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
    redesigned: float = 0.0,
    backs: float = 0.0,
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
    """Draw a data set of made-up products in RP2K's layout, with the truth about every photo in truth.csv. The level of a factor such as glare ranges from 0 (none) through the default (as on real shelves) to 1 (severe in most photos).

    Args:
        out: Output folder; it must not exist or be empty.
        classes: Number of classes, including the class 'others'. (default: 12)
        images: Total number of photos. (default: 480)
        seed: Seed of products, class sizes, photos and label errors. (default: 0)
        fonts: Fonts: system, none (synthetic strokes), or font files and folders. (default: system)
        layout: Folder layout: rp2k (all/{train,test}/<class>) or folder (without all/). (default: rp2k)
        test_fraction: Test share of each class, at least one photo. (default: 0.1027)
        val_fraction: Validation share of each class, at least one photo; 0 for no validation split. (default: 0.0)
        tail: Long tail of class sizes: 0 for balanced, 1 as in RP2K. (default: 1.0)
        others_share: Share of photos in the class 'others'; 0 for no such class. (default: 0.028)
        family_size: Largest number of siblings in a product line. (default: 5)
        sibling_difference: How much the band colours of sibling flavours differ, 0 to 1. (default: 0.7)
        size_difference: Difference in height / width between the sizes of a product. (default: 0.2)
        redesigned: Share of products with both an old and a new design. (default: 0.0)
        backs: Share of products that are also photographed from behind. (default: 0.0)
        long_side: Range of the long side of a photo in pixels, or one size for all. (default: 150-400)
        difficulty: Multiplier for the level of every factor: 0 for studio photos, 1 for shelf photos. (default: 1.0)
        angle: Level of rotation: turned, tilted, seen from above or below. (default: 0.35)
        perspective: Level of perspective distortion by a close, oblique camera. (default: 0.3)
        glare: Level of lamp reflections. (default: 0.3)
        blur: Level of defocus and motion blur. (default: 0.3)
        exposure: Level of wrong exposure, colour casts and uneven light. (default: 0.35)
        occlusion: Level of occlusion by price tags, neighbours and offer stickers. (default: 0.3)
        noise: Level of sensor noise. (default: 0.25)
        jpeg: Level of JPEG compression. (default: 0.4)
        clutter: Level of clutter by neighbours that reach into the photo. (default: 0.6)
        label_errors: Share of photos filed under a wrong class. (default: 0.0)
        error_kinds: Shares of random, sibling and foreign label errors, or names only for equal shares. (default: random=0.4,sibling=0.4,foreign=0.2)
        error_splits: Splits that may contain label errors. (default: train,val,test)
        duplicates: Share of photos that are near-duplicates of another photo. (default: 0.0)
        overrides: Any setting, including those without an option.
        workers: Number of processes. Defaults to one per core.
        watcher: told of the progress

    Returns:
        The absolute path of `out`.

    Raises:
        UserError: a setting out of range, a missing font, an `out` that is not empty or cannot be written.
    """

@overload
def train(request: TrainRequest, /, *, watcher: Watcher | None = None) -> Evaluation: ...
@overload
def train(
    data: Path | str | None = None,
    *,
    out: Path | str | None = None,
    recipe: Recipe | str | None = 'default',
    overrides: Sequence[str] = (),
    epochs: int | None = None,
    max_minutes: float | None = None,
    seed: int = 0,
    weights: str | None = None,
    offline: bool = False,
    max_bad_fraction: float = 0.01,
    format: str | None = None,
    resume: Path | str | None = None,
    split_of: Path | str | None = None,
    teacher: Sequence[Path | str] = (),
    broader: Path | str | None = None,
    rules: str | None = None,
    track: Sequence[str] = (),
    watcher: Watcher | None = None,
) -> Evaluation:
    """Train a recogniser and write it to a run folder.

    Args:
        data: data set: a folder of class folders, RP2K, a csv, or Grocery Store; not with resume
        out: run folder to make
        recipe: a name from `shelfmind recipes`, or a YAML file (default: default)
        overrides: change the recipe
        epochs: instead of the recipe's; not with max_minutes
        max_minutes: fit the whole schedule into this time instead of a number of epochs
        seed: of split, weights, order and augmentation (default: 0)
        weights: start from these: a file, a run folder, official ones by name, or generated, which come with shelfmind
        offline: never download weights
        max_bad_fraction: share of unusable files above which to stop (default: 0.01)
        format: one of csv, folder, grocery_store, rp2k; found out if not given
        resume: go on with this run folder, as it began
        split_of: take this run's split, so that both can be judged together; new photos are trained on
        teacher: learn from the answers of this run or exported file besides the labels; several are averaged
        broader: a CSV with the columns class,broader: learn the broader classes instead of the data's
        rules: keep these terms: contest
        track: also send figures to tensorboard (RUN/tensorboard), mlflow, or both
        watcher: told of the progress

    Returns:
        The evaluation on val, or None if there is no val split.

    Raises:
        UserError: invalid input.
    """

@overload
def pretrain(request: PretrainRequest, /, *, watcher: Watcher | None = None) -> Readout: ...
@overload
def pretrain(
    data: Path | str | None = None,
    *,
    out: Path | str | None = None,
    recipe: Recipe | str | None = None,
    overrides: Sequence[str] = (),
    epochs: int | None = None,
    max_minutes: float | None = None,
    seed: int = 0,
    weights: str | None = None,
    offline: bool = False,
    max_bad_fraction: float = 0.01,
    format: str | None = None,
    resume: Path | str | None = None,
    broader: Path | str | None = None,
    watcher: Watcher | None = None,
) -> Readout:
    """Learn from photos without their labels (SimSiam) or from broader labels, for a training to start from; read out the gain.

    Args:
        data: data set: a folder of class folders, RP2K, a csv, or Grocery Store; not with resume
        out: run folder to make
        recipe: a name from `shelfmind recipes`, or a YAML file; pretrain, or default with broader, if not given
        overrides: change the recipe
        epochs: instead of the recipe's; not with max_minutes
        max_minutes: fit the whole schedule into this time instead of a number of epochs
        seed: of split, weights, order and augmentation (default: 0)
        weights: start from these: a file, a run folder, official ones by name, or generated, which come with shelfmind
        offline: never download weights
        max_bad_fraction: share of unusable files above which to stop (default: 0.01)
        format: one of csv, folder, grocery_store, rp2k; found out if not given
        resume: go on with this run folder, as it began
        broader: learn broader classes instead: a CSV with the columns class,broader
        watcher: told of the progress

    Returns:
        The readout, or None if there is no validation split.

    Raises:
        UserError: invalid input.
    """

@overload
def fixres(request: FixresRequest, /, *, watcher: Watcher | None = None) -> FixResOutcome: ...
@overload
def fixres(
    run: Path | str,
    resolutions: Sequence[int],
    out: Path | str,
    *,
    epochs: int | None = None,
    max_minutes: float | None = None,
    watcher: Watcher | None = None,
) -> FixResOutcome:
    """Fit a run to larger test images: fine-tune classifier and last normalisation at each size, keep the best.

    Args:
        run: a run folder that `shelfmind train` made
        resolutions: image sizes to try, such as 224,256,288
        out: run folder to make if a size is better
        epochs: of each fine-tuning, 5 if not given; not with max_minutes
        max_minutes: of each fine-tuning, instead of epochs
        watcher: told of the progress

    Returns:
        The result at each size, and which one is selected, if any.

    Raises:
        UserError: a size below the last training size, no validation images, an existing folder.
    """

@overload
def fold_in(request: FoldInRequest, /, *, watcher: Watcher | None = None) -> FoldInOutcome: ...
@overload
def fold_in(
    run: Path | str,
    gallery: Path | str | str,
    out: Path | str,
    *,
    data: Path | str | None = None,
    format: str | None = None,
    epochs: int | None = None,
    max_minutes: float | None = None,
    held_out: float = 0.2,
    seed: int = 0,
    watcher: Watcher | None = None,
) -> FoldInOutcome:
    """Make the products of a gallery classes of a run: weights imprinted from their photos, then a short fine-tuning with the run's own. Products that bear the name of a trained class add photos to it; all others become classes after the old ones.

    Args:
        run: a run folder that `shelfmind train` made
        gallery: the gallery of products, which must be of this run's weights
        out: run folder to make
        data: where the photos lie now that the run was trained on, if they were moved
        format: one of csv, folder, grocery_store, rp2k; found out if not given
        epochs: of the fine-tuning, 10 if not given; not with max_minutes
        max_minutes: of the fine-tuning, instead of epochs
        held_out: share of the photos of a new product that only measure it, where it has five or more (default: 0.2)
        seed: of order, augmentation and what is held out (default: 0)
        watcher: told of the progress

    Returns:
        What was folded in, with the results of old and new classes.

    Raises:
        UserError: a gallery that is empty or of other weights, an existing folder, missing training photos, a run that
            learnt no products.
    """

@overload
def tune(request: TuneRequest, /, *, watcher: Watcher | None = None) -> Best: ...
@overload
def tune(
    data: Path | str,
    out: Path | str,
    *,
    recipe: str = 'default',
    overrides: Sequence[str] = (),
    epochs: int | None = None,
    max_minutes: float | None = None,
    seed: int = 0,
    weights: str | None = None,
    offline: bool = False,
    max_bad_fraction: float = 0.01,
    format: str | None = None,
    trials: int = 20,
    space: Mapping[str, Any] | None = None,
    watcher: Watcher | None = None,
) -> Best:
    """Search a recipe's values on validation images (Optuna); hopeless trials are stopped early; resumable.

    Args:
        data: data set: a folder of class folders, RP2K, a csv, or Grocery Store
        out: folder for the study and its trials, or one to go on with
        recipe: a name from `shelfmind recipes`, or a YAML file (default: default)
        overrides: change the recipe
        epochs: instead of the recipe's; not with max_minutes
        max_minutes: fit the whole schedule into this time instead of a number of epochs
        seed: of split, weights, order and augmentation (default: 0)
        weights: start from these: a file, a run folder, official ones by name, or generated, which come with shelfmind
        offline: never download weights
        max_bad_fraction: share of unusable files above which to stop (default: 0.01)
        format: one of csv, folder, grocery_store, rp2k; found out if not given
        trials: in all, those of earlier calls included (default: 20)
        space: YAML of what to search: train.lr: {low: 0.01, high: 0.1, log: true}, ...
        watcher: told of the progress

    Returns:
        The best trial, and how many completed and were stopped.

    Raises:
        UserError: Optuna is not installed, a search space that does not fit the recipe, no validation images.
    """

@overload
def ablate(request: AblateRequest, /, *, watcher: Observer | None = None) -> dict[str, Any]: ...
@overload
def ablate(
    table: str,
    data: Path | str,
    out: Path | str,
    *,
    seeds: Sequence[int] = (0, 1, 2),
    recipe: str | None = None,
    overrides: Sequence[str] = (),
    epochs: int | None = None,
    max_minutes: float | None = None,
    split: Literal['val', 'test'] | None = None,
    jobs: int = 1,
    offline: bool = False,
    max_bad_fraction: float = 0.01,
    format: str | None = None,
    watcher: Observer | None = None,
) -> dict[str, Any]:
    """Compare changes of a recipe: train a table's rows with several seeds, say which differ beyond chance. Every row is a change of the base recipe. Each is trained for each seed, in a process of its own; what is finished is not done again, and tables in the same folder share their runs. The folder gets a page, Markdown, CSV and JSON: mean, spread over seeds, difference to the base with its interval, time and cost. A row that fails does not stop the others; the exit status is then 1.

    Args:
        table: a name from `shelfmind ablations`, or a YAML file
        data: data set: a folder of class folders, RP2K, a csv, or Grocery Store
        out: folder for runs and tables, or one to go on with
        seeds: how many trainings each row gets, or their seeds (default: 3)
        recipe: base recipe instead of the table's
        overrides: change the base recipe, rows then change that
        epochs: of the base, instead of its recipe's; not with max_minutes
        max_minutes: compare at equal minutes instead of equal epochs: so many a row and seed
        split: images that judge; test if the data has such, else val
        jobs: trainings side by side, each with its share of the cores; with one, times are those of a training that has the machine to itself (default: 1)
        offline: never download weights
        max_bad_fraction: share of unusable files above which to stop (default: 0.01)
        format: one of csv, folder, grocery_store, rp2k; found out if not given
        watcher: told of the progress

    Returns:
        What `ablation.json` has: the figures of each row, differences with intervals and verdicts, cost, failures.

    Raises:
        UserError: a table that cannot be, another version of it or other data than the folder was begun with, a folder
            in the data set, no images that judge. A row that fails while it trains is no error, but named in the table.
    """

@overload
def adapt(request: AdaptRequest, /, *, watcher: Observer | None = None) -> Adaptation: ...
@overload
def adapt(
    run: Path | str,
    paths: Sequence[str],
    out: Path | str,
    *,
    weight: float = 0.5,
    most: int = 2000,
    max_bad_fraction: float = 0.01,
    watcher: Observer | None = None,
) -> Adaptation:
    """Adapt a run to another shop, camera or light by unlabelled photos from there, into a new run. No label is read and nothing is trained: batch normalisation takes its means and variances partly from these photos, of another shop, camera or light. Take photos as various as those that will be recognised.

    Args:
        run: a run folder that `shelfmind train` made
        paths: images, folders of images, or patterns such as 'new/*.jpg'
        out: run folder to make
        weight: share of these photos in the new statistics (default: 0.5)
        most: photos to take at most, drawn at random (default: 2000)
        max_bad_fraction: share of unusable files above which to stop (default: 0.01)
        watcher: told of the progress

    Returns:
        The number of photos used, and the distance of their statistics from the run's.

    Raises:
        UserError: no run, too few photos or too many bad ones, a network without batch normalisation.
    """

@overload
def soup(request: SoupRequest, /, *, watcher: Observer | None = None) -> Soup: ...
@overload
def soup(
    run: Path | str,
    out: Path | str,
    *,
    kind: Literal['greedy', 'uniform'] = 'greedy',
    watcher: Observer | None = None,
) -> Soup:
    """Average the weights of a run's last epochs, kept by the recipe's train.snapshots, into a new run.

    Args:
        run: a run folder that `shelfmind train` made
        out: run folder to make
        kind: greedy keeps what does not harm on validation; uniform takes all (default: greedy)
        watcher: told of the progress

    Returns:
        The epochs in the soup, and the gain on validation.

    Raises:
        UserError: fewer than two snapshots, or no validation images.
    """

@overload
def evaluate(request: EvaluateRequest, /, *, watcher: Observer | None = None) -> Evaluation: ...
@overload
def evaluate(
    runs: Sequence[Path | str],
    data: Path | str,
    *,
    split: str | None = None,
    tta: Sequence[str] | None = None,
    engine: str = 'auto',
    rules: str | None = None,
    batch: int | str | None = None,
    logit_adjust: float | None = None,
    out: Path | str | None = None,
    ensembling: str = 'likelihood',
    gallery: str | None = None,
    max_bad_fraction: float = 0.01,
    allow_seen: bool = False,
    format: str | None = None,
    watcher: Observer | None = None,
) -> Evaluation:
    """Measure a run, or several averaged, on a labelled data set: accuracies with intervals, calibration, confusions.

    Args:
        runs: a run folder that `shelfmind train` made, or several
        data: data set: a folder of class folders, RP2K, a csv, or Grocery Store
        split: train, val, test, new (unknown to the run) or some, as in test,new; test if there is any
        tta: views to average, such as flip,centre; none for the plain image alone
        engine: what computes: mindspore, onnx, openvino, mindir, or auto, the fastest that the run was exported for; openvino:int8 names a precision, too (default: auto)
        rules: keep these terms: contest, under which MindSpore computes and nothing else
        batch: images computed at once on each core (MindSpore: on all); auto measures which number is fastest here, and remembers it
        logit_adjust: favour rare classes: 0 not at all, 1 as if all were equally frequent
        out: folder for the results of several runs
        ensembling: of several runs: the mean weighted by the likelihood of validation labels, equal, or geometric (default: likelihood)
        gallery: a calibrated gallery, whose products are answered, too
        max_bad_fraction: share of unusable files above which to stop (default: 0.01)
        allow_seen: go on with images that the run was trained on, or may have been
        format: one of csv, folder, grocery_store, rp2k; found out if not given
        watcher: told of the progress

    Returns:
        Every figure; of several runs also what each adds.

    Raises:
        UserError: a class that a run does not know, a split that is missing or empty, too many bad files, or, unless
            `allow_seen`, images that were trained or validated on, or may have been.
    """

@overload
def calibrate(request: CalibrateRequest, /, *, watcher: Observer | None = None) -> TemperatureScaling: ...
@overload
def calibrate(
    run: Path | str,
    data: Path | str,
    *,
    split: str = 'val',
    tta: Sequence[str] | None = None,
    max_bad_fraction: float = 0.01,
    allow_seen: bool = False,
    format: str | None = None,
    watcher: Observer | None = None,
) -> TemperatureScaling:
    """Make a run's confidence mean what it says: fit one temperature on validation images and keep it if it helps. It helps if the likelihood of labels that it was not fitted to is better beyond chance; else temperature 1 is kept.

    Args:
        run: a run folder that `shelfmind train` made
        data: data set: a folder of class folders, RP2K, a csv, or Grocery Store
        split: the images to fit to; never test (default: val)
        tta: views to average, such as flip,centre; none for the plain image alone
        max_bad_fraction: share of unusable files above which to stop (default: 0.01)
        allow_seen: go on with images that the run was trained on, or may have been
        format: one of csv, folder, grocery_store, rp2k; found out if not given
        watcher: told of the progress

    Returns:
        What was fitted, whether it is kept, and why; `replaced` is an earlier temperature of these weights that no
        longer holds; `trained` and `near_copies` say how many of the images the run has seen, which makes a temperature
        doubtful.

    Raises:
        UserError: the split is test, missing or empty, the classes differ from the run's, too many files are bad, or,
            unless `allow_seen`, images were trained on.
    """

@overload
def predict(request: PredictRequest, /, *, watcher: Observer | None = None) -> PredictionOutcome: ...
@overload
def predict(
    run: Path | str,
    paths: Sequence[str],
    *,
    top: int = 5,
    out: Path | str | None = None,
    tta: Sequence[str] | None = None,
    engine: str = 'auto',
    rules: str | None = None,
    batch: int | str | None = None,
    decode: Literal['exact', 'fast'] = 'exact',
    gallery: str | None = None,
    together: bool = False,
    watcher: Observer | None = None,
) -> PredictionOutcome:
    """Name the products in images; a file that cannot be used keeps its row, with the reason.

    Args:
        run: a run folder, or a file that `shelfmind export` wrote
        paths: images, folders of images, or patterns such as 'new/*.jpg'
        top: guesses for each image (default: 5)
        out: predictions.csv, .jsonl or .npz; only counted and shown if not given
        tta: views to average, such as flip,centre; none for the plain image alone
        engine: what computes: mindspore, onnx, openvino, mindir, or auto, the fastest that the run was exported for; openvino:int8 names a precision, too (default: auto)
        rules: keep these terms: contest, under which MindSpore computes and nothing else
        batch: images computed at once on each core (MindSpore: on all); auto measures which number is fastest here, and remembers it
        decode: exact, as for training, or fast: JPEGs far larger than the network needs are decoded smaller (default: exact)
        gallery: a calibrated gallery, whose products are answered, too
        together: all images show one object: one answer, by the gallery
        watcher: told of the progress

    Returns:
        How many images, the first few predictions, and what could not be used or was left out.

    Raises:
        UserError: a path that names nothing, an output that cannot be written, no run.
    """

@overload
def export(request: ExportRequest, /, *, watcher: Observer | None = None) -> Export: ...
@overload
def export(
    run: Path | str,
    *,
    format: str = 'onnx',
    precision: str = 'fp32',
    out: Path | str | None = None,
    data: Path | str | None = None,
    data_format: str | None = None,
    images: int | None = None,
    calibration: int = 256,
    tolerance: float | None = None,
    watcher: Observer | None = None,
) -> Export:
    """Write a run as one file that ONNX Runtime and OpenVINO answer from, once they answer as the run does. The network of the file takes 8-bit squares; recipe, classes and temperatures are in it, too. `predict`, `shelfmind.load` and `shelfmind.recognizer` answer from it, without MindSpore unless it is MindIR.

    Args:
        run: a run folder that `shelfmind train` made
        format: onnx, which ONNX Runtime and OpenVINO read, openvino, or mindir, which MindSpore reads (default: onnx)
        precision: fp32, int8 or bf16, as far as engines of the format and the processor compute it (default: fp32)
        out: the file; one in the run's folder if not given, where --engine looks for it
        data: images to compare answers by, if the run's own data has moved
        data_format: one of csv, folder, grocery_store, rp2k; found out if not given
        images: how many, of val if there is one; for fp32 300, else 1000 if not given
        calibration: training images that int8 takes its ranges from (default: 256)
        tolerance: fp32: greatest difference of a probability that is accepted (0.0001); int8 and bf16: the share of accuracy that may be lost (0.005)
        watcher: told of the progress

    Returns:
        The file, and the comparison for each engine.

    Raises:
        UserError: no run or data, a precision that no engine of the format computes, no engine, a network that cannot
            be written, or answers that differ by more than the tolerance: then nothing is written.
    """

@overload
def explain(request: ExplainRequest, /, *, watcher: Observer | None = None) -> list[Explanation]: ...
@overload
def explain(
    run: Path | str,
    paths: Sequence[str],
    out: Path | str,
    *,
    class_name: str | None = None,
    gallery: str | None = None,
    neighbours: int = 4,
    overwrite: bool = False,
    watcher: Observer | None = None,
) -> list[Explanation]:
    """Show where a run looked (Grad-CAM), with the training images most like each image beside it.

    Args:
        run: a run folder, or a file that `shelfmind export` wrote
        paths: images, folders of images, or patterns such as 'new/*.jpg'
        out: folder to make for the page and the pictures
        class_name: explain this class or product; what is guessed for each image if not given
        gallery: a calibrated gallery, whose products are explained, too
        neighbours: training images to show beside each (default: 4)
        overwrite: replace an earlier page in that folder
        watcher: told of the progress

    Returns:
        What is said of each image, in order.

    Raises:
        UserError: no run, no images, an unknown class, a network without feature maps, a folder that is not empty.
    """

@overload
def gallery_create(request: GalleryCreateRequest, /, *, watcher: Observer | None = None) -> Enrolment: ...
@overload
def gallery_create(
    gallery: Path | str | str,
    run: Path | str,
    *,
    author: str | None = None,
    reason: str = '',
    engine: str = 'auto',
    batch: int | str | None = None,
    data: Path | str | None = None,
    format: str | None = None,
    strict: bool = False,
    watcher: Observer | None = None,
) -> Enrolment:
    """Make a gallery whose vectors a run makes. A gallery keeps photos and their vectors; both belong to the weights of one run. If enrolling is cut off or refused, the same command goes on.

    Args:
        gallery: the gallery's folder, or s3://BUCKET/PREFIX; with @milvus://HOST:PORT/COLLECTION after it, that server searches
        run: the run, or the exported file, whose network makes the vectors
        author: who makes the change; your login name if not given
        reason: why, for the history (default: )
        engine: what computes: mindspore, onnx, openvino, mindir, or auto, the fastest that the run was exported for; openvino:int8 names a precision, too (default: auto)
        batch: images computed at once on each core (MindSpore: on all); auto measures which number is fastest here, and remembers it
        data: a data set, all photos of which are enrolled at once, whatever their split
        format: one of csv, folder, grocery_store, rp2k; found out if not given
        strict: refuse what is only warned of otherwise: a photo of two products, a product that is all but another, photos that disagree, too few, copies, blur, glare
        watcher: told of the progress

    Returns:
        The version that it has, and how many products and photos.

    Raises:
        UserError: there is a gallery already, a run or data that cannot be used.
    """

@overload
def gallery_add(request: GalleryAddRequest, /, *, watcher: Observer | None = None) -> Enrolment: ...
@overload
def gallery_add(
    gallery: Path | str | str,
    photos: Sequence[str] = (),
    *,
    author: str | None = None,
    reason: str = '',
    sku: str | None = None,
    data: Path | str | None = None,
    format: str | None = None,
    run: Path | str | None = None,
    engine: str = 'auto',
    batch: int | str | None = None,
    strict: bool = False,
    watcher: Observer | None = None,
) -> Enrolment:
    """Enrol photos of a product, or the classes of a data set. Photos that are enrolled already are passed over; only new ones are looked at. What makes a product hard to recognise is warned of.

    Args:
        gallery: the gallery's folder, or s3://BUCKET/PREFIX; with @milvus://HOST:PORT/COLLECTION after it, that server searches
        photos: images of one product, folders of such, or patterns
        author: who makes the change; your login name if not given
        reason: why, for the history (default: )
        sku: the product that they show
        data: instead: a data set, all photos of which are enrolled under the names of their classes
        format: one of csv, folder, grocery_store, rp2k; found out if not given
        run: the run or exported file that makes its vectors, if it has moved since the gallery was made
        engine: what computes: mindspore, onnx, openvino, mindir, or auto, the fastest that the run was exported for; openvino:int8 names a precision, too (default: auto)
        batch: images computed at once on each core (MindSpore: on all); auto measures which number is fastest here, and remembers it
        strict: refuse what is only warned of otherwise: a photo of two products, a product that is all but another, photos that disagree, too few, copies, blur, glare
        watcher: told of the progress

    Returns:
        The version that it made, None if all were enrolled already, and how many products and photos there are now.

    Raises:
        UserError: no gallery, no usable photo, another run than the gallery's, a name that cannot be one.
    """

@overload
def gallery_remove(request: GalleryRemoveRequest, /, *, watcher: Observer | None = None) -> Enrolment: ...
@overload
def gallery_remove(
    gallery: Path | str | str,
    sku: str,
    *,
    author: str | None = None,
    reason: str = '',
    photos: Sequence[str] = (),
    watcher: Observer | None = None,
) -> Enrolment:
    """Take a product, or photos of it, out. It can be undone until `gallery compact` deletes what no product has any more.

    Args:
        gallery: the gallery's folder, or s3://BUCKET/PREFIX; with @milvus://HOST:PORT/COLLECTION after it, that server searches
        sku: the name of a product in the gallery
        author: who makes the change; your login name if not given
        reason: why, for the history (default: )
        photos: only this photo: its file's name, or the first 8 or more digits of its checksum
        watcher: told of the progress

    Returns:
        The version that it made.

    Raises:
        UserError: no gallery, no such product (with the nearest names), no such photo.
    """

@overload
def gallery_rename(request: GalleryRenameRequest, /, *, watcher: Observer | None = None) -> Enrolment: ...
@overload
def gallery_rename(
    gallery: Path | str | str,
    sku: str,
    name: str,
    *,
    author: str | None = None,
    reason: str = '',
    watcher: Observer | None = None,
) -> Enrolment:
    """Give a product another name.

    Args:
        gallery: the gallery's folder, or s3://BUCKET/PREFIX; with @milvus://HOST:PORT/COLLECTION after it, that server searches
        sku: the name of a product in the gallery
        name: its new name
        author: who makes the change; your login name if not given
        reason: why, for the history (default: )
        watcher: told of the progress

    Returns:
        The version that it made.

    Raises:
        UserError: no gallery, no such product, a name that another product has.
    """

@overload
def gallery_merge(request: GalleryMergeRequest, /, *, watcher: Observer | None = None) -> Enrolment: ...
@overload
def gallery_merge(
    gallery: Path | str | str,
    skus: Sequence[str],
    into: str,
    *,
    author: str | None = None,
    reason: str = '',
    watcher: Observer | None = None,
) -> Enrolment:
    """Make one product of several.

    Args:
        gallery: the gallery's folder, or s3://BUCKET/PREFIX; with @milvus://HOST:PORT/COLLECTION after it, that server searches
        skus: the products to merge
        into: the name of the one product, old or new
        author: who makes the change; your login name if not given
        reason: why, for the history (default: )
        watcher: told of the progress

    Returns:
        The version that it made.

    Raises:
        UserError: no gallery, no such product.
    """

@overload
def gallery_list(request: GalleryListRequest, /, *, watcher: Observer | None = None) -> dict[str, int]: ...
@overload
def gallery_list(
    gallery: Path | str | str,
    *,
    version: int | None = None,
    watcher: Observer | None = None,
) -> dict[str, int]:
    """List the products and how many photos each has.

    Args:
        gallery: the gallery's folder, or s3://BUCKET/PREFIX; with @milvus://HOST:PORT/COLLECTION after it, that server searches
        version: as they were at this version; the newest if not given
        watcher: told of the progress

    Returns:
        The number of photos of each, by name.

    Raises:
        UserError: no gallery, no such version.
    """

@overload
def gallery_show(request: GalleryShowRequest, /, *, watcher: Observer | None = None) -> list[Entry]: ...
@overload
def gallery_show(
    gallery: Path | str | str,
    sku: str,
    *,
    watcher: Observer | None = None,
) -> list[Entry]:
    """List the photos of a product.

    Args:
        gallery: the gallery's folder, or s3://BUCKET/PREFIX; with @milvus://HOST:PORT/COLLECTION after it, that server searches
        sku: the name of a product in the gallery
        watcher: told of the progress

    Returns:
        Each with its file's name and checksum.

    Raises:
        UserError: no gallery, no such product.
    """

@overload
def gallery_search(request: GallerySearchRequest, /, *, watcher: Observer | None = None) -> list[Found]: ...
@overload
def gallery_search(
    gallery: Path | str | str,
    paths: Sequence[str],
    *,
    top: int = 5,
    rerank: bool = False,
    run: Path | str | None = None,
    engine: str = 'auto',
    batch: int | str | None = None,
    watcher: Observer | None = None,
) -> list[Found]:
    """Find the products that photos are most like.

    Args:
        gallery: the gallery's folder, or s3://BUCKET/PREFIX; with @milvus://HOST:PORT/COLLECTION after it, that server searches
        paths: images, folders of images, or patterns such as 'new/*.jpg'
        top: products for each image (default: 5)
        rerank: rank the best anew, by the neighbours that photos share (k-reciprocal)
        run: the run or exported file that makes its vectors, if it has moved since the gallery was made
        engine: what computes: mindspore, onnx, openvino, mindir, or auto, the fastest that the run was exported for; openvino:int8 names a precision, too (default: auto)
        batch: images computed at once on each core (MindSpore: on all); auto measures which number is fastest here, and remembers it
        watcher: told of the progress

    Returns:
        For each photo its best products with cosine similarities and the photo that matched.

    Raises:
        UserError: no gallery, another run than its own, a path that names nothing.
    """

@overload
def gallery_history(request: GalleryHistoryRequest, /, *, watcher: Observer | None = None) -> list[Summary]: ...
@overload
def gallery_history(
    gallery: Path | str | str,
    *,
    watcher: Observer | None = None,
) -> list[Summary]:
    """List all changes: when, by whom, what and why.

    Args:
        gallery: the gallery's folder, or s3://BUCKET/PREFIX; with @milvus://HOST:PORT/COLLECTION after it, that server searches
        watcher: told of the progress

    Returns:
        Version, time, author, reason, kind and detail of each, oldest first.

    Raises:
        UserError: no gallery.
    """

@overload
def gallery_rollback(request: GalleryRollBackRequest, /, *, watcher: Observer | None = None) -> Enrolment: ...
@overload
def gallery_rollback(
    gallery: Path | str | str,
    version: int,
    *,
    author: str | None = None,
    reason: str = '',
    watcher: Observer | None = None,
) -> Enrolment:
    """Bring back the products of an earlier version. Nothing is lost by it: the way back is a version of its own.

    Args:
        gallery: the gallery's folder, or s3://BUCKET/PREFIX; with @milvus://HOST:PORT/COLLECTION after it, that server searches
        version: as `gallery history` lists them
        author: who makes the change; your login name if not given
        reason: why, for the history (default: )
        watcher: told of the progress

    Returns:
        The version that it made, None if nothing differs.

    Raises:
        UserError: no gallery, no such version, one from before a compaction or of other weights.
    """

@overload
def gallery_audit(request: GalleryAuditRequest, /, *, watcher: Observer | None = None) -> GalleryAudit: ...
@overload
def gallery_audit(
    gallery: Path | str | str,
    *,
    out: Path | str | None = None,
    overwrite: bool = False,
    watcher: Observer | None = None,
) -> GalleryAudit:
    """Look at all photos and products: what is mixed up with what, odd photos, copies, blur; a page. No network is asked: the vectors lie in the gallery. What is warned of when photos are enrolled is looked for in all of them.

    Args:
        gallery: the gallery's folder, or s3://BUCKET/PREFIX; with @milvus://HOST:PORT/COLLECTION after it, that server searches
        out: folder to make for the page and the tables
        overwrite: replace an earlier audit in that folder
        watcher: told of the progress

    Returns:
        The findings, kind by kind, and figures.

    Raises:
        UserError: no gallery, one without products, a photo or vectors that are damaged, a folder that is not empty.
    """

@overload
def gallery_discover(request: GalleryDiscoverRequest, /, *, watcher: Observer | None = None) -> DiscoveryOutcome: ...
@overload
def gallery_discover(
    gallery: Path | str | str,
    paths: Sequence[str],
    *,
    out: Path | str = ...,
    least: int = 2,
    run: Path | str | None = None,
    engine: str = 'auto',
    batch: int | str | None = None,
    watcher: Observer | None = None,
) -> DiscoveryOutcome:
    """Group photos of no enrolled product into candidate products, for the review to decide on. Photos of enrolled products are left out; the others are put into groups, one for each product that they seem to show. Nothing is enrolled before a person decides on the page of `shelfmind review DIR`.

    Args:
        gallery: the gallery's folder, or s3://BUCKET/PREFIX; with @milvus://HOST:PORT/COLLECTION after it, that server searches
        paths: images, folders of images, or patterns such as 'new/*.jpg'
        out: folder to make (default: discovery)
        least: photos that make a group; fewer are listed as alone (default: 2)
        run: the run or exported file that makes its vectors, if it has moved since the gallery was made
        engine: what computes: mindspore, onnx, openvino, mindir, or auto, the fastest that the run was exported for; openvino:int8 names a precision, too (default: auto)
        batch: images computed at once on each core (MindSpore: on all); auto measures which number is fastest here, and remembers it
        watcher: told of the progress

    Returns:
        The groups, and the folder that `shelfmind review` opens.

    Raises:
        UserError: no gallery, another run than its own, a path that names nothing, a folder that is not empty.
    """

@overload
def gallery_verify(request: GalleryVerifyRequest, /, *, watcher: Observer | None = None) -> list[Fault]: ...
@overload
def gallery_verify(
    gallery: Path | str | str,
    *,
    watcher: Observer | None = None,
) -> list[Fault]:
    """Read every file and name those that do not hold what was written.

    Args:
        gallery: the gallery's folder, or s3://BUCKET/PREFIX; with @milvus://HOST:PORT/COLLECTION after it, that server searches
        watcher: told of the progress

    Returns:
        Those that do not hold what was written.

    Raises:
        UserError: no gallery.
    """

@overload
def gallery_export(request: GalleryExportRequest, /, *, watcher: Observer | None = None) -> Path: ...
@overload
def gallery_export(
    gallery: Path | str | str,
    out: Path | str,
    *,
    watcher: Observer | None = None,
) -> Path:
    """Write all photos and a list of them as a data set. What comes out is a data set: photos and list.csv, which `gallery add --data` and `train` take.

    Args:
        gallery: the gallery's folder, or s3://BUCKET/PREFIX; with @milvus://HOST:PORT/COLLECTION after it, that server searches
        out: folder to make
        watcher: told of the progress

    Returns:
        The list.

    Raises:
        UserError: no gallery, a damaged photo, a folder that is not empty.
    """

@overload
def gallery_compact(request: GalleryCompactRequest, /, *, watcher: Observer | None = None) -> int: ...
@overload
def gallery_compact(
    gallery: Path | str | str,
    *,
    author: str | None = None,
    reason: str = '',
    watcher: Observer | None = None,
) -> int:
    """Delete for good what no product has any more. There is no way back to earlier versions after it; the history stays to be read.

    Args:
        gallery: the gallery's folder, or s3://BUCKET/PREFIX; with @milvus://HOST:PORT/COLLECTION after it, that server searches
        author: who makes the change; your login name if not given
        reason: why, for the history (default: )
        watcher: told of the progress

    Returns:
        The number of files deleted.

    Raises:
        UserError: no gallery, a damaged one.
    """

@overload
def gallery_calibrate(request: GalleryCalibrateRequest, /, *, watcher: Observer | None = None) -> Calibrated: ...
@overload
def gallery_calibrate(
    gallery: Path | str | str,
    data: Path | str,
    *,
    author: str | None = None,
    reason: str = '',
    split: str = 'val',
    false_accepts: float = 0.01,
    precision: float | None = None,
    families: Path | str | None = None,
    run: Path | str | None = None,
    engine: str = 'auto',
    batch: int | str | None = None,
    allow_seen: bool = False,
    format: str | None = None,
    watcher: Observer | None = None,
) -> Calibrated:
    """Fit how trained and enrolled products are answered together, and what is called unknown. Needs the data set that the run was trained on: its training photos for prototypes, held-out ones to fit to.

    Args:
        gallery: the gallery's folder, or s3://BUCKET/PREFIX; with @milvus://HOST:PORT/COLLECTION after it, that server searches
        data: data set: a folder of class folders, RP2K, a csv, or Grocery Store
        author: who makes the change; your login name if not given
        reason: why, for the history (default: )
        split: the images to fit to; never test (default: val)
        false_accepts: share of unknown objects that may be given a name, at most (default: 0.01)
        precision: name a product, or else its family, only if so large a share of answers is right
        families: a CSV with the columns class,broader; families are found if it is not given
        run: the run or exported file that makes its vectors, if it has moved since the gallery was made
        engine: what computes: mindspore, onnx, openvino, mindir, or auto, the fastest that the run was exported for; openvino:int8 names a precision, too (default: auto)
        batch: images computed at once on each core (MindSpore: on all); auto measures which number is fastest here, and remembers it
        allow_seen: go on with images that the run was trained on, or may have been
        format: one of csv, folder, grocery_store, rp2k; found out if not given
        watcher: told of the progress

    Returns:
        What was fitted, with its figures, and the version that it made.

    Raises:
        UserError: no gallery, another run than its own, data without photos that the run was trained on or without
            held-out ones, too few of these for the rate or the precision, the test split.
    """

@overload
def gallery_re_embed(request: GalleryReEmbedRequest, /, *, watcher: Observer | None = None) -> Enrolment: ...
@overload
def gallery_re_embed(
    gallery: Path | str | str,
    run: Path | str,
    *,
    author: str | None = None,
    reason: str = '',
    engine: str = 'auto',
    batch: int | str | None = None,
    watcher: Observer | None = None,
) -> Enrolment:
    """Renew all vectors by another run, from the photos that the gallery keeps.

    Args:
        gallery: the gallery's folder, or s3://BUCKET/PREFIX; with @milvus://HOST:PORT/COLLECTION after it, that server searches
        run: the run, or the exported file, whose network makes the vectors from now on
        author: who makes the change; your login name if not given
        reason: why, for the history (default: )
        engine: what computes: mindspore, onnx, openvino, mindir, or auto, the fastest that the run was exported for; openvino:int8 names a precision, too (default: auto)
        batch: images computed at once on each core (MindSpore: on all); auto measures which number is fastest here, and remembers it
        watcher: told of the progress

    Returns:
        The version that it made.

    Raises:
        UserError: no gallery, a photo that is damaged.
    """

@overload
def expand(request: ExpandRequest, /, *, watcher: Watcher | None = None) -> dict[str, Any]: ...
@overload
def expand(
    data: Path | str,
    out: Path | str,
    *,
    recipe: Recipe | str | None = 'default',
    overrides: Sequence[str] = (),
    epochs: int | None = None,
    max_minutes: float | None = None,
    seed: int = 0,
    weights: str | None = None,
    offline: bool = False,
    max_bad_fraction: float = 0.01,
    format: str | None = None,
    unseen: float = 0.25,
    shots: Sequence[int] = (1, 3, 5, 8),
    seeds: int = 3,
    draws: int = 5,
    false_accepts: float = 0.05,
    watcher: Watcher | None = None,
) -> dict[str, Any]:
    """Measure what new products cost: train on some classes, enrol the others by a few photos, judge both. Trains on the other classes, enrols photos of these and judges by photos that nothing was fitted to: test, or val where there is no test. What is finished is not done again.

    Args:
        data: data set: a folder of class folders, RP2K, a csv, or Grocery Store
        out: folder for runs, figures and the page, or one to go on with
        recipe: a name from `shelfmind recipes`, or a YAML file (default: default)
        overrides: change the recipe
        epochs: instead of the recipe's; not with max_minutes
        max_minutes: fit the whole schedule into this time instead of a number of epochs
        seed: of split, weights, order and augmentation (default: 0)
        weights: start from these: a file, a run folder, official ones by name, or generated, which come with shelfmind
        offline: never download weights
        max_bad_fraction: share of unusable files above which to stop (default: 0.01)
        format: one of csv, folder, grocery_store, rp2k; found out if not given
        unseen: share of the classes that are not trained (default: 0.25)
        shots: photos that each of them is enrolled with (default: 1,3,5,8)
        seeds: choices of classes, each with a training of its own (default: 3)
        draws: choices of the photos to enrol, for each number of them (default: 5)
        false_accepts: share of unknown objects that may be given a name (default: 0.05)
        watcher: told of the progress

    Returns:
        The content of `expansion.json`: the results of each seed, and their means with 95% intervals over seeds.

    Raises:
        UserError: too few classes or photos, or settings other than those that the folder was started with.
    """

@overload
def serve(request: ServeRequest, /, *, watcher: Observer | None = None) -> Served: ...
@overload
def serve(
    run: Path | str,
    *,
    gallery: str | None = None,
    host: str = '127.0.0.1',
    port: int = 8000,
    workers: int = 1,
    state: Path | str | None = None,
    engine: str = 'auto',
    batch: int | str | None = None,
    decode: Literal['exact', 'fast'] = 'exact',
    tta: Sequence[str] | None = None,
    max_batch: int | None = None,
    max_delay_ms: float = 0.0,
    queue: int = 256,
    timeout: float = 30.0,
    max_body_mb: float = 32.0,
    max_images: int = 64,
    max_megapixels: float = 50.0,
    rate: float | None = None,
    watch_seconds: float = 5.0,
    audit: Path | str | None = None,
    allow_hosts: Sequence[str] = (),
    trusted_proxies: Sequence[str] = (),
    insecure: bool = False,
    watcher: Observer | None = None,
) -> Served:
    """Answer over HTTP: name products in images, look after the gallery; in batches, with keys and metrics. Try it: curl -F image=@cola.jpg http://127.0.0.1:8000/v1/recognize. Several images that wait are computed at once; beyond the queue the answer is 429. SIGTERM or Ctrl-C ends it after what was taken is answered. A new run or file in the same place, and every new version of the gallery, takes over without a lost request; SIGHUP looks for them now.

    Args:
        run: a run folder, or a file that `shelfmind export` wrote
        gallery: a calibrated gallery of its vectors, which the service answers from and changes
        host: the address to listen on; beyond this machine a key is needed (default: 127.0.0.1)
        port: 0: any free one (default: 8000)
        workers: processes that share the port (default: 1)
        state: the folder of keys, audit log and corrections; SHELFMIND_STATE, else one in your data folder, if not given
        engine: what computes: mindspore, onnx, openvino, mindir, or auto, the fastest that the run was exported for; openvino:int8 names a precision, too (default: auto)
        batch: images computed at once on each core (MindSpore: on all); auto measures which number is fastest here, and remembers it
        decode: exact, as for training, or fast: JPEGs far larger than the network needs are decoded smaller (default: exact)
        tta: views to average, such as flip,centre; none for the plain image alone
        max_batch: images computed at once; what `--batch` says, or 8, if not given
        max_delay_ms: how long an image waits for company although a core is free; what comes while all compute is a batch in any case (default: 0.0)
        queue: images that may wait in each process; more are refused (default: 256)
        timeout: seconds after which a request is given up, if it says none (default: 30.0)
        max_body_mb: of a request (default: 32.0)
        max_images: of a request (default: 64)
        max_megapixels: of an image; more are refused by their header (default: 50.0)
        rate: requests a second of one key, or address without keys
        watch_seconds: how often to look for a new run or gallery version; 0: at SIGHUP only (default: 5.0)
        audit: a folder that `shelfmind audit` made, to show on the page
        allow_hosts: a name under which requests may come; on this machine's own address localhost always is one
        trusted_proxies: a proxy whose X-Forwarded-For is believed, such as 127.0.0.1 or 10.0.0.0/8; none if not given
        insecure: listen beyond this machine without any key: whoever reaches it may do all
        watcher: told of the progress

    Returns:
        How long it answered, and where.

    Raises:
        UserError: a run, gallery, key or port that cannot be used; or packages of the extra `serve` are missing.
    """

@overload
def keys_add(request: KeysAddRequest, /, *, watcher: Observer | None = None) -> str: ...
@overload
def keys_add(
    name: str,
    *,
    state: Path | str | None = None,
    role: Literal['read', 'write', 'admin'] = 'read',
    watcher: Observer | None = None,
) -> str:
    """Make a key, which is shown once. The key is shown once, on standard output; only its hash is kept. read may recognise and look, write may change the gallery and correct answers, admin may reload the model, too.

    Args:
        name: who will use it; changes bear this name
        state: the folder of keys, audit log and corrections; SHELFMIND_STATE, else one in your data folder, if not given
        role: read, write or admin (default: read)
        watcher: told of the progress

    Returns:
        The key, which is kept nowhere.

    Raises:
        UserError: a name that has a key already, or a file that cannot be written.
    """

@overload
def keys_list(request: KeysListRequest, /, *, watcher: Observer | None = None) -> list[Key]: ...
@overload
def keys_list(
    *,
    state: Path | str | None = None,
    watcher: Observer | None = None,
) -> list[Key]:
    """List whose keys there are.

    Args:
        state: the folder of keys, audit log and corrections; SHELFMIND_STATE, else one in your data folder, if not given
        watcher: told of the progress

    Returns:
        Name, role and date of each; not the keys themselves, which nobody knows.

    Raises:
        UserError: a file that cannot be read.
    """

@overload
def keys_revoke(request: KeysRevokeRequest, /, *, watcher: Observer | None = None) -> Key: ...
@overload
def keys_revoke(
    name: str,
    *,
    state: Path | str | None = None,
    watcher: Observer | None = None,
) -> Key:
    """Have a key count no longer. Running services know at once.

    Args:
        name: the name it was given
        state: the folder of keys, audit log and corrections; SHELFMIND_STATE, else one in your data folder, if not given
        watcher: told of the progress

    Returns:
        What it was.

    Raises:
        UserError: nobody of this name has one (with the nearest names), or a file that cannot be written.
    """

@overload
def benchmark(request: BenchmarkRequest, /, *, watcher: Observer | None = None) -> Benchmark: ...
@overload
def benchmark(
    run: Path | str,
    *,
    data: Path | str | None = None,
    parts: Sequence[Literal['engines', 'command', 'training']] = ('engines', 'command', 'training'),
    batch: Sequence[int] = (1, 32),
    images: int = 300,
    rounds: int = 5,
    out: Path | str | None = None,
    compare: Path | str | None = None,
    watcher: Observer | None = None,
) -> Benchmark:
    """Measure how fast this machine predicts and trains with a run: every engine, and the whole command. Every engine and precision that the run was exported for, or that reads the file: images/s and latency, the whole `predict` command from JPEG files to a CSV, its first answer and its memory; and training steps. Each has a process of its own, one at work at a time, in rounds. Leave the machine alone meanwhile.

    Args:
        run: a run folder, or a file that `shelfmind export` wrote
        data: a folder with photos for the command; those of the run if not given
        parts: what is measured (default: engines,command,training)
        batch: images that engines are asked with at once (default: 1,32)
        images: photos for the command, at most (default: 300)
        rounds: of all engines in turn; 99% latencies take many calls (default: 5)
        out: also write all figures to this .json
        compare: an earlier such file, to compare with
        watcher: told of the progress

    Returns:
        The results, and the changes from those in `compare`.

    Raises:
        UserError: no run, no usable engine, earlier results that cannot be read.
    """

@overload
def doctor(request: DoctorRequest, /, *, watcher: Observer | None = None) -> dict[str, Any]: ...
@overload
def doctor(
    *,
    watcher: Observer | None = None,
) -> dict[str, Any]:
    """Look at this machine: versions, device, memory, and whether convolutions run at full speed.

    Args:
        watcher: told of the progress

    Returns:
        Facts by name, and `problems`: what stands in the way, each with what to do about it.
    """
