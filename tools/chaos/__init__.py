"""Inject every fault of a feed, and kill or freeze every process, while readers check the books."""
