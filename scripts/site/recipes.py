"""The reference of recipes and ablation tables: every key, and the packaged ones."""

from __future__ import annotations

from pydantic import BaseModel
from schema import keys_table
from tables import sentence

from shelfmind.ablation.table import Base, FixRes, Pretraining, Row, Table, table_names, table_text
from shelfmind.policies import POLICIES
from shelfmind.recipe import Recipe, Stage, recipe_names, recipe_text


def recipe_keys_page() -> dict[str, str]:
    """Return the page with every key of a recipe."""
    parts = [
        "# Recipe keys\n",
        "Look up every key of a recipe. A recipe determines everything about a training run except the data and the "
        "seed. It is a YAML file with these sections. `extends: NAME` at the top starts from another recipe and "
        "overrides the given keys. `--set train.lr=0.1` overrides one value on the command line. "
        "[Training methods](../training.md) describes what each method is for, and its source.\n",
    ]
    for name, field in Recipe.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            parts += [f"## `{name}` {{ #{name} }}\n", f"{kind.__doc__}\n", keys_table(kind, f"{name}.")]
        else:
            parts += [f"## `{name}` {{ #{name} }}\n", sentence(field.description or "") + "\n", _policies()]
    parts += ["### Entries of `train.stages` { #stage }\n", f"{Stage.__doc__}\n", keys_table(Stage)]
    return {"reference/recipe.md": "\n".join(parts)}


def _policies() -> str:
    named = ", ".join(f"`{name}`" for name in POLICIES)
    return f"Policies: {named}. Operators are in [Training methods](../training.md#augmentation-augment).\n"


def recipes_page() -> dict[str, str]:
    """Return the page with the source of every packaged recipe."""
    parts = [
        "# Recipes\n",
        "Look up the packaged recipes. `shelfmind recipes NAME` prints one with all values filled in.\n",
    ]
    for name in ["base", *recipe_names()]:
        parts += [f"## `{name}` {{ #{name.replace('/', '-')} }}\n", f"```yaml\n{recipe_text(name).strip()}\n```\n"]
    return {"reference/recipes.md": "\n".join(parts)}


def ablation_tables_page() -> dict[str, str]:
    """Return the page with every key of an ablation table, and the packaged tables."""
    parts = [
        "# Ablation tables\n",
        "Look up the keys of a table for [`shelfmind ablate`](../ablations.md), and the packaged tables.\n",
    ]
    for kind in (Table, Base, Row, Pretraining, FixRes):
        parts += [f"## {kind.__name__} {{ #{kind.__name__.lower()} }}\n", f"{kind.__doc__}\n", keys_table(kind)]
    parts.append("## Packaged tables { #packaged }\n")
    for name in table_names():
        parts += [f"### `{name}` {{ #{name} }}\n", f"```yaml\n{table_text(name).strip()}\n```\n"]
    return {"reference/ablation-tables.md": "\n".join(parts)}
