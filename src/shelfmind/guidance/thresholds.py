"""The limits that guidance decides by, each with the measurement that it comes from."""

from __future__ import annotations

FEW_PHOTOS = 20
"""Training photos of a class below which another start than random weights is worth its trouble. benchmarks/RESULTS.md,
"Difficulties": of photos of classes with fewer, beside larger ones, 1 in 43 was recognised, of those with 20 to 100,
51.6%; "Few photos a product": with 5 of each, random weights reached 39.5% in a short training, a gallery 62.5%. It is
also where evaluations begin to speak of few-shot classes (`evaluation.metrics.ShotCutoffs`)."""

SHORT_STEPS = 1_000
"""Steps of 32 photos after which a training has only begun: 36.5% on Grocery Store after 990 steps, 52.5% after twice
as many (RESULTS, "What each method gains and costs", 12 and 24 epochs)."""
ENOUGH_STEPS = 3_000
"""Steps after which `grocery_cpu` passed 60% there: 33 to 38 epochs of 82 (RESULTS, "Minutes to an accuracy")."""
FULL_STEPS = 6_000
"""Steps after which `grocery_cpu` passed 70% there: 59 to 75 epochs of 82 (same table); all 81 epochs gave 71.6."""
FINE_TUNING_STEPS = 1_500
"""Steps of a fine-tuning from ImageNet weights. A rule of thumb: BiT (Kolesnikov et al., ECCV 2020) takes 500 steps of
512 photos for small data sets; we have not measured one."""
MOST_EPOCHS = 200
"""Beyond this an epoch's own cost (validation, saving) outweighs its steps on a few dozen photos."""

SMALL_BATCH, SMALL_BATCH_BELOW = 8, 256
"""Images a step, and the training photos below which it is taken, so that an epoch has more than a step or two."""

MANY_PHOTOS = 50_000
"""Training photos for which the contest's deep networks are worth their cost, where a device computes them: they were
published on RP2K's 344,854. A rule of thumb, not measured by us."""
IMBALANCE = 10
"""How many times as many photos the largest class of a long tail has as the smallest: the mildest tail of the
literature (Cao et al., NeurIPS 2019). Grocery Store, at 4.4, is none."""
SMALL_PHOTOS = 128
"""Longer side in pixels below which squares of 160 px hold no more than smaller ones do."""
LOW_TOP1 = 0.5
"""A training of which fewer validation photos are right is told what helps rather than what to do with it."""
