"""make bench: the benchmarks behind README.md and docs, one after the other (about an hour on two cores).

python benchmarks/run_all.py [name ...] [--data FOLDER]

Those that need a real set ask for --data, the folder that holds the sets' files at any depth; without it they are left out.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
COMMANDS = {
    "overhead": ["overhead.py"],
    "overhead-translation": ["overhead_translation.py"],
    "demo": ["demo.py", "--seeds", "3"],
    "kills": ["kills.py", "--kills", "200"],
    "images": ["images.py"],
    "loader": ["images.py", "--loader"],
    "doctor": ["doctor.py"],
    "modes": ["modes.py", "--seeds", "5"],
    "imitation": ["imitation.py"],
    "airl": ["imitation.py", "--airl", "Pendulum"],
}
ON_DATA = {  # several hours more; the last word is the set's file
    "labels": ["labels.py", "mnist.npz"],
    "unpaired": ["unpaired.py", "mnist.npz"],
    "coding": ["coding.py", "fashion_mnist.npz"],
    "one-class": ["coding.py", "--one-class", "vae", "fashion_mnist.npz"],
    "tables": ["tables.py", "adult_train.csv.gz"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=", ".join([*COMMANDS, *ON_DATA]))
    parser.add_argument("--data", type=Path)
    options = parser.parse_args()
    commands = dict(COMMANDS)
    for name, (*command, wanted) in ON_DATA.items() if options.data else ():
        found = sorted(options.data.rglob(wanted))
        if not found:
            parser.error(f"{options.data} has no {wanted}, which {name} needs")
        commands[name] = [*command, str(found[0])]
    for name in options.names or commands:
        if name not in commands:
            why = (
                "needs a real set: give --data FOLDER" if name in ON_DATA else f"is not one of {', '.join([*COMMANDS, *ON_DATA])}"
            )
            parser.error(f"{name} {why}")
        print(f"\n== {name}: python benchmarks/{' '.join(commands[name])}", flush=True)
        start = time.monotonic()
        subprocess.run([sys.executable, str(HERE / commands[name][0]), *commands[name][1:]], check=True)
        print(f"== {name} took {(time.monotonic() - start) / 60:.1f} minutes", flush=True)


if __name__ == "__main__":
    main()
