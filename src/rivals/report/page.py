"""The report: one self-contained HTML file about a run, for people who did not train it.

Whatever a run folder says is shown as text and never as markup; nothing is loaded from anywhere, and the page's
Content-Security-Policy names its one style sheet and its one script by their SHA-256.
"""

import hashlib
import json
import math
from base64 import b64encode
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup

from rivals.core.store import Store
from rivals.report.beside import attacks, caught, samplers
from rivals.report.command import command
from rivals.report.curves import Level, plot, written
from rivals.report.folder import Run, by_player, observed, read
from rivals.report.grids import frames, still
from rivals.report.meaning import PROBABILITY, bound, figure, headline, meaning, notes
from rivals.report.verdicts import verdicts

EQUILIBRIUM = -math.log(4)
LONGEST = 600  # letters of a setting or fact; run.json holds the whole
CURVES = 24  # drawings of one kind; a game of more players shows the first ones


class Figure(NamedTuple):
    """A drawing and its name."""

    title: str
    drawing: Markup


def write(run: Path) -> Path:
    """Writes report.html into a run folder, whole or not at all, and returns its path. The same run, the same bytes.

    Raises UserError where the folder holds no run, or a damaged one. What a run lacks (pictures, log lines, quality,
    weights) the report says is missing.
    """
    Store(run).write("report.html", lambda file: file.write(page(read(run)).encode(errors="replace")))
    return run / "report.html"


def page(run: Run) -> str:
    """The report as HTML."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"figure": figure, "meaning": meaning, "plain": _plain}
    style, script = packed("report.css"), packed("report.js")
    shown = {"style": Markup(style), "script": Markup(script), "policy": policy(style, script)}
    rendered = environment.from_string(packed("report.html.j2")).render(shown | _told(run) | _drawn(run))
    return written(rendered)


def _told(run: Run) -> dict[str, Any]:
    """The words and tables."""
    samples = run.arguments.get("samples")
    done = f", {min(run.seen / samples, 1) * 100:.0f}\N{NO-BREAK SPACE}% done" if isinstance(samples, int) and samples > 0 else ""
    return {
        "name": run.name,
        "recipe": str(run.record.get("recipe") or "")[:LONGEST],
        "seed": run.arguments.get("seed"),
        "state": "complete" if run.finished else f"unfinished{done}",
        "seen": run.seen,
        "rounds": run.rounds,
        "seconds": _duration(run.seconds),
        "tiles": headline(run.cards),
        "cards": [(card, meaning(card.metric), bound(card), notes(card)) for card in run.cards.values()],
        "samplers": samplers(run.cards),
        "attacks": attacks(run.cards),
        "caught": caught(run.cards),
        "calibration": run.calibration,
        "doctor": verdicts(run.lines),
        "command": command(run.record),
        "bits": str(_section(run, "environment").get("device", "")).startswith("cpu"),
        "settings": run.arguments,
        "facts": _section(run, "facts"),
        "environment": _section(run, "environment"),
        "weights": _section(run, "weights"),
        "digest": run.record.get("digest", ""),
    }


def _drawn(run: Run) -> dict[str, Any]:
    """The pictures and curves."""
    curves = run.curves()
    probabilities, values, others = observed(curves)
    objective = str(run.arguments.get("objective") or _section(run, "facts").get("objective"))
    equilibrium = Level("\N{MINUS SIGN}log 4", EQUILIBRIUM)
    game = [Figure(line.name, plot(line.name, [line], levels=[equilibrium])) for line in values]
    if probabilities:
        title = " and ".join(line.name for line in probabilities[:4])
        game.insert(0, Figure(title, plot(title, probabilities, levels=[Level("1/2", 0.5)], low=0.0, high=1.0)))
    return {
        "frames": frames(run.grids),
        "neighbours": still(run.folder / "judged" / "neighbours.png"),
        "pictures": {path.stem: frame for path in _judged(run) if (frame := still(path))},
        "game": game[:CURVES],
        "values": [line.name for line in values],
        "note": PROBABILITY.get(objective, "") if probabilities or values else "",
        "losses": [Figure(player, plot(f"Losses of {player}", lines)) for player, lines in by_player(curves).items()][:CURVES],
        "others": [Figure(line.name, plot(line.name, [line])) for line in others][:CURVES],
    }


def _judged(run: Run) -> list[Path]:
    """What the judge drew beside the neighbours."""
    drawn = [path for path in sorted((run.folder / "judged").glob("*")) if path.suffix in (".png", ".webp")]
    return [path for path in drawn if path.stem != "neighbours"]


def _section(run: Run, name: str) -> Mapping[str, Any]:
    found = run.record.get(name)
    return found if isinstance(found, dict) else {}


def _plain(value: Any) -> str:
    """A setting or fact as text, cut where it is very long."""
    text = "none" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} letters, all in run.json)"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 120:
        return f"{seconds:.3g} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def packed(name: str) -> str:
    """The text of a file that lies beside this one."""
    return files("rivals.report").joinpath(name).read_text(encoding="utf-8")


def policy(style: str, script: str = "") -> str:
    """A Content-Security-Policy that allows this style sheet, this script, and pictures inside the page."""

    def digest(text: str) -> str:
        return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" if text else "'none'"

    allowed = f"img-src data:; style-src {digest(style)}; script-src {digest(script)}"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"
