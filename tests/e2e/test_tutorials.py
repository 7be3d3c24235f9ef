"""Every command of the tutorials works, with smaller data."""

from __future__ import annotations

import json
import re
import shlex
import sys
import urllib.request
from collections.abc import Callable
from http.cookiejar import CookieJar
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest


def _tutorial() -> Any:
    spec = spec_from_file_location("tutorial", Path(__file__).with_name("tutorial.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


tutorial = _tutorial()


@pytest.fixture
def tiny_training(settings: Callable[..., list[str]]) -> str:
    """Options of a training of seconds, as they are typed."""
    return shlex.join(settings("train.checkpoint_steps=1000"))


@pytest.mark.slow
def test_quick_start(tmp_path, environment, tiny_training):
    smaller = {
        "--classes 12 --images 480": "--classes 4 --images 40 --size 60-90",
        "--recipe demo --max-minutes 5": tiny_training,
    }
    tutorial.Reader(tmp_path, environment, smaller).follow("quick-start.md")
    assert (tmp_path / "runs/first/report.html").exists()
    assert (tmp_path / "predictions.csv").exists()


@pytest.mark.slow
@pytest.mark.thorough
def test_own_products(tmp_path, environment, tiny_training):
    smaller = {
        "--classes 50 --images 2000": "--classes 4 --images 80 --size 60-90",
        "--max-minutes 40": tiny_training,
        "--resolutions 128,144": "--resolutions 40 --epochs 1",
    }
    tutorial.Reader(tmp_path, environment, smaller).follow("tutorials/own-products.md")
    for page in ("audit/report.html", "runs/first/report.html", "explained/index.html"):
        assert (tmp_path / page).exists()


def _drop_the_first_suspect(line: str) -> None:
    """What a person does on the review's page, whose address is in the line."""
    address = line[line.index("http://") :]
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    opener.open(address, timeout=60).read()
    decision = json.dumps({"number": 0, "decision": "drop"}).encode()
    asked = urllib.request.Request(f"{address.split('/?')[0]}/api/decide", decision, {"X-Shelfmind": "review"})
    assert json.load(opener.open(asked, timeout=60))["decided"] == 1


@pytest.mark.slow
@pytest.mark.thorough
def test_noisy_data(tmp_path, environment, tiny_training):
    options = f"{tiny_training} --set augment=[] --set train.lr=0.05"
    smaller = {
        "--classes 30 --images 1500": "--classes 4 --images 200 --size 60-90 --set tail=0 --set others_share=0",
        "--label-errors 0.05 --duplicates 0.03": "--label-errors 0.1 --duplicates 0.05",
        "--max-minutes 20": options,
        "--max-minutes 30": f"{options} --set train.epochs=30 --set train.batch_size=16 --folds 2",
        "--port 8765": "--port 0 --no-browser",
    }
    persons = {"stays open until you press Ctrl-C": _drop_the_first_suspect}
    tutorial.Reader(tmp_path, environment, smaller, persons).follow("tutorials/noisy-data.md")
    outcomes = (tmp_path / "clean/prepare.csv").read_text(encoding="utf-8")
    assert "dropped" in outcomes
    assert (tmp_path / "balanced.json").exists()


@pytest.mark.slow
@pytest.mark.thorough
def test_new_product(tmp_path, environment, tiny_training):
    smaller = {
        "--classes 20 --images 800": "--classes 4 --images 80 --size 60-90",
        "--classes 6 --images 120": "--classes 12 --images 72 --size 60-90",
        "--recipe grocery_embedding --max-minutes 30": f"--recipe grocery_embedding {tiny_training}",
        "--false-accepts 0.1\n": "--false-accepts 0.2\n",
        "--max-minutes 10": "--epochs 1",
    }
    tutorial.Reader(tmp_path, environment, smaller).follow("tutorials/new-product.md")
    assert (tmp_path / "answers.csv").exists()
    assert (tmp_path / "runs/second/weights.ckpt").exists()


@pytest.mark.slow
@pytest.mark.thorough
def test_contest(tmp_path, environment, tiny_training):
    network = f"{tiny_training} --set augment=light --set model.name=shelfnet_s"
    smaller = {
        "--classes 40 --images 2000": "--classes 4 --images 100 --size 60-90",
        "--recipe rp2k/se_resnext50 --rules": f"--recipe rp2k/se_resnext50 {network} --rules",
        "--recipe rp2k/resnet50_bam --rules": f"--recipe rp2k/resnet50_bam {network} --rules",
        "--resolutions 256,288": "--resolutions 40 --epochs 1",
    }
    tutorial.Reader(tmp_path, environment, smaller).follow("tutorials/contest.md")
    names = {path.name for path in (tmp_path / "rp2k/all/test").iterdir()}
    lines = (tmp_path / "submission.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) > len(names)
    assert {line.partition(",")[2] for line in lines[1:]} <= {
        path.name for path in (tmp_path / "rp2k/all/train").iterdir()
    }


@pytest.mark.slow
@pytest.mark.thorough
def test_production(tmp_path, environment, tiny_training):
    smaller = {
        "--classes 12 --images 480": "--classes 4 --images 60 --size 60-90",
        "--recipe demo --max-minutes 5": tiny_training,
        "--batch 1,8 --rounds 2": "--batch 1 --rounds 1 --parts engines",
        "8000": str(tutorial.free_port()),
    }
    tutorial.Reader(tmp_path, environment, smaller).follow("tutorials/production.md")
    assert not (tmp_path / "next.onnx").exists()


@pytest.mark.parametrize(
    "page", sorted(str(path.relative_to(tutorial.DOCS)) for path in tutorial.DOCS.glob("tutorials/*.md"))
)
def test_what_is_not_run_is_no_step_of_the_tutorial(page):
    """Blocks of `bash` are for downloads, installations and other machines."""
    text = (tutorial.DOCS / page).read_text(encoding="utf-8")
    for block in re.findall(r"^```bash\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        assert re.search(r"pip install|--weights|docker|systemctl|kubectl|make |RP2K|--host", block), block


@pytest.mark.parametrize(
    "page", sorted(path.relative_to(tutorial.DOCS / "zh") for path in tutorial.DOCS.glob("zh/**/*.md"))
)
def test_chinese_pages_have_the_same_commands(page):
    """So that what is run of the English page is run of both."""
    if (tutorial.DOCS / page).exists():
        both = [[block.text for block in tutorial.blocks(str(each))] for each in (page, Path("zh") / page)]
        assert both[0] == both[1]
