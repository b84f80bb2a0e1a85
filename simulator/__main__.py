"""`python -m simulator`: load and run `simulator.program`."""

from __future__ import annotations

from runtime.process import loading


def main() -> None:
    """Run the simulator."""
    with loading("simulator"):
        from simulator.program import main as run  # noqa: PLC0415 - takes long enough for a Ctrl-C
    run()


if __name__ == "__main__":
    main()
