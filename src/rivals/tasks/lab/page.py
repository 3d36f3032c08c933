"""The lab's page: one HTML file that plays the moments of a game, offline, drawn from numbers.

Whatever a run holds is shown as text; the Content-Security-Policy names the one style sheet and the one script by SHA-256.
"""

import hashlib
import json
import math
from base64 import b64encode
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

Curve = dict[str, Any]

LINE = (
    "Dotted: where real points lie. Green: where the generator puts its points. Dashed blue: D, from 0 at the floor to 1 at the "
    "top; the thin line is one half. Thin blue, where it is known: the best D there is against this generator. Below, each "
    "stroke goes from a z to the point that G makes of it."
)
PLANE = (
    "Small dots are real points, larger green ones generated. On blue ground D says real, on orange it says generated, without "
    "colour it cannot tell. The net is the plane of z, as G bends it. A red stroke shows where the generator's loss pushes a "
    "point, and how strongly: without strokes the generator learns nothing."
)
SURE = {
    "title": "D(x) and D(G(z))",
    "lines": [["real", "on real points", "blue"], ["fake", "on generated points", "orange"]],
    "level": ["1/2", 0.5],
    "low": 0,
    "high": 1,
    "words": "How sure D is that a point is real. When both lines meet at one half, D cannot tell the two apart.",
}
VALUE = {
    "title": "V(D, G)",
    "lines": [["V", "V", "blue"]],
    "level": ["−log 4", -math.log(4)],
    "high": 0,
    "words": "D raises V, G lowers it. At 0 D is always right; at −log 4 = −1.386 it can only say one half.",
}
DIVERGENCE = {
    "title": "Jensen-Shannon divergence",
    "lines": [["jsd", "real to generated", "green"]],
    "low": 0,
    "words": "How different the two clouds are: 0 for equal ones, log 2 = 0.69 for clouds that nowhere meet.",
}
GAP = {
    "title": "|D − D*|",
    "lines": [["gap", "mean distance", "blue"]],
    "low": 0,
    "words": "How far D is from the best answer there is, p_data / (p_data + p_g). A D that keeps up with G stays low.",
}
MODES = {
    "title": "Modes covered",
    "lines": [["modes", "modes", "green"]],
    "low": 0,
    "words": "How many of the data's heaps G makes. Fewer than there are: it found some that fool D, and forgot the rest.",
}
GOOD = {
    "title": "Points on the data",
    "lines": [["good", "share within 3 deviations", "green"]],
    "low": 0,
    "high": 1,
    "words": "How many generated points lie where real ones do. Of real points 99 to 100 % do.",
}


def page(record: Mapping[str, Any], scene: Mapping[str, Any], moments: Sequence[Mapping[str, Any]]) -> str:
    """The page as HTML. record: run.json. scene: "kind" (line, plane, dirac), "view", what stays the same in all moments, and
    optionally "plots" and "words" of its own. moments: in order, each with "seen" and figures by name.
    """
    curves = scene.get("plots") or plots(moments, scene)
    shown = {key: value for key, value in scene.items() if key not in ("plots", "words")}
    data = json.dumps({"scene": shown, "plots": curves, "moments": list(moments)}, separators=(",", ":"))
    style, script = (files("rivals.tasks.lab").joinpath(name).read_text(encoding="utf-8") for name in ("lab.css", "lab.js"))
    policy = f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    text = files("rivals.tasks.lab").joinpath("lab.html.j2").read_text(encoding="utf-8")
    arguments = record.get("arguments", {})
    return environment.from_string(text).render(
        style=Markup(style),
        script=Markup(script),
        policy=policy,
        data=Markup(data.replace("<", "\\u003c")),  # so that no text in it ends the element
        name=str(arguments.get("name", "lab")),
        kind=scene["kind"],
        words=scene.get("words") or (LINE if scene["kind"] == "line" else PLANE),
        curves=curves,
        settings=", ".join(f"{key.replace('_', ' ')} {value}" for key, value in arguments.items() if value is not None),
    )


def plots(moments: Sequence[Mapping[str, Any]], scene: Mapping[str, Any]) -> list[Curve]:
    """The curves of those figures that the moments have."""
    found = [curve for curve in (SURE, VALUE, DIVERGENCE, GAP, MODES, GOOD) if moments and curve["lines"][0][0] in moments[-1]]
    count = scene.get("modes", 0)
    return [each | {"level": ["all", count], "high": count * 1.1} if each is MODES else each for each in found]


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
