"""Run `python -m simulator`; see `program`."""

from __future__ import annotations

from runtime.process import exit_at_stop_signals


def main() -> None:
    """Run the simulator."""
    exit_at_stop_signals()
    # These imports take long enough for a Ctrl-C.
    from simulator.program import main as run  # noqa: PLC0415

    run()


if __name__ == "__main__":
    main()
