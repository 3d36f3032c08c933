"""Files that were damaged, mixed up, swapped, forged or brought from elsewhere (RELIABILITY A9, A10, C1, C9)."""

import io
import json
import os
import pickle
import random
import shutil
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch
from harness import digest, play, recipe, told, trainer

import rivals
from rivals.core.errors import UserError
from rivals.core.store import Store
from rivals.testing import final_digest, fingerprint

MUTATIONS = 1000


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that ended, with two states, a best one, weights, a preview; and, in `early`, the state before those."""
    run = tmp_path_factory.mktemp("damage") / "run"
    play(run, 12)
    shutil.copytree(run, run.with_name("early"))
    play(run)
    (run / "samples").mkdir()
    (run / "samples/000000000640.png").write_bytes(random.Random(0).randbytes(3000))
    return run


@pytest.fixture(scope="module")
def by_seen(tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    """What a trainer holds that went on from the state at so many samples; 0: one that began."""
    run = tmp_path_factory.mktemp("seen") / "run"
    found = {0: fingerprint(recipe(out=run).state_dict())}
    playing = recipe(out=run)
    for report in playing:
        found[report.seen] = fingerprint(playing.state_dict())
    return found


# One damage to one file, by a random source; returns its name and the files that it touched.
def flip(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def truncate(path: Path, chance: random.Random) -> None:
    os.truncate(path, chance.randrange(path.stat().st_size))


def zero(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    start = chance.randrange(0, len(data), 512)
    piece = data[start : start + 512]
    data[start : start + 512] = bytes(len(piece))
    path.write_bytes(data)


def remove(path: Path, chance: random.Random) -> None:
    path.unlink()


def swap(path: Path, chance: random.Random) -> None:
    other = chance.choice([file for file in path.parent.iterdir() if file.is_file() and file != path] or [path])
    aside = path.read_bytes()
    path.write_bytes(other.read_bytes())
    other.write_bytes(aside)


DAMAGES: list[Callable[[Path, random.Random], None]] = [flip, flip, flip, truncate, zero, remove, swap]


def outcome(run: Path, by_seen: dict[int, str]) -> str:
    """What resume and load make of a folder: "refused", "told", or "the same" where nothing was said; asserts that what
    they hold is never anything but the bits that the run had at that point, or its final weights."""
    with told() as warned:
        try:
            going_on = trainer(run) if (run / "run.json").exists() else Store(run).open()
        except UserError as error:
            assert "\n" not in str(error)
            return "refused"
    assert isinstance(going_on, rivals.Trainer)
    going_on.store.close()  # type: ignore[union-attr]
    assert fingerprint(going_on.state_dict()) == by_seen[going_on.seen], "it goes on from other bits"
    if warned:
        return "told"
    try:
        weights = Store(run).read_weights()
    except UserError:
        return "refused"
    return "the same" if going_on.seen == 2560 and len(weights) == 2 else "silently from an earlier state"


def harmless(run: Path, whole: Path, name: str) -> bool:
    """Whether a file that differs may do so in silence: nothing reads it back, or what reads it finds the same content.

    Previews and the lock are no input at all. `newest` only tells of a state that is missing. The older state was not
    read, as the newest was whole; it is refused once it is. JSON may differ in space alone.
    """
    if name.startswith("state-"):
        kept = next((kept for kept in Store(run).states() if kept.path.name == name), None)
        try:
            return kept is None or not Store(run).read(kept)
        except UserError:
            return True
    if name == "run.json":
        return bool(json.loads((run / name).read_text()) == json.loads((whole / name).read_text()))
    return name.startswith("samples/") or name in (".lock", "newest")


def test_1000_mutations_are_noticed_or_harmless(ended: Path, by_seen: dict[int, str], tmp_path: Path) -> None:
    """Bit flips, truncations, zeroed pages, swaps and removals over all files of a run: each one is refused or named
    before its bytes are used, or harmless by construction (see `harmless`). Never does a run go on from other bits. One in
    25 of those that go on is played to its end: the unbroken digest."""
    seed = random.randrange(10**6)
    chance, whole, counts = random.Random(seed), final_digest(ended), Counter[str]()
    names = sorted(str(path.relative_to(ended)) for path in ended.rglob("*") if path.is_file() and path.stat().st_size)
    assert {"run.json", "log.jsonl", "newest"} < set(names) and len(names) == 8
    for number in range(MUTATIONS):
        name, damage = names[number % len(names)], DAMAGES[number // len(names) % len(DAMAGES)]
        run = tmp_path / str(number)
        shutil.copytree(ended, run)
        damage(run / name, chance)
        case = f"seed {seed}, mutation {number}: {damage.__name__} {name}"
        other = [n for n in names if not (run / n).is_file() or (run / n).read_bytes() != (ended / n).read_bytes()]
        found = outcome(run, by_seen)
        counts[found] += 1
        assert found != "silently from an earlier state", case
        if found == "the same":
            assert all(harmless(run, ended, file) for file in other), f"{case}: nothing was said"
        if found == "told" and number % 25 == 0:
            with told():
                assert digest(run) == whole, f"{case}: another end"
        shutil.rmtree(run)
    assert counts["refused"] > 300 and counts["told"] > 200, counts


def test_a_damaged_newest_state_costs_only_the_way_since_the_one_before(ended: Path, tmp_path: Path) -> None:
    """The run goes on from the state before, a warning names the file, and the end is the unbroken one."""
    shutil.copytree(ended, tmp_path / "run")
    newest = Store(tmp_path / "run").states()[0].path
    flip(newest, random.Random(1))
    with told() as warned:
        again = trainer(tmp_path / "run")
    again.store.close()  # type: ignore[union-attr]
    assert again.seen == 1920 and len(warned) == 1 and str(newest) in warned[0] and "damaged" in warned[0]
    with told():
        assert digest(tmp_path / "run") == final_digest(ended)
    with told() as warned:
        assert final_digest(tmp_path / "run") == final_digest(ended)
    assert not warned, "the damaged file was not replaced"


def test_no_whole_state_is_refused(ended: Path, tmp_path: Path) -> None:
    """Every state damaged: nothing to go on from, said in one line."""
    shutil.copytree(ended, tmp_path / "run")
    for kept in Store(tmp_path / "run").states():
        truncate(kept.path, random.Random(2))
    with told() as warned, pytest.raises(UserError, match="holds no whole state"):
        trainer(tmp_path / "run")
    assert len(warned) == 2


def put(run: Path, state: Any, seen: int, save: Callable[[Any, Any], object] = torch.save) -> Path:
    """A state file under the right name for its bytes."""
    data = io.BytesIO()
    save(state, data)
    path = run / f"state-{seen:012d}.{sha256(data.getvalue()).hexdigest()[:16]}.pt"
    path.write_bytes(data.getvalue())
    return path


@pytest.mark.parametrize(
    "mixed",
    [
        lambda new, old: new | {"game": old["game"], "seen": old["seen"]},
        lambda new, old: old | {"seen": 9999},
        lambda new, old: [1],
    ],
    ids=["moments mixed", "another moment", "no state at all"],
)
def test_torn_states_are_refused(mixed: Callable[[Any, Any], Any], ended: Path, tmp_path: Path) -> None:
    """One file holds all of a moment: a file whose content is of another moment than its name is refused by name."""
    shutil.copytree(ended, tmp_path / "run")
    store = Store(tmp_path / "run")
    new, old = (store.read(kept) for kept in store.states())
    torn = put(tmp_path / "run", mixed(new, old), 3200)
    with told() as warned:
        again = trainer(tmp_path / "run")
    assert again.seen == 2560 and len(warned) == 1 and str(torn) in warned[0]


def test_a_state_of_another_run_is_refused_and_takes_no_place(ended: Path, tmp_path: Path) -> None:
    """A whole state of another run, later than all of this one's: named, not used, not removed, and it pushes no state of
    this run out; the end is the unbroken one."""
    shutil.copytree(ended.with_name("early"), tmp_path / "run")
    play(tmp_path / "other", samples=12800)
    foreign = [Path(shutil.copy(kept.path, tmp_path / "run")) for kept in Store(tmp_path / "other").states()]
    with told() as warned:
        assert digest(tmp_path / "run") == final_digest(ended)
    assert sum("belongs to another run" in text for text in warned) >= 2 and all(path.exists() for path in foreign)
    own = [kept.seen for kept in Store(tmp_path / "run").states() if kept.path not in foreign]
    assert own == [2560, 1920]


def test_states_without_a_record_are_no_place_for_a_new_run(ended: Path, tmp_path: Path) -> None:
    """run.json is gone: a new run there would go on between the old one's states; refused."""
    shutil.copytree(ended, tmp_path / "run")
    (tmp_path / "run/run.json").unlink()
    with pytest.raises(UserError, match=r"holds states, but no run\.json"):
        play(tmp_path / "run")


class Canary:
    """A pickle that runs code where it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "bare"])
def test_a_state_that_carries_code_is_refused_and_never_runs(zipped: bool, protocol: int, ended: Path, tmp_path: Path) -> None:
    """A malicious pickle under a name with its right digest: no canary, a warning, the state before it."""
    shutil.copytree(ended, tmp_path / "run")
    evil = {"seen": 3200, "run": Store(ended).record()["run"], "game": Canary(tmp_path / "canary")}
    if zipped:
        path = put(tmp_path / "run", evil, 3200, lambda state, file: torch.save(state, file, pickle_protocol=protocol))
    else:
        path = put(tmp_path / "run", evil, 3200, lambda state, file: file.write(pickle.dumps(state, protocol)))
    with told() as warned:
        again = trainer(tmp_path / "run")
    assert again.seen == 2560 and not (tmp_path / "canary").exists()
    assert f"{path} is no state of rivals" in warned[-1]  # after what torch says of newer pickles


def test_tampered_weights_are_refused(ended: Path, tmp_path: Path) -> None:
    """A changed byte, a missing file and another run's weights: rivals.load names the file and loads nothing."""
    import tiny_gan

    play(tmp_path / "other", seed=1)
    for number, damage in enumerate([flip, remove, lambda path, _: shutil.copy(tmp_path / "other/weights" / path.name, path)]):
        run = Path(shutil.copytree(ended, tmp_path / str(number)))
        damage(run / "weights/generator.safetensors", random.Random(0))
        with pytest.raises(UserError, match=r"generator.safetensors is missing or damaged"):
            rivals.load(run, tiny_gan)  # type: ignore[arg-type]
    assert rivals.load(ended, tiny_gan).sample(3).shape == (3, 2)  # type: ignore[arg-type]


@pytest.mark.parametrize("edit", ['"seed": 1', '"batch": 128', '"threads": 2'])
def test_an_edited_record_is_refused(edit: str, ended: Path, tmp_path: Path) -> None:
    """A hand in run.json is noticed by its digest, before anything is built from it."""
    shutil.copytree(ended, tmp_path / "run")
    path, key = tmp_path / "run/run.json", edit.split(":")[0]
    text = path.read_text()
    start = text.index(key)
    path.write_text(
        text[:start] + edit + text[text.index(",", start) if "," in text[start : start + 20] else text.index("\n", start) :]
    )
    with pytest.raises(UserError, match=r"run.json is damaged or was edited"):
        trainer(tmp_path / "run")
