"""The verb `evaluate`: one run, or several as one."""

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
    """Evaluate a run, or the weighted mean of several, on one split of a data set.

    Returns:
        Every figure; of several runs also what each adds.

    Raises:
        UserError: a class that a run does not know, a split that is missing or empty, too many bad files, or, unless
            `allow_seen`, images that were trained or validated on, or may have been.
    """
    if request.gallery is not None:
        return evaluate_with_gallery(request, request.gallery, watcher)
    return (evaluate_run if len(request.runs) == 1 else evaluate_ensemble)(request, watcher)
