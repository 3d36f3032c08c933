"""The lab: densities that are exact, measures that can fail, a user's points, the page, and games against their closed form."""

import json
import math
import re
from pathlib import Path

import pytest
import torch
from PIL import Image

from rivals.cli import main
from rivals.core.errors import UserError
from rivals.core.game import evaluating
from rivals.metrics import Judging
from rivals.model import Model
from rivals.tasks import lab
from rivals.tasks.lab import moments, reading
from rivals.tasks.lab.distributions import KNOWN, kernel
from rivals.tasks.lab.judging import evaluate
from rivals.tasks.lab.training import points, stream
from rivals.testing import check_game


def facts(data: str = "ring", objective: str = "non-saturating", width: int = 16) -> dict[str, object]:
    d = KNOWN[data]().dimensions
    return {"data": "", "source": data, "dimensions": d, "latent": d, "width": width, "objective": objective}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short game on the Gaussian: some seconds."""
    folder = tmp_path_factory.mktemp("lab") / "run"
    name = "<b>& two"
    lab.recipe(data=Path("gaussian"), samples=60_000, batch=128, width=32, moments=6, out=folder, name=name).fit(progress=False)
    return folder


# Distributions.


@pytest.mark.parametrize("name", KNOWN)
def test_a_density_sums_to_one_and_samples_follow_it(name: str) -> None:
    data = KNOWN[name]()
    axis = torch.linspace(-data.view, data.view, 801 if data.dimensions == 1 else 241)
    cell = float(axis[1] - axis[0]) ** data.dimensions
    places = axis[:, None] if data.dimensions == 1 else torch.cartesian_prod(axis, axis)
    assert float(data.density(places).sum()) * cell == pytest.approx(1, abs=2e-3), "all of it is in view"
    drawn = data.draw(3000, torch.Generator().manual_seed(1))
    assert torch.equal(drawn, data.draw(3000, torch.Generator().manual_seed(1)))
    # E p(x) over samples is the integral of p^2, which the lattice knows too.
    assert float(data.density(drawn).mean()) == pytest.approx(float(data.density(places).square().sum()) * cell, rel=0.05)


def test_a_kernel_estimate_is_the_blurred_density() -> None:
    data = KNOWN["gaussian"]()
    x = torch.linspace(-1, 3, 40)[:, None]
    estimate = kernel(x, data.draw(20_000, torch.Generator().manual_seed(0)), 0.2)
    assert (estimate - data.density(x, blur=0.2)).abs().max() < 0.02
    assert (estimate - data.density(x)).abs().max() > 0.02, "the blur must be told"


# Measures.


def test_divergence_and_modes_tell_collapse() -> None:
    data, noise = KNOWN["ring"](), torch.Generator().manual_seed(0)
    real, other = data.draw(4000, noise), data.draw(4000, noise)
    one = data.centres[:1] + 0.02 * torch.randn(4000, 2, generator=noise)
    assert moments.divergence(real, other, data.view) < 0.01 < 0.4 < moments.divergence(real, one, data.view) < math.log(2)
    assert moments.divergence(real, real + 3, data.view) == pytest.approx(math.log(2)), "they nowhere meet"
    assert moments.modes(other, data)[0] == 8 and moments.modes(one, data) == (1, pytest.approx(0.99, abs=0.01))


def test_the_best_discriminator_has_no_gap_and_another_has() -> None:
    data, noise = KNOWN["mixture"](), torch.Generator().manual_seed(0)
    real, fake = data.draw(4000, noise), torch.randn(4000, 1, generator=noise)

    def taken(sure: object) -> moments.Taken:
        return moments.Taken(real, fake, moments.Sight("minimax", 0.0), sure(real), sure(fake))  # type: ignore[operator]

    normal = torch.distributions.Normal(0, 1)
    best = taken(lambda x: data.density(x) / (data.density(x) + normal.log_prob(x[:, 0]).exp()))
    half = taken(lambda x: torch.full((len(x),), 0.5))
    assert moments.gap(best, data) < 0.03 < 0.1 < moments.gap(half, data)


def test_the_value_is_that_of_the_definition() -> None:
    half = torch.full((5,), 0.5)
    assert moments.value(half, half) == pytest.approx(-math.log(4))
    assert moments.value(torch.full((5,), 0.9), torch.full((5,), 0.2)) == pytest.approx(math.log(0.9) + math.log(0.8))


@pytest.mark.parametrize(
    "objective", ["minimax", "least-squares", "wasserstein", "hinge", "relativistic", "relativistic-average"]
)
@pytest.mark.parametrize("data", ["gaussian", "ring"])
def test_every_objective_has_its_moment(data: str, objective: str) -> None:
    torch.manual_seed(0)
    game = points(facts(data, objective))
    with evaluating(game):
        found = moments.moment(game, KNOWN[data](), objective, 1)
    assert json.loads(json.dumps(found)) == found and ("gap" in found) == (objective in moments.OPTIMAL)
    assert 0 <= found["real"] <= 1 and -20 < found["V"] <= 0
    assert len(found["D"]) == moments.LINE if data == "gaussian" else len(found["surface"]) == moments.PLANE**2


def test_minimax_pushes_less_where_the_discriminator_is_sure() -> None:
    """-log(1 - D) is flat where D is 0: that is why the minimax generator stalls."""
    strength = {}
    for objective in ("minimax", "non-saturating"):
        torch.manual_seed(0)
        game = points(facts("ring", objective))
        game.discriminator.layers[-1].bias.data.fill_(-8.0)
        taken = moments.take(game, KNOWN["ring"](), objective, 0, 64)
        strength[objective] = float(moments.pushes(game, taken.fake[:40], taken).norm())
    assert strength["minimax"] < 1e-2 * strength["non-saturating"]


# The recipe.


@pytest.mark.parametrize(("data", "objective"), [("gaussian", "non-saturating"), ("ring", "relativistic")])
def test_the_game_keeps_the_contract(data: str, objective: str) -> None:
    check_game(lambda: points(facts(data, objective)), stream(KNOWN[data](), 0))


def test_it_learns_the_gaussian_and_an_untrained_game_does_not(run: Path) -> None:
    trained = Model(run).evaluate(Judging(samples=2000))
    assert trained["divergence"].value < 0.15 and trained["points-on-data"].value > 0.9
    assert trained["distance-from-half"].value < 0.1 and trained["value-from-log-4"].value < 0.1
    torch.manual_seed(0)
    untrained = points(facts("gaussian")).eval()
    untrained.discriminator.layers[-1].bias.data.fill_(2.0)
    cards = evaluate(untrained, {"facts": facts("gaussian")}, Judging(samples=2000))
    assert cards["divergence"].value > 0.3 and cards["distance-from-half"].value > 0.2 and cards["value-from-log-4"].value > 0.2


def test_an_untrained_ring_covers_nothing() -> None:
    torch.manual_seed(0)
    cards = evaluate(points(facts("ring")).eval(), {"facts": facts("ring")}, Judging(samples=1000))
    assert cards["modes-covered"].value == 0 and cards["modes-covered"].extra["bound"] == 8
    assert cards["points-on-data"].value < 0.1


def test_the_page_stands_alone_and_escapes(run: Path) -> None:
    text = (run / "lab.html").read_text()
    assert len(text) < 5_000_000 and "http" not in text.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
    assert "<b>" not in text and text.count("</script>") == 2, "a name is text"
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])  # type: ignore[index]
    assert len(data["moments"]) == 7 and data["moments"][0]["seen"] == 256 and data["moments"][-1]["seen"] >= 60_000
    assert [each["title"] for each in data["plots"]][:2] == ["D(x) and D(G(z))", "V(D, G)"]
    assert (run / "lab.webp").is_file() and len(list((run / "samples").glob("*.png"))) == 7


def test_looking_changes_nothing_of_the_game(tmp_path: Path) -> None:
    def weights(count: int) -> torch.Tensor:
        made = lab.recipe(samples=2560, batch=64, width=16, moments=count, out=tmp_path / str(count)).fit(progress=False)
        return made.game.generator.layers[0].weight

    assert torch.equal(weights(1), weights(5))


def test_sampling_and_scoring_go_through_csv(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for tokens in (["sample", str(run), "-n", "20", "-o", str(tmp_path / "x.csv")], ["score", str(run), str(tmp_path / "x.csv")]):
        with pytest.raises(SystemExit) as left:
            main(tokens)
        assert not left.value.code
    assert "20 points" in (out := capsys.readouterr().out) and out.count("row ") == 20
    assert torch.allclose(reading.table(tmp_path / "x.csv"), Model(run).sample(20), atol=1e-4)


# A user's points.


def test_a_csv_is_taken_in_its_own_units(tmp_path: Path) -> None:
    file = tmp_path / "points.csv"
    rows = torch.randn(200, 2, generator=torch.Generator().manual_seed(0)) * 50 + torch.tensor([1000.0, -7.0])
    file.write_text("height,weight\n" + "".join(f"{x},{y}\n" for x, y in rows.tolist()))
    data = reading.find(file)
    assert data.centres.abs().max() <= 1.3001 and torch.allclose(data.outward(data.centres), rows, rtol=1e-4, atol=0.02)
    assert torch.allclose(data.inward(rows), data.centres, atol=1e-4)
    made = lab.recipe(data=file, samples=512, batch=64, width=8, moments=1, out=tmp_path / "run").fit(progress=False)
    assert made.facts["dimensions"] == 2
    reading.write_points(tmp_path / "again.csv", data.outward(data.centres))
    assert torch.allclose(reading.table(tmp_path / "again.csv"), rows, rtol=1e-3, atol=0.1)
    file.write_text("".join(f"{x},{y}\n" for x, y in (rows + 1).tolist()))
    with pytest.raises(UserError, match="not what the run was trained on"):
        Model(tmp_path / "run").evaluate(Judging(samples=50))


def test_a_drawing_becomes_points(tmp_path: Path) -> None:
    sheet = Image.new("RGBA", (40, 20), (0, 0, 0, 0))
    sheet.paste((10, 10, 10, 255), (0, 0, 20, 5))
    sheet.save(tmp_path / "sheet.png")
    data = reading.find(tmp_path / "sheet.png")
    assert len(data.centres) == 100 and data.dimensions == 2
    assert data.centres[0, 1] > data.centres[-1, 1], "up is up"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1\n" * 49, "49 points: a distribution needs at least 50"),
        ("1,2,3\n" * 60, "line 1: 3 numbers where 1 or 2 are wanted"),
        ("1,2\n" * 60 + "1\n", "line 61: 1 numbers where 2 are wanted"),
        ("1\n" * 60 + "nan\n", "line 61: 'nan' is not one or two finite numbers"),
        ("1\n" * 60 + "many\n", "line 61: 'many' is not"),
        ("1\n" * 60, "all points are the same"),
    ],
)
def test_bad_points_are_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(UserError, match=re.escape(words)):
        reading.find(tmp_path / "bad.csv")


def test_bad_files_and_options_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("L", (30, 30), 255).save(tmp_path / "white.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe1\n")
    bad = [["--data", str(tmp_path / name)] for name in ("white.png", "broken.png", "bytes.csv", "none.csv")]
    for options in [*bad, ["--final", "0"], ["--gamma", "0"], ["--latent", "0"], ["--objective", "best"], ["--data", "rnig"]]:
        with pytest.raises(SystemExit) as left:
            main(["train", "lab", *options, "--out", str(tmp_path / "run")])
        assert left.value.code == 2 and len(capsys.readouterr().err.strip().splitlines()) == 1, options
    assert not (tmp_path / "run").exists()
