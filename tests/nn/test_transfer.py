"""Transfer: which tensors of another run reach a game, exactly, at other classes, channels and resolutions."""

from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn
from torch.nn.utils import parametrizations

from rivals.core.errors import UserError
from rivals.core.store import Store
from rivals.core.stream import Stream
from rivals.core.trainer import Trainer
from rivals.core.types import Tensor
from rivals.games.gan import GAN, Sample
from rivals.nn.condition import Embed
from rivals.nn.format import Format
from rivals.nn.head import Head
from rivals.nn.normalise import spectral
from rivals.nn.transfer import MEAN, fit_weights, meet, transfer

WIDTH, LATENT = 6, 5


class Generator(nn.Module):
    """Stages from the smallest resolution, 2 pixels, on."""

    def __init__(self, channels: int, classes: int, stages: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(classes, LATENT)
        self.begin = nn.Linear(LATENT, WIDTH)
        self.stages = nn.ModuleList(nn.ConvTranspose2d(WIDTH, WIDTH, 2, 2) for _ in range(stages))
        self.paint = nn.Conv2d(WIDTH, channels, 1)

    def forward(self, z: Tensor, condition: Tensor) -> Tensor:
        x = self.begin(z + self.embed(condition))[:, :, None, None]
        for stage in self.stages:
            x = stage(x).relu()
        picture: Tensor = self.paint(x)
        return picture


class Discriminator(nn.Module):
    def __init__(self, channels: int, classes: int, stages: int) -> None:
        super().__init__()
        self.see = nn.Conv2d(channels, WIDTH, 1)
        self.stages = nn.ModuleList(nn.Conv2d(WIDTH, WIDTH, 2, 2) for _ in range(stages))
        self.embed = nn.Embedding(classes, WIDTH)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        x = self.see(x)
        for stage in reversed(self.stages):
            x = stage(x).relu()
        return (x.flatten(1) * self.embed(condition)).sum(1)


def made(channels: int = 3, classes: int = 4, stages: int = 2, seed: int = 0) -> GAN:
    torch.manual_seed(seed)
    size = channels, classes, stages
    return GAN(Generator(*size), Discriminator(*size), latent=LATENT, classes=classes)


def trained(game: GAN, folder: Path, samples: int, channels: int = 3) -> Trainer[Sample]:
    data = Stream.over(Sample(torch.rand(16, channels, 4, 4), torch.arange(16) % 4))
    return Trainer(game, data, samples=samples, batch=4, half_life=100.0, save_every=8, store=Store(folder), device="cpu")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of `made()`."""
    folder = tmp_path_factory.mktemp("runs") / "start"
    for _ in trained(made(), folder, 16):
        pass
    return folder


@pytest.fixture(scope="module")
def weights(run: Path) -> dict[str, dict[str, Tensor]]:
    return Store(run).read_weights()


def test_the_same_networks_start_as_the_averages(
    run: Path, weights: dict[str, dict[str, Tensor]], capsys: pytest.CaptureFixture[str]
) -> None:
    game = made(seed=1)
    transfer(game, run)
    for name, player in game.players().items():
        assert player.state_dict().keys() == weights[name].keys()
        for key, tensor in player.state_dict().items():
            assert torch.equal(tensor, weights[name][key]), f"{name}.{key}"
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == f"generator from {run}: 9 tensors loaded\ndiscriminator from {run}: 7 tensors loaded\n"


def test_the_averages_of_the_new_run_start_there_too(run: Path, weights: dict[str, dict[str, Tensor]], tmp_path: Path) -> None:
    game = made(seed=1)
    transfer(game, run)
    with trained(game, tmp_path, 16).averaged() as average:
        assert torch.equal(average.generator.paint.weight, weights["generator"]["paint.weight"])


def test_nothing_to_start_from_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    game, other = made(seed=1), made(seed=1)
    transfer(game, None)
    assert all(torch.equal(a, b) for a, b in zip(game.state_dict().values(), other.state_dict().values(), strict=True))
    assert capsys.readouterr() == ("", "")


# Other shapes.


def test_more_classes_keep_the_old_rows_and_begin_at_their_mean(
    run: Path, weights: dict[str, dict[str, Tensor]], capsys: pytest.CaptureFixture[str]
) -> None:
    game = made(classes=6, seed=1)
    transfer(game, run)
    for name in ("generator", "discriminator"):
        table, old = game.get_submodule(name).embed.weight, weights[name]["embed.weight"]
        assert torch.equal(table[:4], old) and torch.equal(table[4:], old.mean(0, keepdim=True).expand(2, -1))
    assert "8 tensors loaded, 1 adapted (embed.weight 4x5 -> 6x5)" in capsys.readouterr().err


def test_fewer_classes_keep_the_first_rows(run: Path, weights: dict[str, dict[str, Tensor]]) -> None:
    game = made(classes=2, seed=1)
    transfer(game, run)
    assert torch.equal(game.generator.embed.weight, weights["generator"]["embed.weight"][:2])


def test_grey_is_the_mean_of_the_colours(run: Path, weights: dict[str, dict[str, Tensor]]) -> None:
    game, colours = made(channels=1, seed=1), made(seed=1)
    transfer(game, run)
    transfer(colours, run)
    g, d = weights["generator"], weights["discriminator"]
    assert torch.equal(game.generator.paint.weight, g["paint.weight"].mean(0, keepdim=True))
    assert torch.equal(game.generator.paint.bias, g["paint.bias"].mean(0, keepdim=True))
    torch.testing.assert_close(game.discriminator.see.weight, d["see.weight"].sum(1, keepdim=True))
    z, labels = torch.randn(3, LATENT), torch.arange(3)
    grey = colours.generator(z, labels).mean(1, keepdim=True)
    torch.testing.assert_close(game.generator(z, labels), grey)
    torch.testing.assert_close(game.discriminator(grey, labels), colours.discriminator(grey.expand(-1, 3, -1, -1), labels))


def test_transparency_joins_the_colours_and_grey_becomes_colour(run: Path, weights: dict[str, dict[str, Tensor]]) -> None:
    game = made(channels=4, seed=1)
    transfer(game, run)
    paint, see = weights["generator"]["paint.weight"], weights["discriminator"]["see.weight"]
    assert torch.equal(game.generator.paint.weight, torch.cat([paint, paint.mean(0, keepdim=True)]))
    assert torch.equal(game.discriminator.see.weight, torch.cat([see, see.mean(1, keepdim=True)], 1) * (3 / 4))
    grey, colours = nn.Conv2d(1, WIDTH, 1), nn.Conv2d(3, WIDTH, 1)
    fitted = fit_weights(colours, grey.state_dict())
    assert torch.equal(colours.weight, grey.weight.expand(-1, 3, -1, -1) * (1 / 3)) and fitted.loaded == ["bias"]


def test_a_transposed_convolution_has_its_channels_the_other_way_round() -> None:
    old, new = nn.ConvTranspose2d(WIDTH, 3, 2), nn.ConvTranspose2d(WIDTH, 1, 2)
    fit_weights(new, old.state_dict())
    assert torch.equal(new.weight, old.weight.mean(1, keepdim=True)) and torch.equal(new.bias, old.bias.mean(0, keepdim=True))


def test_more_resolution_keeps_the_shared_stages(
    run: Path, weights: dict[str, dict[str, Tensor]], capsys: pytest.CaptureFixture[str]
) -> None:
    game, fresh = made(stages=3, seed=1), made(stages=3, seed=1)
    transfer(game, run)
    for name in ("generator", "discriminator"):
        mine, untouched = game.get_submodule(name).state_dict(), fresh.get_submodule(name).state_dict()
        for key in mine:
            assert torch.equal(mine[key], untouched[key] if key.startswith("stages.2.") else weights[name][key]), f"{name}.{key}"
    assert "9 tensors loaded, 2 left as new (stages.2.weight, stages.2.bias)\n" in capsys.readouterr().err
    smaller = made(stages=1, seed=1)
    transfer(smaller, run)
    assert torch.equal(smaller.generator.stages[0].weight, weights["generator"]["stages.0.weight"])
    assert "7 tensors loaded, 2 not used (stages.1.bias, stages.1.weight)\n" in capsys.readouterr().err


def test_another_width_stays_as_it_was() -> None:
    new = nn.Linear(9, 7)
    before = new.weight.clone()
    assert fit_weights(new, nn.Linear(6, 7, bias=False).state_dict()).kept == ["weight", "bias"]
    assert torch.equal(new.weight, before)
    table = nn.Embedding(4, 8)
    assert fit_weights(table, nn.Embedding(4, 6).state_dict()).kept == ["weight"]


def test_normalised_layers_are_found_below_their_parametrization() -> None:
    old, new = (parametrizations.spectral_norm(nn.Embedding(rows, 3)) for rows in (5, 7))
    fitted = fit_weights(new, old.state_dict())
    original = old.state_dict()["parametrizations.weight.original"]
    assert torch.equal(new.state_dict()["parametrizations.weight.original"][:5], original) and not fitted.kept


def test_long_lists_of_names_are_cut_short() -> None:
    player = nn.Sequential(*(nn.Linear(2, 2) for _ in range(5)))
    assert fit_weights(player, {"0.weight": torch.ones(2, 2)}).told() == (
        "1 tensors loaded, 9 left as new (0.bias, 1.weight, 1.bias, 2.weight, 2.bias, 3.weight and 3 more)"
    )


# Classes by name.


def told(names: str, kind: str = "classes") -> dict[str, object]:
    return {"names": names.split(), "classes": 0, "attributes": 0} | {kind: len(names.split())}


def test_classes_meet_by_name_whatever_their_number() -> None:
    meeting = meet(told("coat scarf shirt"), told("bag coat shirt"))
    assert meeting is not None and meeting.rows == [MEAN, 0, 2]
    assert meeting.told() == "2 met by name, 1 new, which begin as the mean of the old (bag), 1 dropped"
    numbers = meet(told("0 1 2 3"), told("1 3"))
    assert numbers is not None and numbers.rows == [1, 3] and numbers.dropped == 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({}, told("a b")),
        (told("a b"), {}),
        (told("0 1"), told("coat shirt")),
        (told("coat shirt"), told("0 1")),
        (told("smile hat", "attributes"), told("smile hat")),
        (told("a b") | {"classes": 0}, told("a b")),
    ],
)
def test_without_names_on_both_sides_classes_go_by_number(old: dict[str, object], new: dict[str, object]) -> None:
    assert meet(old, new) is None


def test_equal_tables_are_permuted_and_spectral_norm_goes_with_them() -> None:
    form = Format(1, 8, 8, classes=3)
    old, new = (Head(form, 5, "auxiliary", wrap=spectral) for _ in range(2))
    fitted = fit_weights(new, old.state_dict(), [2, 0, 1])
    theirs, mine = old.state_dict(), new.state_dict()
    moved = [name for name in mine if name.startswith("classifier")]
    assert len(moved) == 3, "weight, bias and the singular vector"
    assert all(torch.equal(mine[name], theirs[name][[2, 0, 1]]) for name in moved)
    assert sorted(fitted.adapted) == [f"{name} by name" for name in sorted(moved)] and not fitted.kept
    h = torch.randn(4, 5)
    old.eval(), new.eval()
    torch.testing.assert_close(new.classify(h), old.classify(h)[:, [2, 0, 1]])


def test_more_attributes_than_picture_channels_meet_too() -> None:
    old, new = (Embed(Format(1, 8, 8, attributes=count), 7) for count in (5, 6))
    fit_weights(new, old.state_dict(), [4, MEAN, 0, 1, 2, MEAN])
    theirs = old.table.weight
    assert torch.equal(new.table.weight[:, [0, 2, 3, 4]], theirs[:, [4, 0, 1, 2]])
    torch.testing.assert_close(new.table.weight[:, [1, 5]], theirs.mean(1, keepdim=True).expand(-1, 2))


def test_a_table_of_another_width_stays_as_it_was() -> None:
    old, new = (Embed(Format(1, 8, 8, classes=2), width) for width in (3, 4))
    assert fit_weights(new, old.state_dict(), [1, 0]).kept == ["table.weight"]


# Where weights come from.


def test_an_unfinished_run_gives_its_newest_state(tmp_path: Path) -> None:
    trainer = trained(made(), tmp_path / "broken", 100)
    for _ in trainer:
        if trainer.seen >= 24:
            break
    assert trainer.store is not None
    trainer.store.close()
    state, game = Store(tmp_path / "broken").load(), made(seed=1)
    transfer(game, tmp_path / "broken")
    assert torch.equal(game.generator.paint.weight, state["averages"]["generator.paint.weight"])
    assert not torch.equal(game.generator.paint.weight, state["game"]["generator.paint.weight"])
    assert torch.equal(game.discriminator.see.weight, state["game"]["discriminator.see.weight"])


def test_a_folder_of_safetensors_will_do(
    tmp_path: Path, weights: dict[str, dict[str, Tensor]], capsys: pytest.CaptureFixture[str]
) -> None:
    safetensors.torch.save_file(weights["generator"], tmp_path / "generator.safetensors")
    game = made(seed=1)
    transfer(game, tmp_path)
    assert torch.equal(game.generator.begin.weight, weights["generator"]["begin.weight"])
    assert "discriminator from" in (told := capsys.readouterr().err) and "0 tensors loaded, 7 left as new" in told


def test_a_run_that_has_its_own_state_needs_no_start(run: Path, tmp_path: Path) -> None:
    game, fresh = made(seed=1), made(seed=1)
    transfer(game, tmp_path / "gone", out=run)
    assert torch.equal(game.generator.begin.weight, fresh.generator.begin.weight)
    with pytest.raises(UserError, match="is no folder"):
        transfer(game, tmp_path / "gone", out=tmp_path / "new")


def test_what_cannot_be_started_from_is_refused(run: Path, tmp_path: Path) -> None:
    other = GAN(nn.Sequential(nn.Linear(2, 2)), nn.Sequential(nn.Linear(2, 1)), latent=2)
    with pytest.raises(UserError, match="another network"):
        transfer(other, run)
    with pytest.raises(UserError, match="holds no run"):
        transfer(made(), tmp_path)
    Store(tmp_path / "begun").create({"recipe": "", "arguments": {}})
    with pytest.raises(UserError, match="no weights yet"):
        transfer(made(), tmp_path / "begun")
    (tmp_path / "generator.safetensors").write_bytes(b"no safetensors file")
    with pytest.raises(UserError, match="damaged"):
        transfer(made(), tmp_path)
