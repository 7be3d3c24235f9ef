"""The verb `evaluate`: one run, or an ensemble."""

from __future__ import annotations

from shelfmind.evaluation import Evaluation
from shelfmind.requests.calling import takes
from shelfmind.requests.measuring import EvaluateRequest
from shelfmind.requests.watching import SILENT, Observer
from shelfmind.workflows.ensemble import evaluate_ensemble
from shelfmind.workflows.evaluate import evaluate_run
from shelfmind.workflows.evaluate_gallery import evaluate_with_gallery


@takes(EvaluateRequest)
def evaluate_runs(request: EvaluateRequest, watcher: Observer = SILENT) -> Evaluation:
    """Evaluate a run, or an ensemble of several, on one split of a data set.

    Returns:
        All metrics; for several runs also the contribution of each.

    Raises:
        UserError: a class unknown to a run, a missing or empty split, too many bad files, or, unless `allow_seen`,
            images that were, or may have been, trained or validated on.
    """
    if request.gallery is not None:
        return evaluate_with_gallery(request, request.gallery, watcher)
    return (evaluate_run if len(request.runs) == 1 else evaluate_ensemble)(request, watcher)
