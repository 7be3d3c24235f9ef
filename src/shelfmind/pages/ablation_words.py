"""Sentences about an ablation, for its page in both languages and for its Markdown in English."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shelfmind.pages.words import Text, counted, joined, listed, many, say, split_name

Row = Mapping[str, Any]


def fairness(result: Mapping[str, Any]) -> Text:
    """Return the budget that all rows share, with the exceptions: the first line of every table."""
    base, *others = result["rows"]
    minutes = result["max_minutes"]
    if minutes is None:
        usual = counted(int(sum(base["lengths"])), "epoch")
        apart = [(row, row["lengths"]) for row in others if row["lengths"] != base["lengths"]]
        if not apart:
            return say("Compared at equal epochs: {} per row.", usual)
        return say("Compared at equal epochs: {} per row, except {}.", usual, _exceptions(apart))
    usual = say("{} minutes", f"{minutes:g}")
    cores = counted(result["cores"], "core")
    apart = [(row, row["lengths"]) for row in others if abs(sum(row["lengths"]) - minutes) > 1e-6 * minutes]
    if not apart:
        return say("Compared at equal minutes: {} on {} per row and seed.", usual, cores)
    return say("Compared at equal minutes: {} on {} per row and seed, except {}.", usual, cores, _exceptions(apart))


def evaluation_basis(result: Mapping[str, Any]) -> Text:
    """Return the training images, the seeds and the evaluation images."""
    images, split = counted(result["images"], "image"), split_name(result["split"])
    train, seeds = counted(result["train_images"], "image"), result["seeds"]
    seed_list = ", ".join(map(str, seeds))
    return many(
        len(seeds),
        "Trained on {} with {} seed ({}), evaluated on {} of {}.",
        "Trained on {} with {} seeds ({}), evaluated on {} of {}.",
        *(train, len(seeds), seed_list, images, split),
    )


def chance(result: Mapping[str, Any]) -> Text:
    """Return how many differences chance alone would give, and how many remain after correction."""
    found = result["chance"]
    if not found["comparisons"]:
        return say("Nothing can be compared yet.")
    return say(
        "{} at 95%: the intervals cover images alone. Without any true difference, chance {} would let about {} of "
        "them exclude zero. Intervals that exclude zero here: {}; differences that remain after Holm's correction: {}.",
        counted(found["comparisons"], "comparison"),
        _sources_of_chance(result),
        f"{found['expected']:.2g}",
        found["excluding_zero"],
        found["claimed"],
    )


def _sources_of_chance(result: Mapping[str, Any]) -> Text:
    """Return the sources of chance that are accounted for: seeds only for rows with several that can be paired."""
    compared = [row for row in result["rows"] if "comparison" in row]
    alone = [row["name"] for row in compared if len(row["comparison"]["by_seed"]) < 2]
    if not alone:
        return say("over images and seeds")
    if len(alone) == len(compared):
        return say("over images alone")
    return say("over images and seeds (over images alone for {})", listed(alone))


def cautions(result: Mapping[str, Any]) -> list[Text]:
    """Return the limitations of the conclusions from the table."""
    found = []
    if result["finished"] < result["cells"]:
        found.append(
            say("Incomplete: {} of {} training runs and evaluations are done.", result["finished"], result["cells"])
        )
    if len(result["seeds"]) == 1:
        found.append(
            say("With one seed, the variation between training runs is unknown; only image sampling is accounted for.")
        )
    if len(result["seeds"]) > 1:
        seeds = {row["name"]: len(row["comparison"]["by_seed"]) for row in result["rows"] if "comparison" in row}
        once, early = ([name for name, count in seeds.items() if count == few] for few in (0, 1))
        if once:
            found.append(
                say(
                    "Only image sampling is accounted for in {}: there is just one ensemble of all seeds.", listed(once)
                )
            )
        if early:
            found.append(
                say("Only image sampling is accounted for in {}: just one seed can be compared so far.", listed(early))
            )
    longer = _longer(result)
    if longer:
        found.append(say("More than 10% over the time budget (minutes): {}.", listed(longer)))
    kernels = sorted({each for row in result["rows"] for each in (row["cost"] or {}).get("kernels", [])})
    if len(kernels) > 1:
        found.append(
            say(
                "Training runs differ in kernels or precision ({}): rows may differ for that reason, and their minutes "
                "cannot be compared.",
                listed(kernels),
            )
        )
    if result["chosen_by_metric"]:
        found.append(
            say(
                "The evaluation images also selected each run's best epoch: all metrics are optimistic, differences "
                "hardly."
            )
        )
    return found


def verdict(row: Row) -> Text:
    """Return the verdict on a row."""
    if "comparison" not in row:
        if row["failures"]:
            return say("failed")
        return Text("–", "–")
    found = row["comparison"]
    if found["verdict"] == "better":
        return say("better")
    if found["verdict"] == "worse":
        return say("worse")
    if found["excludes_zero"]:
        return say("no difference found (only its uncorrected interval excludes zero)")
    return say("no difference found")


def words_of(words: Mapping[str, str]) -> Text:
    """Return a table's own text in both languages."""
    return Text(words["en"], words["zh"] or words["en"])


def description(row: Row) -> Text:
    """Return the row's own description, or else its changed settings."""
    changes = "; ".join(f"{key}={value}" for key, value in row["changes"].items())
    return words_of(row["words"]) if row["words"]["en"] else Text(changes, row["words"]["zh"] or changes)


def metric_name(metric: str) -> Text:
    """Return the name of the deciding metric."""
    return {"top1": say("Top-1"), "macro_top1": say("Macro top-1"), "likelihood": say("Log likelihood")}[metric]


def unit(metric: str) -> Text:
    """Return the unit of differences."""
    return say("nats") if metric == "likelihood" else say("points")


def share(value: float | None, metric: str) -> str:
    """Return a formatted metric."""
    if value is None:
        return "–"
    return f"{value:.3f}" if metric == "likelihood" else f"{100 * value:.1f}"


def change(value: float, metric: str) -> str:
    """Return a formatted difference."""
    return f"{value:+.3f}" if metric == "likelihood" else f"{100 * value:+.1f}"


def minutes(seconds: float | None) -> str:
    """Return a formatted time in minutes: one decimal, or two digits if short."""
    if seconds is None:
        return "–"
    return f"{seconds / 60:.1f}" if seconds >= 57 else f"{seconds / 60:.2g}"


def lead(result: Mapping[str, Any]) -> Text:
    """Return the outcome in one or two sentences."""
    claimed = [row for row in result["rows"] if row.get("comparison", {}).get("verdict") in ("better", "worse")]
    claims = [_claim(row, result["metric"]) for row in claimed]
    if not claims:
        return (
            say("No difference was found.") if result["chance"]["comparisons"] else say("Nothing can be compared yet.")
        )
    return joined(claims)


def _claim(row: Row, metric: str) -> Text:
    found = row["comparison"]
    low, high = found["ci95"]
    if found["verdict"] == "better":
        return say(
            "{} is better by {} {} ({} to {}).", row["name"], *_amounts((found["difference"], low, high), metric)
        )
    worse = (-found["difference"], -high, -low)
    return say("{} is worse by {} {} ({} to {}).", row["name"], *_amounts(worse, metric))


def _amounts(values: Sequence[float], metric: str) -> tuple[str, ...]:
    amount, low, high = (share(value, metric) for value in values)
    return amount, unit(metric), low, high


def _longer(result: Mapping[str, Any]) -> list[Text]:
    """Return the rows whose training exceeded the time budget, with the time taken."""
    if result["max_minutes"] is None:
        return []
    took = [(row, row["cost"]["seconds"]) for row in result["rows"] if row["cost"] is not None]
    over = [(row, seconds) for row, seconds in took if seconds > 66 * sum(row["lengths"])]
    return [say("{} ({})", row["name"], minutes(seconds)) for row, seconds in over]


def _exceptions(rows: Sequence[tuple[Row, Sequence[float]]]) -> Text:
    return listed(say("{} ({})", row["name"], " + ".join(f"{each:g}" for each in lengths)) for row, lengths in rows)
