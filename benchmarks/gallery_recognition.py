"""Time and agreement of answers from a calibrated gallery, by number of enrolled photos, on drawn outputs of a network.

    taskset -c 0 python benchmarks/gallery_recognition.py --products 1000 10000 100000

This is what `predict --gallery` and `serve --gallery` do with a batch after the network: cosines to photos, fusion,
rejection and the five best names. The same queries are answered exactly, by comparing with all photos, and by
shortlists (ADR 26). Prints wall-clock and CPU milliseconds per photo on one thread (medians), the time to build the
index and to fit estimates, the peak memory so far, and how far the answers agree: equal best names, differences of
their probabilities, and equal acceptance at a threshold that accepts half of the queries.

Embeddings are distributed like networks' embeddings: families of 20 products, with a variance along the i-th direction
proportional to 1/i. The network has `--classes`, with as many training photos as `gallery calibrate` keeps. Every
second query shows a class, the others enrolled products. The fusion is fitted to further queries and the first
`--fitted` classes and products, unless `--weight` sets the weight of every cosine.
"""

from __future__ import annotations

import one_thread  # noqa: F401 - before NumPy

# isort: split
import resource
import statistics
import sys
import time
from dataclasses import dataclass

import numpy as np
from command import exit_status, parser_of

from shelfmind.arrays import Floats, Ints
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.gallery.cells import cell_search
from shelfmind.gallery.changes import Entry
from shelfmind.recognition.answers import Answers, Columns, answers_of
from shelfmind.recognition.evidence import NO_SHORTLISTS, References, Shortlists, TrainingPhotos, evidence
from shelfmind.recognition.fusion import Fusion, fit_fusion
from shelfmind.recognition.rule import Rule
from shelfmind.recognition.shortlists import MIN_PHOTOS, Shortlist
from shelfmind.recognition.unknowns import Rejection
from shelfmind.workflows.gallery_calibration import MAX_TRAINING_PHOTOS, MIN_PER_CLASS

BATCHES, ROUNDS, TOP, FITTED = (1, 4, 16), 7, 5, 400
FAMILY, SPREAD = 20, 0.7
SHARPNESS = 25
"""The scale of the network's logits against cosines to the centres of its classes."""


def main() -> None:
    """Measure every number of products."""
    parser = parser_of(__doc__)
    parser.add_argument("--products", type=int, nargs="+", required=True)
    parser.add_argument("--photos", type=int, default=20, help="photos per product")
    parser.add_argument("--classes", type=int, default=1_000, help="classes of the network")
    parser.add_argument("--width", type=int, default=256, help="values per embedding")
    parser.add_argument("--fitted", type=int, default=1_000, help="classes and products to fit the fusion to")
    parser.add_argument("--weight", type=float, help="weight of every cosine, instead of a fitted fusion")
    parser.add_argument("--asked", type=int, default=400, help="queries for the agreement")
    parser.add_argument("--least", type=int, default=MIN_PHOTOS, help="photos from which shortlists are used")
    arguments = parser.parse_args()
    for products in arguments.products:
        world = World.drawn(products, arguments.photos, arguments.classes, arguments.width)
        rule = rule_of(world, arguments.fitted, arguments.weight)
        chosen = shortlists_of(world, rule, arguments.least)
        for shortlists in (NO_SHORTLISTS,) if chosen == NO_SHORTLISTS else (NO_SHORTLISTS, chosen):
            times(world, rule, shortlists)
        if chosen != NO_SHORTLISTS:
            agreement(world, rule, chosen, arguments.asked)


def rule_of(world: World, fitted: int, weight: float | None) -> Rule:
    """Return a rule with a fitted fusion, or with this weight, and the energy of all names as familiarity."""
    fusion = fusion_of(world, fitted) if weight is None else Fusion(1, weight, weight, weight, weight, 0, 0)
    print(f"fusion: {', '.join(f'{name} {value:.1f}' for name, value in fusion.as_record().items())}", flush=True)
    return Rule(fusion, Rejection("energy", 0.0, 0.0, 0.01, 1_000), None, 1_000, "enrolled products")


def fusion_of(world: World, fitted: int) -> Fusion:
    """Fit a fusion to queries that show the first classes and products."""
    classes, products = min(fitted, world.learnt.classes), min(fitted, len(world.references.names))
    photos = int(world.references.counts[:products].sum())
    few = World(
        References(
            world.references.names[:products], world.references.vectors[:photos], world.references.starts[:products]
        ),
        world.learnt.only(np.arange(classes)),
        np.concatenate([world.centres[:classes], world.centres[world.learnt.classes :][:products]]),
        world.scale,
        world.columns,
    )
    labels, probabilities, queries = few.asked(FITTED, np.random.default_rng(3))
    return fit_fusion([(evidence(probabilities, queries, few.learnt, few.references), labels)])


@dataclass(frozen=True)
class World:
    """A gallery, a network and the centres of classes and products."""

    references: References
    learnt: TrainingPhotos
    centres: Floats
    scale: Floats
    columns: Columns

    @classmethod
    def drawn(cls, products: int, photos: int, classes: int, width: int) -> World:
        """Draw it."""
        rng = np.random.default_rng(0)
        scale = np.arange(1, width + 1, dtype=np.float32) ** -0.5
        scale /= np.linalg.norm(scale)
        count = classes + products
        centres = (rng.standard_normal((max(1, count // FAMILY), width), dtype=np.float32) * scale)[
            rng.integers(0, max(1, count // FAMILY), count)
        ]
        centres += SPREAD * rng.standard_normal((count, width), dtype=np.float32) * scale
        kept = max(MIN_PER_CLASS, MAX_TRAINING_PHOTOS // classes)
        of_classes = around(np.repeat(centres[:classes], kept, axis=0), scale, rng)
        of_products = around(np.repeat(centres[classes:], photos, axis=0), scale, rng)
        names = [f"product {number:06d}" for number in range(products)]
        return cls(
            References.of([name for name in names for _ in range(photos)], of_products),
            TrainingPhotos.of_counts(of_classes, [kept] * classes),
            centres,
            scale,
            Columns([f"class {number}" for number in range(classes)], names),
        )

    def asked(self, count: int, rng: np.random.Generator) -> tuple[Ints, Floats, Floats]:
        """Return the columns of classes and products (N,), and the network's probabilities (N, C) and embeddings (N, D)
        for photos of them."""
        classes = self.learnt.classes
        shown = rng.integers(classes, len(self.centres), count)
        shown[::2] = rng.integers(0, classes, len(shown[::2]))
        queries = around(self.centres[shown], self.scale, rng)
        logits = SHARPNESS * queries @ unit_rows(self.centres[:classes]).T
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        return shown, shares / shares.sum(axis=1, keepdims=True), queries


def around(centres: Floats, scale: Floats, rng: np.random.Generator) -> Floats:
    """Move photos (N, D) away from their centres, in place, and return them as unit vectors."""
    for start in range(0, len(centres), 50_000):
        chunk = centres[start : start + 50_000]
        chunk += SPREAD * rng.standard_normal(chunk.shape, dtype=np.float32) * scale
        chunk /= np.linalg.norm(chunk, axis=1, keepdims=True)
    return centres


def shortlists_of(world: World, rule: Rule, least: int) -> Shortlists:
    """Return the shortlists of a recogniser, and print the time that they take."""
    own, learnt, search = world.references, world.learnt, None
    trained = enrolled = None
    began = time.process_time()
    if len(own.vectors) >= least:
        names = np.repeat(own.names, own.counts)
        entries = [Entry(sku, f"{row * 0x9E3779B97F4A7C15 % 2**64:016x}", "") for row, sku in enumerate(names.tolist())]
        began = time.process_time()
        search = cell_search(entries, own.vectors)
        print(f"index of {len(entries):,} photos: CPU {time.process_time() - began:.1f} s", flush=True)
        began = time.process_time()
        if search is not None:
            weights = rule.fusion.prototype, rule.fusion.photo
            enrolled = Shortlist.of(own.vectors, own.counts, own.prototypes, weights, search)
    if len(learnt.vectors) >= least:
        weights = rule.fusion.trained, rule.fusion.trained_photo
        trained = Shortlist.of(learnt.vectors, learnt.counts, learnt.prototypes, weights)
    print(f"estimates: CPU {time.process_time() - began:.1f} s", flush=True)
    return Shortlists(trained, enrolled)


def answered(world: World, rule: Rule, shortlists: Shortlists, asked: tuple[Ints, Floats, Floats]) -> Answers:
    """Answer queries."""
    _, probabilities, queries = asked
    found = evidence(probabilities, queries, world.learnt, world.references, None, shortlists)
    return answers_of(found, rule, world.columns)


def times(world: World, rule: Rule, shortlists: Shortlists) -> None:
    """Time batches of all sizes, the first one uncounted."""
    rng = np.random.default_rng(1)
    for batch in BATCHES:
        wall, cpu = [], []
        for _ in range(ROUNDS):
            asked = world.asked(batch, rng)
            began, worked = time.perf_counter(), time.process_time()
            answers = answered(world, rule, shortlists, asked)
            for row in range(batch):
                answers.best(row, TOP)
            cpu.append((time.process_time() - worked) / batch * 1000)
            wall.append((time.perf_counter() - began) / batch * 1000)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        figures = f"{statistics.median(wall[1:]):.1f} ms, CPU {statistics.median(cpu[1:]):.1f} ms a photo"
        how = "exact" if shortlists == NO_SHORTLISTS else "shortlists"
        photos, classes = len(world.references.vectors), world.learnt.classes
        print(
            f"{photos:,} photos, {classes:,} classes, {how}, batch of {batch}: {figures}, {peak:,.0f} MiB", flush=True
        )


def agreement(world: World, rule: Rule, shortlists: Shortlists, count: int) -> None:
    """Compare answers by shortlists with exact ones."""
    rng = np.random.default_rng(2)
    same, differences, exact_familiarity, familiarity, probable, right = [], [], [], [], [], []
    for _ in range(0, count, BATCHES[-1]):
        asked = world.asked(BATCHES[-1], rng)
        exact, found = (answered(world, rule, each, asked) for each in (NO_SHORTLISTS, shortlists))
        best = exact.decisions.likeliest
        rows = np.arange(len(best))
        same.append(found.decisions.likeliest == best)
        right.append(asked[0] == best)
        probable.append(exact.probabilities[rows, best])
        differences.append(np.abs(found.probabilities[rows, best] - probable[-1]))
        exact_familiarity.append(exact.decisions.familiarity)
        familiarity.append(found.decisions.familiarity)
    before, after = np.concatenate(exact_familiarity), np.concatenate(familiarity)
    threshold, difference = np.median(before), np.concatenate(differences)
    accepted = ((before >= threshold) == (after >= threshold)).mean()
    print(
        f"of {len(before):,} queries, best names equal {np.concatenate(same).mean():.2%} and right "
        f"{np.concatenate(right).mean():.2%}, acceptance equal {accepted:.2%}; probability "
        f"{np.concatenate(probable).mean():.3f} on average, its difference {difference.mean():.4f} on average, "
        f"{np.quantile(difference, 0.99):.4f} (99%), {difference.max():.4f} at most; energy "
        f"{np.abs(after - before).mean():.3f} on average, with a deviation of {before.std():.1f}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(exit_status(main))
