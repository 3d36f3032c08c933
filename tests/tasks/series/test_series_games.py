"""Both games of series keep the contract; known steps come out as they went in; a run can be sampled, continued, judged."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from series_files import customers, walk

from rivals.core.errors import UserError
from rivals.core.stream import Stream
from rivals.games.gan import Sample
from rivals.media.wanted import Wanted
from rivals.metrics import Judging
from rivals.model import Model
from rivals.tasks import series
from rivals.tasks.series import timegan
from rivals.tasks.series.data import Columns, Data, Windows, load
from rivals.tasks.series.game import SeriesGAN
from rivals.tasks.series.networks import Discriminator, Generator
from rivals.tasks.series.recurrent import TimeGAN
from rivals.testing import check_game


def entities(folder: Path) -> Data:
    return load(customers(folder / "c.csv"), Columns("day", "id", (), ("segment", "age")), Windows())


def made(found: Data) -> SeriesGAN:
    generator = Generator(found.layout, latent=4, width=16, depth=1)
    generator.view.fit(found.train)
    return SeriesGAN(generator, Discriminator(found.layout, width=16, depth=1), continued=0.5)


def test_the_game_of_whole_series_keeps_the_contract(tmp_path: Path) -> None:
    found = entities(tmp_path)
    check_game(lambda: made(found), Stream.over(Sample(made(found).generator.view.encode(found.train))))


def test_timegan_keeps_the_contract() -> None:
    data = Sample(torch.rand(40, 6, 3, generator=torch.Generator().manual_seed(0)))
    check_game(lambda: TimeGAN(channels=3, steps=6, hidden=6, layers=2, rounds=(1, 1)), Stream.over(data))


def test_timegan_waits_for_a_strong_discriminator() -> None:
    game = TimeGAN(channels=2, steps=4, hidden=4, layers=1, rounds=(0, 0))
    data = Sample(torch.rand(8, 4, 2))

    class Play:
        round, progress = 0, 0.0
        moves: list[torch.nn.Module] = []  # noqa: RUF012

        def draw(self) -> Sample:
            return data

        def move(self, player: torch.nn.Module, loss: object, batch: Sample | None = None) -> dict[str, torch.Tensor]:
            self.moves.append(player)
            return {"real": torch.tensor(0.1)}

    play = Play()
    game.round(play)
    assert play.moves.count(game.discriminator) == 1 and game.strong == 1
    game.round(play)
    assert play.moves.count(game.discriminator) == 1 and game.strong == 0, "it waits for one round"
    game.round(play)
    assert play.moves.count(game.discriminator) == 2 and play.moves.count(game.generator) == 6


def test_the_view_comes_back(tmp_path: Path) -> None:
    found = entities(tmp_path)
    view = made(found).generator.view
    back = view.decode(view.encode(found.train))
    assert np.allclose(back.values, found.train.values, atol=1e-4)
    assert (back.lengths == found.train.lengths).all()
    assert (back.attributes[:, 0] == found.train.attributes[:, 0]).all()
    assert np.abs(back.attributes[:, 1] - found.train.attributes[:, 1]).max() <= 3  # of 65 quantiles


def test_a_new_generator_draws_what_a_normal_distribution_would(tmp_path: Path) -> None:
    found = load(walk(tmp_path / "w.csv", 2000), Columns(), Windows(length=8))
    assert found.layout.joint
    game = made(found)
    samples = game.generator.view.colour(game.sample(20_000, noise=torch.Generator().manual_seed(0)).detach()).flatten(1)
    flat = torch.from_numpy(found.train.values).flatten(1).float()
    scale = torch.tensor([each.deviation for each in found.layout.channels]).repeat(8)
    assert torch.allclose(torch.cov(samples.T), torch.cov((flat / scale).T), atol=0.06)


def test_known_steps_and_attributes_come_out_as_they_went_in(tmp_path: Path) -> None:
    found = entities(tmp_path)
    game, known = made(found), made(found).generator.known
    with torch.no_grad():
        torch.nn.init.normal_(game.generator.series[-1].weight, generator=torch.Generator().manual_seed(0))
    data = game.generator.view.encode(found.train.rows(np.arange(20)))
    flat = known.steps * known.channels
    x = game.generator.view.colour(data[:, :flat])
    condition = known.of(x, data[:, flat : flat + known.codes], torch.full((20,), 5), torch.ones(20))
    out = game.decode(game.sample(20, given=Sample.wanted(condition), noise=torch.Generator().manual_seed(1)).detach())
    real = found.train.rows(np.arange(20))
    assert np.allclose(out.values[:, :5], real.values[:, :5], atol=1e-3)
    assert not np.allclose(out.values[:, 5:8], real.values[:, 5:8], atol=1e-1)
    assert (out.attributes[:, 0] == real.attributes[:, 0]).all() and (out.lengths >= 5).all()
    for at, length in enumerate(out.lengths):
        assert np.allclose(out.values[at, length:], out.values[at, length - 1], atol=1e-3)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run on sixty customers."""
    folder = tmp_path_factory.mktemp("series")
    file = customers(folder / "c.csv")
    trainer = series.recipe(
        data=file, time="day", entity="id", attributes="segment,age", samples=4000, width=32, batch=32, out=folder / "run"
    )
    trainer.fit(progress=False)
    return folder / "run"


def test_sampling_writes_a_long_file_with_stamps_and_a_note(run: Path, tmp_path: Path) -> None:
    model = Model(run)
    told = model.task.draw(model, Wanted(30, 3, tmp_path / "s.csv"))
    assert "30 synthetic series" in told
    table = pd.read_csv(tmp_path / "s.csv")
    assert list(table.columns) == ["id", "day", "segment", "age", "a", "b"] and table.id.nunique() == 30
    for _, one in table.groupby("id"):
        assert (pd.to_datetime(one.day).diff().dropna() == pd.Timedelta(days=1)).all() and one.segment.nunique() == 1
    assert set(table.segment) <= {"A", "B"} and table.b.dtype == int and table.age.between(18, 80).all()
    assert '"synthetic": true' in (tmp_path / "s.csv.card.json").read_text()
    model.task.draw(model, Wanted(30, 3, tmp_path / "s.parquet"))
    parquet = pd.read_parquet(tmp_path / "s.parquet")
    assert np.allclose(parquet.a, table.a) and str(parquet.day.dtype).startswith("datetime64")
    with pytest.raises(UserError, match="exists"):
        model.task.draw(model, Wanted(30, 3, tmp_path / "s.csv"))
    with pytest.raises(UserError, match="--where"):
        model.task.draw(model, Wanted(3, 3, tmp_path / "t.csv", where=("segment=A",)))


def test_continuing_a_beginning(run: Path, tmp_path: Path) -> None:
    model = Model(run)
    begun = tmp_path / "begun.csv"
    begun.write_text("id,day,segment,age,a,b\n" + "".join(f"x,2026-03-0{d},B,44,0.5,1\n" for d in range(1, 6)))
    model.task.draw(model, Wanted(4, 0, tmp_path / "on.csv", given=begun))
    table = pd.read_csv(tmp_path / "on.csv")
    assert list(table.id.unique()) == ["x-1", "x-2", "x-3", "x-4"]
    assert (table.segment == "B").all() and (table.age == 44).all()
    assert (table.groupby("id").day.min() == "2026-03-06 00:00:00").all() or (table.groupby("id").day.min() == "2026-03-06").all()
    again = series.continue_(model, begun, 4)
    assert np.allclose(again.a.round(2), table.a), "the same seed gives the same continuation"
    begun.write_text("id,day,segment,age,a,b\n" + "".join(f"x,2026-03-0{d},C,44,0.5,1\n" for d in range(1, 6)))
    with pytest.raises(UserError, match="'C' is not one of A, B"):
        series.continue_(model, begun, 4)


def test_scores_and_cards(run: Path) -> None:
    model = Model(run)
    cards = model.judge(Judging(samples=20))
    assert {"series-detection", "lengths", "attribute-means", "cross-correlation"} <= set(cards)
    assert {"multivariate normal", "random walk", "bound"} <= {*cards["autocorrelation"].beside, "bound"}
    assert (run / "judged" / "series.png").is_file() and (run / "report.html").is_file()
    file = Path(model.record["facts"]["source"]["path"])
    scores = model.score([file])
    assert len(scores) == 60 and all(np.isfinite(each.score) for each in scores)
    with pytest.raises(UserError, match="unknown metric"):
        model.evaluate(Judging(metric="frechet"))


def test_timegan_from_file_to_samples(tmp_path: Path) -> None:
    file = walk(tmp_path / "w.csv")
    timegan.recipe(data=file, length=6, samples=640, batch=32, hidden=6, layers=1, out=tmp_path / "run").fit(progress=False)
    model = Model(tmp_path / "run")
    model.task.draw(model, Wanted(5, 0, tmp_path / "s.csv"))
    table = pd.read_csv(tmp_path / "s.csv")
    real = pd.read_csv(file)
    assert len(table) == 30 and table.x.between(real.x.min(), real.x.max()).all()
    assert len(model.score([file])) == 66
    with pytest.raises(UserError, match="--continued"):
        model.task.draw(model, Wanted(5, 0, tmp_path / "t.csv", given=file))
    with pytest.raises(UserError, match="equal length"):
        timegan.recipe(data=customers(tmp_path / "c.csv"), entity="id", time="day", channels="a,b")
