"""Private tables: what is spent, what a row can add, noisy counts, and the contract of games as far as it can hold."""

import copy
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from rivals import testing
from rivals.core.errors import UserError
from rivals.core.store import Store
from rivals.core.trainer import Trainer
from rivals.core.types import Tensor
from rivals.games.gan import Sample
from rivals.tasks import tables
from rivals.tasks.tables import private
from rivals.tasks.tables.data import Block, Form, Schema, find_constraints, infer, parse
from rivals.tasks.tables.data.encode import Quantile
from rivals.tasks.tables.histograms import edges, learnt, listed, nearest
from rivals.tasks.tables.layout import Layout
from rivals.tasks.tables.networks import Discriminator, Generator
from rivals.tasks.tables.private import Poisson, Privacy, PrivateGAN, judge, secret, train_privately
from rivals.tasks.tables.spending import Releases, plan, spent
from rivals.tasks.tables.training import Settings, Table, parted

BLOCKS = (Block("colour", "choice", 3, None), Block("length", "number", 1, None))
DELTA = 1e-6


def rows(count: int = 64) -> Tensor:
    noise = torch.Generator().manual_seed(0)
    return torch.stack([torch.randint(3, (count,), generator=noise).float(), torch.randn(count, generator=noise)], 1)


def game(*, noise: float = 1.0, clip: float = 1.0, batch: int = 8) -> PrivateGAN:
    layout = Layout(BLOCKS, 4)
    players = Generator(layout, latent=4, width=16), judge(layout, 16)
    return PrivateGAN(*players, batch=batch, clip=clip, noise=noise, levels=[[0.2, 0.3, 0.5]], moves=2)


def frame(count: int = 3000) -> tuple[pd.DataFrame, Schema]:
    random = np.random.default_rng(0)
    pay = random.gamma(2, 900, count).round(2)
    pay[: count // 5] = 0.0
    text = pd.DataFrame(
        {
            "town": random.choice(["Ulm", "Aalen", "Ehingen"], count, p=[0.7, 0.2, 0.1]),
            "age": random.integers(18, 99, count).astype(str),
            "pay": [f"{each:.2f}" for each in pay],
            "loan": [None if at % 4 == 0 else str(each) for at, each in enumerate(random.normal(5, 1, count))],
        }
    )
    text["land"] = text["town"].map({"Ulm": "BW", "Aalen": "BW", "Ehingen": "DE"})
    schema = infer(text, {})
    return parse(text, schema), schema


# What is spent.
def by_orders(noise: float, steps: int) -> float:
    """Of `steps` Gaussian mechanisms, from Mironov 2017 (prop. 7) and Balle et al. 2020 (th. 21), over a fine grid of orders."""
    orders = np.linspace(1.01, 400, 40_000)
    found = steps * orders / (2 * noise**2) + np.log1p(-1 / orders) - (math.log(DELTA) + np.log(orders)) / (orders - 1)
    return float(found.min())


def by_tails(noise: float, steps: int) -> float:
    """The least epsilon of `steps` Gaussian mechanisms, exactly: Balle and Wang 2018, arXiv:1805.06530, theorem 8."""
    mu = math.sqrt(steps) / noise

    def delta(epsilon: float) -> float:
        first, second = (0.5 * math.erfc((epsilon / mu + side * mu / 2) / math.sqrt(2)) for side in (-1, 1))
        return first - math.exp(epsilon) * second

    low, high = 0.0, 50.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if delta(middle) > DELTA else (low, middle)
    return high


@pytest.mark.parametrize(("noise", "steps"), [(10.0, 1), (10.0, 100), (40.0, 2000), (3.0, 4)])
def test_without_sampling_it_is_the_closed_form_of_composed_gaussians(noise: float, steps: int) -> None:
    found = spent([Releases(noise, 1.0, steps)], DELTA)
    assert found == pytest.approx(by_orders(noise, steps), rel=2e-3)
    assert by_tails(noise, steps) <= found <= 1.15 * by_tails(noise, steps)  # a bound, and a near one


def test_releases_add_up() -> None:
    both = spent([Releases(10.0, 1.0, 30), Releases(10.0, 1.0, 70)], DELTA)
    assert both == pytest.approx(spent([Releases(10.0, 1.0, 100)], DELTA))
    assert spent([], DELTA) == 0 and spent([Releases(0.0, 0.5, 1)], DELTA) == math.inf


def test_sampling_spends_less() -> None:
    assert (
        spent([Releases(2.0, 0.1, 100)], DELTA)
        < spent([Releases(2.0, 0.5, 100)], DELTA)
        < spent([Releases(2.0, 1.0, 100)], DELTA)
    )


@pytest.mark.parametrize("epsilon", [0.5, 3.0])
def test_a_plan_spends_what_it_may_and_hardly_less(epsilon: float) -> None:
    made = plan(epsilon, DELTA, 0.1, 400)
    assert 0.99 * epsilon < made.epsilon <= epsilon
    assert made.epsilon == spent([made.histograms, made.training], DELTA)
    assert made.histograms.rate == 1 and made.histograms.steps == 1
    assert spent([made.histograms], DELTA) <= 0.1 * epsilon


@pytest.mark.parametrize(
    ("epsilon", "delta"), [(0.0, DELTA), (-1.0, DELTA), (math.nan, DELTA), (1.0, 0.0), (1.0, 1.0), (1e-9, DELTA)]
)
def test_a_budget_that_cannot_be_kept_is_refused(epsilon: float, delta: float) -> None:
    with pytest.raises(UserError, match="epsilon"):
        plan(epsilon, delta, 0.1, 400)


def test_no_opacus_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in sys.modules if each.partition(".")[0] == "opacus"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opacus", None)
    for call in (game().optimizers, lambda: plan(3.0, DELTA, 0.1, 10)):
        with pytest.raises(UserError, match=r"pip install 'rivals\[dp\]'"):
            call()


# What a row can add.
def moved(batch: Tensor, *, clip: float) -> list[Tensor]:
    """What the discriminator's gradient is after a move on these rows without noise, times `batch`."""
    torch.default_generator.manual_seed(0)
    made = game(noise=0.0, clip=clip)
    made.optimizers()
    torch.default_generator.manual_seed(1)
    made.told = 0.0  # else how many rows there are would change the draws
    made.train()
    with torch.no_grad():
        fake = made.generator(made._latents(8), made._wanted())
    wide = torch.cat([made.layout.wide(batch), fake]).requires_grad_()
    sign = torch.cat([-torch.ones(len(batch)), torch.ones(8)])
    losses = made._clipped(wide, wide.new_full((len(wide), 2), -1).detach(), sign)
    return list(torch.autograd.grad(losses.sum(), learning(made)))


def learning(made: PrivateGAN) -> list[nn.Parameter]:
    return [each for each in made.discriminator.parameters() if each.requires_grad]


def length(gradients: list[Tensor]) -> float:
    return torch.cat([each.flatten() for each in gradients]).norm().item()


def test_a_row_adds_at_most_the_clip_however_wild_it_is() -> None:
    added = {}
    for clip in (0.1, 1e9):
        without = moved(rows(5), clip=clip)
        for value in (-1e4, 1e4):  # of one of them the discriminator is sure already
            with_it = moved(torch.cat([rows(5), torch.tensor([[1.0, value]])]), clip=clip)
            added[clip, value] = length([a - b for a, b in zip(with_it, without, strict=True)])
    assert max(added[1e9, -1e4], added[1e9, 1e4]) > 100
    assert max(added[0.1, -1e4], added[0.1, 1e4]) == pytest.approx(0.1, rel=1e-3)


def test_each_row_is_clipped_by_its_own_gradient() -> None:
    """Ghost clipping against gradients that are written out, row by row."""
    torch.default_generator.manual_seed(0)
    made = game(clip=0.5)
    made.optimizers()
    wide, told = made.layout.wide(rows(6)).requires_grad_(), torch.tensor([[0.0, 1.0], [-1.0, -1.0]]).repeat(3, 1)
    parameters = learning(made)
    losses = made._clipped(wide, told, -torch.ones(6))
    found = torch.autograd.grad(losses.sum(), parameters)
    wanted = [torch.zeros_like(each) for each in parameters]
    for at in range(6):
        own = torch.autograd.grad(softplus(-made.discriminator(wide[at : at + 1], told[at : at + 1])).sum(), parameters)
        for total, each in zip(wanted, own, strict=True):
            total += each * min(1.0, 0.5 / length(list(own)))
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_the_noise_has_the_deviation_that_is_accounted() -> None:
    """With a clip that leaves nothing of the rows, the step is the noise: noise C / batch in each weight."""
    made = game(noise=3.0, clip=1e-3)
    optimizer = made.optimizers()["discriminator"]
    parameters = learning(made)
    for each in parameters:
        each.grad = torch.zeros_like(each)
    optimizer.step()
    noise = torch.cat([each.grad.flatten() for each in parameters if each.grad is not None])
    assert noise.std().item() == pytest.approx(3.0 * 1e-3 / 8, rel=0.1)


def test_generator_moves_are_plain_and_the_log_tells_nothing_of_real_rows() -> None:
    one, other = (Trainer(testing.build(game), Poisson(Sample(each), 0), samples=64, batch=8, device="cpu")
                  for each in (rows(), rows() * torch.tensor([0.0, 0.0])))  # fmt: skip
    told = [trainer.play() for trainer in (one, other)]
    assert told[0].losses["discriminator.real"] == told[1].losses["discriminator.real"] == 0
    assert not told[0].observed and set(told[0].losses) == {"discriminator.real", "discriminator.fake", "generator.adversarial"}
    assert one.seen == 16  # two moves of the discriminator: the generator draws nothing
    assert all(not hasattr(module, "activations") or not module.activations for module in one.game.modules())


def test_the_generator_learns_nothing_of_real_rows_but_through_the_discriminator() -> None:
    first = Trainer(testing.build(game), Poisson(Sample(rows()), 0), samples=64, batch=8, device="cpu")
    second = Trainer(testing.build(game), Poisson(Sample(rows().flip(0) * 0), 0), samples=64, batch=8, device="cpu")
    for trainer in (first, second):  # a discriminator that learns nothing
        trainer.optimizers["discriminator"].param_groups[0]["lr"] = 0.0
        trainer.play()
    assert testing.fingerprint(first.game.generator.state_dict()) == testing.fingerprint(second.game.generator.state_dict())


class Packed(Discriminator):
    pack = 2


@pytest.mark.parametrize(
    "discriminator",
    [Packed(Layout(BLOCKS, 4), width=16), nn.Sequential(nn.Linear(9, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))],
)
def test_what_mixes_rows_is_refused(discriminator: nn.Module) -> None:
    generator = Generator(Layout(BLOCKS, 4), latent=4, width=16)
    with pytest.raises(UserError, match="each row alone"):
        PrivateGAN(generator, discriminator, batch=8, clip=1.0, noise=1.0, levels=[[0.2, 0.3, 0.5]])


# Sampling.
def test_rows_are_drawn_apart_and_again_from_any_place() -> None:
    data = Poisson(Sample(torch.arange(1000.0)[:, None]), 3)
    stream = data(0, 100, 100)
    drawn = [next(stream).data for _ in range(200)]
    counts = torch.tensor([len(each) for each in drawn]).double()
    assert counts.mean().item() == pytest.approx(100, abs=3) and counts.std().item() == pytest.approx(math.sqrt(90), rel=0.25)
    assert all(len(each.unique()) == len(each) for each in drawn)
    assert torch.equal(next(data(1700, 100, 100)).data, drawn[17])
    assert not torch.equal(next(Poisson(data.rows, 4)(0, 100, 100)).data, drawn[0])


def test_several_processes_are_refused() -> None:
    with pytest.raises(UserError, match="one process"):
        Poisson(Sample(rows()), 0)(0, 4, 8)


def test_a_move_may_meet_no_row() -> None:
    trainer = Trainer(testing.build(game), Poisson(Sample(rows(1)), 0), samples=64, batch=8, device="cpu")
    trainer.data = lambda seen, size, stride: iter([Sample(rows(1)[:0])] * 2)
    assert math.isfinite(trainer.play().losses["discriminator.fake"].item())


# The contract of games.
DATA = Poisson(Sample(rows()), 0)


def test_the_private_game_keeps_the_contract(tmp_path: Path) -> None:
    """All but several processes, which are refused, and micro-batches: the game is `coupled`."""
    testing.check_moves(testing._trainer(game, DATA, 8, 4))
    testing.check_sampling(testing._trainer(game, DATA, 8, 4), next(DATA(0, 8, 8)))
    testing.check_state(game, DATA, 8, 4)
    testing.check_resume(lambda run: testing._trainer(game, DATA, 8, 4, store=Store(run)), tmp_path)
    testing.check_bf16(game, DATA, 8, 4)
    assert game().coupled


# Counts with noise.
def formed() -> tuple[Form, pd.DataFrame]:
    table, schema = frame()
    known = listed(schema)
    return Form.fit(table, known, constraints=find_constraints(table, known)), table


def test_counts_that_cannot_be_are_mended() -> None:
    random = np.random.default_rng(0)
    noisy = random.normal(0, 10, 40) + np.arange(40)
    made = nearest(noisy, 700.0)
    assert made.min() >= 0 and made.sum() == pytest.approx(700)
    for _ in range(100):  # none that is allowed is nearer
        other = random.dirichlet(np.ones(40)) * 700
        assert np.square(noisy - made).sum() <= np.square(noisy - other).sum()
    assert nearest(np.array([-5.0, -9.0]), 0.0).sum() == pytest.approx(1.0)


def test_without_noise_the_form_is_nearly_the_plain_one() -> None:
    form, table = formed()
    made = learnt(form, table, 0.0, 0).form
    assert made.blocks == form.blocks
    back = made.decode(made.encode(table), seed=0)
    for name in ("town", "land"):
        assert (back[name] == table[name]).all()
    assert (back["loan"].isna() == table["loan"].isna()).all()
    assert (back["age"] - table["age"]).abs().max() <= 2  # bins are two years wide
    assert ((back["pay"] == 0) == (table["pay"] == 0)).mean() > 0.99
    assert made.encode(table)[:, -1].abs().max() <= 3.5


def test_what_is_learnt_of_rows_has_noise_and_nothing_else_changes_with_them() -> None:
    form, table = formed()
    made, again, other = (learnt(form, table, 10.0, seed) for seed in (1, 1, 2))
    assert made.form.as_dict() == again.form.as_dict() and made.levels == again.levels
    quantiles = [[part.encoder.knots for part in each.form.parts if isinstance(part.encoder, Quantile)] for each in (made, other)]
    assert len(quantiles[0]) == 3 and all(one != two for one, two in zip(*quantiles, strict=True))
    assert all(one != two for one, two in zip(made.levels, other.levels, strict=True))
    assert all(sum(shares) == pytest.approx(1) and min(shares) >= 0 for shares in made.levels)
    column = made.form.schema.column("loan")
    assert column.missing != form.schema.column("loan").missing and 0.2 < column.missing < 0.3
    assert Form.from_dict(json.loads(json.dumps(made.form.as_dict()))) == made.form


def test_order_by_frequency_and_counts_are_left_out() -> None:
    table, schema = frame()
    assert schema.column("town").levels[0] == "Ulm"
    known = listed(schema)
    assert known.column("town").levels == ("Aalen", "Ehingen", "Ulm")
    assert {each.missing for each in known.columns} == {0.0, 1.0} and {each.distinct for each in known.columns} == {0}
    form = learnt(Form.fit(table, known, constraints=["fixed town land"]), table, 1.0, 0).form
    assert form.kept.combined[0].combinations == (("Aalen", "BW"), ("Ehingen", "DE"), ("Ulm", "BW"))


def test_every_count_is_released_with_the_noise_of_all_of_them() -> None:
    """The deviation of a level's count is noise sqrt(K), K the number of histograms."""
    table, schema = frame(400)
    form = Form.fit(table[["town"]], listed(Schema(schema.columns[:1], 400)))
    plain = learnt(form, table[["town"]], 0.0, 0).levels[0]
    shift = [np.array(learnt(form, table[["town"]], 5.0, seed).levels[0]) - plain for seed in range(150)]
    assert np.std(shift) * 400 == pytest.approx(5.0 * math.sqrt(2 / 3), rel=0.15)  # the sum of the three is known


def test_bins_favour_no_value() -> None:
    whole = Quantile((), False, (0.0,), (), 0, 17.0, 90.0)
    assert np.unique(np.diff(edges(whole))).tolist() == [2.0] and edges(whole)[0] == 16.5 and edges(whole)[-1] >= 90.5
    assert len(edges(Quantile((), False, (0.0,), (), None, 0.0, 1.0))) == 65
    assert len(edges(Quantile((), False, (0.0,), (), None, 2.0, 2.0))) == 65


# The run.
def table() -> Table:
    found, schema = frame(600)
    return parted(found, schema, 500, 0)


FACTS = {"target": None, "bins": 4, "latent": 4, "width": 16, "told": 0.5}


def settings(out: Path, **changed: Any) -> Settings:
    told = {"samples": 1600, "batch": 100, "micro": None, "seed": 5, "device": "cpu", "precision": "fp32", "workers": 0}
    return Settings(**(told | {"out": out, "name": "x"} | changed))


def test_a_run_keeps_its_budget_in_its_facts(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"epsilon 2.99 at delta 9e-05|epsilon 3 at delta 9e-05"):
        trainer = train_privately(table(), ["auto"], FACTS, settings(tmp_path / "run"), Privacy(3.0, None, 1.0), 1e-3)
    told = trainer.facts["private"]
    assert told["epsilon"] <= 3 and told["steps"] == 20 and told["sampling rate"] == 0.2 and told["delta"] == 500**-1.5
    assert spent([Releases(told["histogram noise"], 1.0, 1), Releases(told["noise"], 0.2, 20)], told["delta"]) <= 3.0
    assert isinstance(trainer.game, PrivateGAN) and trainer.game.noise == told["noise"]
    steps = sum(len(report.losses) > 0 for report in trainer) * trainer.game.moves
    assert steps == told["steps"]
    made = trainer.sample(50)
    assert list(made.columns) == ["town", "age", "pay", "loan", "land"] and len(made) == 50
    again = private.game(json.loads((tmp_path / "run" / "run.json").read_text())["facts"])
    again.load_state_dict(copy.deepcopy(trainer.game.state_dict()))


def test_micro_batches_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="micro"):
        train_privately(table(), ["none"], FACTS, settings(tmp_path, micro=10), Privacy(3.0, DELTA, 1.0), 1e-3)


def test_the_first_levels_are_the_noisy_shares(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="epsilon"):
        trainer = train_privately(table(), ["none"], FACTS, settings(tmp_path), Privacy(math.inf, DELTA, 1.0), 1e-3)
    share = trainer.facts["private"]["levels"][0]
    found = trainer.sample(2000)["town"].value_counts(normalize=True)
    assert found["Ulm"] == pytest.approx(share[2], abs=0.15)


def test_nobodys_seed_is_everybodys() -> None:
    assert secret(7) == 7 and secret(0) != secret(0) and 0 < secret(0) < 2**63


def test_the_recipe_draws_a_secret_seed_and_goes_on_with_it(tmp_path: Path) -> None:
    data, run = tmp_path / "x.csv", tmp_path / "run"
    found, _ = frame(200)
    found.to_csv(data, index=False)

    def make(**arguments: Any) -> Any:
        with pytest.warns(UserWarning, match="keep both secret"):
            return tables.recipe(data, width=16, bins=4, samples=5000, batch=100, epsilon=8.0, out=run, **arguments)

    trainer = make()
    seed = trainer.origin["arguments"]["seed"]
    assert seed > 0 and trainer.seed == seed and trainer.data.seed == seed
    for report in trainer:
        if report.round == 1:
            break
    trainer.store.close()
    arguments = Store(run).record()["arguments"]
    assert arguments["seed"] == seed and Store(run).record()["facts"]["form"]["seed"] != seed
    again = make(seed=seed).resume()
    assert again.round == 1 and again.facts["private"] == trainer.facts["private"]
    for _ in again:
        pass
    assert again.round == 5
    assert all("D(x)" not in line and line["discriminator.real"] == 0 for line in Store(run).lines())
