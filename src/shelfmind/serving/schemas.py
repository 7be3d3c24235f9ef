"""Schemas of requests and responses, for the OpenAPI description and generated clients."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
SKU = "Cola 330 ml"


class Record(BaseModel):
    """Base of all records: unknown members are rejected."""

    model_config = ConfigDict(extra="forbid")


class ErrorItem(Record):
    """One error."""

    where: str = Field(description="Name of the field or the image.")
    what: str


class Reference(Record):
    """An enrolled photo."""

    photo: str = Field(description="Original file name.", examples=["cola-front.jpg"])
    sha256: str = Field(examples=[SHA])


class FindingRecord(Record):
    """A finding of the gallery's guard about photos to be enrolled."""

    kind: str = Field(examples=["all_but_another"])
    product: str = Field(examples=[SKU])
    sentence: str = Field(description="The finding as a readable sentence.")
    other: str | None = Field(description="The other product or trained class involved.")
    photos: list[Reference]
    others: list[Reference]


class ProblemRecord(BaseModel):
    """An error in RFC 9457 format."""

    type: str = Field(examples=["urn:shelfmind:queue-full"])
    title: str = Field(examples=["Too Many Requests"])
    status: int = Field(examples=[429])
    detail: str = Field(examples=["the queue is full; retry later"])
    request_id: str = Field(examples=["5f2c9a1b7d3e4f60"])
    errors: list[ErrorItem] = Field([], description="Details of a 422 response.")
    findings: list[FindingRecord] = Field([], description="The guard's findings if a strict enrolment was refused.")
    warnings: list[str] = Field([], description="The findings as readable sentences.")


class Family(Record):
    """A family of products that look alike."""

    name: str
    members: list[str]


class CandidateRecord(Record):
    """A product that an image may show."""

    product: str = Field(examples=[SKU])
    probability: float = Field(examples=[0.93])
    similarity: float | None = Field(description="Cosine similarity to its most similar photo. Null without a gallery.")
    source: Literal["training", "gallery"]
    reference: Reference | None = Field(description="The most similar enrolled photo.")


class ExplanationRecord(Record):
    """A heat map of the evidence for a product."""

    method: Literal["occlusion"]
    product: str
    grid: list[list[float]] = Field(description="Importance from 0 to 1, row by row over the network's square input.")
    overlay: str = Field(description="The input with the heat map as an overlay, as a data: URI.")


class AnswerRecord(Record):
    """The answer for one image."""

    name: str = Field(examples=["cola.jpg"])
    error: str | None = Field(description="Reason why the image cannot be used.")
    level: Literal["product", "family", "undecided", "unknown"] | None
    answer: str | None = Field(description="Name of the product or the family.", examples=[SKU])
    family: Family | None
    candidates: list[CandidateRecord] = Field(description="The most probable products, best first.")
    explanation: ExplanationRecord | None


class TogetherRecord(AnswerRecord):
    """One answer for several photos of one object."""

    names: list[str] = Field(description="The photos that the answer is based on.")


class ModelBrief(Record):
    """Which model answered."""

    generation: int = Field(description="Number of models that this process has loaded so far.")
    engine: str = Field(examples=["onnx fp32"])
    weights: str = Field(description="Checksum of the weights.")
    gallery_version: int | None


class Recognition(Record):
    """The response to a recognition request."""

    model: ModelBrief
    answers: list[AnswerRecord]
    together: TogetherRecord | None


class EncodedImage(Record):
    """An image in JSON."""

    content: str = Field(description="The encoded image in base64.", json_schema_extra={"contentEncoding": "base64"})
    name: str = ""


class RecognitionRequest(Record):
    """Images to recognise."""

    images: list[EncodedImage] = Field(min_length=1)
    top: int = Field(5, ge=1, le=100, description="Maximum number of candidates.")
    together: bool = Field(False, description="All images show one object: return one answer. Needs a gallery.")
    explain: bool = Field(False, description="Add a heat map of the evidence. At most 4 images.")
    timeout_ms: int | None = Field(None, ge=1, le=120_000)


class Limits(Record):
    """Limits of a request."""

    max_images: int
    max_body_bytes: int
    max_pixels: int
    queue: int


class GallerySummary(Record):
    """The gallery at its newest version."""

    version: int
    first_version: int = Field(description="The oldest version that can be restored.")
    products: int
    photos: int
    calibrated: bool


class ModelRecord(ModelBrief):
    """The current model."""

    name: str = Field(examples=["shelf.onnx"])
    engine_version: str
    precision: str | None
    classes: int
    class_names: list[str]
    views: list[str]
    temperature: float
    loaded_at: str
    gallery: GallerySummary | None
    limits: Limits
    version: str = Field(description="Version of shelfmind.")
    trouble: str | None = Field(description="Set if a new run or gallery could not be loaded.")


class ReloadRecord(ModelBrief):
    """The current model after a reload."""

    changed: bool


class SkuRecord(Record):
    """A product of the gallery."""

    sku: str = Field(examples=[SKU])
    photos: int
    cover: str = Field(description="Checksum of its first photo.", examples=[SHA])


class SkusPage(Record):
    """A page of products, sorted by name. Send `next` as `after` to get the next page."""

    skus: list[SkuRecord]
    next: str | None
    total: int = Field(description="Number of products that match the search.")


class SkuPhotos(Record):
    """The photos of a product."""

    sku: str
    photos: list[Reference]


class ChangeRecord(Record):
    """The result of a change. `version` is null if nothing changed."""

    version: int | None
    detail: str = Field(examples=["added 2 photos of Cola 330 ml"])
    warnings: list[str]
    findings: list[FindingRecord]
    gallery: GallerySummary


class EnrolmentRequest(Record):
    """Photos of a product."""

    sku: str = Field(min_length=1, max_length=300, examples=[SKU])
    photos: list[EncodedImage] = Field(min_length=1)
    strict: bool = Field(True, description="Refuse the enrolment if the guard has findings. False enrols anyway.")
    reason: str = Field("", max_length=1000)


class RenameRequest(Record):
    """A product's new name."""

    name: str = Field(min_length=1, max_length=300, examples=["Cola Zero 330 ml"])
    reason: str = Field("", max_length=1000)


class MergeRequest(Record):
    """Products to merge."""

    skus: list[str] = Field(min_length=1, max_length=1000, examples=[["cola", "coke"]])
    into: str = Field(min_length=1, max_length=300, examples=["cola"])
    reason: str = Field("", max_length=1000)


class RollbackRequest(Record):
    """A version to restore."""

    version: int = Field(ge=1, le=2**53, examples=[3])
    reason: str = Field("", max_length=1000)


class HistoryRecord(Record):
    """A past change."""

    version: int
    time: str
    author: str
    reason: str
    kind: str
    detail: str


class HistoryPage(Record):
    """A page of changes, newest first. Send `next` as `before` to get the next page."""

    changes: list[HistoryRecord]
    next: int | None


class CorrectionRecord(Record):
    """A correction of an answer."""

    id: str
    time: str
    reviewer: str
    path: str
    said: str = Field(description="The recogniser's answer.")
    decision: str | None = Field(examples=["relabel"])
    label: str | None = Field(examples=[SKU])


class CorrectionsPage(Record):
    """Active corrections, newest first."""

    corrections: list[CorrectionRecord]
    total: int


class ReportRecord(Record):
    """A report."""

    name: str
    title: str
    href: str


class ReportsPage(Record):
    """The available reports."""

    reports: list[ReportRecord]


class SessionRequest(Record):
    """An API key to open a browser session with."""

    key: str = Field(min_length=1, max_length=200)


class SessionRecord(Record):
    """The caller."""

    name: str
    role: Literal["read", "write", "admin"] | None
    needs_key: bool


class StatusRecord(Record):
    """The result of a probe."""

    status: str


FORM: dict[str, Any] = {
    "image": {"type": "array", "items": {"type": "string", "format": "binary"}, "description": "The images."},
}


def multipart(fields: dict[str, Any], required: list[str]) -> dict[str, Any]:
    """Return the OpenAPI description of a multipart body with these fields."""
    return {"schema": {"type": "object", "properties": fields, "required": required}}
