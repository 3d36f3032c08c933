"""Reads a run folder as a report needs it: what is missing is empty, what is damaged is told."""

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from rivals.core.errors import UserError
from rivals.core.store import State, Store
from rivals.metrics.card import MetricCard
from rivals.report.curves import Line

PICTURES = (".png", ".webp", ".jpg")


@dataclass(frozen=True)
class Run:
    """A run folder that was read: the checked record, log lines in order, metric cards by name, grids in order.

    seconds: of training, None where nobody noted it. calibration: numbers by name, of the discriminator's raw score.
    """

    folder: Path
    record: State
    lines: list[State]
    cards: dict[str, MetricCard]
    calibration: dict[str, Any]
    seconds: float | None
    grids: list[Path]

    @property
    def arguments(self) -> dict[str, Any]:
        return _mapping(self.record.get("arguments"))

    @property
    def name(self) -> str:
        return str(self.arguments.get("name") or self.folder.resolve().name)

    @property
    def seen(self) -> int:
        """Real samples seen at the last log line."""
        return int(self.lines[-1]["seen"]) if self.lines else 0

    @property
    def rounds(self) -> int:
        """Rounds played at the last log line."""
        return int(self.lines[-1]["round"]) + 1 if self.lines else 0

    @property
    def finished(self) -> bool:
        return bool(self.record.get("weights"))

    def curves(self) -> dict[str, Line]:
        """Each logged value by its name, over samples seen; values that are no finite number are left out."""
        found: dict[str, Line] = {}
        for line in self.lines:
            for name, value in line.items():
                if name not in ("round", "seen") and finite(value):
                    x, y = found.setdefault(name, Line(name, [], []))[1:]
                    x.append(float(line["seen"]))
                    y.append(float(value))
        return found


def read(folder: Path) -> Run:
    """The run in a folder. Raises UserError where run.json is missing or damaged, or quality.json is damaged."""
    record = Store(folder).record()
    quality = _quality(folder / "quality.json")
    seconds: Any = record.get("seconds", quality.get("seconds"))
    return Run(
        folder,
        record,
        _lines(folder / "log.jsonl"),
        {name: MetricCard.from_dict(card) for name, card in quality.get("cards", {}).items()},
        _mapping(quality.get("calibration")),
        float(seconds) if finite(seconds) else None,
        grids(folder),
    )


def grids(folder: Path) -> list[Path]:
    """The pictures samples/<seen>.*, earliest first."""
    found = [path for path in (folder / "samples").glob("*") if path.suffix in PICTURES and path.stem.isdecimal()]
    return sorted(found, key=lambda path: (int(path.stem), path.suffix))


def by_player(curves: Mapping[str, Line]) -> dict[str, list[Line]]:
    """The losses, named "player.loss" in the log, by player."""
    players: dict[str, list[Line]] = {}
    for name, (_, x, y) in curves.items():
        player, dot, loss = name.partition(".")
        if dot:
            players.setdefault(player, []).append(Line(loss, x, y))
    return players


def observed(curves: Mapping[str, Line]) -> tuple[list[Line], list[Line], list[Line]]:
    """What the game observes: probabilities such as D(x), values such as V(D,G), and the rest."""
    groups: tuple[list[Line], list[Line], list[Line]] = [], [], []
    for name, line in curves.items():
        if "." in name:
            continue
        if re.fullmatch(r"D\w*\(.*\)", name) and min(line.y) >= 0 and max(line.y) <= 1:
            groups[0].append(line)
        else:
            groups[1 if re.fullmatch(r"V\w*\(.*\)", name) else 2].append(line)
    return groups


def _lines(path: Path) -> list[State]:
    """The whole lines of a log; a last one that a kill cut off is left out, as a resumed run leaves it out."""
    found = []
    for text in path.read_text(errors="replace").splitlines() if path.is_file() else []:
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict) and all(isinstance(line.get(name), int) and finite(line[name]) for name in ("seen", "round")):
            found.append(line)
    return found


def _quality(path: Path) -> State:
    if not path.is_file():
        return {}
    try:
        quality = json.loads(path.read_bytes())
        if isinstance(quality, dict) and all(isinstance(card, dict) for card in quality.get("cards", {}).values()):
            return quality
    except (ValueError, AttributeError):
        pass
    raise UserError(f"{path} is damaged: remove it and measure again with rivals evaluate {path.parent}")


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def finite(value: object) -> TypeGuard[float]:
    """Whether a value out of a JSON file is a number that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= sys.float_info.max  # False for NaN too
