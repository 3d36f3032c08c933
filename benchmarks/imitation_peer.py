"""Steps a second of GAIL beside the package imitation (1.0), at equal settings: Pendulum, 32 copies of 200 steps a round, PPO
with 10 epochs of minibatches of 640, two layers of 64, 25 discriminator moves on 256 expert pairs; one thread.

python benchmarks/imitation_peer.py rivals | DEMO.npz   (the second in a venv of its own with imitation; DEMO from rivals sample)
"""

import sys
import time

import numpy as np

STEPS, ROUNDS = 32 * 200, 8


def rivals() -> float:
    """Seconds of the rounds after the first."""
    import tempfile
    from pathlib import Path

    import torch

    from rivals.tasks import control

    torch.set_num_threads(1)
    trainer = control.recipe(samples=STEPS * (ROUNDS + 1), out=Path(tempfile.mkdtemp()) / "run")
    start = 0.0
    for report in trainer:
        start = time.perf_counter() if report.round == 0 else start
    return time.perf_counter() - start


def peer(demonstrations: str) -> float:
    """The same of the package imitation."""
    sys.path.pop(0)  # else `imitation` is the file beside this one
    import gymnasium
    import torch
    from imitation.algorithms.adversarial.gail import GAIL
    from imitation.data.types import Transitions
    from imitation.rewards.reward_nets import BasicRewardNet
    from imitation.util.networks import RunningNorm
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import DummyVecEnv

    torch.set_num_threads(1)
    with np.load(demonstrations) as file:
        shown = Transitions(
            file["obs"], file["acts"], np.array([{}] * len(file["acts"])), file["next_obs"], file["dones"].astype(bool)
        )
    venv = DummyVecEnv([lambda: gymnasium.make("Pendulum-v1")] * 32)
    learner = PPO("MlpPolicy", venv, n_steps=200, batch_size=640, n_epochs=10, gamma=0.98, learning_rate=1e-3, device="cpu")
    net = BasicRewardNet(venv.observation_space, venv.action_space, hid_sizes=(64, 64), normalize_input_layer=RunningNorm)
    gail = GAIL(demonstrations=shown, demo_batch_size=256, n_disc_updates_per_round=25, gen_replay_buffer_capacity=STEPS,
                venv=venv, gen_algo=learner, reward_net=net, allow_variable_horizon=True)  # fmt: skip
    gail.train(STEPS)
    start = time.perf_counter()
    gail.train(STEPS * ROUNDS)
    return time.perf_counter() - start


seconds = rivals() if sys.argv[1] == "rivals" else peer(sys.argv[1])
print(f"{STEPS * ROUNDS / seconds:,.0f} steps/s")
