"""Where a game is played: what is picked, what is refused."""

import pytest
import torch

from rivals.core.device import check_torch, environment, pick_device, pick_precision
from rivals.core.errors import UserError


@pytest.mark.parametrize("version", ["2.10.1", "1.13.0+cu117", "2.4.0a0"])
def test_a_torch_below_the_floor_is_refused(version: str) -> None:
    with pytest.raises(UserError, match=r"too old.*pip install"):
        check_torch(version)


@pytest.mark.parametrize("version", ["2.11.0", "2.13.0+cpu", "3.0.0"])
def test_newer_ones_pass(version: str) -> None:
    check_torch(version)


def test_auto_is_fp32_on_every_cpu() -> None:
    assert pick_precision("auto", torch.device("cpu")) is torch.float32
    assert pick_precision("fp32", torch.device("cpu")) is torch.float32


def test_forced_bf16_warns_where_the_cpu_lacks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    with pytest.warns(UserWarning, match="slower"):
        assert pick_precision("bf16", torch.device("cpu")) is torch.bfloat16


def test_devices() -> None:
    assert pick_device("cpu") == torch.device("cpu")
    for wrong in ("gpu", "cuda:99", ""):
        with pytest.raises(UserError, match="try auto or cpu"):
            pick_device(wrong)


def test_the_environment_names_what_the_bits_depend_on() -> None:
    found = environment(torch.device("cpu"), torch.float32, 2)
    assert found["threads"] == torch.get_num_threads() and found["precision"] == "float32" and found["processes"] == 2
    assert found["torch"] == torch.__version__ and found["rivals"]
