"""The requests of `serve` and of the verbs for its keys."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shelfmind.errors import UserError, argument
from shelfmind.requests.request import Flag, Incidental, Positional, Request
from shelfmind.requests.shared import Batch, Decode, Engine, Tta, require_path, require_run_or_file

Role = Literal["read", "write", "admin"]
MAX_WORKERS = 256
StateFolder = Annotated[
    Path | None,
    Incidental,
    Flag("--state", metavar="<folder>"),
    Field(
        description="Folder of keys, audit log and corrections. Defaults to SHELFMIND_STATE, else a folder in "
        "your user data folder."
    ),
]


class ServeRequest(Request):
    """What to serve, to whom, and the limits."""

    details: ClassVar[str] = (
        "Try it: curl -F image=@cola.jpg http://127.0.0.1:8000/v1/recognize. "
        "Waiting images are computed in batches; if the queue is full, the response is 429. SIGTERM or Ctrl-C "
        "shuts down after pending requests are answered. A replaced run or file and every new gallery version "
        "are loaded without losing a request; SIGHUP checks for them at once."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind serve runs/first",
        "shelfmind serve shelf.onnx --gallery products --port 9000",
        "shelfmind serve shelf.onnx --host 0.0.0.0 --workers 4 --state /var/lib/shelfmind",
    )

    run: Annotated[Path, Positional("RUN|FILE")] = Field(
        description="Run folder, or a file written by `shelfmind export`."
    )
    gallery: str | None = Field(None, description="Calibrated gallery of this network, for recognition and enrolment.")
    host: str = Field("127.0.0.1", description="Address to listen on. Addresses other than localhost require a key.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on. 0 picks a free port.")
    workers: int = Field(1, ge=1, le=MAX_WORKERS, description="Number of processes that share the port.")
    state: StateFolder = None
    engine: Engine = "auto"
    batch: Batch = None
    decode: Decode = "exact"
    tta: Tta = None
    max_batch: int | None = Field(
        None, ge=1, le=1024, description=f"Maximum batch size of the service. Defaults to {argument('batch')}, or 8."
    )
    max_delay_ms: float = Field(
        0.0,
        ge=0,
        le=1000,
        description="Maximum time to wait for more images of a batch while a core is idle. Images that arrive "
        "while all cores are busy are always batched.",
    )
    queue: int = Field(
        256, ge=1, le=100_000, description="Queue length in images per process. Further requests are rejected."
    )
    timeout: float = Field(
        30.0, gt=0, le=600, description="Timeout of a request in seconds, unless the request sets one."
    )
    max_body_mb: float = Field(32.0, gt=0, le=1024, description="Maximum size of a request body in MB.")
    max_images: int = Field(64, ge=1, le=10_000, description="Maximum number of images per request.")
    max_megapixels: float = Field(
        50.0, gt=0, le=500, description="Maximum size of an image in megapixels, checked before decoding."
    )
    rate: float | None = Field(
        None, gt=0, description="Maximum requests per second and key (or address, without keys). Unlimited by default."
    )
    watch_seconds: float = Field(
        5.0, ge=0, description="Interval in seconds to check for a new run or gallery version. 0: on SIGHUP only."
    )
    audit: Path | None = Field(None, description="Output folder of `shelfmind audit` to show on the page.")
    allow_hosts: Annotated[tuple[str, ...], Flag("--allow-host", metavar="NAME")] = Field(
        (), description="Allowed host name of requests. localhost is always allowed on a local address."
    )
    trusted_proxies: Annotated[tuple[str, ...], Flag("--trusted-proxies", metavar="ADDRESS|NETWORK")] = Field(
        (),
        description="Proxy whose X-Forwarded-For header is trusted, such as 127.0.0.1 or 10.0.0.0/8. Defaults to none.",
    )
    insecure: bool = Field(
        False, description="Listen on non-local addresses without keys: anyone who can connect has full access."
    )

    def require_inputs(self) -> None:
        """Check that the run or file and the audit exist, and that views are not set for a gallery."""
        if self.tta is not None and self.gallery is not None:
            raise UserError(f"a gallery uses the views of its embeddings and excludes {argument('tta')}")
        require_run_or_file(self.run)
        if self.audit is not None:
            require_path(self.audit)


class KeysRequest(Request):
    """Where keys are stored."""

    state: StateFolder = None


class KeysAddRequest(KeysRequest):
    """Create a key."""

    details: ClassVar[str] = (
        "Printed to standard output; only its hash is stored. Roles: read may recognise and "
        "view, write may also change the gallery and correct answers, admin may also reload the model."
    )
    examples: ClassVar[tuple[str, ...]] = ("shelfmind keys add tills --role read",)

    name: Annotated[str, Positional("NAME")] = Field(
        min_length=1, max_length=100, description="Name of the key's user, recorded with changes."
    )
    role: Role = Field("read", description="Role of the key: read, write or admin.")


class KeysListRequest(KeysRequest):
    """List keys."""

    examples: ClassVar[tuple[str, ...]] = ("shelfmind keys list",)


class KeysRevokeRequest(KeysRequest):
    """Revoke a key."""

    details: ClassVar[str] = "Takes effect on running services at once."
    examples: ClassVar[tuple[str, ...]] = ("shelfmind keys revoke tills",)

    name: Annotated[str, Positional("NAME")] = Field(description="Name of the key.")
