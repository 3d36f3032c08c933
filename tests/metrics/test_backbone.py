import pytest
import torch
from torch import nn

from rivals.core.errors import UserError
from rivals.metrics import Backbone, identity, module_digest


def network() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))


@pytest.mark.usefixtures("undisturbed")
def test_features_come_in_evaluation_mode_without_gradient_and_leave_no_trace():
    module = network()
    module[2].eval()
    before = module_digest(module)
    samples = torch.linspace(-1, 1, 30).reshape(10, 3)
    features = Backbone("small", module, batch=4)(samples)
    assert [each.training for each in module] == [True, True, False]
    assert module_digest(module) == before
    assert not features.requires_grad
    assert torch.allclose(features, module[1].eval()(module[0](samples)))


def test_batches_change_nothing_but_rounding():
    samples = torch.linspace(-1, 1, 30).reshape(10, 3)
    parts = [Backbone("small", network(), batch=batch)(samples) for batch in (1, 3, 10, 99)]
    assert all(torch.allclose(part, parts[0], atol=1e-6) for part in parts)


def test_modes_are_restored_when_the_module_fails():
    module = network()
    with pytest.raises(RuntimeError):
        Backbone("small", module)(torch.zeros(2, 5))
    assert module.training


def test_head_gives_logits():
    head = nn.Linear(4, 2)
    backbone = Backbone("small", network(), head)
    features = backbone(torch.ones(5, 3))
    assert torch.allclose(backbone.classify(features), head(features))
    assert not backbone.classify(features).requires_grad


def test_digest_follows_every_weight_and_nothing_else():
    module, head = network(), nn.Linear(4, 2)
    backbone = Backbone("small", module, head)
    digest = backbone.digest
    assert len(digest) == 64
    assert digest == Backbone("other", module, head, batch=1).digest
    with torch.no_grad():
        head.bias[1] += 1e-6
    assert backbone.digest != digest


def test_module_digest_sees_bytes_names_types_and_shapes():
    def digest(**state: torch.Tensor) -> str:
        holder = nn.Module()
        for name, value in state.items():
            holder.register_buffer(name, value)
        return module_digest(holder)

    zeros = torch.zeros(4)
    others = [
        digest(b=zeros),
        digest(a=zeros.reshape(2, 2)),
        digest(a=zeros.int()),
        digest(a=-zeros),
        digest(a=zeros, b=torch.tensor(1)),
        digest(a=zeros.bfloat16()),
        digest(a=zeros[:0]),
    ]
    assert len({digest(a=zeros), *others}) == 8
    first, second = torch.arange(6.0), torch.tensor(True)
    assert digest(a=first, b=second) == digest(b=second, a=first)
    assert digest(a=first.reshape(2, 3).T) == digest(a=first.reshape(2, 3).T.contiguous())


def test_identity_flattens():
    assert identity()(torch.zeros(5, 2, 3)).shape == (5, 6)


@pytest.mark.usefixtures("unchecked")
def test_names_the_mistake():
    with pytest.raises(UserError, match=r"^backbone small has no head; give it one, or measure without labels$"):
        Backbone("small", network()).classify(torch.zeros(1, 4))
    with pytest.raises(UserError, match=r"^backbone small was given no samples$"):
        Backbone("small", network())(torch.zeros(0, 3))
    with pytest.raises(UserError, match=r"^backbone flat returned shape \(2, 3, 3\) for 2 samples; give \(n, width\)$"):
        Backbone("flat", nn.Identity())(torch.zeros(2, 3, 3))

    class Extra(nn.Linear):
        def get_extra_state(self) -> object:
            return "anything"

    with pytest.raises(UserError, match=r"^state entry _extra_state is a str; only tensors have a digest$"):
        module_digest(Extra(1, 1))
