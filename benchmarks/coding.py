"""What encodes pictures, on Fashion-MNIST: VAE, VAE-GAN and BiGAN, their samples, reconstructions, codes and anomaly scores.

python benchmarks/coding.py fashion_mnist.npz [--only vae vaegan bigan] [--samples 150000] [--seed 0] [--out DIR]
python benchmarks/coding.py fashion_mnist.npz --one-class vae [--samples 40000]

The linear probe is a logistic regression on 1,000 labelled training pictures, of the encoder's features, of the code, and of the
first 50 principal components; the test is on 10,000 pictures. One-class: trained on one class, the area under the ROC curve of
the anomaly score of test pictures, beside PCA reconstruction (50 components) and the distance to the 5th nearest neighbour.
"""

import argparse
import importlib
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from rivals.core.types import Tensor
from rivals.metrics.roc import roc
from rivals.model import load as open_run

Split = tuple[np.ndarray, np.ndarray]  # pictures (n, h, w) uint8, labels (n,)


def rows(pictures: np.ndarray) -> np.ndarray:
    return pictures.reshape(len(pictures), -1).astype(np.float32) / 127.5 - 1


def tensor(pictures: np.ndarray) -> Tensor:
    return torch.from_numpy(pictures.astype(np.float32) / 127.5 - 1)[:, None]


def probe(train: np.ndarray, labels: np.ndarray, test: np.ndarray, truth: np.ndarray) -> float:
    """The accuracy of a linear classifier of standardised features."""
    scale = StandardScaler().fit(train)
    model = LogisticRegression(max_iter=500, C=0.05).fit(scale.transform(train), labels)
    return float(model.score(scale.transform(test), truth))


@torch.no_grad()
def through(network: Any, pictures: np.ndarray) -> np.ndarray:
    return torch.cat([network(part) for part in tensor(pictures).split(500)]).float().numpy()


def train(name: str, data: Path, out: Path, options: argparse.Namespace) -> Any:
    """A finished run's model."""
    recipe = importlib.import_module(f"rivals.tasks.images.{name}").recipe
    recipe(data=data, samples=options.samples, seed=options.seed, out=out, device="cpu").fit(progress=False)
    return open_run(out)


def codings(options: argparse.Namespace, split: tuple[Split, Split], out: Path) -> None:
    (x, y), (xt, yt) = split
    few = np.random.default_rng(0).permutation(len(x))[:1000]
    pca = PCA(50, random_state=0).fit(rows(x[:20_000]))
    components = probe(pca.transform(rows(x[few])), y[few], pca.transform(rows(xt)), yt)
    print(
        f"linear probe of 50 principal components: {components:.2%}; of pixels: {probe(rows(x[few]), y[few], rows(xt), yt):.2%}",
        flush=True,
    )
    for name in options.only:
        start = time.monotonic()
        model = train(name, options.data, out / name, options)
        print(f"{name}: {options.samples:,} samples in {time.monotonic() - start:.0f} s", flush=True)
        game = model.game
        for what, network in (("features", game.encoder.features), ("code", game.encode)):
            accuracy = probe(through(network, x[few]), y[few], through(network, xt), yt)
            print(f"{name}: linear probe of the encoder's {what}: {accuracy:.2%}", flush=True)
        for card in model.judge().values():
            print(f"{name}: {card}", flush=True)


def one_class(options: argparse.Namespace, split: tuple[Split, Split], out: Path) -> None:
    (x, y), (xt, yt) = split
    figures = []
    for each in range(10):
        mine, strange = x[y == each], yt != each
        np.savez(out / "one.npz", x_train=mine, x_test=xt[yt == each])
        model = train(options.one_class, out / "one.npz", out / f"{options.one_class}-{each}", options)
        with torch.no_grad():
            ours = torch.cat([model.game.anomaly(part) for part in tensor(xt).split(500)]).numpy()
        pca = PCA(50, random_state=0).fit(rows(mine))
        rest = ((rows(xt) - pca.inverse_transform(pca.transform(rows(xt)))) ** 2).mean(1)
        near = NearestNeighbors(n_neighbors=5).fit(rows(mine)).kneighbors(rows(xt))[0][:, -1]
        figures.append([roc(score[strange], score[~strange]).auc for score in (ours, rest, near)])
        told(f"class {each}", figures[-1])
    told("mean", list(np.mean(figures, 0)))


def told(what: str, figures: list[float]) -> None:
    named = zip(("ours", "PCA", "neighbours"), figures, strict=True)
    print(f"{what}: " + ", ".join(f"{name} {each:.3f}" for name, each in named), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="+", default=["vae", "vaegan", "bigan"])
    parser.add_argument("--one-class", default="")
    parser.add_argument("--samples", type=int, default=150_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with np.load(options.data) as arrays:
        split = (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])
    with tempfile.TemporaryDirectory() as temporary:
        out = options.out or Path(temporary)
        out.mkdir(parents=True, exist_ok=True)
        (one_class if options.one_class else codings)(options, split, out)


if __name__ == "__main__":
    main()
