"""A hostile client of the api, which shares no code with the product.

`requests` draws its requests, some of them from `shapes`. `attack` sends them and checks that each
answer belongs to its request.
"""
