"""The network whose features are compared: a classifier of the run's own pictures, kept in the run folder, or a published one."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from rivals.core.errors import UserError
from rivals.core.store import Store
from rivals.core.types import Tensor
from rivals.metrics import Backbone, Judging
from rivals.metrics.classifier import (
    BLIND,
    TURNS,
    Columns,
    Source,
    classifier,
    train_attributes,
    train_classifier,
    train_rotation,
)
from rivals.metrics.published import published
from rivals.tasks.images.judge_real import Real, Record

_made: dict[tuple[str, str], Backbone] = {}  # by name and data: for games without a folder, or one that is read-only


def chosen(real: Real, record: Record, judging: Judging) -> Backbone:
    """The backbone that the user asked for."""
    if judging.backbone == "own":
        return own(real, record)
    if real.form.channels not in (1, 3, 4):  # before anything is fetched
        raise UserError(f"pictures have {real.form.channels} channels, Inception takes 1, 3 or 4: use --backbone own")
    return published(judging.backbone, judging.weights)


def source(real: Real) -> Source:
    """The training pictures as a classifier takes them."""

    def fetch(items: Tensor) -> tuple[Tensor, Tensor | None]:
        found = real.fetch(items)
        return found.data, found.condition

    return Source(real.count, fetch)


def own(real: Real, record: Record) -> Backbone:
    """images-cnn-v1, a classifier, where there are two classes or more; else images-rotation-v1, or images-random-v1 for
    pictures that teach that one nothing. Trained once for a run."""
    if real.form.classes > 1:
        return _once(real, record, ("images-cnn-v1",), lambda: train_classifier(source(real), real.form.classes))
    return _once(real, record, ("images-rotation-v1", BLIND), lambda: train_rotation(source(real)))


def reader(real: Real, record: Record, columns: Columns) -> Backbone:
    """images-attributes-v1, which reads the attributes of pictures. Trained once for a run."""
    return _once(real, record, ("images-attributes-v1",), lambda: train_attributes(source(real), columns))


def _once(real: Real, record: Record, names: tuple[str, ...], make: Callable[[], Backbone]) -> Backbone:
    """What `make` trained, of one of these names, now or when it was kept in the run's folder."""
    key, folder = (names[0], real.digest + str(real.form)), record.get("folder")
    made = _made.get(key)
    for name in names if folder else ():
        made = made or _read(Path(folder) / "judge" / f"{name}.safetensors", real, name)
    if made is None:
        made = make()
        if folder:
            with contextlib.suppress(OSError):  # a folder that is full or read-only: it is trained anew another time
                _write(made, Store(folder), real)
    _made.clear()
    _made[key] = made
    return made


def _write(backbone: Backbone, store: Store, real: Real) -> None:
    parts = {"features": backbone.module} | ({"head": backbone.head} if backbone.head else {})
    state = {f"{part}.{key}": value for part, module in parts.items() for key, value in module.state_dict().items()}
    data = safetensors.torch.save(state, {"made": _made_of(real, backbone)})
    store.write(f"judge/{backbone.name}.safetensors", lambda file: file.write(data))


def _read(path: Path, real: Real, name: str) -> Backbone | None:
    """The backbone in a file; None where it is missing, damaged, or of other pictures."""
    with torch.device("meta"):  # no weights to be drawn and thrown away
        features, head = classifier(
            (real.form.channels, real.form.height, real.form.width), real.form.classes or real.form.attributes or TURNS
        )
    try:
        with safetensors.safe_open(path, "pt") as file:
            told = file.metadata() or {}
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no mapping)
        features.load_state_dict(_part(state, "features."), assign=True)
        headed = any(key.startswith("head.") for key in state)
        if headed:
            head.load_state_dict(_part(state, "head."), assign=True)
    except (OSError, RuntimeError, safetensors.SafetensorError):
        return None
    backbone = Backbone(name, features.eval().requires_grad_(False), head.eval().requires_grad_(False) if headed else None)
    return backbone if told.get("made") == _made_of(real, backbone) else None


def _made_of(real: Real, backbone: Backbone) -> str:
    """The digests of the data and of the weights, in one note: safetensors writes several in any order."""
    return f"{real.digest} {backbone.digest}"


def _part(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
