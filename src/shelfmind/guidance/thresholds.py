"""Thresholds of the recommendations, each with its measurement."""

from __future__ import annotations

FEW_PHOTOS = 20
"""Training photos per class below which other initial weights than random ones are recommended.
benchmarks/RESULTS.md, "Difficulties": next to larger classes, 1 in 43 photos of smaller ones was recognised, and
51.6% of those of classes with 20 to 100. "Few photos per product": with 5 each, random weights reached 39.5% in short
training, a gallery 62.5%. Also the limit of few-shot classes in evaluations (`evaluation.metrics.ShotCutoffs`)."""

SHORT_STEPS = 1_000
"""Steps of 32 photos after which training is far from finished: 36.5% on Grocery Store after 984 steps, 52.5% after
twice as many (RESULTS, "What each method gains and costs", 12 and 24 epochs)."""
ENOUGH_STEPS = 3_000
"""Steps after which `grocery_cpu` passed 60% there: 33 to 38 epochs of 82 (RESULTS, "Time to accuracy")."""
FULL_STEPS = 15_000
"""Steps of a long training: 15,580 (190 epochs) gave 78.4% there, 6,640 (81 epochs) 71.6% (RESULTS, "Grocery Store,
MindSpore")."""
FINE_TUNING_STEPS = 1_500
"""Steps of fine-tuning from ImageNet weights. A rule of thumb: BiT (Kolesnikov et al., ECCV 2020) takes 500 steps of
512 photos for small data sets; not measured by us."""
MAX_EPOCHS = 200
"""Beyond this, the overhead of an epoch (validation, saving) outweighs its steps on a few dozen photos."""

SMALL_BATCH, SMALL_BATCH_BELOW = 8, 256
"""Batch size for data sets with fewer training photos than this, so that an epoch has more than one or two steps."""

MANY_PHOTOS = 50_000
"""Training photos from which the contest's deep networks are worth their cost on an accelerator: they were published
for the 344,854 photos of RP2K. A rule of thumb, not measured by us."""
IMBALANCE = 10
"""Imbalance ratio (largest to smallest class) of a long tail: the mildest in the literature (Cao et al., NeurIPS
2019). Grocery Store, at 4.4, is not long-tailed."""
SMALL_PHOTOS = 128
"""Longer side in pixels below which inputs of 160 px add no detail."""
LOW_TOP1 = 0.5
"""Validation accuracy below which the next step is an improvement rather than a use of the run."""
