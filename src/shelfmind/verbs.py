"""The verbs: what each takes, where it lies, how the command shows what came out, where help lists it.

Nothing is imported for this table, so that help is quick; a verb's own modules are loaded when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shelfmind.requests.request import Request
    from shelfmind.requests.watching import Observer

DATA, TRAIN, MEASURE, TOOL = "Know the data", "Train", "Measure and predict", "About the tool"
CHANGE, LOOK, KEEP = "Enrol and change", "Look up", "Look after the files"
KEYS = "Keys"
GROUPS = {
    "gallery": (MEASURE, "Enrol products that were never trained: add, search, undo; every change is one version."),
    "keys": (MEASURE, "Let callers of the service in: add, list, revoke keys."),
}
"""Words of the command under which several verbs stand: where help lists them, and what it says."""


@dataclass(frozen=True)
class Verb:
    """One verb; `request`, `function` and `show` are names as in ``module:name``, below `shelfmind`."""

    panel: str
    summary: str
    request: str
    """A subclass of `Request`."""
    function: str
    """Called with a request and, if there is one, an `Observer`; returns the outcome."""
    show: str
    """Called with outcome, request and `Display` at the end of a command; its keyword arguments are further options."""
    mindspore: bool = True
    """Whether it computes with MindSpore whatever is asked."""
    fits: bool = False
    """Whether it fits something to its data by SciPy and scikit-learn, after it has computed for a while."""
    in_python: bool = True
    """Whether Python has it, too: as a function of this name."""
    group: str | None = None
    """The word before its own on the command line; its name begins with it."""
    ask: str | None = None
    """On the command line called with the arguments that were given, returns those and what it asked for; its keyword
    arguments are further options."""

    @property
    def request_type(self) -> type[Request]:
        """What it takes."""
        found: type[Request] = _load(self.request)
        return found

    @property
    def shown_by(self) -> Callable[..., None]:
        """What prints its outcome."""
        found: Callable[..., None] = _load(self.show)
        return found

    @property
    def asked_by(self) -> Callable[..., dict[str, Any]] | None:
        """What asks for arguments that were not given."""
        return None if self.ask is None else _load(self.ask)

    def run(self, request: Request, watcher: Observer | None = None) -> Any:
        """Do it; MindSpore starts first if the verb computes with it, but not before its inputs are there.

        Raises:
            UserError: what it refuses; or a package that is not installed, with the command that installs it.
        """
        from shelfmind.machine.packages import naming_extras, require

        request.require_inputs()
        if self.fits:
            require("scipy", "sklearn")
        with naming_extras():
            if self.mindspore:
                _load("machine.device:start_mindspore")()
            function = _load(self.function)
            return function(request) if watcher is None else function(request, watcher=watcher)


def _load(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(import_module(f"shelfmind.{module}"), name)


VERBS = {
    "init": Verb(
        panel=DATA,
        summary="Write a first recipe for a data set by five questions, and say which command trains by it.",
        request="requests.guiding:InitRequest",
        function="workflows.first_recipe:init",
        show="cli.outcomes.guiding:show_first_recipe",
        mindspore=False,
        ask="cli.questions:ask_for_the_rest",
    ),
    "audit": Verb(
        panel=DATA,
        summary="Look at a data set: classes, leaks, duplicates, label conflicts, bad files, blur, glare; a report and "
        "tables.",
        request="requests.auditing:AuditRequest",
        function="workflows.audit:audit",
        show="cli.outcomes.data_sets:show_audit",
        mindspore=False,
    ),
    "find_label_errors": Verb(
        panel=DATA,
        summary="Rank all labels by how doubtful they are; each is judged by a network that never saw the image.",
        request="requests.label_checking:FindLabelErrorsRequest",
        function="training.label_check:find_label_errors",
        show="cli.outcomes.data_sets:show_label_errors",
    ),
    "review": Verb(
        panel=DATA,
        summary="Look at suspects in a browser: keep, relabel or drop them. Ctrl-C ends it; nothing in the data set is "
        "changed.",
        request="requests.auditing:ReviewRequest",
        function="review.running:review",
        show="cli.outcomes.data_sets:show_reviewed",
        mindspore=False,
    ),
    "prepare": Verb(
        panel=DATA,
        summary="Make a clean copy of a data set from decisions and rules.",
        request="requests.preparing:PrepareRequest",
        function="workflows.prepare:prepare",
        show="cli.outcomes.data_sets:show_prepared",
        mindspore=False,
    ),
    "generate": Verb(
        panel=DATA,
        summary="Draw a data set of made-up products in RP2K's layout, with the truth about every photo in truth.csv.",
        request="shelf_generator.settings:GenerateRequest",
        function="shelf_generator.writing:generate",
        show="cli.outcomes.data_sets:show_generated",
        mindspore=False,
    ),
    "train": Verb(
        panel=TRAIN,
        summary="Train a recogniser and write it to a run folder.",
        request="requests.training:TrainRequest",
        function="training.run:train",
        show="cli.outcomes.training:show_trained",
    ),
    "pretrain": Verb(
        panel=TRAIN,
        summary="Learn from photos without their labels (SimSiam) or from broader labels, for a training to start "
        "from; read out the gain.",
        request="requests.training:PretrainRequest",
        function="training.pretrain:pretrain",
        show="cli.outcomes.training:show_pretrained",
    ),
    "fixres": Verb(
        panel=TRAIN,
        summary="Fit a run to larger test images: fine-tune classifier and last normalisation at each size, keep the "
        "best.",
        request="requests.improving:FixresRequest",
        function="training.fixres:fixres",
        show="cli.outcomes.training:show_resolutions",
    ),
    "fold_in": Verb(
        panel=TRAIN,
        summary="Make the products of a gallery classes of a run: weights imprinted from their photos, then a short "
        "fine-tuning with the run's own.",
        request="requests.improving:FoldInRequest",
        function="training.fold_in:fold_in",
        show="cli.outcomes.training:show_folded_in",
    ),
    "tune": Verb(
        panel=TRAIN,
        summary="Search a recipe's values on validation images (Optuna); hopeless trials are stopped early; resumable.",
        request="requests.improving:TuneRequest",
        function="training.tune:tune",
        show="cli.outcomes.training:show_tuned",
    ),
    "ablate": Verb(
        panel=TRAIN,
        summary="Compare changes of a recipe: train a table's rows with several seeds, say which differ beyond chance.",
        request="requests.ablating:AblateRequest",
        function="ablation.ablate:ablate",
        show="cli.outcomes.ablating:show_ablation",
        mindspore=False,
        fits=True,
    ),
    "adapt": Verb(
        panel=TRAIN,
        summary="Adapt a run to another shop, camera or light by unlabelled photos from there, into a new run.",
        request="requests.improving:AdaptRequest",
        function="training.adaptation:adapt",
        show="cli.outcomes.training:show_adaptation",
    ),
    "soup": Verb(
        panel=TRAIN,
        summary="Average the weights of a run's last epochs, kept by the recipe's train.snapshots, into a new run.",
        request="requests.improving:SoupRequest",
        function="training.soup:soup",
        show="cli.outcomes.training:show_soup",
    ),
    "evaluate": Verb(
        panel=MEASURE,
        summary="Measure a run, or several averaged, on a labelled data set: accuracies with intervals, calibration, "
        "confusions.",
        request="requests.measuring:EvaluateRequest",
        function="workflows.evaluate_runs:evaluate_runs",
        show="cli.outcomes.measuring:show_evaluation",
        mindspore=False,
    ),
    "calibrate": Verb(
        panel=MEASURE,
        summary="Make a run's confidence mean what it says: fit one temperature on validation images and keep it if it "
        "helps.",
        request="requests.measuring:CalibrateRequest",
        function="workflows.evaluate:calibrate_run",
        show="cli.outcomes.measuring:show_calibration",
    ),
    "predict": Verb(
        panel=MEASURE,
        summary="Name the products in images; a file that cannot be used keeps its row, with the reason.",
        request="requests.measuring:PredictRequest",
        function="inference.predict_files:predict_files",
        show="cli.outcomes.measuring:show_predictions",
        mindspore=False,
    ),
    "export": Verb(
        panel=MEASURE,
        summary="Write a run as one file that ONNX Runtime and OpenVINO answer from, once they answer as the run does.",
        request="requests.exporting:ExportRequest",
        function="exporting.export:export",
        show="cli.outcomes.exporting:show_export",
    ),
    "explain": Verb(
        panel=MEASURE,
        summary="Show where a run looked (Grad-CAM), with the training images most like each image beside it.",
        request="requests.measuring:ExplainRequest",
        function="workflows.explain:explain",
        show="cli.outcomes.measuring:show_explanations",
    ),
    "gallery_create": Verb(
        panel=CHANGE,
        summary="Make a gallery whose vectors a run makes.",
        request="requests.galleries:GalleryCreateRequest",
        function="workflows.galleries:create",
        show="cli.outcomes.galleries:show_change",
        mindspore=False,
        group="gallery",
    ),
    "gallery_add": Verb(
        panel=CHANGE,
        summary="Enrol photos of a product, or the classes of a data set.",
        request="requests.galleries:GalleryAddRequest",
        function="workflows.galleries:add",
        show="cli.outcomes.galleries:show_change",
        mindspore=False,
        group="gallery",
    ),
    "gallery_remove": Verb(
        panel=CHANGE,
        summary="Take a product, or photos of it, out.",
        request="requests.galleries:GalleryRemoveRequest",
        function="workflows.galleries:remove",
        show="cli.outcomes.galleries:show_change",
        mindspore=False,
        group="gallery",
    ),
    "gallery_rename": Verb(
        panel=CHANGE,
        summary="Give a product another name.",
        request="requests.galleries:GalleryRenameRequest",
        function="workflows.galleries:rename",
        show="cli.outcomes.galleries:show_change",
        mindspore=False,
        group="gallery",
    ),
    "gallery_merge": Verb(
        panel=CHANGE,
        summary="Make one product of several.",
        request="requests.galleries:GalleryMergeRequest",
        function="workflows.galleries:merge",
        show="cli.outcomes.galleries:show_change",
        mindspore=False,
        group="gallery",
    ),
    "gallery_list": Verb(
        panel=LOOK,
        summary="List the products and how many photos each has.",
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
        summary="Find the products that photos are most like.",
        request="requests.galleries:GallerySearchRequest",
        function="workflows.galleries:search",
        show="cli.outcomes.galleries:show_found",
        mindspore=False,
        group="gallery",
    ),
    "gallery_history": Verb(
        panel=LOOK,
        summary="List all changes: when, by whom, what and why.",
        request="requests.galleries:GalleryHistoryRequest",
        function="workflows.galleries:history",
        show="cli.outcomes.galleries:show_history",
        mindspore=False,
        group="gallery",
    ),
    "gallery_rollback": Verb(
        panel=CHANGE,
        summary="Bring back the products of an earlier version.",
        request="requests.galleries:GalleryRollBackRequest",
        function="workflows.galleries:roll_back",
        show="cli.outcomes.galleries:show_change",
        mindspore=False,
        group="gallery",
    ),
    "gallery_audit": Verb(
        panel=KEEP,
        summary="Look at all photos and products: what is mixed up with what, odd photos, copies, blur; a page.",
        request="requests.galleries:GalleryAuditRequest",
        function="workflows.gallery_audit:audit_gallery",
        show="cli.outcomes.gallery_audit:show_gallery_audit",
        mindspore=False,
        group="gallery",
    ),
    "gallery_discover": Verb(
        panel=LOOK,
        summary="Group photos of no enrolled product into candidate products, for the review to decide on.",
        request="requests.discovery:GalleryDiscoverRequest",
        function="workflows.discovery:discover",
        show="cli.outcomes.discovery:show_discovery",
        mindspore=False,
        group="gallery",
    ),
    "gallery_verify": Verb(
        panel=KEEP,
        summary="Read every file and name those that do not hold what was written.",
        request="requests.galleries:GalleryVerifyRequest",
        function="workflows.galleries:verify_files",
        show="cli.outcomes.galleries:show_faults",
        mindspore=False,
        group="gallery",
    ),
    "gallery_export": Verb(
        panel=KEEP,
        summary="Write all photos and a list of them as a data set.",
        request="requests.galleries:GalleryExportRequest",
        function="workflows.galleries:export",
        show="cli.outcomes.galleries:show_exported",
        mindspore=False,
        group="gallery",
    ),
    "gallery_compact": Verb(
        panel=KEEP,
        summary="Delete for good what no product has any more.",
        request="requests.galleries:GalleryCompactRequest",
        function="workflows.galleries:compact",
        show="cli.outcomes.galleries:show_compacted",
        mindspore=False,
        group="gallery",
    ),
    "gallery_calibrate": Verb(
        panel=CHANGE,
        summary="Fit how trained and enrolled products are answered together, and what is called unknown.",
        request="requests.galleries:GalleryCalibrateRequest",
        function="workflows.gallery_calibration:calibrate",
        show="cli.outcomes.recognition:show_calibrated",
        fits=True,
        group="gallery",
        mindspore=False,
    ),
    "gallery_re_embed": Verb(
        panel=KEEP,
        summary="Renew all vectors by another run, from the photos that the gallery keeps.",
        request="requests.galleries:GalleryReEmbedRequest",
        function="workflows.galleries:re_embed",
        show="cli.outcomes.galleries:show_change",
        mindspore=False,
        group="gallery",
    ),
    "expand": Verb(
        panel=MEASURE,
        summary="Measure what new products cost: train on some classes, enrol the others by a few photos, judge both.",
        request="requests.expanding:ExpandRequest",
        function="training.expand:expand",
        show="cli.outcomes.recognition:show_expansion",
    ),
    "serve": Verb(
        panel=MEASURE,
        summary="Answer over HTTP: name products in images, look after the gallery; in batches, with keys and metrics.",
        request="requests.serving:ServeRequest",
        function="serving.serve:serve",
        show="cli.outcomes.serving:show_served",
        mindspore=False,
    ),
    "keys_add": Verb(
        panel=KEYS,
        summary="Make a key, which is shown once.",
        request="requests.serving:KeysAddRequest",
        function="serving.managing_keys:add",
        show="cli.outcomes.serving:show_key",
        mindspore=False,
        group="keys",
    ),
    "keys_list": Verb(
        panel=KEYS,
        summary="List whose keys there are.",
        request="requests.serving:KeysListRequest",
        function="serving.managing_keys:list_keys",
        show="cli.outcomes.serving:show_keys",
        mindspore=False,
        group="keys",
    ),
    "keys_revoke": Verb(
        panel=KEYS,
        summary="Have a key count no longer.",
        request="requests.serving:KeysRevokeRequest",
        function="serving.managing_keys:revoke",
        show="cli.outcomes.serving:show_revoked",
        mindspore=False,
        group="keys",
    ),
    "models": Verb(
        panel=TOOL,
        summary="List the models: parameters, cost, embedding width, official weights; or draw one's stages.",
        request="requests.tool:ModelsRequest",
        function="workflows.tool:describe_models",
        show="cli.outcomes.tool:show_models",
        mindspore=False,
        in_python=False,
    ),
    "recipes": Verb(
        panel=TOOL,
        summary="List the recipes that come with shelfmind, show one, or recommend one for a data set.",
        request="requests.guiding:RecipesRequest",
        function="workflows.tool:describe_recipes",
        show="cli.outcomes.guiding:show_recipes",
        mindspore=False,
        in_python=False,
    ),
    "ablations": Verb(
        panel=TOOL,
        summary="List the tables that come with shelfmind for `ablate`, or show one.",
        request="requests.ablating:AblationsRequest",
        function="ablation.ablate:describe_tables",
        show="cli.outcomes.ablating:show_tables",
        mindspore=False,
        in_python=False,
    ),
    "benchmark": Verb(
        panel=TOOL,
        summary="Measure how fast this machine predicts and trains with a run: every engine, and the whole command.",
        request="requests.benchmarking:BenchmarkRequest",
        function="benchmarking.benchmark:benchmark",
        show="cli.outcomes.benchmarking:show_benchmark",
        mindspore=False,
    ),
    "doctor": Verb(
        panel=TOOL,
        summary="Look at this machine: versions, device, memory, and whether convolutions run at full speed.",
        request="requests.tool:DoctorRequest",
        function="workflows.tool:examine_machine",
        show="cli.outcomes.tool:show_machine",
        mindspore=False,
    ),
}
"""By the name in Python; see `command_words` for the command's."""


def command_words(name: str) -> list[str]:
    """A verb as it is typed: ``find-label-errors``, ``gallery add``."""
    group = VERBS[name].group
    own = name if group is None else name.removeprefix(f"{group}_")
    return [*([] if group is None else [group]), own.replace("_", "-")]
