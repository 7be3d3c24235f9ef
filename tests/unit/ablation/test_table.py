"""Tables of ablations: what they may say, and mistakes that are named with what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelfmind.ablation.ablate import table_name
from shelfmind.ablation.expansion import Expansion, Settings
from shelfmind.ablation.table import BASE, read_table, table_names
from shelfmind.errors import UserError
from shelfmind.requests.ablating import AblateRequest

ROOT = Path(__file__).parents[3]
GOOD = "about: What helps?\nrows:\n  - {name: 慢, set: {train.lr: 0.001}}\n"


def written(folder: Path, text: str) -> str:
    path = folder / "表.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


PLAIN = Settings()


def expanded(folder: Path, text: str, settings: Settings = PLAIN) -> Expansion:
    return Expansion(read_table(written(folder, text)), "table", settings)


def test_sections_may_be_nested_or_dotted(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "about: x\nrows:\n  - {name: a, set: {train: {lr: 0.1}, augment: light}}\n"))
    assert table.rows[0].set == {"train.lr": 0.1, "augment": "light"}
    expansion = Expansion(table, "t", Settings())
    assert expansion.recipes["a"].train.lr == 0.1
    assert expansion.recipes["a"].train.batch_size == expansion.recipes["base"].train.batch_size


def test_a_recipe_beside_the_table_is_its_base(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("extends: default\ntrain: {lr: 0.007}\n")
    expansion = expanded(tmp_path, "about: x\nbase: mine.yaml\nrows:\n  - {name: a, set: {train.lr: 0.1}}\n")
    assert expansion.recipes["base"].train.lr == 0.007


ROW = "about: x\nrows:\n  - "


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("about: [", r"is not valid YAML: .*line"),
        ("just words", r"must be a mapping with the keys about, base and rows"),
        ("about: x\nrows: []\n", r"rows must have at least 1 entry, got"),
        ("rows:\n  - {name: a}\n", r"about must be given"),
        (GOOD + "rwos: 1\n", r"unknown key 'rwos'; did you mean rows\?"),
        (ROW + "{name: a, sets: {}}\n", r"row 'a': unknown key 'sets'; did you mean set"),
        (ROW + "{name: a, set: {train.lrr: 1}}\n", r"row 'a': .*unknown key 'train\.lrr'; did you mean lr\?"),
        (ROW + "{name: a, set: {train.lr: fast}}\n", r"row 'a': .*train\.lr must be a number, got 'fast'"),
        (ROW + "{name: a, set: {loss.name: focall}}\n", r"row 'a': .*unknown loss 'focall'; did you mean focal"),
        (ROW + "{name: a, fixres: {sise: 96}}\n", r"row 'a': fixres: unknown key 'sise'; did you mean size"),
        (ROW + "{name: a, fixres: {}}\n", r"row 'a': fixres must have either size or scale"),
        (ROW + "{name: a, fixres: {size: 32}}\n", r"row 'a': fixres needs at least the 112 px of the training"),
        (ROW + "{name: a, length: 0}\n", r"row 'a': length must be greater than 0, got 0"),
        (ROW + "{name: a, soup: uniform}\n", r"row 'a': soup averages snapshots: set train\.snapshots"),
        (ROW + "{name: a, set: {train.trainable: classifier}}\n", r"row 'a': .*freezes weights: choose these"),
        (ROW + "{name: a, init: b}\n", r"row 'a': init: unknown row 'b'"),
        (ROW + "{name: a, init: a}\n", r"row 'a': init refers to the row itself"),
        (ROW + "{name: a, init: b}\n  - {name: b, init: a}\n", r"row 'a' depends on itself: a -> b -> a"),
        (ROW + "{name: a, init: base, pretrain: {}}\n", r"row 'a': must have at most one of init and pretrain"),
        (ROW + "{name: a, pretrain: {set: {train: {epochs: 7}}}}\n", r"row 'a': pretrain: set its epochs by length"),
        (
            ROW + "{name: a, teacher: b}\n  - {name: b, ensemble: true}\n",
            r"'a' needs a single run, but 'b' is an ensemble",
        ),
        (ROW + "{name: a, ensemble: [base, b]}\n", r"row 'a': ensemble: unknown row 'b'"),
        (ROW + "{name: a, ensemble: base}\n", r"row 'a': ensemble must be true, false or a list of rows, got 'base'"),
        (ROW + "{name: a, ensemble: [base, 1]}\n", r"row 'a': ensemble must be .* a list of rows, got \['base', 1\]"),
        (ROW + "{name: a, ensemble: [base, a]}\n", r"row 'a': ensemble refers to the row itself"),
        (ROW + "{name: a, ensemble: [base]}\n", r"row 'a': ensemble must be true or a list of at least two different"),
        (ROW + "{name: a, ensemble: [base, base]}\n", r"row 'a': ensemble must be true or a list of at least two"),
        (
            ROW + "{name: a, ensemble: [base, b], length: 2, set: {train.lr: 1}}\n  - {name: b, length: 3}\n",
            r"row 'a': the ensemble of other rows trains nothing of its own: remove length, train\.lr",
        ),
        (
            ROW + "{name: a, ensemble: [base, b]}\n  - {name: b, ensemble: true}\n",
            r"'a' needs a single run, but 'b' is an ensemble",
        ),
        (ROW + "{name: base, length: 2}\n", r"the name 'base' is reserved"),
        (ROW + "{name: a, length: 2}\n  - {name: a, length: 3}\n", r"two rows are called 'a'"),
        (ROW + "{name: ' '}\n", r"must be one line of 1 to 60 characters"),
        (ROW + "{name: a}\n", r"row 'a' equals the base; there is nothing to compare"),
        (ROW + "{name: a, set: {train.lr: 0.05}}\n", r"row 'a' equals the base"),
        (ROW + "{name: a, length: 2}\n  - {name: b, set: {train.epochs: 80}}\n", r"row 'b' equals row 'a'"),
        (ROW + "{name: a, set: {train.lr: 1, train.lr: 2}}\n", r"duplicate key 'train\.lr' \(line"),
        (ROW + "{name: a, set: {train.lr: 1, train: {lr: 2}}}\n", r"row 'a': set: has train\.lr twice"),
        (
            "about: x\nbase: {set: {model.arguments.attention: none}}\nrows:\n"
            "  - {name: a, set: {model.arguments: {dropout: 0.1}}}\n",
            r"row 'a': model\.arguments replaces all .* drops attention; set single ones .* model\.arguments\.dropout",
        ),
        (
            "about: x\nbase: grocery_cup\nrows:\n  - {name: a, length: 2}\n",
            r"unknown recipe 'grocery_cup'; did you mean",
        ),
        ("about: x\nmetric: top2\nrows:\n  - {name: a, length: 2}\n", r"metric must be .*'top2'; did you mean top1"),
    ],
)
def test_mistakes_are_one_line_that_says_where_and_what(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        expanded(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_a_table_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"unknown table 'augmentatoin'; did you mean augmentation\?"):
        read_table("augmentatoin")
    with pytest.raises(UserError, match=r"none\.yaml cannot be read: No such file"):
        read_table(str(tmp_path / "none.yaml"))
    (tmp_path / "odd.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"odd\.yaml cannot be read: it is not UTF-8 text"):
        read_table(str(tmp_path / "odd.yaml"))


@pytest.mark.parametrize(
    ("given", "seeds"), [("3", (0, 1, 2)), (2, (0, 1)), ("4,7", (4, 7)), ("5,", (5,)), ([1, 2], (1, 2))]
)
def test_seeds_are_a_number_of_them_or_these(given: object, seeds: tuple[int, ...]) -> None:
    assert AblateRequest(table="length", data="x", out="y", seeds=given).seeds == seeds


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("1,2,1", "contains 1 twice"),
        ("0", "must be a number from 1"),
        ("three", "must be a number from 1 to 100, or seeds"),
        ("a,b", "whole number"),
        ("-1,2", "at least 0"),
    ],
)
def test_wrong_seeds_are_refused(given: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        AblateRequest(table="length", data="x", out="y", seeds=given)


def test_either_epochs_or_minutes() -> None:
    with pytest.raises(UserError, match="epochs and max_minutes cannot be combined"):
        AblateRequest(table="length", data="x", out="y", epochs=3, max_minutes=5)


def test_a_table_is_not_called_like_the_folders_beside_it() -> None:
    assert table_name("a/b/my.yaml") == "my"
    assert table_name("length") == "length"
    with pytest.raises(UserError, match="the folder name 'runs' is reserved"):
        table_name("tables/runs.yaml")


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks" / "ablations").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_tables_of_the_benchmarks_expand(path: Path) -> None:
    expansion = Expansion(read_table(str(path)), path.stem, Settings())
    assert {cell.row for cell in expansion.cells((0, 1))} == {BASE, *(row.name for row in read_table(str(path)).rows)}


@pytest.mark.parametrize("name", table_names())
def test_a_row_keeps_the_given_network_unless_it_names_another(name: str) -> None:
    widths = [16, 32, 64, 128]
    settings = Settings(overrides=(f"model.arguments.widths={widths}",))
    expansion = Expansion(read_table(name), name, settings)
    kept = {row.name for row in expansion.table.rows if "model.name" not in row.set and not row.ensemble}
    changed = {row for row in kept if expansion.recipes[row].model.arguments.get("widths") != widths}
    assert not changed, f"rows {sorted(changed)} replace model.arguments as a whole"
