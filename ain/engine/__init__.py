"""Engines decide where the blocks of a stage are computed. Each is a class with

    map(part, method, blocks) -> iterator of results, in the order of the blocks

A part is a plain object that loads its model at its first use, so that it can be sent to a worker. Neither stages nor
parts know which engine runs them, and fingerprints do not depend on it.
"""
