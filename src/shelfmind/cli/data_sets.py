"""The verbs about data: audit, find-label-errors, review, prepare, generate."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from shelfmind.cli.application import app
from shelfmind.cli.options import (
    Data,
    Format,
    JsonFile,
    MaxBad,
    require_folder_of,
    stoppable,
    write_figures,
)
from shelfmind.errors import UserError

PANEL = "Know the data"


@app.command(rich_help_panel=PANEL)
def audit(
    data: Data,
    out: Annotated[Path, typer.Option(help="folder to make for the report")],
    run: Annotated[
        Path | None, typer.Option(help="also ask this run, or what find-label-errors made, about every image")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace an earlier audit in that folder")] = False,
    seed: Annotated[int, typer.Option(min=0, help="of the split, where the data has none")] = 0,
    format: Format = None,
) -> None:
    """Look at a data set: classes, leaks, duplicates, label conflicts, bad files, blur, glare; a report and tables.

    Examples:

      shelfmind audit photos --out audit/

      shelfmind audit photos --run runs/first --out audit/ --overwrite
    """
    from shelfmind.data.detection import require_path
    from shelfmind.display import Display, audit_table

    require_path(data)
    import shelfmind

    display = Display()
    judge = None if run is None else shelfmind.judge_by(run, display.counter)
    with display.showing():
        made = shelfmind.audit(
            data, out, format=format, seed=seed, overwrite=overwrite, judge=judge, counter=display.counter
        )
    Console().print(audit_table(made.figures))
    display.line(f"report: {out / 'report.html'}")
    display.line(f"issues: {out / 'issues.csv'}")


@app.command("find-label-errors", rich_help_panel=PANEL)
def find_label_errors(
    data: Data,
    out: Annotated[Path, typer.Option(help="folder to make, or to go on with")],
    folds: Annotated[int, typer.Option(min=2, help="networks to train; each judges what it never saw")] = 5,
    recipe: Annotated[str, typer.Option(help="a name from `shelfmind recipes`, or a YAML file")] = "default",
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="change the recipe; may be repeated")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="of each fold, instead of the recipe's")] = None,
    seed: Annotated[int, typer.Option(min=0, help="of weights, order, augmentation and split")] = 0,
    max_minutes: Annotated[
        float | None, typer.Option(help="fit all folds together into this time instead of a number of epochs")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="start from these: a file, a run folder, or official ones by name")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="never download weights")] = False,
    max_bad_fraction: MaxBad = 0.01,
    format: Format = None,
    json_file: JsonFile = None,
) -> None:
    """Rank all labels by how probably they are wrong; each is judged by a network that never saw the image.

    Stopped at any moment, the same command goes on. Nothing is changed or deleted: look through what is flagged with
    `shelfmind review`.

    Examples:

      shelfmind find-label-errors photos --out labels

      shelfmind find-label-errors photos --folds 5 --max-minutes 60 --out labels

      shelfmind find-label-errors photos --recipe rp2k/se_resnext50 --weights se_resnext50 --epochs 10 --out labels
    """
    from shelfmind.data.detection import require_path
    from shelfmind.display import Display, TrainingDisplay

    require_path(data)
    require_folder_of(json_file)
    display = Display()
    import shelfmind

    advice = "finished folds and epochs are kept. Go on with the same command"
    with stoppable(out / "plan.json", advice, display), display.showing():
        watcher: Any = TrainingDisplay(display)
        findings = shelfmind.find_label_errors(
            data,
            out,
            folds=folds,
            recipe=recipe,
            overrides=overrides or (),
            epochs=epochs,
            seed=seed,
            max_minutes=max_minutes,
            max_bad_fraction=max_bad_fraction,
            format=format,
            weights=weights,
            offline=offline,
            watcher=watcher,
        )
    figures = findings.to_json()
    write_figures(figures, json_file)
    if json_file is None or str(json_file) != "-":
        typer.echo(
            f"{figures['judged']} labels judged by {figures['folds']} networks: {figures['flagged']} are "
            f"probably wrong, {figures['outliers']} images fit no class"
        )
    if figures["not_judged"]:
        display.line(f"not judged, because they are alone in their class: {figures['not_judged']}")
    display.line(f"ranked labels: {out / 'label_errors.csv'}")
    display.line(f"report: {out / 'report.html'}")
    display.line(f"look through them with: shelfmind review {out}")


@app.command(rich_help_panel=PANEL)
def review(
    audit: Annotated[
        Path, typer.Argument(help="a folder that `shelfmind audit` or `shelfmind find-label-errors` made")
    ],
    data: Annotated[Path | None, typer.Option(help="where the data set lies now, if it has moved")] = None,
    log: Annotated[Path | None, typer.Option(help="append decisions to this file; review.jsonl in AUDIT")] = None,
    reviewer: Annotated[str | None, typer.Option(help="the name on your decisions; your login name")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="of this machine; 0: any free one; 8765 or any if not given")
    ] = None,
    language: Annotated[str | None, typer.Option("--lang", help="en or zh; as the browser asks if not given")] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="open the page in a browser")] = True,
) -> None:
    """Look at suspects in a browser: keep, relabel or drop them. Ctrl-C ends it; nothing in the data set is changed.

    Every decision is on the disk in the log before the page confirms it. Several reviewers may share one log.

    Examples:

      shelfmind review audit

      shelfmind review audit --reviewer Wang --lang zh --no-browser --port 9000
    """
    from shelfmind.display import Display
    from shelfmind.review.running import open_browser
    from shelfmind.review.running import review as run_review

    display = Display()

    def ready(address: str) -> None:
        typer.echo(address)
        display.line("open this address in a browser on this machine; Ctrl-C here ends the review")
        if browser:
            open_browser(address)

    outcome = run_review(
        audit,
        data=data,
        log=log,
        reviewer=reviewer,
        port=port,
        language=language,
        ready=ready,
        note=display.line,
    )
    display.line(f"\n{outcome.decided} of {outcome.suspects} decided, all in {outcome.log}")
    display.line(f"next: shelfmind prepare {outcome.root} --decisions {outcome.log} --out CLEAN")


@app.command(rich_help_panel=PANEL)
def prepare(
    data: Data,
    out: Annotated[Path, typer.Option(help="folder to make: a clean data set that `shelfmind train` takes")],
    decisions: Annotated[list[Path] | None, typer.Option(help="review.jsonl of a review; may be repeated")] = None,
    prefer: Annotated[
        list[str] | None, typer.Option(metavar="REVIEWER", help="follow this one in contradictions; may be repeated")
    ] = None,
    prefer_latest: Annotated[bool, typer.Option("--prefer-latest", help="in contradictions, follow the last")] = False,
    ignore_missing: Annotated[
        bool, typer.Option("--ignore-missing-decisions", help="pass over decisions whose image is gone or changed")
    ] = False,
    others: Annotated[str | None, typer.Option(help="the class that the decision 'others' means")] = None,
    new_class: Annotated[list[str] | None, typer.Option(help="a class that decisions may add; may be repeated")] = None,
    audit: Annotated[Path | None, typer.Option(help="the audit of DATA, for duplicates and leaks")] = None,
    drop_duplicates: Annotated[bool, typer.Option("--drop-duplicates", help="keep one of each picture")] = False,
    drop_leaks: Annotated[
        bool, typer.Option("--drop-leaks", help="drop training images that are in val or test, val images in test")
    ] = False,
    merge_same_names: Annotated[
        bool, typer.Option("--merge-same-names", help="join classes that have the same name after normalising")
    ] = False,
    fraction: Annotated[
        float | None, typer.Option(help="keep this share of each class and split, at least one image")
    ] = None,
    cap: Annotated[
        list[str] | None, typer.Option(metavar="CLASS=N", help="at most N training images; may be repeated")
    ] = None,
    cap_all: Annotated[int | None, typer.Option(help="at most so many training images of every other class")] = None,
    val_fraction: Annotated[float | None, typer.Option(help="split anew: this share of each class to val")] = None,
    test_fraction: Annotated[
        float | None, typer.Option(help="split anew: this share to test; without it test stays")
    ] = None,
    split_floor: Annotated[int, typer.Option(min=0, help="images of each class in val and test at least")] = 1,
    jpeg: Annotated[bool, typer.Option("--jpeg", help="turn PNG and other images into JPEG, quality 95")] = False,
    link: Annotated[str, typer.Option(help="hard, symbolic or copy; auto: hard where possible, else copy")] = "auto",
    mindrecord: Annotated[bool, typer.Option("--mindrecord", help="also write MindRecord shards")] = False,
    image_size: Annotated[int, typer.Option(min=16, max=4096, help="of the squares in MindRecord, pixels")] = 256,
    seed: Annotated[int, typer.Option(min=0, help="of samples and splits")] = 0,
    max_bad_fraction: MaxBad = 1.0,
    format: Format = None,
) -> None:
    """Make a clean copy of a data set from decisions and rules. DATA is only read; the same input gives the same bytes.

    Examples:

      shelfmind prepare photos --decisions audit/review.jsonl --out clean

      shelfmind prepare rp2k --cap others=2000 --fraction 0.2 --jpeg --out small

      shelfmind prepare photos --audit audit --drop-duplicates --drop-leaks --mindrecord --out clean
    """
    from shelfmind.cleaning.prepare import Settings
    from shelfmind.cleaning.prepare import prepare as run_prepare
    from shelfmind.display import Display, prepared_table

    settings = Settings(
        decisions=tuple(decisions or ()),
        prefer=tuple(prefer or ()),
        prefer_latest=prefer_latest,
        ignore_missing_decisions=ignore_missing,
        others=others,
        new_classes=tuple(new_class or ()),
        audit=audit,
        drop_duplicates=drop_duplicates,
        drop_leaks=drop_leaks,
        merge_same_names=merge_same_names,
        fraction=fraction,
        caps=_caps(cap or ()),
        cap_all=cap_all,
        val_fraction=val_fraction,
        test_fraction=test_fraction,
        split_floor=split_floor,
        jpeg=jpeg,
        link=link,
        mindrecord=mindrecord,
        image_size=image_size,
        seed=seed,
        max_bad_fraction=max_bad_fraction,
    )
    display = Display()
    with display.showing():
        prepared = run_prepare(data, out, settings, format=format, counter=display.counter, note=display.line)
    Console().print(prepared_table(prepared.figures))
    for line in prepared.notes:
        display.line(f"note: {line}")
    how = ", ".join(f"{number} {what}" for what, number in sorted(prepared.placed.items()))
    display.line(f"data:   {prepared.out} ({how})")
    display.line(f"report: {prepared.out / 'report.html'}")


@app.command(rich_help_panel=PANEL)
def generate(
    out: Annotated[Path, typer.Option(help="folder to make; it must be missing or empty")],
    classes: Annotated[int | None, typer.Option(help="class folders, 'others' included; 12 if not given")] = None,
    images: Annotated[int | None, typer.Option(help="photos in all; 480 if not given")] = None,
    seed: Annotated[int, typer.Option(help="of products, photos and errors: the same seed gives the same bytes")] = 0,
    label_errors: Annotated[float | None, typer.Option(help="share of the photos filed under a wrong class")] = None,
    error_kinds: Annotated[
        str | None, typer.Option(help="random, sibling, foreign; or with shares: random=0.7,foreign=0.3")
    ] = None,
    duplicates: Annotated[float | None, typer.Option(help="share of near-copies of another photo")] = None,
    difficulty: Annotated[float | None, typer.Option(help="multiplies all factors: 0 studio photos, 1 a shelf")] = None,
    angle: Annotated[float | None, typer.Option(help="turned, tilted, seen from above: 0 none to 1 severe")] = None,
    perspective: Annotated[float | None, typer.Option(help="camera close by and askew: 0 none to 1 severe")] = None,
    glare: Annotated[float | None, typer.Option(help="reflections of lamps: 0 none to 1 severe")] = None,
    blur: Annotated[float | None, typer.Option(help="out of focus or moved: 0 none to 1 severe")] = None,
    exposure: Annotated[float | None, typer.Option(help="dark, bright, off in colour: 0 none to 1 severe")] = None,
    occlusion: Annotated[
        float | None, typer.Option(help="hidden by price tags and neighbours: 0 none to 1 severe")
    ] = None,
    noise: Annotated[float | None, typer.Option(help="of the sensor: 0 none to 1 severe")] = None,
    jpeg: Annotated[float | None, typer.Option(help="compression: 0 none to 1 severe")] = None,
    clutter: Annotated[float | None, typer.Option(help="neighbours in the photo: 0 none to 1 severe")] = None,
    tail: Annotated[float | None, typer.Option(help="long tail of class sizes: 0 none, 1 as RP2K")] = None,
    test_fraction: Annotated[float | None, typer.Option(help="test share of each class, at least one photo")] = None,
    size: Annotated[str | None, typer.Option(help="long side in pixels: 224, or 150-400 for any between")] = None,
    fonts: Annotated[
        list[str] | None, typer.Option(help="system, none (drawn strokes), or a font file or folder; may be repeated")
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="any other setting; may be repeated")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="processes; one a core if not given")] = None,
) -> None:
    """Draw a data set of made-up products in RP2K's layout, with the truth about every photo in truth.csv.

    Examples:

      shelfmind generate --classes 50 --images 5000 --seed 1 --out drawn

      shelfmind generate --classes 200 --images 20000 --label-errors 0.05 --error-kinds random,sibling --out noisy

      shelfmind generate --classes 20 --images 2000 --difficulty 0.5 --glare 0.9 --set family_size=8 --out glaring
    """
    from shelfmind.data.shelf_generator.settings import FACTORS, error_shares, make_settings, size_range
    from shelfmind.display import Display

    given = locals()
    names = ("classes", "images", "seed", "label_errors", "duplicates", "difficulty", "tail", "test_fraction", *FACTORS)
    values = {name: given[name] for name in names if given[name] is not None}
    if error_kinds is not None:
        values["error_kinds"] = error_shares(error_kinds)
    if size is not None:
        values["long_side"] = size_range(size)
    if fonts:
        values["fonts"] = tuple(fonts)
    settings = make_settings(values, overrides or ())
    import shelfmind

    display = Display()
    with display.showing():
        folder = shelfmind.generate(out, settings, workers=workers, counter=display.counter)
    display.line(f"data:  {out}")
    display.line(f"truth: {folder / 'truth.csv'}")


def _caps(words: Iterable[str]) -> dict[str, int]:
    """CLASS=N, where a class's name may hold = as well."""
    caps = {}
    for word in words:
        name, _, number = word.rpartition("=")
        if not name or not number.isdecimal():
            raise UserError(f"--cap {word} is not like CLASS=N, such as others=2000")
        caps[name] = int(number)
    return caps
