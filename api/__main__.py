"""`python -m api`: load and run `api.app`."""

from __future__ import annotations

from runtime.process import loading


def main() -> None:
    """Run the api."""
    with loading("api"):
        from api.app import main as run  # noqa: PLC0415 - slow enough to be interrupted by Ctrl-C
    run()


if __name__ == "__main__":
    main()
