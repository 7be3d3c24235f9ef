"""Recognition with a run and a gallery: trained and enrolled products in one ranked answer, or `unknown`."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from shelfmind.arrays import Bools, Floats
from shelfmind.errors import UserError, call
from shelfmind.evaluation.calibration import temperature_scaled
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.gallery.cells import CellSearch, cell_search
from shelfmind.gallery.changes import ARRAYS, Entry
from shelfmind.gallery.following import cells_cache
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.stores import open_files
from shelfmind.inference.batch_sizes import BatchSize
from shelfmind.inference.embedder import PhotoEmbedder, photo_embedder
from shelfmind.inference.engines import AUTO
from shelfmind.inference.predictor import EXACT, Batch, Predictor, Source, as_iterable
from shelfmind.nouns import shortened
from shelfmind.progress import Note, ignore_note
from shelfmind.recognition.answers import UNKNOWN, Answers, Columns, answers_of
from shelfmind.recognition.evidence import Evidence, References, Shortlists, TrainingPhotos, energies_of, evidence
from shelfmind.recognition.levels import FAMILY, ProductFamily
from shelfmind.recognition.rule import COUNTS, LEARNT, TEMPERATURE, WHITENING, Rule
from shelfmind.recognition.shortlists import MIN_PHOTOS, Shortlist
from shelfmind.recognition.whitening import Whitening

TRAINING, GALLERY = "training", "gallery"


@dataclass(frozen=True)
class Candidate:
    """A product that a photo may show.

    Attributes:
        name: the product.
        probability: calibrated probability; all names sum to 1.
        similarity: cosine of whitened embeddings to the product's most similar photo if it is enrolled, else to the
            most similar training photo.
        source: the source of the stronger evidence, ``training`` or ``gallery``.
        reference: the most similar enrolled photo, if the product is enrolled.
    """

    name: str
    probability: float
    similarity: float
    source: str
    reference: Entry | None


@dataclass(frozen=True)
class Answer:
    """The answer for an image.

    Attributes:
        source: the image's name.
        level: ``product`` or ``unknown``; with a requested precision, also ``family`` or ``undecided``.
        name: the product or the family; None if undecided or unknown.
        candidates: the most probable products, best first, also for an unknown object.
        family: the family of the best product, if any.
        error: the reason why the image cannot be used, or None.
        together: the names of all images, if it is one answer for several.
    """

    source: str
    level: str
    name: str | None
    candidates: tuple[Candidate, ...]
    family: ProductFamily | None = None
    error: str | None = None
    together: tuple[str, ...] = ()

    @classmethod
    def unusable(cls, source: str, error: str | None) -> Answer:
        """Return the answer for an image that cannot be used, with the reason."""
        return cls(source, UNKNOWN, None, (), error=error)

    @property
    def images(self) -> int:
        """The number of images that it is for."""
        return len(self.together) or 1

    @property
    def words(self) -> str:
        """The answer as readable text."""
        return self.family.words if self.level == FAMILY and self.family is not None else self.name or self.level


class Recognizer:
    """Answers with the newest version of a gallery. Products enrolled by others are included from the next call on.

    A photo is compared with all photos of a gallery, or of the trained classes, if these are few. Otherwise only the
    products on a shortlist are compared photo by photo, and the others are estimated (ADR 26).
    """

    def __init__(self, embedder: PhotoEmbedder, gallery: Gallery, note: Note = ignore_note) -> None:
        """`note` is told when the index of a large gallery must be built, which takes minutes, but only once.

        Raises `UserError` if the gallery is of other weights or not calibrated.
        """
        self.embedder = embedder
        self.gallery = gallery
        self._note = note
        self._version = 0
        self._indexed: tuple[str, CellSearch | None] | None = None
        self._refresh()

    @property
    def predictor(self) -> Predictor:
        """The run."""
        return self.embedder.predictor

    def recognize(self, images: Source | Iterable[Source], top: int = 5) -> list[Answer]:
        """Return an answer for each image; see `Predictor.predict` for the supported inputs."""
        return list(self.stream(as_iterable(images), top))

    def recognize_together(self, images: Iterable[Source], top: int = 5) -> Answer:
        """Return one answer for several photos of one object, from their mean evidence.

        Unusable images are left out: `together` has the names of the others. Raises `UserError` if no image can be
        used.
        """
        self._refresh()
        return self.together(list(self.predictor.of_sources(images)), top)

    def together(self, batches: Sequence[Batch], top: int) -> Answer:
        """Return one answer from the outputs for several photos of one object, see `recognize_together`."""
        good = [batch for batch in batches if len(batch.probabilities)]
        if not good:
            reason = next((error for batch in batches for error in batch.errors if error), "there is none")
            raise UserError(f"no photo of the object can be used: {reason}")
        names = [name for batch in batches for name, error in zip(batch.names, batch.errors, strict=True) if not error]
        vectors = self.whitening(unit_rows(np.concatenate([batch.embeddings for batch in good])))
        joined = Evidence.mean([self.evidence(batch) for batch in good])
        answers = answers_of(joined, self.rule, self.columns)
        return replace(self._answer(shortened(names, 1), answers, 0, vectors, top), together=tuple(names))

    def stream(self, images: Iterable[Source], top: int = 5) -> Iterator[Answer]:
        """Yield answers for any number of images, in order and constant memory. Unusable images have the reason."""
        self._refresh()
        for batch in self.predictor.of_sources(images):
            yield from self.answers(batch, top)

    def answers(self, batch: Batch, top: int) -> Iterator[Answer]:
        """Yield answers from the outputs for a batch of images."""
        yield from self.named(batch, self.answered(batch) if len(batch.probabilities) else None, top)

    def answered(self, batch: Batch) -> Answers:
        """Return decisions and probabilities for the usable images of a batch, at least one."""
        return answers_of(self.evidence(batch), self.rule, self.columns)

    def named(self, batch: Batch, answers: Answers | None, top: int) -> Iterator[Answer]:
        """Yield an answer for each image of a batch from those of `answered`, None without a usable image."""
        good = iter(range(len(batch.probabilities)))
        vectors = self.whitening(unit_rows(batch.embeddings))
        for name, error in zip(batch.names, batch.errors, strict=True):
            if error is not None or answers is None:
                yield Answer.unusable(name, error)
            else:
                row = next(good)
                yield self._answer(name, answers, row, vectors[row : row + 1], top)

    def refreshed(self) -> Recognizer:
        """Return a recogniser with the gallery's newest version. This one keeps its version, also in `answers`.

        Raises `UserError` if that version is of other weights or not calibrated.
        """
        newer = copy.copy(self)
        newer._refresh()
        return newer

    @property
    def version(self) -> int:
        """The gallery version in use."""
        return self._version

    def accepts(self, batch: Batch) -> Bools:
        """Return whether each usable image of a batch is given a name, trained or enrolled, (N,)."""
        return self.answered(batch).decisions.accepted

    def evidence(self, batch: Batch) -> Evidence:
        """Return the evidence of network and gallery on the usable images of a batch.

        Probabilities have the temperature that the gallery was calibrated at, whatever that of the predictor is now.
        """
        probabilities = temperature_scaled(batch.probabilities, self.temperature / self.predictor.temperature)
        energies = energies_of(self.predictor.logits(batch.embeddings))
        vectors = self.whitening(unit_rows(batch.embeddings))
        return evidence(probabilities, vectors, self.learnt, self.references, energies, self.shortlists)

    def _refresh(self) -> None:
        self.gallery.refresh()
        while self._version != self.gallery.state.version:  # a newer version may appear while reading
            version = self.gallery.state.version
            self.gallery.require_embedder(self.embedder)
            self._read()
            self._version = version

    def _read(self) -> None:
        """Read the gallery's version."""
        fitted = self.gallery.recognition()
        if fitted is None:
            how = call("gallery_calibrate", gallery=str(self.gallery.files), data="DATA")
            raise UserError(f"{self.gallery.files} is not calibrated yet; run: {how}")
        record, arrays = fitted
        self.learnt = TrainingPhotos.of_counts(arrays[LEARNT], record[COUNTS])
        self.whitening = Whitening.of_array(arrays[WHITENING])
        self.rule = Rule.of_record(record)
        self.temperature = float(record.get(TEMPERATURE, self.predictor.temperature))  # earlier versions left it out
        self.entries, vectors = self.gallery.vectors()
        self.references = References.of([entry.sku for entry in self.entries], self.whitening(vectors))
        self.columns = Columns(self.predictor.class_names, self.references.names)
        self.shortlists = Shortlists(
            self._shortlist_of_classes(), self._shortlist_of_products(record[ARRAYS][WHITENING])
        )

    def _shortlist_of_classes(self) -> Shortlist | None:
        learnt = self.learnt
        if len(learnt.vectors) < MIN_PHOTOS:
            return None
        fusion = self.rule.fusion
        weights = fusion.trained, fusion.trained_photo
        return Shortlist.of(learnt.vectors, learnt.counts, learnt.prototypes, weights)

    def _shortlist_of_products(self, whitening: str) -> Shortlist | None:
        """Return a shortlist with an index of the vectors after the whitening with this checksum, None without one."""
        own, search = self.references, None
        if len(own.vectors) < MIN_PHOTOS:
            return None
        if len(own.names) < len(own.vectors):  # otherwise the photos are the prototypes
            search = self._index(whitening)
            self._indexed = whitening, search
            if search is None:
                return None
        weights = self.rule.fusion.prototype, self.rule.fusion.photo
        return Shortlist.of(own.vectors, own.counts, own.prototypes, weights, search)

    def _index(self, whitening: str) -> CellSearch | None:
        """Return an index of the enrolled photos: that of the previous version unless too many photos are new."""
        if self._indexed is not None and self._indexed[0] == whitening:
            earlier = self._indexed[1]
            found = None if earlier is None else earlier.following(self.entries, self.references.vectors)
            if earlier is None or found is not None:
                return found
        kept = cells_cache(self.gallery, whitening)
        return cell_search(self.entries, self.references.vectors, kept, self._note)

    def _answer(self, source: str, answers: Answers, row: int, vectors: Floats, top: int) -> Answer:
        candidates = tuple(self._candidate(answers, row, name, vectors) for name in answers.best(row, top))
        family = None if self.rule.levels is None else self.rule.levels.family_of(candidates[0].name)
        return Answer(source, answers.decisions.levels[row], answers.decisions.names[row], candidates, family)

    def _candidate(self, answers: Answers, row: int, index: int, vectors: Floats) -> Candidate:
        trained, enrolled = self.columns.of_name(index)
        reference, similarity = None, 0.0
        if enrolled is not None:
            start = int(self.references.starts[enrolled])
            end = start + int(self.references.counts[enrolled])
            cosines = (vectors @ self.references.vectors[start:end].T).max(axis=0)
            reference, similarity = self.entries[start + int(cosines.argmax())], float(cosines.max())
        elif trained is not None:
            similarity = float(self.learnt.only(np.array([trained])).nearest(vectors).max())
        return Candidate(
            self.columns.names[index],
            float(answers.probabilities[row, index]),
            similarity,
            GALLERY if answers.from_gallery(row, index) else TRAINING,
            reference,
        )


def recognizer(
    run: Path | str,
    gallery: str | Path,
    engine: str = AUTO,
    batch: BatchSize = None,
    decode: str = EXACT,
    note: Note = ignore_note,
) -> Recognizer:
    """Load a run folder or an exported file with a gallery for recognition.

    `engine`, `batch` and `decode` are those of `load`. `note` is told when the index of a large gallery must be built,
    which takes minutes, but only once.

    Raises:
        UserError: there is no run or no gallery, or the gallery is of other weights or not calibrated.
    """
    return Recognizer(
        photo_embedder(Path(run), engine=engine, batch=batch, decode=decode), Gallery(open_files(gallery)), note
    )
