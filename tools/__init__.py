"""Programs for developers: chaos, soak, compose, pictures, plan; `--help` explains each.

`console` has what they share. Nothing in the product imports them.
"""
