"""What is not installed is said with the command that installs it."""

import sys

import pytest

from shelfmind.errors import UserError
from shelfmind.exporting import export
from shelfmind.machine import packages
from shelfmind.machine.packages import explained_import_errors, installed, missing, require


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("sklearn", "sklearn.linear_model"):
        monkeypatch.setitem(sys.modules, module, None)
    assert not installed("sklearn")
    for failing in (lambda: require("scipy", "sklearn"), imports_scikit_learn):
        with (
            pytest.raises(UserError, match=r"needs scikit-learn, .* run: pip install 'shelfmind\[analysis\]'"),
            explained_import_errors(),
        ):
            failing()


def test_another_import_that_fails_is_our_fault() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_package"), explained_import_errors():
        import no_such_package  # noqa: F401
    require("scipy", "sklearn")


def imports_scikit_learn() -> None:
    from sklearn.linear_model import LogisticRegression  # noqa: F401


def test_a_verb_that_fits_asks_before_it_computes(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    import shelfmind

    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(UserError, match="needs SciPy"):
        shelfmind.gallery_calibrate(tmp_path, data=tmp_path)


def test_a_large_gallery_without_scikit_learn_is_searched_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    from shelfmind.evaluation.matrix_rows import unit_rows
    from shelfmind.gallery import cells
    from shelfmind.gallery.changes import Entry
    from shelfmind.gallery.search import ExactSearch

    monkeypatch.setattr(cells, "MIN_APPROXIMATE", 10)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    vectors = unit_rows(np.random.default_rng(0).normal(size=(20, 8)))
    search = cells.search_of([Entry(str(row), "0", "") for row in range(20)], vectors)
    assert isinstance(search, ExactSearch)
    assert search(vectors[3:4], 1)[0][0].sku == "3"


def test_packages_in_the_plural() -> None:
    assert "FastAPI and uvicorn, which are not installed" in missing("fastapi").message


def test_export_names_the_extra_that_installs_all_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "installed", lambda package: package != "onnx")
    for kind in ("onnx", "openvino"):
        with pytest.raises(UserError, match=r"pip install 'shelfmind\[export\]'"):
            export._engines(kind, "fp32")
