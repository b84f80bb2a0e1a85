"""Programs for developers: chaos, soak, compose, pictures, plan; each has `--help`.

`console` and `background` are shared. The product imports nothing from here.
"""
