"""make bench: every figure in README.md and docs/recipes.md, one after the other (about an hour on two cores).

python benchmarks/run_all.py [name ...]
"""

import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
COMMANDS = {
    "overhead": ["overhead.py"],
    "demo": ["demo.py", "--seeds", "3"],
    "kills": ["kills.py", "--kills", "200"],
    "images": ["images.py"],
    "doctor": ["doctor.py"],
    "modes": ["modes.py", "--seeds", "5"],
}


def main() -> None:
    wanted = sys.argv[1:] or list(COMMANDS)
    for name in wanted:
        script, *options = COMMANDS[name]
        print(f"\n== {name}: python benchmarks/{script} {' '.join(options)}", flush=True)
        start = time.monotonic()
        subprocess.run([sys.executable, str(HERE / script), *options], check=True)
        print(f"== {name} took {(time.monotonic() - start) / 60:.1f} minutes", flush=True)


if __name__ == "__main__":
    main()
