"""The table of verbs: request, function, how the command shows the outcome, and the panel in help.

The table imports nothing, so that help is fast; the modules of a verb are loaded on demand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shelfmind.requests.request import Request
    from shelfmind.requests.watching import Observer

DATA, TRAIN, MEASURE, TOOL = "Data", "Training", "Evaluation and inference", "Tool"
CHANGE, LOOK, KEEP = "Enrolment and changes", "Queries", "Maintenance"
KEYS = "Keys"
GROUPS = {
    "gallery": (MEASURE, "Enrol products without training: add, search, roll back. Every change is a version."),
    "keys": (MEASURE, "Manage the API keys of the service: add, list, revoke."),
}
"""Command groups: panel in help, and summary."""


@dataclass(frozen=True)
class Verb:
    """One verb; `request`, `function` and `show` have the form ``module:name``, relative to `shelfmind`."""

    panel: str
    summary: str
    request: str
    """A subclass of `Request`."""
    function: str
    """Called with a request and optionally an `Observer`; returns the outcome."""
    show: str
    """Called with outcome, request and `Display` at the end of a command; keyword arguments become further options."""
    mindspore: bool = True
    """Whether it always computes with MindSpore."""
    fits: bool = False
    """Whether a later step needs SciPy and scikit-learn; their installation is then checked at the start."""
    in_python: bool = True
    """Whether it is also a Python function of this name."""
    group: str | None = None
    """The group on the command line, which is also the prefix of its name."""
    ask: str | None = None
    """Called on the command line with the given arguments; returns them with the answers to its questions. Keyword
    arguments become further options."""

    @property
    def request_type(self) -> type[Request]:
        """The class of its request."""
        found: type[Request] = _load(self.request)
        return found

    @property
    def printer(self) -> Callable[..., None]:
        """The function that prints its outcome."""
        found: Callable[..., None] = _load(self.show)
        return found

    @property
    def prompts(self) -> Callable[..., dict[str, Any]] | None:
        """The function that asks for missing arguments."""
        return None if self.ask is None else _load(self.ask)

    def run(self, request: Request, watcher: Observer | None = None) -> Any:
        """Run the verb. MindSpore starts first if needed, but only after the inputs are checked.

        Raises:
            UserError: invalid input, or a package that is not installed, with the command to install it.
        """
        from shelfmind.machine.packages import explained_import_errors, require
        from shelfmind.object_stores.objects import one_state

        request.require_inputs()
        if self.fits:
            require("scipy", "sklearn")
        with one_state(), explained_import_errors():
            if self.mindspore and not request.elsewhere:
                _load("machine.device:start_mindspore")()
            function = _load(self.function)
            return function(request) if watcher is None else function(request, watcher=watcher)


def _load(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(import_module(f"shelfmind.{module}"), name)


VERBS = {
    "init": Verb(
        panel=DATA,
        summary="Create a first recipe for a data set by answering five questions, and print the training command.",
        request="requests.guiding:InitRequest",
        function="workflows.first_recipe:init",
        show="cli.outcomes.guiding:show_first_recipe",
        mindspore=False,
        ask="cli.questions:prompt_for_missing",
    ),
    "audit": Verb(
        panel=DATA,
        summary="Audit a data set: class sizes, leaks, duplicates, label conflicts, bad files, blur and glare. "
        "Writes a report and tables.",
        request="requests.auditing:AuditRequest",
        function="workflows.audit:audit",
        show="cli.outcomes.data_sets:show_audit",
        mindspore=False,
    ),
    "find_label_errors": Verb(
        panel=DATA,
        summary="Rank labels by how likely they are wrong, using out-of-fold predictions.",
        request="requests.label_checking:FindLabelErrorsRequest",
        function="training.label_check:find_label_errors",
        show="cli.outcomes.data_sets:show_label_errors",
    ),
    "review": Verb(
        panel=DATA,
        summary="Review flagged images in a browser: keep, relabel or drop them. The data set is not changed. "
        "Ctrl-C ends it.",
        request="requests.auditing:ReviewRequest",
        function="review.running:review",
        show="cli.outcomes.data_sets:show_reviewed",
        mindspore=False,
    ),
    "prepare": Verb(
        panel=DATA,
        summary="Make a clean copy of a data set from review decisions and rules.",
        request="requests.preparing:PrepareRequest",
        function="workflows.prepare:prepare",
        show="cli.outcomes.data_sets:show_prepared",
        mindspore=False,
    ),
    "generate": Verb(
        panel=DATA,
        summary="Generate a synthetic data set in RP2K's layout, with the ground truth of every photo in truth.csv.",
        request="shelf_generator.settings:GenerateRequest",
        function="shelf_generator.writing:generate",
        show="cli.outcomes.data_sets:show_generated",
        mindspore=False,
    ),
    "train": Verb(
        panel=TRAIN,
        summary="Train a recogniser into a run folder.",
        request="requests.training:TrainRequest",
        function="training.run:train",
        show="cli.outcomes.training:show_trained",
    ),
    "pretrain": Verb(
        panel=TRAIN,
        summary="Pretrain without labels (SimSiam) or on broader labels, as initial weights for training. "
        "Evaluates the embeddings by kNN and linear probe.",
        request="requests.training:PretrainRequest",
        function="training.pretrain:pretrain",
        show="cli.outcomes.training:show_pretrained",
    ),
    "fixres": Verb(
        panel=TRAIN,
        summary="Fine-tune a run for a larger test resolution (FixRes): retrain the classifier and the last "
        "batch norm, keep the best resolution.",
        request="requests.improving:FixresRequest",
        function="training.fixres:fixres",
        show="cli.outcomes.training:show_resolutions",
    ),
    "fold_in": Verb(
        panel=TRAIN,
        summary="Turn the products of a gallery into classes of a run: imprint their weights, then fine-tune "
        "briefly with rehearsal of the run's own photos.",
        request="requests.improving:FoldInRequest",
        function="training.fold_in:fold_in",
        show="cli.outcomes.training:show_folded_in",
    ),
    "tune": Verb(
        panel=TRAIN,
        summary="Search hyperparameters of a recipe on validation images (Optuna). Unpromising trials are "
        "pruned. Resumable.",
        request="requests.improving:TuneRequest",
        function="training.tune:tune",
        show="cli.outcomes.training:show_tuned",
    ),
    "ablate": Verb(
        panel=TRAIN,
        summary="Compare changes of a recipe: train each row of a table with several seeds and test which "
        "differences are significant.",
        request="requests.ablating:AblateRequest",
        function="ablation.ablate:ablate",
        show="cli.outcomes.ablating:show_ablation",
        mindspore=False,
        fits=True,
    ),
    "adapt": Verb(
        panel=TRAIN,
        summary="Adapt a run to another shop, camera or lighting with unlabelled photos from there. Writes a new run.",
        request="requests.improving:AdaptRequest",
        function="training.adaptation:adapt",
        show="cli.outcomes.training:show_adaptation",
    ),
    "soup": Verb(
        panel=TRAIN,
        summary="Average the weights of a run's last epochs (model soup) into a new run. Needs train.snapshots "
        "in the recipe.",
        request="requests.improving:SoupRequest",
        function="training.soup:soup",
        show="cli.outcomes.training:show_soup",
    ),
    "evaluate": Verb(
        panel=MEASURE,
        summary="Evaluate a run, or an ensemble of several, on a labelled data set: accuracy with confidence "
        "intervals, calibration, confusions.",
        request="requests.measuring:EvaluateRequest",
        function="workflows.evaluate_runs:evaluate_runs",
        show="cli.outcomes.measuring:show_evaluation",
        mindspore=False,
    ),
    "calibrate": Verb(
        panel=MEASURE,
        summary="Calibrate the confidence of a run by temperature scaling on validation images.",
        request="requests.measuring:CalibrateRequest",
        function="workflows.evaluate:calibrate_run",
        show="cli.outcomes.measuring:show_calibration",
    ),
    "predict": Verb(
        panel=MEASURE,
        summary="Recognise the products in images. An unusable file keeps its row, with the reason.",
        request="requests.measuring:PredictRequest",
        function="inference.predict_files:predict_files",
        show="cli.outcomes.measuring:show_predictions",
        mindspore=False,
    ),
    "embed": Verb(
        panel=MEASURE,
        summary="Compute the embeddings of images or of a data set as a Parquet file.",
        request="requests.measuring:EmbedRequest",
        function="inference.embed_files:embed_files",
        show="cli.outcomes.measuring:show_embeddings",
        mindspore=False,
    ),
    "export": Verb(
        panel=MEASURE,
        summary="Export a run to one file for ONNX Runtime, OpenVINO or MindIR, after checking that its "
        "predictions match.",
        request="requests.exporting:ExportRequest",
        function="exporting.export:export",
        show="cli.outcomes.exporting:show_export",
    ),
    "explain": Verb(
        panel=MEASURE,
        summary="Explain predictions: Grad-CAM heat maps, and the most similar training images.",
        request="requests.measuring:ExplainRequest",
        function="workflows.explain:explain",
        show="cli.outcomes.measuring:show_explanations",
    ),
    "gallery_create": Verb(
        panel=CHANGE,
        summary="Create a gallery with the embeddings of a run.",
        request="requests.galleries:GalleryCreateRequest",
        function="workflows.galleries:create",
        show="cli.outcomes.galleries:show_change",
        mindspore=False,
        group="gallery",
    ),
    "gallery_add": Verb(
        panel=CHANGE,
        summary="Enrol photos of a product, or all classes of a data set.",
        request="requests.galleries:GalleryAddRequest",
        function="workflows.galleries:add",
        show="cli.outcomes.galleries:show_change",
        mindspore=False,
        group="gallery",
    ),
    "gallery_remove": Verb(
        panel=CHANGE,
        summary="Remove a product, or some of its photos.",
        request="requests.galleries:GalleryRemoveRequest",
        function="workflows.galleries:remove",
        show="cli.outcomes.galleries:show_change",
        mindspore=False,
        group="gallery",
    ),
    "gallery_rename": Verb(
        panel=CHANGE,
        summary="Rename a product.",
        request="requests.galleries:GalleryRenameRequest",
        function="workflows.galleries:rename",
        show="cli.outcomes.galleries:show_change",
        mindspore=False,
        group="gallery",
    ),
    "gallery_merge": Verb(
        panel=CHANGE,
        summary="Merge several products into one.",
        request="requests.galleries:GalleryMergeRequest",
        function="workflows.galleries:merge",
        show="cli.outcomes.galleries:show_change",
        mindspore=False,
        group="gallery",
    ),
    "gallery_list": Verb(
        panel=LOOK,
        summary="List the products with their photo counts.",
        request="requests.galleries:GalleryListRequest",
        function="workflows.galleries:list_products",
        show="cli.outcomes.galleries:show_products",
        mindspore=False,
        group="gallery",
    ),
    "gallery_show": Verb(
        panel=LOOK,
        summary="List the photos of a product.",
        request="requests.galleries:GalleryShowRequest",
        function="workflows.galleries:show_product",
        show="cli.outcomes.galleries:show_photos",
        mindspore=False,
        group="gallery",
    ),
    "gallery_search": Verb(
        panel=LOOK,
        summary="Find the products most similar to photos.",
        request="requests.galleries:GallerySearchRequest",
        function="workflows.galleries:search",
        show="cli.outcomes.galleries:show_found",
        mindspore=False,
        group="gallery",
    ),
    "gallery_history": Verb(
        panel=LOOK,
        summary="List all changes: time, author, change and reason.",
        request="requests.galleries:GalleryHistoryRequest",
        function="workflows.galleries:history",
        show="cli.outcomes.galleries:show_history",
        mindspore=False,
        group="gallery",
    ),
    "gallery_rollback": Verb(
        panel=CHANGE,
        summary="Restore the products of an earlier version.",
        request="requests.galleries:GalleryRollBackRequest",
        function="workflows.galleries:roll_back",
        show="cli.outcomes.galleries:show_change",
        mindspore=False,
        group="gallery",
    ),
    "gallery_audit": Verb(
        panel=KEEP,
        summary="Audit all photos and products: mix-ups, outliers, near-duplicates, blur. Optionally writes a report.",
        request="requests.galleries:GalleryAuditRequest",
        function="workflows.gallery_audit:audit_gallery",
        show="cli.outcomes.gallery_audit:show_gallery_audit",
        mindspore=False,
        group="gallery",
    ),
    "gallery_discover": Verb(
        panel=LOOK,
        summary="Cluster photos of unknown products into candidate products for review.",
        request="requests.discovery:GalleryDiscoverRequest",
        function="workflows.discovery:discover",
        show="cli.outcomes.discovery:show_discovery",
        mindspore=False,
        group="gallery",
    ),
    "gallery_verify": Verb(
        panel=KEEP,
        summary="Verify the checksums of all files and list damaged ones.",
        request="requests.galleries:GalleryVerifyRequest",
        function="workflows.galleries:verify_files",
        show="cli.outcomes.galleries:show_faults",
        mindspore=False,
        group="gallery",
    ),
    "gallery_export": Verb(
        panel=KEEP,
        summary="Export all photos as a data set.",
        request="requests.galleries:GalleryExportRequest",
        function="workflows.galleries:export",
        show="cli.outcomes.galleries:show_exported",
        mindspore=False,
        group="gallery",
    ),
    "gallery_compact": Verb(
        panel=KEEP,
        summary="Delete files that no product references any more. Cannot be undone.",
        request="requests.galleries:GalleryCompactRequest",
        function="workflows.galleries:compact",
        show="cli.outcomes.galleries:show_compacted",
        mindspore=False,
        group="gallery",
    ),
    "gallery_calibrate": Verb(
        panel=CHANGE,
        summary="Calibrate joint answers for trained and enrolled products, including the rejection of unknown "
        "objects.",
        request="requests.galleries:GalleryCalibrateRequest",
        function="workflows.gallery_calibration:calibrate",
        show="cli.outcomes.recognition:show_calibrated",
        fits=True,
        group="gallery",
        mindspore=False,
    ),
    "gallery_re_embed": Verb(
        panel=KEEP,
        summary="Recompute all embeddings with another run, from the photos in the gallery.",
        request="requests.galleries:GalleryReEmbedRequest",
        function="workflows.galleries:re_embed",
        show="cli.outcomes.galleries:show_change",
        mindspore=False,
        group="gallery",
    ),
    "expand": Verb(
        panel=MEASURE,
        summary="Evaluate enrolment of new products: train on some classes, enrol the others from a few photos, "
        "evaluate both.",
        request="requests.expanding:ExpandRequest",
        function="training.expand:expand",
        show="cli.outcomes.recognition:show_expansion",
    ),
    "serve": Verb(
        panel=MEASURE,
        summary="Serve recognition and the gallery over HTTP, with batching, API keys and metrics.",
        request="requests.serving:ServeRequest",
        function="serving.serve:serve",
        show="cli.outcomes.serving:show_served",
        mindspore=False,
    ),
    "keys_add": Verb(
        panel=KEYS,
        summary="Create a key. It is shown only once.",
        request="requests.serving:KeysAddRequest",
        function="serving.managing_keys:add",
        show="cli.outcomes.serving:show_key",
        mindspore=False,
        group="keys",
    ),
    "keys_list": Verb(
        panel=KEYS,
        summary="List the names and roles of all keys.",
        request="requests.serving:KeysListRequest",
        function="serving.managing_keys:list_keys",
        show="cli.outcomes.serving:show_keys",
        mindspore=False,
        group="keys",
    ),
    "keys_revoke": Verb(
        panel=KEYS,
        summary="Revoke a key.",
        request="requests.serving:KeysRevokeRequest",
        function="serving.managing_keys:revoke",
        show="cli.outcomes.serving:show_revoked",
        mindspore=False,
        group="keys",
    ),
    "models": Verb(
        panel=TOOL,
        summary="List the models with parameters, GFLOPs, embedding width and official weights, or show the "
        "stages of one.",
        request="requests.tool:ModelsRequest",
        function="workflows.tool:describe_models",
        show="cli.outcomes.tool:show_models",
        mindspore=False,
        in_python=False,
    ),
    "recipes": Verb(
        panel=TOOL,
        summary="List the packaged recipes, show one, or recommend one for a data set.",
        request="requests.guiding:RecipesRequest",
        function="workflows.tool:describe_recipes",
        show="cli.outcomes.guiding:show_recipes",
        mindspore=False,
        in_python=False,
    ),
    "ablations": Verb(
        panel=TOOL,
        summary="List the packaged tables for `ablate`, or show one.",
        request="requests.ablating:AblationsRequest",
        function="ablation.ablate:describe_tables",
        show="cli.outcomes.ablating:show_tables",
        mindspore=False,
        in_python=False,
    ),
    "benchmark": Verb(
        panel=TOOL,
        summary="Benchmark prediction and training speed on this machine: every engine, and the whole command.",
        request="requests.benchmarking:BenchmarkRequest",
        function="benchmarking.benchmark:benchmark",
        show="cli.outcomes.benchmarking:show_benchmark",
        mindspore=False,
    ),
    "verify": Verb(
        panel=TOOL,
        summary="Verify the files of runs and data sets by their checksums and list damaged ones.",
        request="requests.tool:VerifyRequest",
        function="workflows.integrity:verify_files",
        show="cli.outcomes.tool:show_verified",
        mindspore=False,
    ),
    "doctor": Verb(
        panel=TOOL,
        summary="Check this machine: versions, device, memory and convolution speed.",
        request="requests.tool:DoctorRequest",
        function="workflows.tool:examine_machine",
        show="cli.outcomes.tool:show_machine",
        mindspore=False,
    ),
}
"""By name in Python; see `command_words` for the command line."""


def command_words(name: str) -> list[str]:
    """The words of a verb on the command line: ``find-label-errors``, ``gallery add``."""
    group = VERBS[name].group
    own = name if group is None else name.removeprefix(f"{group}_")
    return [*([] if group is None else [group]), own.replace("_", "-")]
