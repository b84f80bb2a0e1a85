"""The specifications, made from the declarations of the routes and the types of the answers.

`fields` describes the members of all answers, and `examples` has answers of the same code that
serves requests. `schemas` joins both, for `openapi` and `asyncapi`. `docs` serves them and a page.
"""
