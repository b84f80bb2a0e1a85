"""`python -m collector`: `program` has what it does."""

from __future__ import annotations

from runtime.process import exit_at_stop_signals


def main() -> None:
    """Run the collector."""
    exit_at_stop_signals()
    # These imports take long enough for a Ctrl-C.
    from collector.program import main as run  # noqa: PLC0415

    run()


if __name__ == "__main__":
    main()
