"""What `serve` and the verbs of its keys take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shelfmind.errors import UserError, argument
from shelfmind.requests.request import Flag, Incidental, Positional, Request
from shelfmind.requests.shared import Batch, Decode, Engine, Tta, require_path, require_run_or_file

Role = Literal["read", "write", "admin"]
MOST_WORKERS = 256
StateFolder = Annotated[
    Path | None,
    Incidental,
    Flag("--state", metavar="<folder>"),
    Field(
        description="the folder of keys, audit log and corrections; SHELFMIND_STATE, else one in your data folder, if "
        "not given"
    ),
]


class ServeRequest(Request):
    """What is served, to whom, and how much at once."""

    details: ClassVar[str] = (
        "Try it: curl -F image=@cola.jpg http://127.0.0.1:8000/v1/recognize. "
        "Several images that wait are computed at once; beyond the queue the answer is 429. SIGTERM or Ctrl-C ends it "
        "after what was taken is answered. A new run or file in the same place, and every new version of the gallery, "
        "takes over without a lost request; SIGHUP looks for them now."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind serve runs/first",
        "shelfmind serve shelf.onnx --gallery products --port 9000",
        "shelfmind serve shelf.onnx --host 0.0.0.0 --workers 4 --state /var/lib/shelfmind",
    )

    run: Annotated[Path, Positional("RUN|FILE")] = Field(
        description="a run folder, or a file that `shelfmind export` wrote"
    )
    gallery: str | None = Field(
        None, description="a calibrated gallery of its vectors, which the service answers from and changes"
    )
    host: str = Field("127.0.0.1", description="the address to listen on; beyond this machine a key is needed")
    port: int = Field(8000, ge=0, le=65535, description="0: any free one")
    workers: int = Field(1, ge=1, le=MOST_WORKERS, description="processes that share the port")
    state: StateFolder = None
    engine: Engine = "auto"
    batch: Batch = None
    decode: Decode = "exact"
    tta: Tta = None
    max_batch: int | None = Field(
        None, ge=1, le=1024, description="images computed at once; what `--batch` says, or 8, if not given"
    )
    max_delay_ms: float = Field(
        0.0,
        ge=0,
        le=1000,
        description="how long an image waits for company although a core is free; what comes while all compute is a "
        "batch in any case",
    )
    queue: int = Field(256, ge=1, le=100_000, description="images that may wait in each process; more are refused")
    timeout: float = Field(30.0, gt=0, le=600, description="seconds after which a request is given up, if it says none")
    max_body_mb: float = Field(32.0, gt=0, le=1024, description="of a request")
    max_images: int = Field(64, ge=1, le=10_000, description="of a request")
    max_megapixels: float = Field(50.0, gt=0, le=500, description="of an image; more are refused by their header")
    rate: float | None = Field(None, gt=0, description="requests a second of one key, or address without keys")
    watch_seconds: float = Field(
        5.0, ge=0, description="how often to look for a new run or gallery version; 0: at SIGHUP only"
    )
    audit: Path | None = Field(None, description="a folder that `shelfmind audit` made, to show on the page")
    allow_hosts: Annotated[tuple[str, ...], Flag("--allow-host", metavar="NAME")] = Field(
        (), description="a name under which requests may come; on this machine's own address localhost always is one"
    )
    trusted_proxies: Annotated[tuple[str, ...], Flag("--trusted-proxies", metavar="ADDRESS|NETWORK")] = Field(
        (), description="a proxy whose X-Forwarded-For is believed, such as 127.0.0.1 or 10.0.0.0/8; none if not given"
    )
    insecure: bool = Field(
        False, description="listen beyond this machine without any key: whoever reaches it may do all"
    )

    def require_inputs(self) -> None:
        """The run or file, and the audit, are there; the views are the gallery's where there is one."""
        if self.tta is not None and self.gallery is not None:
            raise UserError(f"a gallery has views of its own; leave {argument('tta')} out")
        require_run_or_file(self.run)
        if self.audit is not None:
            require_path(self.audit)


class KeysRequest(Request):
    """Where keys are kept."""

    state: StateFolder = None


class KeysAddRequest(KeysRequest):
    """A new key."""

    details: ClassVar[str] = (
        "The key is shown once, on standard output; only its hash is kept. read may recognise and look, write may "
        "change the gallery and correct answers, admin may reload the model, too."
    )
    examples: ClassVar[tuple[str, ...]] = ("shelfmind keys add tills --role read",)

    name: Annotated[str, Positional("NAME")] = Field(
        min_length=1, max_length=100, description="who will use it; changes bear this name"
    )
    role: Role = Field("read", description="read, write or admin")


class KeysListRequest(KeysRequest):
    """The keys there are."""

    examples: ClassVar[tuple[str, ...]] = ("shelfmind keys list",)


class KeysRevokeRequest(KeysRequest):
    """A key that no longer counts."""

    details: ClassVar[str] = "Running services know at once."
    examples: ClassVar[tuple[str, ...]] = ("shelfmind keys revoke tills",)

    name: Annotated[str, Positional("NAME")] = Field(description="the name it was given")
