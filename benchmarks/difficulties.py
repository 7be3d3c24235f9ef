"""Compare an audit's measurements with the ground truth, and measure which difficulty costs how many points.

    shelfmind generate --classes 40 --images 4800 --seed 15 --size 100-220 --difficulty 1.5 --tail 0.6 \\
        --test-fraction 0.4 --set redesigned=0.5 --set backs=0.25 --out SYNTHETIC
    python benchmarks/difficulties.py agreement SYNTHETIC
    python benchmarks/difficulties.py degraded PHOTOS --split val
    python benchmarks/difficulties.py cost SYNTHETIC --run RUN
    python benchmarks/difficulties.py appearances SYNTHETIC [--run RUN]

`agreement`: measurements of synthetic photos compared with truth.csv, on files as in `audit` and on squares as in
`evaluate`: Spearman's rank correlation, and the AUROC of the hardest fifth of the truth against the rest.

`degraded`: real photos rotated, warped, blurred and darkened by known amounts, each compared with the unchanged photo
(cropped alike): correlation with the amount, AUROC of degraded against unchanged, and for rotations how often the
change of the signed angle is right within 3 degrees, on photos with lines.

`cost`: a logistic regression of "top-1 is correct" on all factors of truth.csv together, with a penalised term per
class. A factor's cost is the mean predicted accuracy with the factor at the 90th percentile of the test photos minus
that at the 10th, everything else unchanged. Intervals are percentiles over resampled photos. The same with
measurements instead of the truth.

`appearances`: how many of the classes generated with several appearances are detected, and how many other classes.

All intervals are 95%; `--seed` seeds the resampling.
"""

from __future__ import annotations

import one_thread  # noqa: F401 - before NumPy

# isort: split
import argparse
import csv
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from command import exit_status, parser_of
from PIL import Image, ImageEnhance, ImageFilter
from scipy.stats import rankdata, spearmanr

from shelfmind.analysis.appearances import MIN_GROUP_PHOTOS, MIN_PHOTOS, find_appearances, parted, plain_vectors
from shelfmind.analysis.measuring.angles import CLEAR
from shelfmind.analysis.measuring.measurement import Measured, facts_path, measure_files
from shelfmind.analysis.measuring.measures import ImageFeatures, measure_quality
from shelfmind.analysis.measuring.squares import measure_squares
from shelfmind.arrays import Bools, Floats, Ints, Wide
from shelfmind.data import open_catalog
from shelfmind.errors import UserError
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.images.decoding import open_image
from shelfmind.images.squares import open_squares
from shelfmind.progress import count_silently
from shelfmind.recipe import DataRecipe
from shelfmind.records import Predictions, Sample
from shelfmind.transforms.perspective import perspective_coefficients

HARD = 0.2
RESAMPLES = 200
Rows = list[dict[str, str]]


def columns(rows: Rows) -> dict[str, Wide]:
    """Return the factors of truth.csv as numbers; larger is harder."""

    def of(name: str) -> Wide:
        return np.array([float(row[name]) for row in rows])

    side = of("long_side_px")
    return {
        "blur": np.maximum(of("blur_px"), of("motion_px") / 2) / side,
        "glare": of("glare"),
        "darkness": -of("exposure"),
        "tilt": np.abs(of("turned_deg")),
        "perspective": of("askew_deg"),
        "yaw": np.abs(of("yaw_deg")),
        "pitch": np.abs(of("pitch_deg")),
        "occlusion": of("occlusion"),
        "noise": of("noise"),
        "jpeg": -of("jpeg_quality"),
        "neighbours": of("neighbours"),
        "smallness": -side,
        "unevenness": of("unevenness"),
        "tint": of("tint"),
    }


def measured_columns(facts: npt.NDArray[np.void]) -> dict[str, Wide]:
    """Return the corresponding measurements; larger is harder."""
    wide = {name: facts[name].astype(np.float64) for name in ("blur", "glare", "luma", "tilt", "askew")}
    side = np.maximum(facts["width"], facts["height"]).astype(np.float64)
    named = {"darkness": -wide["luma"], "perspective": wide["askew"], "smallness": -side}
    return {**{name: wide[name] for name in ("blur", "glare", "tilt")}, **named}


PAIRS = (
    ("blur", "blur"),
    ("glare", "glare"),
    ("darkness", "darkness"),
    ("tilt", "tilt"),
    ("perspective", "perspective"),
    ("perspective", "yaw"),
    ("perspective", "pitch"),
)
"""Measurements and the factors that they are compared with."""


def auroc(values: Wide, hard: Bools) -> float:
    """Return the probability that a hard photo has a larger value than another."""
    ranks, count = rankdata(values), int(hard.sum())
    return float((ranks[hard].sum() - count * (count + 1) / 2) / (count * (len(hard) - count)))


def with_interval(figure: Callable[[Ints], float], images: int, seed: int) -> str:
    """Return a statistic of images with percentiles over resamples."""
    rng = np.random.default_rng(seed)
    sampled = [figure(rng.integers(0, images, images)) for _ in range(RESAMPLES)]
    low, high = np.quantile(sampled, [0.025, 0.975])
    return f"{figure(np.arange(images)):.2f} ({low:.2f} to {high:.2f})"


def truth_of(root: Path) -> Rows:
    """Return the rows of truth.csv for photos that show a product."""
    try:
        with (root / "truth.csv").open(encoding="utf-8", newline="") as stream:
            rows = [row for row in csv.DictReader(stream) if row["true"]]
    except OSError as error:
        raise UserError(f"{root} has no truth.csv; create it with: shelfmind generate --out {root}") from error
    if "askew_deg" not in rows[0]:
        raise UserError(
            f"{root / 'truth.csv'} is from an earlier version, without turned_deg and askew_deg; generate it again"
        )
    return rows


def measured_of(paths: Sequence[Path], folder: Path) -> Measured:
    """Return the audit's measurements of files, all of which must be readable."""
    found = measure_files(paths, cache=facts_path(), folder=folder, progress=lambda done: None)
    if len(found) < len(paths):
        raise UserError(f"{found.bad_files[0].path}: {found.bad_files[0].reason}")
    return found


def agreement(arguments: argparse.Namespace) -> None:
    """Print the table of synthetic photos."""
    rows = truth_of(arguments.data)
    sampled = np.random.default_rng(arguments.seed).permutation(len(rows))[: arguments.photos]
    rows = [rows[index] for index in sorted(sampled.tolist())]
    paths = [arguments.data / row["path"] for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        facts = np.array(measured_of(paths, Path(folder)).facts)
    data = DataRecipe(image_size=arguments.square, resize_to=arguments.square)
    squares, good, _ = open_squares([Sample(path, 0, "test") for path in paths], data)
    seen = measure_squares(squares, [sample.path for sample in good], data, count_silently)
    truth = columns(rows)
    clear = [(each["lines"] >= CLEAR).mean() for each in (facts, seen)]
    print(f"{len(rows):,} synthetic photos; squares of {arguments.square} px; clear lines in ", end="")
    print(f"{clear[0]:.0%} of photos, {clear[1]:.0%} of squares")
    print("| measured | truth | Spearman, photos | AUROC, photos | Spearman, squares | AUROC, squares |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, known in PAIRS:
        cells = []
        for source in (facts, seen):
            cells += _agreeing(measured_columns(source)[name], truth[known], arguments.seed)
        print(f"| {name} | {known} | {' | '.join(cells)} |")


def _agreeing(values: Wide, truth: Wide, seed: int) -> list[str]:
    hard = truth >= np.quantile(truth, 1 - HARD)
    images = len(values)
    return [
        with_interval(lambda rows: float(spearmanr(values[rows], truth[rows])[0]), images, seed),
        with_interval(lambda rows: auroc(values[rows], hard[rows]), images, seed),
    ]


Degrade = Callable[[Image.Image, float, np.random.Generator], Image.Image]


def turned(image: Image.Image, degrees: float, rng: np.random.Generator) -> Image.Image:
    """Rotate clockwise, cropped so that no corner is empty at any angle."""
    return _middle(image.rotate(-degrees, Image.Resampling.BICUBIC))


def warped(image: Image.Image, share: float, rng: np.random.Generator) -> Image.Image:
    """Shorten one random side by a share of its length, as seen in perspective."""
    width, height = image.size
    inset = share / 2
    corners = np.array([(inset, 0), (1 - inset, 0), (1, 1), (0, 1)], float)
    quarter = int(rng.integers(4))
    for _ in range(quarter):
        corners = np.roll(np.stack([1 - corners[:, 1], corners[:, 0]], axis=1), 1, axis=0)
    square = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], float)
    scale = np.array([width, height])
    coefficients = perspective_coefficients(corners * scale, square * scale)
    return _middle(image.transform(image.size, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC))


def blurred(image: Image.Image, share: float, rng: np.random.Generator) -> Image.Image:
    """Blur by a share of the longer side."""
    return _middle(image).filter(ImageFilter.GaussianBlur(share * max(image.size)))


def darkened(image: Image.Image, loss: float, rng: np.random.Generator) -> Image.Image:
    """Darken by a share of the light."""
    return ImageEnhance.Brightness(_middle(image)).enhance(1 - loss)


DEGRADATIONS: dict[str, tuple[Degrade, str, tuple[float, ...]]] = {
    "turned by degrees": (turned, "tilt", (5.0, 10.0, 20.0, 35.0)),
    "one side shorter by": (warped, "askew", (0.1, 0.2, 0.3)),
    "blurred by": (blurred, "blur", (0.005, 0.01, 0.02)),
    "light lost": (darkened, "luma", (0.25, 0.5, 0.7)),
}


def _middle(image: Image.Image) -> Image.Image:
    width, height = image.size
    return image.crop((round(0.15 * width), round(0.15 * height), round(0.85 * width), round(0.85 * height)))


def degraded(arguments: argparse.Namespace) -> None:
    """Print the table of real photos."""
    samples = open_catalog(arguments.data).split(arguments.split)
    if not samples:
        raise UserError(f"{arguments.data} has no split {arguments.split}")
    rng = np.random.default_rng(arguments.seed)
    chosen = sorted(rng.permutation(len(samples))[: arguments.photos].tolist())
    images = [open_image(samples[index].path) for index in chosen]
    lined = [image for image in images if ImageFeatures(_middle(image)).directions.clear >= CLEAR]
    print(f"{len(images)} photos of {arguments.split}; {len(lined)} with clear lines, which are used for angles")
    print("| degradation | measure | amounts | Spearman | AUROC against the unchanged photo, by amount | medians |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, (degrade, measure, amounts) in DEGRADATIONS.items():
        used = lined if measure in ("tilt", "askew") else images
        table = np.array(
            [[measure_quality(degrade(image, amount, rng))[measure] for amount in (0.0, *amounts)] for image in used]
        )
        values = -table if measure == "luma" else table
        flat = np.repeat([(0.0, *amounts)], len(used), 0)
        found = float(spearmanr(values.ravel(), flat.ravel())[0])
        apart = [auroc(np.append(values[:, 0], values[:, place]), np.arange(2 * len(used)) >= len(used))
                 for place in range(1, values.shape[1])]  # fmt: skip
        print(f"| {name} | {measure} | {_listed(amounts)} | {found:.2f} | {_listed(apart)} | "
              f"{_listed(np.median(table, 0))} |")  # fmt: skip
    _signed(images)


def _signed(images: Sequence[Image.Image]) -> None:
    """Print how often the change of the signed tilt matches the rotation."""
    rng = np.random.default_rng(0)
    right: Counter[tuple[bool, float]] = Counter()
    total: Counter[tuple[bool, float]] = Counter()
    for image in images:
        before = ImageFeatures(turned(image, 0, rng)).directions
        for degrees in (-20.0, -10.0, -5.0, 5.0, 10.0, 20.0):
            after = ImageFeatures(turned(image, degrees, rng)).directions
            key = before.clear >= CLEAR, abs(degrees)
            off = (after.tilt_deg - before.tilt_deg - degrees + 45) % 90 - 45
            total[key] += 1
            right[key] += abs(off) <= 3
    for (clear, degrees), count in sorted(total.items()):
        if not clear:  # nothing is claimed
            continue
        words = "clear lines"
        print(f"{words}, rotated by {degrees:.0f} degrees either way: change correct within 3 degrees in "
              f"{right[clear, degrees]} of {count}")  # fmt: skip


def _listed(values: Any) -> str:
    return ", ".join(f"{value:.3g}" for value in values)


CLASS_FREEDOM = 3.0
"""A larger value penalises the class terms less; classes differ more than photos of one class."""


def span(values: Wide) -> tuple[float, float]:
    """Range over which a factor is changed: the 10th to the 90th percentile, or no to yes."""
    if np.isin(values, (0.0, 1.0)).all():
        return 0.0, 1.0
    low, high = np.quantile(values, [0.1, 0.9])
    return float(low), float(high)


@dataclass(frozen=True)
class Fit:
    """Standardised predictors (N, D), and the classes (N,) of the images."""

    values: Mapping[str, Wide]
    labels: Ints
    correct: Bools

    def costs(self, rows: Ints) -> dict[str, float]:
        """Return the cost of each factor, from its 10th to its 90th percentile, in points of accuracy."""
        from sklearn.linear_model import LogisticRegression

        names = list(self.values)
        scale = {name: self.values[name].std() or 1.0 for name in names}
        table = np.stack([self.values[name] / scale[name] for name in names], axis=1)
        classes = CLASS_FREEDOM * np.eye(int(self.labels.max()) + 1)[self.labels]
        both = np.concatenate([table, classes], axis=1)
        model = LogisticRegression(C=1.0, max_iter=500).fit(both[rows], self.correct[rows])
        found = {}
        for place, name in enumerate(names):
            ends = []
            for end in span(self.values[name]):
                moved = both.copy()
                moved[:, place] = end / scale[name]
                ends.append(float(model.predict_proba(moved[rows])[:, 1].mean()))
            found[name] = 100 * (ends[1] - ends[0])
        return found


def cost(arguments: argparse.Namespace) -> None:
    """Print the cost of each factor."""
    predictions = predictions_on_test(arguments)
    rows_by_path = {str((arguments.data / row["path"]).resolve()): row for row in truth_of(arguments.data)}
    kept = [index for index, path in enumerate(predictions.paths) if str(Path(path).resolve()) in rows_by_path]
    rows = [rows_by_path[str(Path(predictions.paths[index]).resolve())] for index in kept]
    correct = (predictions.probabilities.argmax(1) == predictions.labels)[kept]
    labels = predictions.labels[kept]
    with tempfile.TemporaryDirectory() as folder:
        facts = np.array(measured_of([Path(predictions.paths[index]) for index in kept], Path(folder)).facts)
    truth = columns(rows)
    looks = {name: np.array([row["appearance"] == name for row in rows], float) for name in ("new design", "back")}
    print(f"{len(kept):,} test photos, top-1 {correct.mean():.1%}")
    for words, values in (("truth", {**truth, **looks}), ("measured", measured_columns(facts))):
        fit = Fit(values, labels, correct)
        _print_costs(words, fit, arguments.seed)
    _print_looks(looks, correct)


def _print_costs(words: str, fit: Fit, seed: int) -> None:
    rng = np.random.default_rng(seed)
    images = len(fit.labels)
    point = fit.costs(np.arange(images))
    sampled = [fit.costs(rng.integers(0, images, images)) for _ in range(RESAMPLES)]
    print(f"| {words} | from, to | points |\n| --- | --- | --- |")
    for name in sorted(point, key=lambda each: point[each]):
        low, high = np.quantile([each[name] for each in sampled], [0.025, 0.975])
        ends = _listed(span(fit.values[name]))
        print(f"| {name} | {ends} | {point[name]:+.1f} ({low:+.1f} to {high:+.1f}) |")


def _print_looks(looks: Mapping[str, Wide], correct: Bools) -> None:
    for name, shown in looks.items():
        chosen = shown > 0
        if chosen.any():
            print(f"{name}: {correct[chosen].mean():.1%} of {int(chosen.sum())} correct")


def predictions_on_test(arguments: argparse.Namespace) -> Predictions:
    """Return the results of `shelfmind evaluate RUN SYNTHETIC --split test`."""
    path = arguments.run / "evaluation" / "test" / "predictions.npz"
    if not path.exists():
        raise UserError(f"{path} is missing; create it with: shelfmind evaluate {arguments.run} {arguments.data}")
    return Predictions.load(path)


def appearances(arguments: argparse.Namespace) -> None:
    """Print how many classes with several appearances are detected."""
    rows = [row for row in truth_of(arguments.data) if row["true"] != "others"]
    names = sorted({row["given"] for row in rows})
    labels = np.array([names.index(row["given"]) for row in rows])
    shown = np.array([row["appearance"] for row in rows])
    paths = [arguments.data / row["path"] for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        prints = np.array(measured_of(paths, Path(folder)).fingerprints)
    _print_found("colours and brightness, all photos", lambda chosen: plain_vectors(prints[chosen]), labels, shown)
    if arguments.run is None:
        return
    for part, where in embedded(arguments, paths, rows):
        vectors, chosen = where
        _print_found(f"the run's embeddings, {part}", vectors.__getitem__, labels[chosen], shown[chosen])


def embedded(
    arguments: argparse.Namespace, paths: Sequence[Path], rows: Rows
) -> Iterator[tuple[str, tuple[Floats, Ints]]]:
    """Return the run's embeddings of the training and the test photos."""
    from shelfmind.machine.device import start_mindspore

    start_mindspore()
    from shelfmind.inference.prediction_cache import predictions_of
    from shelfmind.inference.predictor import RunPredictor
    from shelfmind.runs.folder import RunFolder

    predictor = RunPredictor(RunFolder(arguments.run), tta=())
    for split in ("train", "test"):
        chosen = np.array([index for index, row in enumerate(rows) if row["split"] == split])
        samples = [Sample(paths[index], 0, split) for index in chosen.tolist()]
        squares, good, _ = open_squares(samples, predictor.recipe.data)
        yield split, (predictions_of(predictor, squares, good).embeddings, chosen)


def _print_found(words: str, vectors: Callable[[Ints], Floats], labels: Ints, shown: npt.NDArray[np.str_]) -> None:
    found = find_appearances(vectors, labels)
    several, silhouettes = {}, {}
    for label in np.unique(labels).tolist():
        rows = np.flatnonzero(labels == label)
        if len(rows) < MIN_PHOTOS:
            continue
        counts = sorted(Counter(shown[rows].tolist()).values())
        several[label] = len(counts) > 1 and counts[-2] >= MIN_GROUP_PHOTOS
        points = unit_rows(vectors(rows)).astype(np.float64)
        silhouettes[label] = parted(points, np.random.default_rng(0)).silhouette
    hit = {each.class_id for each in found.several}
    true = np.array(list(several.values()))
    pure = [
        sum(Counter(shown[group].tolist()).most_common(1)[0][1] for group in each.groups)
        / sum(len(group) for group in each.groups)
        for each in found.several
        if several[each.class_id]
    ]
    right = sum(several[label] for label in hit)
    print(
        f"{words}: found in {right} of {true.sum()} classes with several appearances, wrongly in {len(hit) - right} of "
        f"{(~true).sum()} with one; AUROC of the silhouette {auroc(np.array(list(silhouettes.values())), true):.2f}; "
        f"images in a group of their own appearance {np.mean(pure) if pure else float('nan'):.0%}"
    )


WORK: dict[str, Callable[[argparse.Namespace], None]] = {
    "agreement": agreement,
    "degraded": degraded,
    "cost": cost,
    "appearances": appearances,
}


def main() -> int:
    """Run one of `WORK`."""
    parser = parser_of(__doc__)
    parser.add_argument("work", choices=WORK)
    parser.add_argument("data", type=Path)
    parser.add_argument("--run", type=Path, default=None)
    parser.add_argument("--split", default="val")
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--square", type=int, default=96)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.work == "cost" and arguments.run is None:
        parser.error("cost needs --run")
    return exit_status(lambda: WORK[arguments.work](arguments))


if __name__ == "__main__":
    sys.exit(main())
