"""Engines: where the blocks of a stage are worked on. Each is a class with

    map(part, method, blocks) -> iterator of results, in the order of the blocks

A part is a plain object that loads its model at its first use, so that it travels to wherever the block is. Neither stages
nor parts know which engine it is, and no fingerprint does.
"""
