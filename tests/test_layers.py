"""Imports go one way, core <- nn, games, metrics, media <- tasks <- report, explore, export, studio <- the rest; and no
code of the library runs or unpickles what it was not written with. Each guard is shown bad code that it must find."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"
LAYERS = [{"core"}, {"nn", "games", "metrics", "media"}, {"tasks"}, {"report", "explore", "export", "studio"}]
FILES = sorted((SOURCE / "rivals").rglob("*.py"))

# Beside CPU torch these do not import; the rest import them.
FOREIGN = {"torchvision", "torchaudio", "torchcodec", "torch_fidelity", "cleanfid", "pytorch_fid", "piq"}
PICKLES = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
FORBIDDEN = {"eval", "exec", "__import__", "os.system", "os.popen", "yaml.load", "yaml.load_all", "yaml.unsafe_load",
             "yaml.full_load", "subprocess.getoutput", "subprocess.getstatusoutput"}  # fmt: skip


def module(path: Path) -> str:
    """rivals.core.batch for .../rivals/core/batch.py; a package by its own name."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module(path) for path in FILES}


def imports(name: str, source: str, *, package: bool = False) -> Iterator[tuple[int, str]]:
    """Line and full name of each thing that module `name` imports, functions' own imports and TYPE_CHECKING included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = name.split(".")[: len(name.split(".")) - node.level + package]
            place = ".".join([*(above if node.level else []), *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{place}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("importlib.import_module", "import_module"):
            yield from ((node.lineno, str(arg.value)) for arg in node.args[:1] if isinstance(arg, ast.Constant))


def layer(name: str) -> int:
    """How far from core a module lies; what stands directly in the package knows all the rest."""
    parts = name.split(".")
    return next((index for index, layer in enumerate(LAYERS) if parts[1:2] and parts[1] in layer), len(LAYERS))


def wrong_way(name: str, source: str, *, package: bool = False) -> list[str]:
    """The imports of module `name` that go against the direction."""
    found = []
    for line, target in imports(name, source, package=package):
        if target.split(".")[0] != "rivals":
            continue
        parts, own = target.split("."), name.split(".")
        if layer(target) > layer(name) and layer(name) < len(LAYERS):
            found.append(f"{name}:{line} imports {target} from above it")
        another = parts[1:2] == own[1:2] == ["tasks"] and len(own) > 2 and len(parts) > 2 and parts[2] != own[2]
        if another and ".".join(parts[:3]) in MODULES | {"rivals.tasks.another"}:
            found.append(f"{name}:{line} imports {target}, which is another task")
    return found


def called(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Every name and attribute in use, in full: `t.load` is torch.load after `import torch as t`."""
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known |= {alias.asname or alias.name.split(".")[0]: alias.name if alias.asname else alias.name.split(".")[0]
                      for alias in node.names}  # fmt: skip
        elif isinstance(node, ast.ImportFrom) and node.module:
            known |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            first, *rest = ast.unparse(node).split(".")
            yield node, ".".join([known.get(first, first), *rest])


def unsafe(name: str, source: str) -> list[str]:
    """What runs code, or reads pickles, or imports what must not be."""
    found = []

    def bad(node: ast.AST, why: str) -> None:
        found.append(f"{name}:{getattr(node, 'lineno', 0)} {why}")

    for line, target in imports(name, source):
        top = target.split(".")[0]
        allowed = name == "rivals.core.store" and target in ("pickle", "pickle.UnpicklingError")
        if top in FOREIGN or (top in PICKLES and not allowed) or target.startswith("torch.hub"):
            found.append(f"{name}:{line} imports {target}")
    tree = ast.parse(source)
    names = {id(node): (node, full) for node, full in called(tree)}
    for node, full in names.values():
        if full in FORBIDDEN or full.startswith("torch.hub"):
            bad(node, full)
        if full.startswith("pickle.") and full != "pickle.UnpicklingError":
            bad(node, full)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        if names.get(id(node.func), (node, ""))[1] == "torch.load" and given.get("weights_only") != "True":
            bad(node, "torch.load without weights_only=True")
        for key in ("allow_pickle", "shell", "trust_remote_code"):
            if given.get(key, "False") != "False":
                bad(node, f"{key}={given[key]}")
    return found


# The library.


@pytest.mark.parametrize("path", FILES, ids=module)
def test_imports_go_one_way(path: Path) -> None:
    assert wrong_way(module(path), path.read_text(encoding="utf8"), package=path.name == "__init__.py") == []


@pytest.mark.parametrize("path", FILES, ids=module)
def test_nothing_foreign_is_run(path: Path) -> None:
    assert unsafe(module(path), path.read_text(encoding="utf8")) == []


def test_packages_of_one_layer_do_not_know_each_other_both_ways() -> None:
    known = set()
    for path in FILES:
        for _, target in imports(module(path), path.read_text(encoding="utf8"), package=path.name == "__init__.py"):
            ends = tuple([*name.split("."), ""][1] for name in (module(path), target))
            if target.startswith("rivals.") and ends[0] != ends[1] and layer(module(path)) == layer(target) < len(LAYERS):
                known.add(ends)
    assert not {(one, other) for one, other in known if (other, one) in known}


def test_the_tree_is_the_one_that_the_layers_name() -> None:
    folders = {path.name for path in (SOURCE / "rivals").iterdir() if list(path.glob("*.py"))}
    assert folders <= set.union(*LAYERS), "a new folder needs its place in LAYERS"
    assert {"core", "games", "metrics", "tasks"} <= folders and len(FILES) > 20


# The guards.


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("rivals.core.trainer", "from rivals.games.gan import GAN"),
        ("rivals.core.trainer", "import rivals.tasks.digits"),
        ("rivals.core.trainer", "def f():\n    from rivals import tasks"),
        ("rivals.core.trainer", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from rivals.model import Model"),
        ("rivals.core.trainer", "from ..games import gan"),
        ("rivals.core.trainer", "import rivals"),
        ("rivals.core.trainer", "import importlib\nimportlib.import_module('rivals.metrics')"),
        ("rivals.games.gan", "from rivals.tasks import names"),
        ("rivals.metrics.card", "from rivals.report import write"),
        ("rivals.tasks.digits", "from rivals.report.page import write"),
        ("rivals.tasks.digits", "from rivals.tasks.another import recipe"),
        ("rivals.tasks.digits.data", "from rivals.tasks import another"),
        ("rivals.report.page", "from rivals.model import load"),
        ("rivals.export.onnx", "from rivals import load"),
        ("rivals.studio.server", "from rivals.cli import main"),
    ],
)
def test_an_import_against_the_direction_is_found(name: str, source: str) -> None:
    assert len(wrong_way(name, source)) == 1


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("rivals.core.trainer", "import torch\nfrom rivals.core.game import Game\nfrom .batch import Batch"),
        ("rivals.games.gan", "from rivals.core.game import Game\nfrom rivals.nn import blocks"),
        ("rivals.tasks.digits.metrics", "from rivals.tasks.digits.data import load\nfrom rivals.metrics import quality"),
        ("rivals.report.page", "from rivals import tasks, core\nfrom rivals.tasks import names\nimport rivals.core.store"),
        ("rivals.cli", "import rivals\nfrom rivals import model, studio\nfrom rivals.tasks.digits import recipe"),
    ],
)
def test_imports_in_the_direction_are_not_found(name: str, source: str) -> None:
    assert wrong_way(name, source) == []


def test_relative_imports_of_a_package_start_in_the_package() -> None:
    assert [target for _, target in imports("rivals.tasks.digits", "from .data import load", package=True)] == [
        "rivals.tasks.digits.data.load"
    ]
    assert [target for _, target in imports("rivals.core.stream", "from . import batch")] == ["rivals.core.batch"]


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "import joblib",
        "import torch\ntorch.load('x')",
        "import torch\ntorch.load('x', weights_only=False)",
        "import torch as t\nt.load('x')",
        "from torch import load as read\nread('x')",
        "import torch\nread = lambda flag: torch.load('x', weights_only=flag)",
        "import numpy as np\nnp.load('x', allow_pickle=True)",
        "import numpy as np\nnp.load('x', allow_pickle=flag)",
        "import yaml\nyaml.load('x')",
        "from yaml import unsafe_load\nunsafe_load('x')",
        "eval('1')",
        "exec('1')",
        "run = eval",
        "__import__('os')",
        "import subprocess\nsubprocess.run('ls', shell=True)",
        "import os\nos.system('ls')",
        "import torch\ntorch.hub.load('a/b', 'c')",
        "import torch.hub",
        "from torch import hub",
        "from torch.hub import load",
        "AutoModel.from_pretrained('x', trust_remote_code=True)",
        "import torchvision",
        "from torchvision.models import inception_v3",
        "def f():\n    import torchaudio",
        "import torchcodec.decoders",
        "import importlib\nimportlib.import_module('torchvision')",
        "import torch_fidelity",
    ],
)
def test_unsafe_code_is_found(source: str) -> None:
    assert unsafe("rivals.tasks.digits", source)


def test_the_store_may_name_the_unpicklers_error_and_no_more() -> None:
    assert unsafe("rivals.core.store", "import pickle\ntry: ...\nexcept pickle.UnpicklingError: ...") == []
    assert unsafe("rivals.core.store", "import pickle\npickle.loads(b'')")
    assert unsafe("rivals.core.store", "from pickle import load")
    assert unsafe("rivals.core.trainer", "import pickle\ntry: ...\nexcept pickle.UnpicklingError: ...")


@pytest.mark.parametrize(
    "source",
    [
        "import torch\ntorch.load('x', weights_only=True)",
        "import numpy as np\nnp.load('x')\nnp.load('x', allow_pickle=False)",
        "module.eval()\nspec.loader.exec_module(module)",
        "import subprocess\nsubprocess.run(['ls'], shell=False)",
        "import json\njson.load(open('x'))\nimport safetensors.torch\nsafetensors.torch.load(b'')",
        "import yaml\nyaml.safe_load('x')",
        "def evaluate(): ...\nevaluate()",
    ],
)
def test_safe_code_is_not_found(source: str) -> None:
    assert unsafe("rivals.tasks.digits", source) == []
