"""Test equipment: processes, proxies, scripted venues and apis, readers.

Nothing in the product imports it.
"""
