"""The command `rivals classify`: the class of a person's own pictures, by a run of few labels."""

import json
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from rivals.commands import AsJson, Run
from rivals.core.errors import UserError


def classify(
    run: Run,
    files: Annotated[list[Path], Parameter(help="Pictures of the run's own size.")],
    *,
    out: Annotated[Path | None, Parameter(name=["-o", "--out"], help="Write a CSV of file, label, probability too.")] = None,
    as_json: AsJson = False,
) -> None:
    """Name the class of pictures by a run of `labels`, with its probability."""
    from rivals.model import load

    if out is not None and out.exists():
        raise UserError(f"{out} exists: give -o a new file")
    model = load(run)
    if model.record["recipe"].split(".")[0] != "labels":
        raise UserError(f"{run} is a run of {model.record['recipe']}: rivals classify takes runs of labels")
    rows = model.task.classify(model.game, model.record["facts"], files, out)
    if as_json:
        print(
            json.dumps(
                {"run": str(run), "files": [dict(zip(("file", "label", "probability"), row, strict=True)) for row in rows]}
            )
        )
        return
    for file, label, probability in rows:
        print(f"{probability:9.3f}  {label:<16} {file}")
