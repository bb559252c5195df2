"""From what somebody wants trained to a recipe: configuration, command line, files that exist."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TypeAlias

import psutil

from seatrial.adapters.training.values import MISSING, Refused, convert
from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.loading import ONE_AT_A_TIME
from seatrial.registry.naming import suggest_name
from seatrial.training.config import LimitsConfig, RecipeConfig
from seatrial.training.runs.failures import BadOrder, BadParameter, UnknownRecipe
from seatrial.training.runs.order import TrainingOrder
from seatrial.training.runs.recipe import GIVEN, Recipe, named
from seatrial.training.search.searcher import Plan
from seatrial.wiring.workspace import Workspace

_MEMORY_SHARE = 0.75

Values: TypeAlias = dict[str, object]


def recipe_of(workspace: Workspace, order: TrainingOrder) -> Recipe:
    """Everything decided, files looked for, names checked as far as they are known here.

    Raises: UnknownRecipe, BadOrder, BadParameter.
    """
    name, config = found_recipe(workspace, order)
    root = Path.cwd() if workspace.config is None else workspace.config.parent
    cwd = _folder(root, config.folder)
    command = config.command or ()
    values = {**config.parameters, **order.parameters}
    return Recipe(
        name=name,
        function=None if config.function is None else _placed(config.function, cwd),
        command=command,
        cwd=cwd,
        python=config.python or "",
        values=_of_command(command, config, order) if command else values,
        data=_file(order.data, config.data, root, "data"),
        more_data=tuple(_exists(path.resolve(), "more_data") for path in order.more_data),
        holdout=_file(order.holdout, config.holdout, root, "holdout"),
        warm_start=_file(order.warm_start, None, root, "warm_start"),
        label=order.label or config.label,
        seed=config.seed if order.seed is None else order.seed,
        time_s=config.limits.time,
        memory_bytes=_memory(config.limits),
        threads=config.limits.threads,
        search=_plan(name, config, order),
        trust=config.trust,
    )


def check_label(recipe: Recipe) -> None:
    """Refuse a label that no column is named for, before the training stumbles over it.

    Files that are no tables are the training's own affair.
    Raises: BadOrder.
    """
    if recipe.label is None:
        return
    with ONE_AT_A_TIME:
        from seatrial.adapters.tables.sample_file import read_sample
    for path in (recipe.data, recipe.holdout):
        if path is None:
            continue
        try:
            columns = read_sample(path, max_rows=1).columns
        except SeatrialError:
            continue
        if recipe.label not in columns:
            raise _without_label(recipe.label, path, list(columns))


def _without_label(label: str, path: Path, columns: list[str]) -> BadOrder:
    near = get_close_matches(label, columns, n=1)
    more = f" and {len(columns) - 12} more" if len(columns) > 12 else ""
    return BadOrder(
        f"{path.name} has no column {label!r}, which is named as label."
        + (f" Did you mean {near[0]!r}?" if near else ""),
        remedy=f"Name one of its columns: {', '.join(columns[:12])}{more}.",
        field="label",
    )


def found_recipe(workspace: Workspace, order: TrainingOrder) -> tuple[str, RecipeConfig]:
    """Name and configuration of the recipe an order means.   Raises: UnknownRecipe."""
    recipes = workspace.settings.training.recipes
    if order.command:
        stem = next((Path(p).stem for p in order.command if p.endswith((".py", ".sh"))), None)
        name = suggest_name(stem or Path(order.command[0]).stem)
        return name, RecipeConfig(command=order.command)
    if order.recipe in recipes:
        return order.recipe, recipes[order.recipe]
    place, colon, function = order.recipe.rpartition(":")
    if colon and place and ":" not in place and function.isidentifier():
        return suggest_name(Path(place).stem), RecipeConfig(function=order.recipe)
    near = get_close_matches(order.recipe, recipes, n=1)
    known = ", ".join(sorted(recipes)) or "none yet"
    raise UnknownRecipe(
        f"There is no training {order.recipe!r}." + (f" Did you mean {near[0]!r}?" if near else ""),
        remedy=f"Name one of training.recipes ({known}), FILE:FUNCTION, or a command after --.",
        recipe=order.recipe,
    )


def _folder(root: Path, folder: str | None) -> Path:
    found = root if folder is None else (root / folder).resolve()
    if not found.is_dir():
        raise BadOrder(
            f"The folder {str(found)!r} of the recipe is not there.",
            remedy="Correct folder, which begins where seatrial.yaml lies.",
            field="folder",
        )
    return found


def _placed(function: str, cwd: Path) -> str:
    """A file that was named as it lies in the folder of the recipe; modules stay as they are."""
    place, _, name = function.rpartition(":")
    is_file = place.endswith(".py") or "/" in place
    return f"{(cwd / place).resolve()}:{name}" if is_file else function


def _file(given: Path | None, configured: str | None, root: Path, field: str) -> Path | None:
    if given is not None:
        return _exists(given.resolve(), field)
    return None if configured is None else _exists((root / configured).resolve(), field)


def _exists(path: Path, field: str) -> Path:
    if not path.is_file():
        raise BadOrder(
            f"There is no file {str(path)!r}, which is named as {field}.",
            remedy="Name a file that exists.",
            field=field,
        )
    return path


def _memory(limits: LimitsConfig) -> int:
    if limits.memory_mib is not None:
        return limits.memory_mib << 20
    return int(psutil.virtual_memory().total * _MEMORY_SHARE)


def _plan(name: str, config: RecipeConfig, order: TrainingOrder) -> Plan | None:
    if not order.search:
        return None
    if config.search is None:
        raise BadOrder(
            f"The training {name!r} has no search.",
            remedy=f"Say in training.recipes.{name}.search what is tried.",
            field="search",
        )
    return config.search.plan(order.id)


def _of_command(command: tuple[str, ...], config: RecipeConfig, order: TrainingOrder) -> Values:
    """Hyperparameters of a command, which declares them in the recipe or by braces.

    Over a number there has to be a number, over a truth a truth.
    """
    tried = set() if config.search is None else set(config.search.space)
    known = set(config.parameters) | tried | (named(command) - set(GIVEN))
    found: Values = dict(config.parameters)
    for name, value in order.parameters.items():
        if known and name not in known:
            near = get_close_matches(name, known, n=1)
            raise BadParameter(
                f"The command has no hyperparameter {name!r}."
                + (f" Did you mean {near[0]!r}?" if near else ""),
                remedy=f"It has: {', '.join(sorted(known))}.",
                parameter=name,
            )
        try:
            found[name] = convert(name, value, MISSING, config.parameters.get(name, MISSING))
        except Refused as refused:
            raise BadParameter(
                refused.said["problem"], remedy=refused.said["remedy"], parameter=name
            ) from refused
    return found
