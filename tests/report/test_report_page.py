"""The page: what it says is what the run folder says, it is whole on its own, and nothing in it can execute."""

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from rivals.core.errors import UserError
from rivals.core.store import Store
from rivals.report import write
from rivals.report.command import command

DATA = re.compile(r"data:image/(webp|png|jpeg);base64,[A-Za-z0-9+/=]+")
LOADING = [
    "iframe",
    "object",
    "embed",
    "base",
    "form",
    "link",
    "a",
    "image",
    "foreignobject",
    "animate",
    "set",
    "use",
    "audio",
    "video",
]
VOID = {"meta", "img", "input", "br", "hr", "link"}
SECTIONS = {"headline", "samples", "game", "losses", "quality", "repeat", "record", "settings", "facts", "environment", "weights"}


class Page(HTMLParser):
    """The elements of a page, each with its attributes, its text, and the id of each element around it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.html = path.read_text(encoding="utf-8")
        self.open: list[dict[str, Any]] = []
        self.all: list[dict[str, Any]] = []
        self.feed(self.html)
        assert not self.open, [each["tag"] for each in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = {"tag": tag, "attrs": dict(attrs), "text": "", "in": [each["attrs"].get("id") for each in self.open]}
        assert len(attrs) == len(element["attrs"]), f"an attribute twice: {attrs}"
        self.all.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()["tag"] == tag

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element["text"] += data

    def tags(self, tag: str, within: str | None = None) -> list[dict[str, Any]]:
        return [each for each in self.all if each["tag"] == tag and (within is None or within in each["in"])]

    def id(self, name: str) -> dict[str, Any]:
        (found,) = [each for each in self.all if each["attrs"].get("id") == name]
        return found

    def table(self, name: str) -> dict[str, str]:
        return dict(zip(*[[each["text"] for each in self.tags(tag, name)] for tag in ("th", "td")], strict=True))


def check_sealed(page: Page) -> None:
    """Nothing is loaded, one script and one style sheet run, both named in the policy, and no attribute executes."""
    for each in page.all:
        for name, value in each["attrs"].items():
            assert not name.startswith("on") and name not in ("style", "srcdoc", "action", "formaction"), (name, value)
            if name in ("src", "href", "xlink:href", "data", "poster", "srcset", "background"):
                assert name == "src" and each["tag"] == "img" and DATA.fullmatch(value)
        assert each["tag"] not in LOADING
    policies = [each["attrs"]["content"] for each in page.tags("meta") if "http-equiv" in each["attrs"]]
    (policy,) = policies
    assert policy.startswith("default-src 'none';")
    for tag in ("script", "style"):
        (element,) = page.tags(tag)
        digest = b64encode(hashlib.sha256(element["text"].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}';" in policy
    assert page.html.index("Content-Security-Policy") < page.html.index("<style")
    assert "unsafe" not in policy and "url(" not in page.html and "@import" not in page.html


def test_the_page_is_whole_on_its_own(run: Path) -> None:
    made = write(run)
    assert made == run / "report.html" and not list(run.glob(".*.tmp"))
    page = Page(made)
    check_sealed(page)
    assert not re.search(r"https?:|//[a-z]", DATA.sub("", page.html))
    ids = [each["attrs"]["id"] for each in page.all if "id" in each["attrs"]]
    assert set(ids) >= SECTIONS and len(ids) == len(set(ids))
    assert str(run) not in page.html and "prefers-color-scheme: dark" in page.html and "@media print" in page.html
    assert made.stat().st_size < 5_000_000


def test_the_same_run_gives_the_same_bytes(run: Path) -> None:
    assert write(run).read_bytes() == write(run).read_bytes()


def test_the_numbers_are_those_of_the_quality_file(run: Path) -> None:
    page = Page(write(run))
    cards = json.loads((run / "quality.json").read_text())["cards"]
    numbers: dict[str, list[float]] = {}
    at = ""
    for each in page.all:
        at = each["attrs"].get("data-metric", at)
        if each["tag"] == "data":
            numbers.setdefault(at, []).append(float(each["attrs"]["value"]))
    for name, card in cards.items():
        bound = card["extra"].get("expected" if name == "copies" else "bound")
        assert numbers[name] == [card["value"], card["low"], card["high"], bound], name
    rows = {each["attrs"]["data-metric"]: each["text"] for each in page.tags("tr") if "data-metric" in each["attrs"]}
    assert rows.keys() == cards.keys()
    for text in rows.values():
        assert all(word in text for word in ("digits-cnn-v1", "01234567", "test", "1,000", "7"))
    assert "higher" in rows["coverage"] and "lower" in rows["frechet"]
    assert "20.54" in rows["frechet"] and "0.5176" in rows["frechet"] and "ratio 39.68" in rows["frechet"]
    assert "slope 1.25, bias -0.5" in page.id("calibration")["text"]


def test_the_headline_says_it_in_words(run: Path) -> None:
    words = re.sub(r"\s+", " ", Page(write(run)).id("headline")["text"])
    assert "digits recipe · complete" in words and "seven digits" in words and "seed 7" in words and "21.3 s of training" in words
    assert "4,096 real samples seen in 32 rounds" in words
    assert "52.9 % of the samples show the class that was asked for" in words  # labels: 9 / 17
    assert "Real training data reach 0.5176, so this is 39.7 times that." in words
    assert "41.2 % of the real data have a sample near them" in words  # coverage: 7 / 17
    assert "20.0 % of the samples are as near" in words and "more than that: a sign of copying" in words


def test_the_tables_hold_the_record(run: Path) -> None:
    record, page = Store(run).record(), Page(write(run))
    shown = {key: "none" if value is None else str(value) for key, value in record["arguments"].items()}
    assert page.table("settings") == shown
    assert page.table("environment") == {
        key: "none" if value is None else str(value) for key, value in record["environment"].items()
    }
    assert page.table("weights") == record["weights"] and record["digest"] in page.id("record")["text"]
    assert page.table("facts") == {key: str(value) for key, value in record["facts"].items()}
    assert page.id("command")["text"] == command(record)


def test_the_curves_are_the_logs(run: Path) -> None:
    page = Page(write(run))
    drawings = [ElementTree.fromstring(each) for each in re.findall(r"<svg.*?</svg>", page.html, re.DOTALL)]
    titles = [each.findtext("title") or "" for each in drawings]
    drawn = ["D(x) and D(G(z))", "V(D,G)", "Losses of discriminator", "Losses of generator"]
    assert [title.partition(":")[0] for title in titles] == drawn
    assert [len(list(each.iter("polyline"))) for each in drawings] == [4, 2, 6, 2]
    levels = [[t.text for t in each.iter("text") if t.attrib["class"] == "level"] for each in drawings]
    assert levels == [["1/2"], ["\N{MINUS SIGN}log 4"], [], []]
    # D is drawn from 0 at pixel 232 to 1 at pixel 27, and V in the same frame.
    at = [[float(e.attrib["y1"]) for e in each.iter("line") if e.attrib["class"] == "level"] for each in drawings[:2]]
    assert at[0] == [129.5]
    value = [[float(pair.split(",")[1]) for pair in e.attrib["points"].split()] for e in drawings[1].iter("polyline")]
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    raw = [pair.split(",")[1] for pair in next(drawings[0].iter("polyline")).attrib["points"].split()]
    per_pixel = (lines[0]["V(D,G)"] - lines[-1]["V(D,G)"]) / (value[0][0] - value[0][-1])
    assert lines[0]["V(D,G)"] + (at[1][0] - value[0][0]) * per_pixel == pytest.approx(-1.386294, abs=0.02)
    assert [float(y) for y in raw] == pytest.approx([232 - 205 * line["D(x)"] for line in lines], abs=0.06)
    assert "−1.386" in page.id("value")["text"] and "min over G, max over D" in page.id("value")["text"]


def test_the_slider_goes_over_the_grids_and_the_last_one_shows_without_it(run: Path) -> None:
    page = Page(write(run))
    seen = [int(each["attrs"]["data-seen"]) for each in page.tags("img", "samples")]
    assert seen == sorted(seen) and seen[-1] == max(int(path.stem) for path in (run / "samples").iterdir())
    assert ["hidden" in each["attrs"] for each in page.tags("img", "samples")] == [True] * (len(seen) - 1) + [False]
    assert "hidden" in page.id("controls")["attrs"]
    assert page.id("time")["attrs"]["max"] == str(len(seen) - 1)
    (last,) = page.tags("img", "headline")
    assert last["attrs"]["src"] == page.tags("img", "samples")[-1]["attrs"]["src"]


HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</title><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    '" autofocus onfocus="alert(1)',
    "</pre><iframe srcdoc='<script>alert(1)</script>'>",
    "<!-- <base href=//example.com> -->",
    "]]><a href=javascript:alert(1)>x</a>",
    "{{ 7 * 7 }}{% for x in range(9) %}x{% endfor %}",
    "<image xlink:href='//example.com/x.png'/><foreignObject/>",
    "&lt;script&gt;&#60;script&#62;alert(1)",
    "\u202ereversed\x00\x08\x1b[31m\ufffe",
    "--><meta http-equiv=refresh content='0;url=//example.com'>",
]


@pytest.mark.parametrize("payload", HOSTILE)
def test_hostile_names_are_text(run: Path, edit: Callable[..., None], payload: str) -> None:
    each = {payload: payload}
    arguments = each | {"name": payload, "seed": payload, "samples": 4000, "objective": payload}
    facts = {payload: {payload: [payload]}}
    edit(run, recipe=payload, arguments=arguments, facts=facts, environment=each | {"device": payload}, weights=each)
    names = [f"{payload}.{payload}", f"p.{payload}", f"D({payload})", f"V({payload})", f"o{payload}"]
    line = {"round": 0} | dict.fromkeys(names, 0.5)
    (run / "log.jsonl").write_text("".join(json.dumps(line | {"seen": 64 * i}) + "\n" for i in range(1, 4)))
    card = {"metric": payload, "value": 1.0, "low": 0.5, "high": 2.0, "backbone": payload, "digest": payload, "split": payload,
            "samples": 9, "seed": 0, "extra": {payload: payload, "bound": payload, "ratio": payload}}  # fmt: skip
    cards = {payload: card, "frechet": card | {"metric": "frechet"}}
    (run / "quality.json").write_text(json.dumps({"cards": cards, "calibration": {payload: payload}, "seconds": payload}))
    page = Page(write(run))
    check_sealed(page)
    assert len(page.tags("svg")) >= 5 and not page.tags("image")
    shown = payload.replace("\x00", "\ufffd").replace("\x08", "\ufffd").replace("\x1b", "\ufffd").replace("\ufffe", "\ufffd")
    assert page.tags("h1")[0]["text"] == shown and shown in page.table("settings").values()
    assert page.tags("title")[0]["text"].startswith(shown)
    for drawing in re.findall(r"<svg.*?</svg>", page.html, re.DOTALL):
        ElementTree.fromstring(drawing)


def strip(run: Path, *names: str) -> Path:
    for name in names:
        for path in run.glob(name):
            path.unlink()
    return run


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        (["samples/*"], "This run saved no pictures"),
        (["log.jsonl"], "The log holds no loss yet."),
        (["quality.json"], "Nobody has measured this run yet"),
        (["samples/*", "log.jsonl", "quality.json", "weights/*", "state-*", "newest"], "not measured"),
    ],
)
def test_what_is_missing_is_said(run: Path, gone: list[str], said: str) -> None:
    page = Page(write(strip(run, *gone)))
    check_sealed(page)
    assert said in page.html
    assert {each["attrs"]["id"] for each in page.all if "id" in each["attrs"]} >= SECTIONS


def test_a_run_that_goes_on_says_how_far_it_is(run: Path, edit: Callable[..., None]) -> None:
    lines = (run / "log.jsonl").read_text().splitlines()
    (run / "log.jsonl").write_text("\n".join(lines[: len(lines) // 2]) + "\n" + lines[-1][:30])  # a kill cut the last line
    edit(run, weights={})
    words = Page(write(run)).id("headline")["text"]
    assert "unfinished, 51 % done" in words.replace("\N{NO-BREAK SPACE}", " ") and "complete" not in words


def test_a_bare_run_without_recipe_or_values(tmp_path: Path) -> None:
    Store(tmp_path).create({"run": "00", "facts": {}, "environment": {}})
    page = Page(write(tmp_path))
    assert "own game" in page.html and "no command line" in page.html
    odd = '{"round": 1, "seen": 16, "a.b": NaN, "a.c": true, "D(x)": 7.5}'
    (tmp_path / "log.jsonl").write_text('{"round": 0, "seen": 8}\nnot json\n[1]\n' + odd + "\n")
    page = Page(write(tmp_path))
    # 7.5 is no probability, so it has no level; NaN and true are no losses.
    assert [title["text"].partition(":")[0] for title in page.tags("title")[1:]] == ["D(x)"]
    assert "1/2</text>" not in page.html


def test_unknown_measures_head_the_page_too(run: Path) -> None:
    quality = json.loads((run / "quality.json").read_text())
    card = quality["cards"]["kernel"] | {"metric": "word_error", "value": 0.125, "extra": {"note": "by hand"}}
    (run / "quality.json").write_text(json.dumps({"cards": {"word_error": card}}))
    page = Page(write(run))
    assert "word error" in page.id("headline")["text"] and "0.125" in page.id("headline")["text"]
    assert "note by hand" in page.id("quality")["text"]


def test_long_facts_are_cut_and_the_cut_is_told(run: Path, edit: Callable[..., None]) -> None:
    edit(run, facts={"columns": [f"column {i}" for i in range(100_000)]})
    page = Page(write(run))
    assert "all in run.json" in page.table("facts")["columns"] and len(page.html) < 2_000_000


ODD = [0, -1, 10**400, -(10**400), 1e308, -1e308, 5e-324, float("nan"), float("inf"), True, None, "1", [], {}]


def test_odd_values_in_the_files_do_not_stop_the_report(run: Path, edit: Callable[..., None]) -> None:
    """Whatever valid JSON stands where a number should, a page comes out, and no drawing holds what is no number."""
    lines = [{"round": 0, "seen": 64, "p.x": 1.0, "D(x)": 0.5, "V(D,G)": -1.0}]
    for i, odd in enumerate(ODD):
        lines += [{"round": i, "seen": 64 * i, "p.x": odd, f"p.{i}": odd, "D(x)": odd, "V(D,G)": odd, f"q{i}": odd}]
        lines += [{"round": odd, "seen": 64, "p.x": 1.0}, {"round": 1, "seen": odd, "p.x": 1.0}]
    (run / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    quality = json.loads((run / "quality.json").read_text())
    for name, odd in zip(quality["cards"], ODD, strict=False):
        quality["cards"][name]["extra"] = {"bound": odd, "expected": odd, "ratio": odd, "more": odd}
    for odd in ODD:
        quality |= {"calibration": {"slope": odd}}
        edit(run, seconds=odd)
        (run / "quality.json").write_text(json.dumps(quality))
        page = Page(write(run))
    check_sealed(page)
    for drawing in re.findall(r"<svg.*?</svg>", page.html, re.DOTALL):
        ElementTree.fromstring(drawing)
        assert not re.search(r'"[^"]*(nan|inf)[^"]*"', drawing)


@pytest.mark.parametrize("text", ["{", "[]", '{"cards": [1]}', '{"cards": {"a": 1}}', '{"cards": {"a": {"metric": "a"}}}'])
def test_a_damaged_quality_file_is_told_in_one_line(run: Path, text: str) -> None:
    (run / "quality.json").write_text(text)
    with pytest.raises(UserError, match=r"^[^\n]+$"):
        write(run)
    assert not (run / "report.html").exists()


def test_a_folder_without_a_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no run"):
        write(tmp_path)
    assert not list(tmp_path.iterdir())
