"""The run folder: all files of a training run that later commands need."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from shelfmind.errors import Message, UserError, argument, call
from shelfmind.files import alone, make_folder, status_of, write_atomically, write_json, write_text
from shelfmind.leftovers import remove_abandoned
from shelfmind.machine.checksums import file_sha256
from shelfmind.recipe import Recipe, parse_recipe
from shelfmind.requests.measuring import GALLERY_REPORT
from shelfmind.requests.shared import PROVENANCE_FILE, RUN_FILE, STATE_FILE, require_run
from shelfmind.structured_text import parse_json, parse_yaml

SNAPSHOTS = "snapshots"
"""The folder with the weights of single epochs."""
CACHES = ("evaluation/kept", "evaluation/near_copies")
"""Folders of caches: files in them may be deleted at any time."""
_RESULTS = ("metrics.json", "report.html", GALLERY_REPORT, "calibration.json", "readout.json")
_LISTS = ("/seen.csv", "/bad_files.csv")
"""Lists of photos that an evaluation rejects, also when it then ends with an error."""


@dataclass(frozen=True)
class RunFolder:
    """The paths of the files of a run; `root` is the folder."""

    root: Path

    @property
    def recipe(self) -> Path:
        """The complete recipe of the run."""
        return self.root / RUN_FILE

    @property
    def classes(self) -> Path:
        """Class names in the order of their ids, and the training images of each."""
        return self.root / "classes.json"

    @property
    def weights(self) -> Path:
        """The weights of the run: a link to the best or the last ones."""
        return self.root / "weights.ckpt"

    @property
    def best(self) -> Path:
        """The averaged weights of the epoch with the best validation top-1 at the last image size."""
        return self.root / "best.ckpt"

    @property
    def last(self) -> Path:
        """The averaged weights of the last epoch."""
        return self.root / "last.ckpt"

    @property
    def state(self) -> Path:
        """The complete training state for resuming."""
        return self.root / STATE_FILE

    @property
    def log(self) -> Path:
        """One JSON object per epoch."""
        return self.root / "log.jsonl"

    @property
    def metrics(self) -> Path:
        """The metrics of the last evaluation."""
        return self.root / "metrics.json"

    @property
    def provenance(self) -> Path:
        """Data, versions, seed and command of the run."""
        return self.root / PROVENANCE_FILE

    @property
    def report(self) -> Path:
        """The HTML report."""
        return self.root / "report.html"

    @property
    def bad_files(self) -> Path:
        """Unusable files, with reasons."""
        return self.root / "bad_files.csv"

    @property
    def calibration(self) -> Path:
        """The temperature of the run, and what it was fitted to."""
        return self.root / "calibration.json"

    def export_of(self, format: str, precision: str) -> Path:
        """The exported network, ``network.onnx`` or ``network.int8.onnx``."""
        return self.root / (f"network.{format}" if precision == "fp32" else f"network.{precision}.{format}")

    def exports(self) -> list[Path]:
        """The existing exported networks."""
        return sorted(path for path in self.root.glob("network.*"))

    @property
    def split(self) -> Path:
        """The split of each image, by path and content."""
        return self.root / "split.csv"

    @property
    def seen(self) -> Path:
        """Fingerprints of the training images, for near-duplicate detection."""
        return self.root / "seen.npy"

    @property
    def before(self) -> Path:
        """The histories of the runs of the initial weights; missing if the weights were no run's."""
        return self.root / "before"

    @property
    def broader(self) -> Path:
        """The broader class of each class, in a run trained on broader classes; missing in other runs."""
        return self.root / "broader.csv"

    @property
    def checksums(self) -> Path:
        """The SHA-256 of the files that do not change once the run is trained; missing until then."""
        return self.root / "checksums.json"

    @property
    def in_training(self) -> Path:
        """A file that a process locks while it trains the run."""
        return self.root / ".in-training"

    def snapshot(self, epoch: int) -> Path:
        """The averaged weights of one epoch, for model soups."""
        return self.root / SNAPSHOTS / f"epoch-{epoch:04d}.ckpt"

    def snapshots(self) -> dict[int, Path]:
        """The existing snapshots, by epoch."""
        found = sorted((self.root / SNAPSHOTS).glob("epoch-*.ckpt"))
        return {int(path.stem.removeprefix("epoch-")): path for path in found}

    def read_recipe(self) -> Recipe:
        """The recipe of the run."""
        self.require()
        self.require_intact(self.recipe)
        try:
            content = parse_yaml(self.recipe.read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise UserError(f"{self.recipe} cannot be read: {str(error).splitlines()[0]}") from error
        return parse_recipe(content, str(self.recipe))

    def read_classes(self) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """Class names by id, and the training images of each."""
        self.require_intact(self.classes)
        content = read_json(self.classes)
        try:
            return tuple(content["names"]), tuple(int(count) for count in content["train_images"])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise UserError(f"{self.classes} is damaged: {error}") from error

    def read_log(self) -> list[dict[str, Any]]:
        """The epochs so far, up to a line that is truncated by a crash or is no epoch."""
        if not self.log.exists():
            return []
        entries: list[dict[str, Any]] = []
        for line in self.log.read_bytes().splitlines():
            try:
                entry = parse_json(line)
            except ValueError:
                break
            if not _is_epoch(entry):
                break
            entries.append(entry)
        return entries

    def is_trained(self) -> bool:
        """Whether the last epoch is finished."""
        log = self.read_log()
        return bool(log) and log[-1].get("progress", 0) >= 1

    def read_warnings(self) -> tuple[str, ...]:
        """Warnings about the outcome of training: `warnings` of the last epoch in the log."""
        log = self.read_log()
        return tuple(log[-1].get("warnings", ())) if log else ()

    def write_log(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """Replace the log."""
        write_text(self.log, "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries))

    def write_classes(self, names: Iterable[str], train_images: Iterable[int]) -> None:
        """Write the class names and their numbers of training images."""
        write_json(self.classes, {"names": list(names), "train_images": [int(count) for count in train_images]})

    def require(self) -> None:
        """Raise `UserError` if the folder is not a run."""
        require_run(self.root)

    def require_weights(self) -> None:
        """Raise `UserError` if there are no weights, or none yet."""
        if self.weights.is_file():
            return
        if self.is_trained():
            raise UserError(f"{self.weights} is missing; restore it from a copy")
        raise UserError(
            f"{self.root} has no weights yet: its training has not reached the first checkpoint. If it was stopped, "
            f"resume with: {call('train', resume=str(self.root))}"
        )

    def seal(self, accept: bool = False) -> None:
        """Record the checksums of all files that no longer change.

        Those recorded before are kept, except that of the log, unless `accept`: a damaged file stays known as such.
        """
        names = ("recipe", "classes", "provenance", "split", "seen", "broader", "log", "bad_files")
        weights = [self.weights, self.best, self.last, self.state, *self.snapshots().values()]
        folders = (self.before, self.root / "enrolled", self.root / "imprinted")
        files = [*(getattr(self, name) for name in names), self.root / "fold_in.json", *weights]
        files += [path for folder in folders for path in sorted(folder.rglob("*"))]
        kept = {} if accept else {name: digest for name, digest in self.sealed().items() if name != self.log.name}
        self._record(kept, [*files, *(self.results() if accept else ())])

    @contextmanager
    def new_results(self) -> Iterator[None]:
        """Within the context, `results` are written; at its end, the checksums of new ones are recorded if the run is
        sealed.

        A killed process leaves results without checksums, not results that look damaged.
        """
        sealed, before = self.sealed(), {path: status_of(path) for path in self.results()}
        kept = {name: digest for name, digest in sealed.items() if not self.is_result(name)}
        if sealed:
            self._record(kept, ())
        yield
        if sealed:
            same = {self._name(path) for path, status in before.items() if status_of(path) == status}
            self._record({**kept, **{name: sealed[name] for name in same & sealed.keys()}}, self.results())

    def results(self) -> list[Path]:
        """The files of the latest evaluations and of the calibration, without caches."""
        found = [*(self.root / name for name in _RESULTS), *sorted((self.root / "evaluation").rglob("*"))]
        return [path for path in found if self.is_result(self._name(path))]

    def is_result(self, name: str) -> bool:
        """Whether a file, by its path relative to the folder, is one of `results`, which may be deleted or replaced."""
        if name.startswith("evaluation/"):
            return not name.startswith(CACHES) and not name.endswith(_LISTS) and "/." not in name
        return name in _RESULTS

    def caches(self) -> list[Path]:
        """Cached predictions and near-duplicates: archives with checksums of their own."""
        return [path for name in CACHES for path in sorted((self.root / name).glob("[!.]*.npz"))]

    def _record(self, kept: Mapping[str, str], files: Iterable[Path]) -> None:
        """Write checksums: those in `kept`, and those of other files."""
        named = {self._name(path): path for path in files if path.is_file()}
        digests = {**kept, **{name: file_sha256(path) for name, path in named.items() if name not in kept}}
        write_json(self.checksums, {**digests, self.checksums.name: _digest_of_all(digests)})

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def sealed(self) -> dict[str, str]:
        """The recorded checksums, by path relative to the folder; empty for a run that is not trained, or is from
        shelfmind 0.2.0 or earlier.

        Raises:
            UserError: the file of checksums is damaged.
        """
        if not self.checksums.exists():
            return {}
        try:
            content = parse_json(self.checksums.read_bytes())
            digests = {str(name): str(digest) for name, digest in content.items()}
        except (OSError, ValueError, AttributeError) as error:
            raise self._damaged_checksums() from error
        own = digests.pop(self.checksums.name, None)
        if own is not None and own != _digest_of_all(digests):
            raise self._damaged_checksums()
        return digests

    def _damaged_checksums(self) -> UserError:
        accept = call("verify", paths=[str(self.root)], accept=True)
        return UserError(
            f"{self.checksums} is damaged: its own checksum does not match. Restore it from a copy; if the other files "
            f"are intact, record it again with: {accept}"
        )

    def require_intact(self, *paths: Path) -> None:
        """Raise `UserError` if one of these files, or of all by default, differs from its checksum."""
        digests = self.sealed()
        wanted = digests if not paths else {self._name(path) for path in paths}
        for name in wanted:
            path = self.root / name
            if name in digests and _digest_of(path) != digests[name]:
                accept = call("verify", paths=[str(self.root)], accept=True)
                raise UserError(
                    f"{path} is missing, damaged or edited: it differs from the checksum recorded after training. "
                    f"Restore it from a copy; if the change is intended, record it with: {accept}"
                )

    def select(self, chosen: Path) -> None:
        """Make `weights.ckpt` the same file as `chosen`, atomically."""

        def link(temporary: Path) -> None:
            try:
                os.link(chosen, temporary)
            except OSError:
                shutil.copyfile(chosen, temporary)

        write_atomically(self.weights, link)


def note_if_unfinished(root: Path | str) -> list[str]:
    """A note on a run whose training was stopped; empty for other runs and for exported files."""
    run = RunFolder(Path(root))
    entries = run.read_log() if run.state.exists() else []
    progress = entries[-1].get("progress", 1) if entries else 1
    if progress >= 1:
        return []
    resumed = call("train", resume=str(root))
    where = f"{root} was stopped at {progress:.0%} of its training"
    return [Message(f"{where} and is less accurate than a finished run; resume with: {resumed}")]


def _digest_of_all(digests: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode("utf-8", "surrogateescape")).hexdigest()


def _is_epoch(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("progress", 0), int | float)
        and isinstance(entry.get("warnings", []), list)
    )


def _digest_of(path: Path) -> str | None:
    try:
        return file_sha256(path)
    except OSError:
        return None


def create_run_folder(root: Path) -> RunFolder:
    """Create a run folder; a folder in which training never started counts as empty.

    Raises:
        UserError: the folder is not empty or cannot be created.
    """
    require_new_folder(root)
    make_folder(root)
    return RunFolder(root)


def alone_in(run: RunFolder) -> AbstractContextManager[None]:
    """While the context lasts, no other process can train the run. Raises `UserError` if one does."""
    return alone(
        run.in_training,
        f"{run.root} is being trained by another process; wait until it ends, or stop it, and try again",
    )


def copy_without_weights(source: RunFolder, root: Path) -> RunFolder:
    """Copy the data and history of a run to an existing folder, for other weights of the same network."""
    target = RunFolder(root)
    for name in ("recipe", "classes", "split", "seen", "broader", "provenance", "log", "bad_files"):
        if getattr(source, name).exists():
            shutil.copyfile(getattr(source, name), getattr(target, name))
    if source.before.exists():
        shutil.copytree(source.before, target.before)
    return target


def require_new_folder(root: Path) -> None:
    """Raise `UserError` if training has started in the folder, or it contains other files.

    Temporary files of killed processes do not count, and are removed.
    """
    run = RunFolder(root)
    remove_abandoned(root.glob(".*.tmp*"))
    before_training = {
        each.name
        for each in (
            *(run.bad_files, run.provenance, run.split, run.seen, run.classes, run.broader, run.before),
            run.in_training,
        )
    }
    if root.exists() and not (root.is_dir() and {entry.name for entry in root.iterdir()} <= before_training):
        raise UserError(
            f"{root} exists and is not empty; choose another {argument('out')}, or resume with: "
            f"{call('train', resume=str(root))}"
        )


def read_json(path: Path) -> Any:
    """Read JSON. Raises `UserError` if that fails."""
    try:
        return parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
