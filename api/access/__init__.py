"""Who may see what: the callers of the api.

`caller` is who asks, and what this caller may see.
"""
