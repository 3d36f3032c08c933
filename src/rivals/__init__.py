"""rivals: train, judge, explore and ship generative adversarial networks on your own data.

A GAN is a game of two networks: rivals.Game says who moves, rivals.Trainer plays it. Names are loaded when first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PLACES = {
    "Batch": "rivals.core.batch",
    "Stream": "rivals.core.stream",
    "Game": "rivals.core.game",
    "Play": "rivals.core.game",
    "Losses": "rivals.core.game",
    "Objective": "rivals.core.objectives",
    "Verdict": "rivals.core.penalties",
    "Trainer": "rivals.core.trainer",
    "Report": "rivals.core.trainer",
    "Store": "rivals.core.store",
    "UserError": "rivals.core.errors",
    "every": "rivals.core.watch",
    "trainable": "rivals.core.recipe",
    "GAN": "rivals.games.gan",
    "Sample": "rivals.games.gan",
    "Model": "rivals.model",
    "load": "rivals.model",
    "check_game": "rivals.testing",
}
__all__ = [*_PLACES, "__version__"]

if TYPE_CHECKING:
    from rivals.core.batch import Batch as Batch
    from rivals.core.errors import UserError as UserError
    from rivals.core.game import Game as Game
    from rivals.core.game import Losses as Losses
    from rivals.core.game import Play as Play
    from rivals.core.objectives import Objective as Objective
    from rivals.core.penalties import Verdict as Verdict
    from rivals.core.recipe import trainable as trainable
    from rivals.core.store import Store as Store
    from rivals.core.stream import Stream as Stream
    from rivals.core.trainer import Report as Report
    from rivals.core.trainer import Trainer as Trainer
    from rivals.core.watch import every as every
    from rivals.games.gan import GAN as GAN
    from rivals.games.gan import Sample as Sample
    from rivals.model import Model as Model
    from rivals.model import load as load
    from rivals.testing import check_game as check_game


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'rivals' has no attribute {name!r}")
    return getattr(importlib.import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return __all__
