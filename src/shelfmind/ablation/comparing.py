"""Builds a table from the results of cells: metrics, differences with intervals, verdicts, cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from shelfmind.ablation.expansion import Cell, Expansion
from shelfmind.ablation.processes import Failure
from shelfmind.ablation.store import Cost, Result, Store
from shelfmind.ablation.table import BASE
from shelfmind.arrays import Ints, Wide
from shelfmind.errors import UserError
from shelfmind.evaluation.calibration import expected_calibration_error, reliability_bins
from shelfmind.evaluation.comparisons import (
    LEVEL,
    Comparison,
    compare,
    expected_by_chance,
    p_values,
    verdict_of,
)
from shelfmind.evaluation.metrics import ShotCutoffs, macro_top1, shot_groups, top_k
from shelfmind.evaluation.multiplicity import holm
from shelfmind.evaluation.outcomes import Outcomes

_MIN_PROBABILITY = 1e-12
"""Lower bound of probabilities before taking logarithms."""


@dataclass(frozen=True)
class Finished:
    """The finished cells of one row: their seeds (None for an ensemble) and results, in the same order."""

    seeds: tuple[int | None, ...]
    results: tuple[Result, ...]

    def by_seed(self, metric: str) -> list[float]:
        """The deciding metric of each result."""
        return [_METRICS[metric](each.outcomes) for each in self.results]

    def compared_with(self, other: Finished, metric: str, shares_runs: bool = False) -> Comparison | None:
        """Compare with another row on the seeds that both have; None if there are none.

        The seeds of ensembles are not paired.
        """
        paired = None not in (*self.seeds, *other.seeds)
        shared = [seed for seed in self.seeds if seed in other.seeds] if paired else None
        if shared == []:
            return None
        classes = self.results[0].outcomes.labels if metric == "macro_top1" else None
        return compare(self._scores(metric, shared), other._scores(metric, shared), paired, classes, shares_runs)

    def _scores(self, metric: str, seeds: Sequence[int | None] | None) -> Wide:
        """The score of each image, for these seeds or all, shape (seeds, N): log-likelihoods or hits."""
        chosen = [each for seed, each in zip(self.seeds, self.results, strict=True) if seeds is None or seed in seeds]
        if metric == "likelihood":
            return np.stack([_log_likelihoods(each.outcomes) for each in chosen])
        return np.stack([each.outcomes.correct for each in chosen]).astype(np.float64)


def _log_likelihoods(outcomes: Outcomes) -> Wide:
    return np.asarray(np.log(np.maximum(outcomes.truth_probability, _MIN_PROBABILITY)), np.float64)


_METRICS: Mapping[str, Callable[[Outcomes], float]] = {
    "top1": lambda outcomes: top_k(outcomes, 1),
    "macro_top1": macro_top1,
    "likelihood": lambda outcomes: float(_log_likelihoods(outcomes).mean()),
}


def tabulate(
    expansion: Expansion,
    store: Store,
    cells: Sequence[Cell],
    failures: Sequence[Failure],
    train_counts: Ints,
) -> dict[str, Any]:
    """All metrics of the finished cells; ``rows`` has those of each row, in the order of the table.

    Raises:
        UserError: rows were evaluated on different images, because some could not be opened.
    """
    metric = expansion.table.metric
    found = {name: _finished(store, [cell for cell in cells if cell.row == name]) for name in expansion.rows}
    _require_same_images(found)
    comparisons = _comparisons(expansion, found)
    images = max((len(result.outcomes) for each in found.values() for result in each.results), default=0)
    chance = p_values(list(comparisons.values()))
    alone, adjusted = dict(zip(comparisons, chance, strict=True)), dict(zip(comparisons, holm(chance), strict=True))
    rows, seeds = [], sorted({cell.seed for cell in cells if cell.seed is not None})
    for name in expansion.rows:
        own = [cell for cell in cells if cell.row == name]
        row = {
            **_about(expansion, name, seeds),
            **_figures(found[name], metric, train_counts),
            "cost": _cost(store, own),
        }
        row["failures"] = [asdict(each) for each in failures if each.row == name]
        row["images_per_second"] = _speed(found[name])
        if name in comparisons:
            row["comparison"] = _as_json(comparisons[name], alone[name], adjusted[name], images)
        rows.append(row)
    return {
        "metric": metric,
        "images": images,
        "cells": len(cells),
        "finished": sum(len(each.results) for each in found.values()),
        "rows": rows,
        "chance": _chance_summary(comparisons, [row["comparison"] for row in rows if "comparison" in row]),
    }


def _finished(store: Store, cells: Sequence[Cell]) -> Finished:
    loaded = [(cell.seed, Result.load(store.result(cell.answer))) for cell in cells]
    there = [(seed, result) for seed, result in loaded if result is not None]
    return Finished(tuple(seed for seed, _ in there), tuple(result for _, result in there))


def _require_same_images(found: Mapping[str, Finished]) -> None:
    named = [(name, result) for name, each in found.items() for result in each.results]
    for name, result in named[1:]:
        first = named[0][1]
        if result.images != first.images or not np.array_equal(result.outcomes.labels, first.outcomes.labels):
            raise UserError(
                f"'{named[0][0]}' and '{name}' were evaluated on different images and cannot be compared: "
                "some images may be missing or have changed"
            )


def _comparisons(expansion: Expansion, found: Mapping[str, Finished]) -> dict[str, Comparison]:
    comparisons = {}
    for name, row in expansion.rows.items():
        own, other = found[name], found[row.against]
        if name == BASE or not own.results or not other.results:
            continue
        shares_runs = expansion.starts_from_runs_of(name, row.against)
        comparison = own.compared_with(other, expansion.table.metric, shares_runs)
        if comparison is not None:
            comparisons[name] = comparison
    return comparisons


def _about(expansion: Expansion, name: str, seeds: Sequence[int]) -> dict[str, Any]:
    row = expansion.rows[name]
    return {
        "name": name,
        "words": row.words.model_dump(),
        "against": None if name == BASE else row.against,
        "changes": expansion.changes(name),
        "lengths": list(expansion.lengths(name, seeds)),
    }


def _figures(found: Finished, metric: str, train_counts: Ints) -> dict[str, Any]:
    """Means over the seeds, and the spread of the deciding metric."""
    if not found.results:
        return {"seeds": [], "mean": None, "by_seed": [], "spread": None, "figures": {}}
    by_seed = found.by_seed(metric)
    figures = [_figures_of(result, train_counts) for result in found.results]
    means = {key: _mean([each[key] for each in figures]) for key in figures[0]}
    spread = float(np.std(by_seed, ddof=1)) if len(by_seed) > 1 else None
    mean = float(np.mean(by_seed))
    return {"seeds": list(found.seeds), "mean": mean, "by_seed": by_seed, "spread": spread, "figures": means}


def _figures_of(result: Result, train_counts: Ints) -> dict[str, float | None]:
    outcomes = result.outcomes
    shots = {group.name: group.top1 for group in shot_groups(outcomes, train_counts, ShotCutoffs())}
    ece = expected_calibration_error(reliability_bins(outcomes))
    return {**{name: metric(outcomes) for name, metric in _METRICS.items()}, "ece": ece, **shots}


def _mean(values: Sequence[float | None]) -> float | None:
    numbers = [value for value in values if value is not None]
    return float(np.mean(numbers)) if numbers else None


def _as_json(comparison: Comparison, chance: float, adjusted: float, images: int) -> dict[str, Any]:
    return {
        **asdict(comparison),
        "ci95": list(comparison.ci95),
        "by_seed": list(comparison.by_seed),
        "excludes_zero": comparison.excludes_zero,
        "chance": chance,
        "adjusted_chance": adjusted,
        "verdict": verdict_of(comparison, adjusted, images),
    }


def _chance_summary(comparisons: Mapping[str, Comparison], reported: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The number of significant differences expected by chance, and the number found."""
    return {
        "comparisons": len(comparisons),
        "level": LEVEL,
        "expected": expected_by_chance(list(comparisons.values())),
        "excluding_zero": sum(each.excludes_zero for each in comparisons.values()),
        "claimed": sum(each["verdict"] != "none" for each in reported),
    }


def _cost(store: Store, cells: Sequence[Cell]) -> dict[str, Any] | None:
    """The average cost of the finished cells of a row, including earlier steps, as if no run were shared."""
    spent: list[list[Cost]] = []
    for cell in cells:
        costs = [store.place(step).cost for step in cell.answer.all_steps()]
        if all(cost.done for cost in costs):
            spent.append(costs)
    if not spent:
        return None
    return {
        "seconds": round(float(np.mean([sum(cost.seconds for cost in each) for each in spent])), 1),
        "processor_s": round(float(np.mean([sum(cost.processor_s for cost in each) for each in spent])), 1),
        "memory_mib": max(cost.memory_mib for each in spent for cost in each),
        "cores": sorted({cost.cores for each in spent for cost in each}),
        "kernels": sorted({cost.kernels for each in spent for cost in each if cost.kernels}),
    }


def _speed(found: Finished) -> float | None:
    speeds = [1 / result.seconds_an_image for result in found.results if result.seconds_an_image > 0]
    return float(np.median(speeds)) if speeds else None
