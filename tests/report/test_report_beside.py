"""Simple samplers, attacks and the judge's pictures stand in the report of a run that has them, and in no other."""

import json
from pathlib import Path

import pytest
from PIL import Image

from rivals.metrics import MetricCard
from rivals.report import write
from rivals.report.beside import attacks, caught, samplers


def card(metric: str, **extra: float | str) -> MetricCard:
    told = {name.replace("_", " "): value for name, value in extra.items()}
    return MetricCard(metric, 0.8125, 0.8, 0.82, "table", "ab" * 32, "held-out", 1000, 0, told)


WORSE = "worse than the copula sampler"
CARDS = {
    "pair-trends": card("pair-trends", bound=0.98, beside_independent=0.7654, beside_copula=0.843, verdict=WORSE),
    "detection": card("detection", beside_copula=0.9671),
    "membership": card(
        "membership", verdict="caught", attack_distance=0.8051, found_distance=0.6251, verdict_on_copula="no sign"
    ),
}


def test_tables_of_cards() -> None:
    found = samplers(CARDS)
    assert found.names == ["independent", "copula"]
    assert [figures for _, figures in found.rows] == [[0.7654, 0.843], [None, 0.9671]]
    assert attacks(CARDS) == [("distance", 0.8051, 0.6251)]
    assert caught(CARDS) == {"this run": "caught", "copula": "no sign"}
    assert samplers({}).rows == attacks({}) == [] and caught({}) == {}


@pytest.mark.parametrize("shown", [False, True])
def test_the_page(run: Path, shown: bool) -> None:
    if shown:
        (run / "quality.json").write_text(json.dumps({"cards": {name: each.as_dict() for name, each in CARDS.items()}}))
        (run / "judged").mkdir(exist_ok=True)
        Image.new("RGB", (30, 20), "red").save(run / "judged" / "two-columns.png")
    html = write(run).read_text()
    for words in (
        'id="samplers"',
        'id="attacks"',
        'id="picture-two-columns"',
        "<h2>Two columns</h2>",
        ">62.5\N{NO-BREAK SPACE}%<",
    ):
        assert (words in html) == shown, words
    assert html.count("beside copula") == html.count("attack distance") == 0
    assert ("Worse than the copula sampler." in html) == shown
