"""Recognises retail products (SKUs) in product photos, on MindSpore."""

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
from shelfmind.inference.embed_files import EmbeddingOutcome
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
from shelfmind.requests.measuring import CalibrateRequest, EmbedRequest, EvaluateRequest, ExplainRequest, PredictRequest
from shelfmind.requests.preparing import PrepareRequest
from shelfmind.requests.serving import KeysAddRequest, KeysListRequest, KeysRevokeRequest, ServeRequest
from shelfmind.requests.tool import DoctorRequest, VerifyRequest
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
    "embed",
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
    "verify",
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
    """Create a first recipe for a data set by answering five questions, and print the training command. On a terminal, asks only for missing arguments. Writes a commented recipe file, but nothing before all questions are answered.

    Args:
        data: Data set: a folder of class folders, RP2K, a CSV list, Grocery Store, WebDataset tar shards, or Parquet files of Hugging Face datasets; a folder, a file, or a URL such as s3://BUCKET/FOLDER.
        purpose: Purpose of the recogniser: known (fixed range of products), changing (new products are enrolled in a gallery), or contest. (default: known)
        minutes: Time budget for training in minutes. Unlimited by default.
        cores: CPU cores for training. Defaults to all cores of this machine.
        device: Training device: CPU, GPU or Ascend. Defaults to the best one of this machine.
        format: Format of the data set: csv, folder, grocery_store, parquet, rp2k, webdataset. Detected by default.
        out: Run folder that the training command will create. Defaults to runs/first, or the next free name.
        recipe: Recipe file to write. Defaults to OUT.yaml.
        watcher: Receives progress and messages.

    Returns:
        The file, the recommendation behind it, and the training command.

    Raises:
        UserError: unusable data, or an output path that exists.
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
    ray: str | None = None,
    workers: int | None = None,
    watcher: Observer | None = None,
) -> AuditOutcome:
    """Audit a data set: class sizes, leaks, duplicates, label conflicts, bad files, blur and glare. Writes a report and tables. Measured images are cached: if interrupted, run the same command again. On a Ray cluster, the workers measure the images; this process does the rest.

    Args:
        data: Data set: a folder of class folders, RP2K, a CSV list, Grocery Store, WebDataset tar shards, or Parquet files of Hugging Face datasets; a folder, a file, or a URL such as s3://BUCKET/FOLDER.
        out: Folder to create for the report and the tables.
        run: Also check the labels with the predictions of this run, or with an output folder of find-label-errors.
        overwrite: Replace an earlier audit in the output folder.
        seed: Seed of the random split. Ignored if the data set comes with a split. (default: 0)
        format: Format of the data set: csv, folder, grocery_store, parquet, rp2k, webdataset. Detected by default.
        ray: Ray cluster to compute on: auto (the one that this machine is part of), HOST:PORT, or local (starts one on this machine). By default no cluster is used. Needs shelfmind[ray].
        workers: Number of worker processes on the Ray cluster, which share its cores evenly. Defaults to one per host.
        watcher: Receives progress and messages.

    Returns:
        The folder, and the contents of `audit.json`.

    Raises:
        UserError: unusable data, an unwritable folder, or a run with other classes.
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
    """Rank labels by how likely they are wrong, using out-of-fold predictions. A fold whose network does not clearly beat guessing is left out. If interrupted, run the same command again to resume. Nothing in the data set is changed: review flagged images with `shelfmind review`.

    Args:
        data: Data set: a folder of class folders, RP2K, a CSV list, Grocery Store, WebDataset tar shards, or Parquet files of Hugging Face datasets; a folder, a file, or a URL such as s3://BUCKET/FOLDER.
        out: Folder to create. An existing one is resumed.
        recipe: Name from `shelfmind recipes`, or a YAML file. (default: default)
        overrides: Override a recipe value.
        epochs: Number of epochs. Defaults to the recipe's. Excludes max_minutes.
        max_minutes: Time budget in minutes for all folds together.
        seed: Seed of split, initial weights, image order and augmentation. (default: 0)
        weights: Initial weights: a checkpoint, a run folder, the name of official weights, or generated (shipped with shelfmind, pretrained on synthetic photos).
        offline: Do not download weights.
        max_bad_fraction: Stop if a larger share of the files is unusable. (default: 0.01)
        format: Format of the data set: csv, folder, grocery_store, parquet, rp2k, webdataset. Detected by default.
        folds: Number of cross-validation folds. Each fold trains one network and checks the held-out images. (default: 5)
        watcher: Receives progress and messages.

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
    """Review flagged images in a browser: keep, relabel or drop them. The data set is not changed. Ctrl-C ends it. Each decision is written to the log before the page confirms it. Several reviewers can share a log. Without a browser, write the decisions to AUDIT/review.jsonl, one JSON object per line; docs/data.md shows the format.

    Args:
        audit: Output folder of `shelfmind audit`, `find-label-errors` or `gallery discover`.
        data: New location of the data set (or of the gallery of a discovery) if it was moved.
        log: File to append decisions to. Defaults to review.jsonl in AUDIT.
        reviewer: Name recorded with your decisions. Defaults to your login name.
        port: Port to listen on. 0 picks a free port. Defaults to 8765, or a free port if 8765 is taken.
        language: Language of the page: en or zh. Defaults to that of the browser.
        browser: Open the page in a browser.
        watcher: Receives progress and messages.

    Returns:
        The number of decisions and where they are.

    Raises:
        UserError: the folder, log, reviewer's name or port cannot be used. Raised before anything is served.
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
    """Make a clean copy of a data set from review decisions and rules. DATA is never modified. The same input gives the same bytes.

    Args:
        data: Data set: a folder of class folders, RP2K, a CSV list, Grocery Store, WebDataset tar shards, or Parquet files of Hugging Face datasets; a folder, a file, or a URL such as s3://BUCKET/FOLDER.
        out: Folder to create for the clean data set.
        decisions: Decisions of a review: review.jsonl.
        prefer: Reviewer to follow in case of contradictory decisions.
        prefer_latest: Follow the latest of contradictory decisions.
        ignore_missing_decisions: Skip decisions whose image is missing or has changed.
        others: Class that the decision 'others' refers to.
        new_classes: New class that decisions may introduce.
        classes_of: Run whose classes decisions may introduce.
        audit: Audit of DATA, for duplicates and leaks.
        drop_duplicates: Keep one image of each group of duplicates.
        drop_leaks: Drop training images that are also in val or test, and val images that are also in test.
        merge_same_names: Merge classes whose names are equal after normalisation.
        fraction: Keep this share of each class and split, but at least one image.
        caps: Keep at most N training images of a class.
        cap_all: Keep at most this many training images of every other class.
        val_fraction: Split again: share of each class for val; 0 for no val split.
        test_fraction: Split again: share of each class for test; 0 for no test split. By default test is unchanged.
        split_floor: Minimum number of images per class in val and test, if they are split again. (default: 1)
        jpeg: Convert PNG and other formats to JPEG, quality 95.
        link: How to place images. auto: hard links where possible, else copies. (default: auto)
        mindrecord: Also write MindRecord shards.
        image_size: Size of the square MindRecord images in pixels. (default: 256)
        seed: Seed of sampling and splits. (default: 0)
        max_bad_fraction: Stop if a larger share of the files is unusable. (default: 1.0)
        format: Format of the data set: csv, folder, grocery_store, parquet, rp2k, webdataset. Detected by default.
        watcher: Receives progress and messages.

    Returns:
        The folder, metrics, how images were placed, and notes.

    Raises:
        UserError: invalid input.
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
    """Generate a synthetic data set in RP2K's layout, with the ground truth of every photo in truth.csv. The level of a factor such as glare ranges from 0 (none) through the default (as on real shelves) to 1 (severe in most photos).

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
        watcher: Receives progress and messages.

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
    devices: int | None = None,
    restarts: int = 0,
    port: int | None = None,
    watcher: Watcher | None = None,
) -> Evaluation:
    """Train a recogniser into a run folder.

    Args:
        data: Data set: a folder of class folders, RP2K, a CSV list, Grocery Store, WebDataset tar shards, or Parquet files of Hugging Face datasets; a folder, a file, or a URL such as s3://BUCKET/FOLDER. Excludes resume.
        out: Run folder to create.
        recipe: Name from `shelfmind recipes`, or a YAML file. (default: default)
        overrides: Override a recipe value.
        epochs: Number of epochs. Defaults to the recipe's. Excludes max_minutes.
        max_minutes: Time budget in minutes, from when MindSpore has started; on an idle machine it includes the final evaluation. The learning-rate schedule is scaled to fit it.
        seed: Seed of split, initial weights, image order and augmentation. (default: 0)
        weights: Initial weights: a checkpoint, a run folder, the name of official weights, or generated (shipped with shelfmind, pretrained on synthetic photos).
        offline: Do not download weights.
        max_bad_fraction: Stop if a larger share of the files is unusable. (default: 0.01)
        format: Format of the data set: csv, folder, grocery_store, parquet, rp2k, webdataset. Detected by default.
        resume: Run folder to resume, with its original arguments.
        split_of: Reuse the split of this run, so that both can be evaluated together. New photos are used for training.
        teacher: Run or exported file to distil from. Predictions of several teachers are averaged.
        broader: CSV with the columns class,broader: train on the broader classes instead.
        rules: Rule set to enforce: contest (MindSpore only, random or official MindSpore weights, no other photos).
        track: Also log metrics to tensorboard (RUN/tensorboard), mlflow, or both.
        devices: Train data-parallel in this many processes on this machine: one per GPU or Ascend device; on CPUs, they share the cores. Each batch is divided among them. A resumed run keeps its number. Defaults to 1.
        restarts: Restart a data-parallel run up to this many times if a process dies. (default: 0)
        port: Port on which the processes connect to each other. Defaults to a free one.
        watcher: Receives progress and messages.

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
    """Pretrain without labels (SimSiam) or on broader labels, as initial weights for training. Evaluates the embeddings by kNN and linear probe.

    Args:
        data: Data set: a folder of class folders, RP2K, a CSV list, Grocery Store, WebDataset tar shards, or Parquet files of Hugging Face datasets; a folder, a file, or a URL such as s3://BUCKET/FOLDER. Excludes resume.
        out: Run folder to create.
        recipe: Name from `shelfmind recipes`, or a YAML file. Defaults to pretrain, or to default with broader.
        overrides: Override a recipe value.
        epochs: Number of epochs. Defaults to the recipe's. Excludes max_minutes.
        max_minutes: Time budget in minutes, from when MindSpore has started; on an idle machine it includes the final evaluation. The learning-rate schedule is scaled to fit it.
        seed: Seed of split, initial weights, image order and augmentation. (default: 0)
        weights: Initial weights: a checkpoint, a run folder, the name of official weights, or generated (shipped with shelfmind, pretrained on synthetic photos).
        offline: Do not download weights.
        max_bad_fraction: Stop if a larger share of the files is unusable. (default: 0.01)
        format: Format of the data set: csv, folder, grocery_store, parquet, rp2k, webdataset. Detected by default.
        resume: Run folder to resume, with its original arguments.
        broader: Train on broader classes instead: a CSV with the columns class,broader.
        watcher: Receives progress and messages.

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
    """Fine-tune a run for a larger test resolution (FixRes): retrain the classifier and the last batch norm, keep the best resolution.

    Args:
        run: Run folder made by `shelfmind train`.
        resolutions: Image sizes to try, such as 224,256,288.
        out: Run folder to create if a size is better.
        epochs: Epochs per image size. Defaults to 5. Excludes max_minutes.
        max_minutes: Time budget in minutes per image size, instead of epochs.
        watcher: Receives progress and messages.

    Returns:
        The result at each size, and which one is selected, if any.

    Raises:
        UserError: a size below the last training size, no validation images, an existing folder, candidates of another
            run or other settings.
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
    """Turn the products of a gallery into classes of a run: imprint their weights, then fine-tune briefly with rehearsal of the run's own photos. A product with the name of a trained class adds its photos to that class. All other products become new classes.

    Args:
        run: Run folder made by `shelfmind train`.
        gallery: Gallery of the products. Its embeddings must come from the weights of this run.
        out: Run folder to create.
        data: New location of the run's training photos if they were moved.
        format: Format of the data set: csv, folder, grocery_store, parquet, rp2k, webdataset. Detected by default.
        epochs: Epochs of fine-tuning. Defaults to 10. Excludes max_minutes.
        max_minutes: Time budget for fine-tuning in minutes, instead of epochs.
        held_out: Share of each new product's photos held out for evaluation, if it has at least five. (default: 0.2)
        seed: Seed of the image order, augmentation and held-out photos. (default: 0)
        watcher: Receives progress and messages.

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
    """Search hyperparameters of a recipe on validation images (Optuna). Unpromising trials are pruned. Resumable.

    Args:
        data: Data set: a folder of class folders, RP2K, a CSV list, Grocery Store, WebDataset tar shards, or Parquet files of Hugging Face datasets; a folder, a file, or a URL such as s3://BUCKET/FOLDER.
        out: Folder for the study and its trials. One of the same settings is resumed.
        recipe: Name from `shelfmind recipes`, or a YAML file. (default: default)
        overrides: Override a recipe value.
        epochs: Number of epochs. Defaults to the recipe's. Excludes max_minutes.
        max_minutes: Time budget in minutes per trial.
        seed: Seed of split, initial weights, image order and augmentation. (default: 0)
        weights: Initial weights: a checkpoint, a run folder, the name of official weights, or generated (shipped with shelfmind, pretrained on synthetic photos).
        offline: Do not download weights.
        max_bad_fraction: Stop if a larger share of the files is unusable. (default: 0.01)
        format: Format of the data set: csv, folder, grocery_store, parquet, rp2k, webdataset. Detected by default.
        trials: Total number of trials, including those of earlier calls. (default: 20)
        space: YAML file with the search space: train.lr: {low: 0.01, high: 0.1, log: true}, ...
        watcher: Receives progress and messages.

    Returns:
        The best trial, and how many completed and were stopped.

    Raises:
        UserError: Optuna is not installed, a search space that does not fit the recipe, no validation images, settings
            other than those that the folder was started with.
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
    """Compare changes of a recipe: train each row of a table with several seeds and test which differences are significant. Each row of the table changes the base recipe and is trained once per seed, in a separate process. Finished runs are reused, also by other tables in the same folder. Writes an HTML report, Markdown, CSV and JSON with the mean, the spread over seeds, the difference from the base with its confidence interval, and the training time. If a row fails, the others continue and the exit status is 1.

    Args:
        table: Name from `shelfmind ablations`, or a YAML file.
        data: Data set: a folder of class folders, RP2K, a CSV list, Grocery Store, WebDataset tar shards, or Parquet files of Hugging Face datasets; a folder, a file, or a URL such as s3://BUCKET/FOLDER.
        out: Folder for runs and tables. An existing one is resumed.
        seeds: Number of seeds per row, or the seeds themselves. (default: 3)
        recipe: Base recipe. Defaults to that of the table.
        overrides: Override a value of the base recipe.
        epochs: Epochs of the base. Defaults to those of its recipe. Excludes max_minutes.
        max_minutes: Time budget in minutes per row and seed: compare at equal time instead of equal epochs.
        split: Split to evaluate on. Defaults to test if there is one, else val.
        jobs: Parallel training runs, which share the cores. Use 1 for meaningful training times. (default: 1)
        offline: Do not download weights.
        max_bad_fraction: Stop if a larger share of the files is unusable. (default: 0.01)
        format: Format of the data set: csv, folder, grocery_store, parquet, rp2k, webdataset. Detected by default.
        watcher: Receives progress and messages.

    Returns:
        The contents of `ablation.json`: metrics of each row, differences with intervals and verdicts, cost, failures.

    Raises:
        UserError: an invalid table, a table or data set other than the folder was started with, a folder inside the
            data set, or too few images to evaluate on. A row that fails in training is not an error, but listed in the
            table.
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
    """Adapt a run to another shop, camera or lighting with unlabelled photos from there. Writes a new run. Mixes the batch-normalisation statistics of the run with those of the photos (AdaBN). Needs no labels and no training. Use photos as varied as those to be recognised.

    Args:
        run: Run folder made by `shelfmind train`.
        paths: Images, folders of images, or patterns such as 'new/*.jpg'.
        out: Run folder to create.
        weight: Weight of the photos in the new statistics. (default: 0.5)
        most: Maximum number of photos. More are sampled at random. (default: 2000)
        max_bad_fraction: Stop if a larger share of the files is unusable. (default: 0.01)
        watcher: Receives progress and messages.

    Returns:
        The number of photos used, and the distance of their statistics from the run's.

    Raises:
        UserError: no run, an existing folder, too few photos or too many bad ones, a network without batch
            normalisation, statistics that are not finite.
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
    """Average the weights of a run's last epochs (model soup) into a new run. Needs train.snapshots in the recipe.

    Args:
        run: Run folder made by `shelfmind train`.
        out: Run folder to create.
        kind: greedy: add a snapshot only if validation accuracy does not drop. uniform: average all. (default: greedy)
        watcher: Receives progress and messages.

    Returns:
        The epochs in the soup, and the gain on validation.

    Raises:
        UserError: fewer than two snapshots, no validation images, an existing folder.
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
    """Evaluate a run, or an ensemble of several, on a labelled data set: accuracy with confidence intervals, calibration, confusions.

    Args:
        runs: One or more run folders made by `shelfmind train`.
        data: Data set: a folder of class folders, RP2K, a CSV list, Grocery Store, WebDataset tar shards, or Parquet files of Hugging Face datasets; a folder, a file, or a URL such as s3://BUCKET/FOLDER.
        split: Split to evaluate: train, val, test, new (photos unknown to the run), or several, as in test,new. Defaults to test if there is one.
        tta: Test-time augmentation views to average, such as flip,centre. none: the plain image only. Defaults to the recipe's views.
        engine: Inference engine: mindspore, onnx, openvino, mindir, or auto (the fastest one that the run was exported for). Append a precision as in openvino:int8. (default: auto)
        rules: Rule set to enforce: contest (MindSpore is the only engine).
        batch: Batch size per core (MindSpore: in total). Defaults to 8 (MindSpore: the recipe's). auto measures the fastest size on this machine once and remembers it.
        logit_adjust: Strength of logit adjustment: 0 leaves predictions unchanged, 1 assumes equally frequent classes.
        out: Folder for the results of several runs.
        ensembling: How to average several runs: likelihood (weighted by validation likelihood), equal, or geometric. (default: likelihood)
        gallery: Calibrated gallery. Its products are recognised in addition to the trained classes.
        max_bad_fraction: Stop if a larger share of the files is unusable. (default: 0.01)
        allow_seen: Continue even if the run was, or may have been, trained on some of the images.
        format: Format of the data set: csv, folder, grocery_store, parquet, rp2k, webdataset. Detected by default.
        watcher: Receives progress and messages.

    Returns:
        All metrics; for several runs also the contribution of each.

    Raises:
        UserError: a class unknown to a run, a missing or empty split, too many bad files, or, unless `allow_seen`,
            images that were, or may have been, trained or validated on.
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
    """Calibrate the confidence of a run by temperature scaling on validation images. The temperature is kept only if it significantly improves the likelihood of held-out labels; otherwise it stays 1.

    Args:
        run: Run folder made by `shelfmind train`.
        data: Data set: a folder of class folders, RP2K, a CSV list, Grocery Store, WebDataset tar shards, or Parquet files of Hugging Face datasets; a folder, a file, or a URL such as s3://BUCKET/FOLDER.
        split: Split to calibrate on. test is rejected. (default: val)
        tta: Test-time augmentation views to average, such as flip,centre. none: the plain image only. Defaults to the recipe's views.
        max_bad_fraction: Stop if a larger share of the files is unusable. (default: 0.01)
        allow_seen: Continue even if the run was, or may have been, trained on some of the images.
        format: Format of the data set: csv, folder, grocery_store, parquet, rp2k, webdataset. Detected by default.
        watcher: Receives progress and messages.

    Returns:
        The fit, whether it is kept, and why. `replaced` is an earlier temperature of these weights that no longer
        applies; `trained` and `near_copies` count images that the run has seen, which makes a temperature unreliable.

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
    ray: str | None = None,
    workers: int | None = None,
    watcher: Observer | None = None,
) -> PredictionOutcome:
    """Recognise the products in images. An unusable file keeps its row, with the reason.

    Args:
        run: Run folder, or a file written by `shelfmind export`.
        paths: Images, folders of images, or patterns such as 'new/*.jpg'.
        top: Number of predictions per image. (default: 5)
        out: Output file: .csv, .jsonl or .npz. By default predictions are only printed.
        tta: Test-time augmentation views to average, such as flip,centre. none: the plain image only. Defaults to the recipe's views.
        engine: Inference engine: mindspore, onnx, openvino, mindir, or auto (the fastest one that the run was exported for). Append a precision as in openvino:int8. (default: auto)
        rules: Rule set to enforce: contest (MindSpore is the only engine).
        batch: Batch size per core (MindSpore: in total). Defaults to 8 (MindSpore: the recipe's). auto measures the fastest size on this machine once and remembers it.
        decode: JPEG decoding: exact, as in training, or fast (large JPEGs are decoded at reduced size). (default: exact)
        gallery: Calibrated gallery. Its products are recognised in addition to the trained classes.
        together: All images show the same object: give one joint answer. Needs gallery.
        ray: Ray cluster to compute on: auto (the one that this machine is part of), HOST:PORT, or local (starts one on this machine). By default no cluster is used. Needs shelfmind[ray].
        workers: Number of worker processes on the Ray cluster, which share its cores evenly. Defaults to one per host.
        watcher: Receives progress and messages.

    Returns:
        The number of images, the first few predictions, and unusable and skipped files.

    Raises:
        UserError: a path does not exist, the output cannot be written, or there is no run.
    """

@overload
def embed(request: EmbedRequest, /, *, watcher: Observer | None = None) -> EmbeddingOutcome: ...
@overload
def embed(
    run: Path | str,
    out: Path | str,
    paths: Sequence[str] = (),
    *,
    data: Path | str | None = None,
    dtype: Literal['float32', 'float16'] = 'float32',
    part_size: int = 1024,
    engine: str = 'auto',
    rules: str | None = None,
    batch: int | str | None = None,
    decode: Literal['exact', 'fast'] = 'exact',
    format: str | None = None,
    ray: str | None = None,
    workers: int | None = None,
    watcher: Observer | None = None,
) -> EmbeddingOutcome:
    """Compute the embeddings of images or of a data set as a Parquet file. Writes one row per image: path, class and split (of a data set), embedding, and error for an unusable file. If interrupted, run the same command again to resume. Needs shelfmind[parquet].

    Args:
        run: Run folder, or a file written by `shelfmind export`.
        paths: Images, folders of images, or patterns such as 'new/*.jpg'.
        out: Output file: .parquet.
        data: Data set to embed instead; adds the columns class and split.
        dtype: Type of the values of an embedding. (default: float32)
        part_size: Images between two saves, and in each part of a cluster's work. (default: 1024)
        engine: Inference engine: mindspore, onnx, openvino, mindir, or auto (the fastest one that the run was exported for). Append a precision as in openvino:int8. (default: auto)
        rules: Rule set to enforce: contest (MindSpore is the only engine).
        batch: Batch size per core (MindSpore: in total). Defaults to 8 (MindSpore: the recipe's). auto measures the fastest size on this machine once and remembers it.
        decode: JPEG decoding: exact, as in training, or fast (large JPEGs are decoded at reduced size). (default: exact)
        format: Format of the data set: csv, folder, grocery_store, parquet, rp2k, webdataset. Detected by default.
        ray: Ray cluster to compute on: auto (the one that this machine is part of), HOST:PORT, or local (starts one on this machine). By default no cluster is used. Needs shelfmind[ray].
        workers: Number of worker processes on the Ray cluster, which share its cores evenly. Defaults to one per host.
        watcher: Receives progress and messages.

    Returns:
        Numbers of images and values, the engine, and unusable files.

    Raises:
        UserError: no run, no images, an output that cannot be written, or parts of another job next to it.
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
    """Export a run to one file for ONNX Runtime, OpenVINO or MindIR, after checking that its predictions match. The exported network takes square 8-bit images; the file also contains recipe, class names and temperatures. `predict`, `shelfmind.load` and `shelfmind.recognizer` accept it and need MindSpore for MindIR only.

    Args:
        run: Run folder made by `shelfmind train`.
        format: File format: onnx (for ONNX Runtime and OpenVINO), openvino, or mindir (for MindSpore). (default: onnx)
        precision: Numeric precision: fp32, int8 or bf16, if the engine and the processor support it. (default: fp32)
        out: Output file. Defaults to a file in the run folder, where --engine finds it.
        data: Data set to compare predictions on, if the run's own data was moved.
        data_format: Format of the data set: csv, folder, grocery_store, parquet, rp2k, webdataset. Detected by default.
        images: Number of images to compare, from val if there is one. Defaults to 300 for fp32, else 1000.
        calibration: Number of training images for int8 calibration. (default: 256)
        tolerance: Accepted deviation from MindSpore. fp32: maximum difference of a probability, 0.0001 by default; int8 and bf16: maximum loss of accuracy, 0.005 by default.
        watcher: Receives progress and messages.

    Returns:
        The file, and the comparison for each engine.

    Raises:
        UserError: there is no run or data, no installed engine supports the format and precision, the network cannot be
            exported, or the outputs differ by more than the tolerance. Nothing is written in these cases.
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
    """Explain predictions: Grad-CAM heat maps, and the most similar training images.

    Args:
        run: Run folder made by `shelfmind train`.
        paths: Images, folders of images, or patterns such as 'new/*.jpg'.
        out: Folder to create for the page and the images.
        class_name: Class or product to explain. Defaults to the prediction for each image.
        gallery: a calibrated gallery, whose products are explained, too
        neighbours: Number of similar training images to show per image. (default: 4)
        overwrite: Replace an earlier page in the output folder.
        watcher: Receives progress and messages.

    Returns:
        The explanation of each image, in order.

    Raises:
        UserError: no run, no images, an unknown class, a network without feature maps, or a folder that is not empty.
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
    """Create a gallery with the embeddings of a run. A gallery stores photos and their embeddings, which belong to the weights of one run. If enrolment is interrupted or rejected, run the same command again to resume.

    Args:
        gallery: Gallery folder, or s3://BUCKET/PREFIX. Append @milvus://HOST:PORT/COLLECTION to search with a Milvus server.
        run: Run folder or exported file whose network computes the embeddings.
        author: Author of the change. Defaults to your login name.
        reason: Reason for the change, kept in the history. (default: )
        engine: Inference engine: mindspore, onnx, openvino, mindir, or auto (the fastest one that the run was exported for). Append a precision as in openvino:int8. (default: auto)
        batch: Batch size per core (MindSpore: in total). Defaults to 8 (MindSpore: the recipe's). auto measures the fastest size on this machine once and remembers it.
        data: Data set to enrol at once: all photos of all splits.
        format: Format of the data set: csv, folder, grocery_store, parquet, rp2k, webdataset. Detected by default.
        strict: Reject what otherwise only causes a warning: one photo under two products, near-identical products, inconsistent photos, too few photos, near-duplicates, blur, glare.
        watcher: Receives progress and messages.

    Returns:
        The version, and the numbers of products and photos.

    Raises:
        UserError: the gallery exists, or the run or data is unusable.
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
    ray: str | None = None,
    workers: int | None = None,
    watcher: Observer | None = None,
) -> Enrolment:
    """Enrol photos of a product, or all classes of a data set. Photos that are already enrolled are skipped. Prints a warning for anything that makes a product hard to recognise.

    Args:
        gallery: Gallery folder, or s3://BUCKET/PREFIX. Append @milvus://HOST:PORT/COLLECTION to search with a Milvus server.
        photos: Images of one product, folders of such images, or patterns.
        author: Author of the change. Defaults to your login name.
        reason: Reason for the change, kept in the history. (default: )
        sku: Product that the photos show.
        data: Data set to enrol instead: all photos, under their class names.
        format: Format of the data set: csv, folder, grocery_store, parquet, rp2k, webdataset. Detected by default.
        run: New location of the run or exported file that computes the embeddings, if it was moved.
        engine: Inference engine: mindspore, onnx, openvino, mindir, or auto (the fastest one that the run was exported for). Append a precision as in openvino:int8. (default: auto)
        batch: Batch size per core (MindSpore: in total). Defaults to 8 (MindSpore: the recipe's). auto measures the fastest size on this machine once and remembers it.
        strict: Reject what otherwise only causes a warning: one photo under two products, near-identical products, inconsistent photos, too few photos, near-duplicates, blur, glare.
        ray: Ray cluster to compute on: auto (the one that this machine is part of), HOST:PORT, or local (starts one on this machine). By default no cluster is used. Needs shelfmind[ray].
        workers: Number of worker processes on the Ray cluster, which share its cores evenly. Defaults to one per host.
        watcher: Receives progress and messages.

    Returns:
        The new version (None if all photos were enrolled already), and the numbers of products and photos.

    Raises:
        UserError: no gallery, no usable photo, a run other than the gallery's, or an invalid name.
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
    """Remove a product, or some of its photos. Can be undone with `gallery rollback` until `gallery compact` deletes unreferenced files.

    Args:
        gallery: Gallery folder, or s3://BUCKET/PREFIX. Append @milvus://HOST:PORT/COLLECTION to search with a Milvus server.
        sku: Name of a product in the gallery.
        author: Author of the change. Defaults to your login name.
        reason: Reason for the change, kept in the history. (default: )
        photos: Remove this photo only: its file name, or at least 8 leading digits of its checksum.
        watcher: Receives progress and messages.

    Returns:
        The new version.

    Raises:
        UserError: no gallery, no such product (with the closest names), or no such photo.
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
    """Rename a product.

    Args:
        gallery: Gallery folder, or s3://BUCKET/PREFIX. Append @milvus://HOST:PORT/COLLECTION to search with a Milvus server.
        sku: Name of a product in the gallery.
        name: New name.
        author: Author of the change. Defaults to your login name.
        reason: Reason for the change, kept in the history. (default: )
        watcher: Receives progress and messages.

    Returns:
        The new version.

    Raises:
        UserError: no gallery, no such product, or the name of another product.
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
    """Merge several products into one.

    Args:
        gallery: Gallery folder, or s3://BUCKET/PREFIX. Append @milvus://HOST:PORT/COLLECTION to search with a Milvus server.
        skus: Products to merge.
        into: Name of the merged product, existing or new.
        author: Author of the change. Defaults to your login name.
        reason: Reason for the change, kept in the history. (default: )
        watcher: Receives progress and messages.

    Returns:
        The new version.

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
    """List the products with their photo counts.

    Args:
        gallery: Gallery folder, or s3://BUCKET/PREFIX. Append @milvus://HOST:PORT/COLLECTION to search with a Milvus server.
        version: Version to list. Defaults to the newest.
        watcher: Receives progress and messages.

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
        gallery: Gallery folder, or s3://BUCKET/PREFIX. Append @milvus://HOST:PORT/COLLECTION to search with a Milvus server.
        sku: Name of a product in the gallery.
        watcher: Receives progress and messages.

    Returns:
        Each with its file name and checksum.

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
    """Find the products most similar to photos.

    Args:
        gallery: Gallery folder, or s3://BUCKET/PREFIX. Append @milvus://HOST:PORT/COLLECTION to search with a Milvus server.
        paths: Images, folders of images, or patterns such as 'new/*.jpg'.
        top: Number of products per image. (default: 5)
        rerank: Re-rank the best matches by k-reciprocal neighbours.
        run: New location of the run or exported file that computes the embeddings, if it was moved.
        engine: Inference engine: mindspore, onnx, openvino, mindir, or auto (the fastest one that the run was exported for). Append a precision as in openvino:int8. (default: auto)
        batch: Batch size per core (MindSpore: in total). Defaults to 8 (MindSpore: the recipe's). auto measures the fastest size on this machine once and remembers it.
        watcher: Receives progress and messages.

    Returns:
        For each photo its best products, with cosine similarity and matching photo.

    Raises:
        UserError: no gallery, a run other than the gallery's, or a path without images.
    """

@overload
def gallery_history(request: GalleryHistoryRequest, /, *, watcher: Observer | None = None) -> list[Summary]: ...
@overload
def gallery_history(
    gallery: Path | str | str,
    *,
    watcher: Observer | None = None,
) -> list[Summary]:
    """List all changes: time, author, change and reason.

    Args:
        gallery: Gallery folder, or s3://BUCKET/PREFIX. Append @milvus://HOST:PORT/COLLECTION to search with a Milvus server.
        watcher: Receives progress and messages.

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
    """Restore the products of an earlier version. Nothing is lost: the rollback itself is a new version.

    Args:
        gallery: Gallery folder, or s3://BUCKET/PREFIX. Append @milvus://HOST:PORT/COLLECTION to search with a Milvus server.
        version: Version number, as listed by `gallery history`.
        author: Author of the change. Defaults to your login name.
        reason: Reason for the change, kept in the history. (default: )
        watcher: Receives progress and messages.

    Returns:
        The new version, None if nothing differs.

    Raises:
        UserError: no gallery, no such version, or a version from before a compaction or of other weights.
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
    """Audit all photos and products: mix-ups, outliers, near-duplicates, blur. Optionally writes a report. Runs the checks of enrolment on all photos, using the stored embeddings. Needs no network.

    Args:
        gallery: Gallery folder, or s3://BUCKET/PREFIX. Append @milvus://HOST:PORT/COLLECTION to search with a Milvus server.
        out: Folder to create for the report and the tables.
        overwrite: Replace an earlier audit in the output folder.
        watcher: Receives progress and messages.

    Returns:
        The findings by kind, and metrics.

    Raises:
        UserError: no gallery, a gallery without products, damaged photos or embeddings, or a folder that is not empty.
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
    """Cluster photos of unknown products into candidate products for review. Photos of enrolled products are skipped. Nothing is enrolled until a reviewer decides in `shelfmind review DIR`.

    Args:
        gallery: Gallery folder, or s3://BUCKET/PREFIX. Append @milvus://HOST:PORT/COLLECTION to search with a Milvus server.
        paths: Images, folders of images, or patterns such as 'new/*.jpg'.
        out: Folder to create. (default: discovery)
        least: Minimum number of photos per group. Photos in smaller groups are listed as single. (default: 2)
        run: New location of the run or exported file that computes the embeddings, if it was moved.
        engine: Inference engine: mindspore, onnx, openvino, mindir, or auto (the fastest one that the run was exported for). Append a precision as in openvino:int8. (default: auto)
        batch: Batch size per core (MindSpore: in total). Defaults to 8 (MindSpore: the recipe's). auto measures the fastest size on this machine once and remembers it.
        watcher: Receives progress and messages.

    Returns:
        The groups, and the folder for `shelfmind review`.

    Raises:
        UserError: no gallery, a run other than the gallery's, a path without images, or a folder that is not empty.
    """

@overload
def gallery_verify(request: GalleryVerifyRequest, /, *, watcher: Observer | None = None) -> list[Fault]: ...
@overload
def gallery_verify(
    gallery: Path | str | str,
    *,
    watcher: Observer | None = None,
) -> list[Fault]:
    """Verify the checksums of all files and list damaged ones.

    Args:
        gallery: Gallery folder, or s3://BUCKET/PREFIX. Append @milvus://HOST:PORT/COLLECTION to search with a Milvus server.
        watcher: Receives progress and messages.

    Returns:
        The damaged and missing files.

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
    """Export all photos as a data set. Writes a data set of photos and list.csv for `gallery add --data` and `train`.

    Args:
        gallery: Gallery folder, or s3://BUCKET/PREFIX. Append @milvus://HOST:PORT/COLLECTION to search with a Milvus server.
        out: Folder to create.
        watcher: Receives progress and messages.

    Returns:
        The list.

    Raises:
        UserError: no gallery, a damaged photo, or a folder that is not empty.
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
    """Delete files that no product references any more. Cannot be undone. Earlier versions cannot be restored afterwards. The history remains readable.

    Args:
        gallery: Gallery folder, or s3://BUCKET/PREFIX. Append @milvus://HOST:PORT/COLLECTION to search with a Milvus server.
        author: Author of the change. Defaults to your login name.
        reason: Reason for the change, kept in the history. (default: )
        watcher: Receives progress and messages.

    Returns:
        The number of deleted files.

    Raises:
        UserError: no gallery, or a damaged one.
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
    """Calibrate joint answers for trained and enrolled products, including the rejection of unknown objects. Needs the data set that the run was trained on: its training photos for the prototypes and a held-out split for the calibration.

    Args:
        gallery: Gallery folder, or s3://BUCKET/PREFIX. Append @milvus://HOST:PORT/COLLECTION to search with a Milvus server.
        data: Data set: a folder of class folders, RP2K, a CSV list, Grocery Store, WebDataset tar shards, or Parquet files of Hugging Face datasets; a folder, a file, or a URL such as s3://BUCKET/FOLDER.
        author: Author of the change. Defaults to your login name.
        reason: Reason for the change, kept in the history. (default: )
        split: Split to calibrate on. test is rejected. (default: val)
        false_accepts: Maximum share of unknown objects that may be accepted as a product. (default: 0.01)
        precision: Target precision. To reach it, uncertain answers fall back from the product to its family, or to no answer.
        families: CSV with the columns class,broader. By default families are found by clustering.
        run: New location of the run or exported file that computes the embeddings, if it was moved.
        engine: Inference engine: mindspore, onnx, openvino, mindir, or auto (the fastest one that the run was exported for). Append a precision as in openvino:int8. (default: auto)
        batch: Batch size per core (MindSpore: in total). Defaults to 8 (MindSpore: the recipe's). auto measures the fastest size on this machine once and remembers it.
        allow_seen: Continue even if the run was, or may have been, trained on some of the images.
        format: Format of the data set: csv, folder, grocery_store, parquet, rp2k, webdataset. Detected by default.
        watcher: Receives progress and messages.

    Returns:
        The fitted rule with its metrics, and the new version.

    Raises:
        UserError: no gallery, a run other than the gallery's, data without training photos of the run or without
            held-out photos, too few of these for the rate or the precision, or the test split.
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
    """Recompute all embeddings with another run, from the photos in the gallery.

    Args:
        gallery: Gallery folder, or s3://BUCKET/PREFIX. Append @milvus://HOST:PORT/COLLECTION to search with a Milvus server.
        run: Run folder or exported file whose network computes the new embeddings.
        author: Author of the change. Defaults to your login name.
        reason: Reason for the change, kept in the history. (default: )
        engine: Inference engine: mindspore, onnx, openvino, mindir, or auto (the fastest one that the run was exported for). Append a precision as in openvino:int8. (default: auto)
        batch: Batch size per core (MindSpore: in total). Defaults to 8 (MindSpore: the recipe's). auto measures the fastest size on this machine once and remembers it.
        watcher: Receives progress and messages.

    Returns:
        The new version.

    Raises:
        UserError: no gallery, or a damaged photo.
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
    """Evaluate enrolment of new products: train on some classes, enrol the others from a few photos, evaluate both. Evaluates on held-out photos: the test split, or val if there is no test split. Finished work is reused.

    Args:
        data: Data set: a folder of class folders, RP2K, a CSV list, Grocery Store, WebDataset tar shards, or Parquet files of Hugging Face datasets; a folder, a file, or a URL such as s3://BUCKET/FOLDER.
        out: Folder for runs, results and the report. An existing one is resumed.
        recipe: Name from `shelfmind recipes`, or a YAML file. (default: default)
        overrides: Override a recipe value.
        epochs: Number of epochs. Defaults to the recipe's. Excludes max_minutes.
        max_minutes: Time budget in minutes per training run.
        seed: Seed of split, initial weights, image order and augmentation. (default: 0)
        weights: Initial weights: a checkpoint, a run folder, the name of official weights, or generated (shipped with shelfmind, pretrained on synthetic photos).
        offline: Do not download weights.
        max_bad_fraction: Stop if a larger share of the files is unusable. (default: 0.01)
        format: Format of the data set: csv, folder, grocery_store, parquet, rp2k, webdataset. Detected by default.
        unseen: Share of the classes to hold out of training. (default: 0.25)
        shots: Numbers of photos to enrol per new product. (default: 1,3,5,8)
        seeds: Number of random choices of the held-out classes. Each needs a training run. (default: 3)
        draws: Random choices of the enrolled photos for each number of shots. (default: 5)
        false_accepts: Maximum share of unknown objects that may be accepted as a product. (default: 0.05)
        watcher: Receives progress and messages.

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
    """Serve recognition and the gallery over HTTP, with batching, API keys and metrics. Try it: curl -F image=@cola.jpg http://127.0.0.1:8000/v1/recognize. Waiting images are computed in batches; if the queue is full, the response is 429. SIGTERM or Ctrl-C shuts down after pending requests are answered. A replaced run or file and every new gallery version are loaded without losing a request; SIGHUP checks for them at once.

    Args:
        run: Run folder, or a file written by `shelfmind export`.
        gallery: Calibrated gallery of this network, for recognition and enrolment.
        host: Address to listen on. Addresses other than localhost require a key. (default: 127.0.0.1)
        port: Port to listen on. 0 picks a free port. (default: 8000)
        workers: Number of processes that share the port. (default: 1)
        state: Folder of keys, audit log and corrections. Defaults to SHELFMIND_STATE, else a folder in your user data folder.
        engine: Inference engine: mindspore, onnx, openvino, mindir, or auto (the fastest one that the run was exported for). Append a precision as in openvino:int8. (default: auto)
        batch: Batch size per core (MindSpore: in total). Defaults to 8 (MindSpore: the recipe's). auto measures the fastest size on this machine once and remembers it.
        decode: JPEG decoding: exact, as in training, or fast (large JPEGs are decoded at reduced size). (default: exact)
        tta: Test-time augmentation views to average, such as flip,centre. none: the plain image only. Defaults to the recipe's views.
        max_batch: Maximum batch size of the service. Defaults to batch, or 8.
        max_delay_ms: Maximum time to wait for more images of a batch while a core is idle. Images that arrive while all cores are busy are always batched. (default: 0.0)
        queue: Queue length in images per process. Further requests are rejected. (default: 256)
        timeout: Timeout of a request in seconds, unless the request sets one. (default: 30.0)
        max_body_mb: Maximum size of a request body in MB. (default: 32.0)
        max_images: Maximum number of images per request. (default: 64)
        max_megapixels: Maximum size of an image in megapixels, checked before decoding. (default: 50.0)
        rate: Maximum requests per second and key (or address, without keys). Unlimited by default.
        watch_seconds: Interval in seconds to check for a new run or gallery version. 0: on SIGHUP only. (default: 5.0)
        audit: Output folder of `shelfmind audit` to show on the page.
        allow_hosts: Allowed host name of requests. localhost is always allowed on a local address.
        trusted_proxies: Proxy whose X-Forwarded-For header is trusted, such as 127.0.0.1 or 10.0.0.0/8. Defaults to none.
        insecure: Listen on non-local addresses without keys: anyone who can connect has full access.
        watcher: Receives progress and messages.

    Returns:
        The running time in seconds and the address.

    Raises:
        UserError: a run, gallery, key or port cannot be used, or packages of the extra `serve` are missing.
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
    """Create a key. It is shown only once. Printed to standard output; only its hash is stored. Roles: read may recognise and view, write may also change the gallery and correct answers, admin may also reload the model.

    Args:
        name: Name of the key's user, recorded with changes.
        state: Folder of keys, audit log and corrections. Defaults to SHELFMIND_STATE, else a folder in your user data folder.
        role: Role of the key: read, write or admin. (default: read)
        watcher: Receives progress and messages.

    Returns:
        The key. It is not stored anywhere.

    Raises:
        UserError: the name already has a key, or the file cannot be written.
    """

@overload
def keys_list(request: KeysListRequest, /, *, watcher: Observer | None = None) -> list[Key]: ...
@overload
def keys_list(
    *,
    state: Path | str | None = None,
    watcher: Observer | None = None,
) -> list[Key]:
    """List the names and roles of all keys.

    Args:
        state: Folder of keys, audit log and corrections. Defaults to SHELFMIND_STATE, else a folder in your user data folder.
        watcher: Receives progress and messages.

    Returns:
        The name, role and date of each key, but not the keys themselves, which are not stored.

    Raises:
        UserError: the file cannot be read.
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
    """Revoke a key. Takes effect on running services at once.

    Args:
        name: Name of the key.
        state: Folder of keys, audit log and corrections. Defaults to SHELFMIND_STATE, else a folder in your user data folder.
        watcher: Receives progress and messages.

    Returns:
        The revoked key's record.

    Raises:
        UserError: there is no key of this name (with similar names), or the file cannot be written.
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
    """Benchmark prediction and training speed on this machine: every engine, and the whole command. Measures throughput and latency of every engine and precision that the run was exported for (or that reads the file); the whole `predict` command from JPEG files to CSV, including time to the first answer and memory; and training steps. Each subject has its own process; the processes take turns. Keep the machine idle meanwhile.

    Args:
        run: Run folder, or a file written by `shelfmind export`.
        data: Folder of photos for the command. Defaults to the photos of the run.
        parts: What to measure. (default: engines,command,training)
        batch: Batch sizes for the engines. (default: 1,32)
        images: Maximum number of photos for the command. (default: 300)
        rounds: Rounds over all engines. The 99th percentile of the latency needs many calls. (default: 5)
        out: Also write all results to this JSON file.
        compare: Earlier JSON file to compare with.
        watcher: Receives progress and messages.

    Returns:
        The results, and the changes from those in `compare`.

    Raises:
        UserError: no run, no usable engine, no usable photos in `data`, earlier results that cannot be read. Anything
            that fails while measuring is left out with a note.
    """

@overload
def verify(request: VerifyRequest, /, *, watcher: Observer | None = None) -> list[tuple[Path, str]]: ...
@overload
def verify(
    paths: Sequence[Path | str],
    *,
    accept: bool = False,
    watcher: Observer | None = None,
) -> list[tuple[Path, str]]:
    """Verify the files of runs and data sets by their checksums and list damaged ones. Checks every file of a run that training has finished and every exported file, and every file of a data set. Names those that are damaged, missing, edited or, in a data set, without a checksum. Exit status 2 if there are any. The checksums of a data set are in SHA256SUMS, in the format of sha256sum.

    Args:
        paths: Run folders, and folders or shards of data sets.
        accept: Record the present checksums: of a run after an intended change of a file, of a data set at any time.
        watcher: Receives progress and messages.

    Returns:
        The damaged, missing or edited files, and those of data sets without a checksum, each with what is wrong.

    Raises:
        UserError: a run whose training has not finished, or a data set without checksums or in an object store.
    """

@overload
def doctor(request: DoctorRequest, /, *, watcher: Observer | None = None) -> dict[str, Any]: ...
@overload
def doctor(
    *,
    watcher: Observer | None = None,
) -> dict[str, Any]:
    """Check this machine: versions, device, memory and convolution speed.

    Args:
        watcher: Receives progress and messages.

    Returns:
        Facts by name, and `problems`, each with a fix.
    """
