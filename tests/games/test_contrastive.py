"""The game of patches that must find themselves again: its contract, the contrast, and what each variant is a sum of."""

import math
from collections.abc import Sequence

import pytest
import torch
from torch import nn

from rivals.core.errors import UserError
from rivals.core.stream import Stream
from rivals.core.types import Tensor
from rivals.games.contrastive import Contrastive, Projection, patch_nce, somewhere
from rivals.games.cycle import Domains
from rivals.nn.patch import Patch
from rivals.tasks.translation.residual import Residual
from rivals.testing import check_game

DATA = Stream.over(Domains(torch.rand(32, 3, 16, 16) * 2 - 1, torch.rand(32, 3, 16, 16) * 2 - 1))


def game(**options: object) -> Contrastive:
    coder = Residual(3, 3, width=4, halvings=1, blocks=1)
    generator = nn.ModuleDict({"translate": coder, "project": Projection(coder.channels, 8)})
    discriminator = Patch(3, 0, width=4, layers=2, bounded=False)
    return Contrastive(generator, discriminator, **({"patches": 16} | options))  # type: ignore[arg-type]


def test_the_contract_of_cut() -> None:
    check_game(game, DATA, rounds=2)


def test_the_contract_of_fastcut() -> None:
    check_game(lambda: game(identity=False, flip=True, contrast=10.0), DATA, rounds=2)


def test_what_each_is_a_sum_of() -> None:
    batch = next(DATA(0, 4, 4))
    assert set(game().generator_loss(batch)) == {"adversarial", "contrast", "identity"}
    assert set(game(identity=False, flip=True).generator_loss(batch)) == {"adversarial", "contrast"}
    assert set(game(contrast=0.0).generator_loss(batch)) == {"adversarial"}


def test_the_contrast_of_vectors() -> None:
    """Of p vectors at right angles: log(1 + (p - 1) exp(-1 / t)) where each finds itself, and 1 / t more where none does."""
    keys, t = torch.eye(6).expand(2, -1, -1), 0.5
    least = math.log(1 + 5 * math.exp(-1 / t))
    assert patch_nce(keys, keys, t).item() == pytest.approx(least, abs=1e-5)
    assert patch_nce(keys.roll(1, 1), keys, t).item() == pytest.approx(least + 1 / t, abs=1e-5)
    same = torch.ones(2, 6, 1)
    assert patch_nce(same, same, t).item() == pytest.approx(math.log(6), abs=1e-5)


def test_the_contrast_moves_queries_and_not_keys() -> None:
    query, key = (torch.randn(2, 5, 3, requires_grad=True) for _ in range(2))
    patch_nce(query, key, 0.07).backward()
    assert query.grad is not None and key.grad is None


def test_negatives_are_of_the_same_picture() -> None:
    query, key = torch.randn(2, 5, 3), torch.randn(2, 5, 3)
    other = torch.stack([key[0], key[1] + 1])
    alone = patch_nce(query[:1], key[:1], 0.5), patch_nce(query[1:], other[1:], 0.5)
    assert torch.allclose(patch_nce(query, other, 0.5), torch.stack(alone).mean())


def test_places_differ_within_a_picture() -> None:
    features = [torch.zeros(3, 2, 4, 4), torch.zeros(3, 5, 2, 2)]
    places = somewhere(features, 8)
    assert [tuple(each.shape) for each in places] == [(3, 8), (3, 4)], "no more than there are"
    assert all(len(set(row.tolist())) == 8 for row in places[0]) and not torch.equal(places[0][0], places[0][1])


def test_projections_are_of_length_one_and_of_their_place() -> None:
    project, features = Projection([2], 4), [torch.randn(1, 2, 3, 3)]
    (found,) = project(features, [torch.tensor([[4, 7]])])
    assert found.shape == (1, 2, 4) and torch.allclose(found.norm(dim=2), torch.ones(1, 2))
    moved = [features[0].clone()]
    moved[0][0, :, 2, 1] += 1  # place 7 = 2 * 3 + 1
    (other,) = project(moved, [torch.tensor([[4, 7]])])
    assert torch.equal(found[:, 0], other[:, 0]) and not torch.equal(found[:, 1], other[:, 1])


def test_a_source_has_less_contrast_with_itself_than_with_another() -> None:
    torch.manual_seed(0)
    played = game(patches=64)
    source = torch.nn.functional.interpolate(torch.randn(4, 3, 5, 5), size=(16, 16), mode="bilinear")
    keys = played.generator["translate"].encode(source)
    assert played.contrast_of(keys, source) < played.contrast_of(keys, source.roll(1, 0)) - 0.5


def test_a_mirrored_result_is_compared_where_it_came_from() -> None:
    """Features of a mirrored picture, mirrored back, are those of the picture, for a coder that is itself even."""
    torch.manual_seed(0)
    played = game(patches=64)

    class Even(nn.Module):
        def encode(self, x: Tensor) -> list[Tensor]:
            return [x]

        def decode(self, features: Sequence[Tensor]) -> Tensor:
            return features[0]

    played.generator["translate"], played.generator["project"] = Even(), Projection([3], 8)
    source, flipped = torch.randn(4, 3, 16, 16), torch.tensor([True, False, True, True])[:, None, None, None]
    made = torch.where(flipped, source.flip(3), source)
    torch.manual_seed(1)
    right = played.contrast_of([source], made, flipped)
    torch.manual_seed(1)
    wrong = played.contrast_of([source], made)
    torch.manual_seed(1)
    assert torch.equal(right, played.contrast_of([source], source)) and wrong > right


def test_a_translation_needs_pictures() -> None:
    with pytest.raises(UserError, match="give pictures"):
        game().sample(2)
    assert game().sample(2, given=Domains.wanted(a=torch.randn(3, 3, 18, 21))).shape == (2, 3, 18, 21)
