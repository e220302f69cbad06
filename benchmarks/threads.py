"""What a second thread gains in one optimisation step of the compiled engine.

    python benchmarks/threads.py --shape pseudodata
    python benchmarks/threads.py --shape main --trials 30

Contenders: `engine, 1 thread`, `engine, 2 threads`, `roulette, 1 thread`, `roulette, 2 threads`.
"""

from __future__ import annotations

from contest import contest, parser
from problem import SHAPES
from step import CONTENDERS, steps


def main() -> None:
    """Run the contest and print the ratio of the wall times."""
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--shape", choices=SHAPES, default="pseudodata")
    options.add_argument("--trials", type=int, help="simulated and recorded trials (per session)")
    options.add_argument("--steps", type=int, default=3, help="steps in one measurement")
    options.set_defaults(device="cpu")
    given = options.parse_args()

    def with_threads(number: int, name: str):
        def measure():
            given.threads = number
            return steps(given, *CONTENDERS["cpu"][name])

        return measure

    found = contest(
        given,
        {
            f"{name}, {number} thread{'s' * (number > 1)}": with_threads(number, name)
            for name in ("engine", "roulette")
            for number in (1, 2)
        },
    )
    if found and not given.json and not given.only:
        for name in ("engine", "roulette"):
            one, two = (found[f"{name}, {n}"]["wall_s"] for n in ("1 thread", "2 threads"))
            print(f"\n{name}: two threads are {one / two:.2f} times as fast as one")


if __name__ == "__main__":
    main()
