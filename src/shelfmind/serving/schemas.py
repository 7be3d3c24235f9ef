"""What requests and answers look like, for the interface's description (OpenAPI) and for whoever generates a client."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
SKU = "Cola 330 ml"


class Record(BaseModel):
    """One that knows all its members."""

    model_config = ConfigDict(extra="forbid")


class ErrorItem(Record):
    """One thing that was wrong."""

    where: str = Field(description="the field, or the image's name")
    what: str


class Reference(Record):
    """An enrolled photo."""

    photo: str = Field(description="the name that its file had", examples=["cola-front.jpg"])
    sha256: str = Field(examples=[SHA])


class FindingRecord(Record):
    """What the guard of the gallery found in photos to be enrolled."""

    kind: str = Field(examples=["all_but_another"])
    product: str = Field(examples=[SKU])
    sentence: str = Field(description="all of it for people")
    other: str | None = Field(description="the other product, or trained class, that it is about")
    photos: list[Reference]
    others: list[Reference]


class ProblemRecord(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(examples=["urn:shelfmind:queue-full"])
    title: str = Field(examples=["Too Many Requests"])
    status: int = Field(examples=[429])
    detail: str = Field(examples=["so many images wait already; ask again later"])
    request_id: str = Field(examples=["5f2c9a1b7d3e4f60"])
    errors: list[ErrorItem] = Field([], description="what was wrong where, of a 422")
    findings: list[FindingRecord] = Field([], description="of a strict enrolment that was refused")
    warnings: list[str] = Field([], description="the findings in words")


class Family(Record):
    """Products that look alike."""

    name: str
    members: list[str]


class CandidateRecord(Record):
    """A product that an image may show."""

    product: str = Field(examples=[SKU])
    probability: float = Field(examples=[0.93])
    similarity: float | None = Field(description="cosine to its most similar photo; null without a gallery")
    source: Literal["training", "gallery"]
    reference: Reference | None = Field(description="the enrolled photo that the image is most like")


class ExplanationRecord(Record):
    """Where a product was seen."""

    method: Literal["occlusion"]
    product: str
    grid: list[list[float]] = Field(description="0 to 1, row by row over the square that the network saw")
    overlay: str = Field(description="the square with the map over it, as a data: URI")


class AnswerRecord(Record):
    """What is said of an image."""

    name: str = Field(examples=["cola.jpg"])
    error: str | None = Field(description="why the image cannot be used")
    level: Literal["product", "family", "undecided", "unknown"] | None
    answer: str | None = Field(description="the name of the product, or the family", examples=[SKU])
    family: Family | None
    candidates: list[CandidateRecord] = Field(description="the most probable products, best first")
    explanation: ExplanationRecord | None


class TogetherRecord(AnswerRecord):
    """One answer for several photos of one object."""

    names: list[str]


class ModelBrief(Record):
    """Which model answered."""

    generation: int = Field(description="how many models this process has loaded")
    engine: str = Field(examples=["onnx fp32"])
    weights: str = Field(description="checksum of the weights")
    gallery_version: int | None


class Recognition(Record):
    """The answers to a request."""

    model: ModelBrief
    answers: list[AnswerRecord]
    together: TogetherRecord | None


class EncodedImage(Record):
    """An image in JSON."""

    content: str = Field(description="base64", json_schema_extra={"contentEncoding": "base64"})
    name: str = ""


class RecognitionRequest(Record):
    """Images to name."""

    images: list[EncodedImage] = Field(min_length=1)
    top: int = Field(5, ge=1, le=100, description="how many candidates")
    together: bool = Field(False, description="all images show one object; needs a gallery")
    explain: bool = Field(False, description="also where the product was seen; at most 4 images")
    timeout_ms: int | None = Field(None, ge=1, le=120_000)


class Limits(Record):
    """What a request may have."""

    max_images: int
    max_body_bytes: int
    max_pixels: int
    queue: int


class GallerySummary(Record):
    """The gallery at its newest version."""

    version: int
    first_version: int = Field(description="the oldest that can be gone back to")
    products: int
    photos: int
    calibrated: bool


class ModelRecord(ModelBrief):
    """The model that answers."""

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
    version: str = Field(description="of shelfmind")
    trouble: str | None = Field(description="why something new did not take over")


class ReloadRecord(ModelBrief):
    """What answers after looking for something new."""

    changed: bool


class SkuRecord(Record):
    """A product of the gallery."""

    sku: str = Field(examples=[SKU])
    photos: int
    cover: str = Field(description="the checksum of its first photo", examples=[SHA])


class SkusPage(Record):
    """Products in the order of their names; `next` is what to send as `after`."""

    skus: list[SkuRecord]
    next: str | None
    total: int = Field(description="of all that the search found")


class SkuPhotos(Record):
    """The photos of a product."""

    sku: str
    photos: list[Reference]


class ChangeRecord(Record):
    """What a change did: `version` is null if there was nothing to change."""

    version: int | None
    detail: str = Field(examples=["added 2 photos of Cola 330 ml"])
    warnings: list[str]
    findings: list[FindingRecord]
    gallery: GallerySummary


class EnrolmentRequest(Record):
    """Photos of a product."""

    sku: str = Field(min_length=1, max_length=300, examples=[SKU])
    photos: list[EncodedImage] = Field(min_length=1)
    strict: bool = Field(True, description="refuse what the guard finds; false: enrol all the same")
    reason: str = Field("", max_length=1000)


class RenameRequest(Record):
    """A product's new name."""

    name: str = Field(min_length=1, max_length=300, examples=["Cola Zero 330 ml"])
    reason: str = Field("", max_length=1000)


class MergeRequest(Record):
    """Products that are one."""

    skus: list[str] = Field(min_length=1, max_length=1000, examples=[["cola", "coke"]])
    into: str = Field(min_length=1, max_length=300, examples=["cola"])
    reason: str = Field("", max_length=1000)


class RollbackRequest(Record):
    """A version to go back to."""

    version: int = Field(ge=1, le=2**53, examples=[3])
    reason: str = Field("", max_length=1000)


class HistoryRecord(Record):
    """A change of the past."""

    version: int
    time: str
    author: str
    reason: str
    kind: str
    detail: str


class HistoryPage(Record):
    """Changes, the newest first; `next` is what to send as `before`."""

    changes: list[HistoryRecord]
    next: int | None


class CorrectionRecord(Record):
    """What somebody decided about an answer."""

    id: str
    time: str
    reviewer: str
    path: str
    said: str = Field(description="what the recogniser had answered")
    decision: str | None = Field(examples=["relabel"])
    label: str | None = Field(examples=[SKU])


class CorrectionsPage(Record):
    """Decisions that hold, the newest first."""

    corrections: list[CorrectionRecord]
    total: int


class ReportRecord(Record):
    """A page that shelfmind wrote."""

    name: str
    title: str
    href: str


class ReportsPage(Record):
    """The pages that there are."""

    reports: list[ReportRecord]


class SessionRequest(Record):
    """A key, for a browser's session."""

    key: str = Field(min_length=1, max_length=200)


class SessionRecord(Record):
    """Who is asking."""

    name: str
    role: Literal["read", "write", "admin"] | None
    needs_key: bool


class StatusRecord(Record):
    """Of a probe."""

    status: str


FORM: dict[str, Any] = {
    "image": {"type": "array", "items": {"type": "string", "format": "binary"}, "description": "the images"},
}


def multipart(fields: dict[str, Any], required: list[str]) -> dict[str, Any]:
    """The description of a multipart body with these fields."""
    return {"schema": {"type": "object", "properties": fields, "required": required}}
