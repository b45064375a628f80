"""Engines decide where the blocks of a stage are computed. Each is a class with

    map(part, method, blocks) -> iterator of results, in the order of the blocks
    spread(part, method, blocks) -> the same, for work that keeps one core busy and needs no model

A part is a plain object that loads what it needs at its first use, so that it can be sent to a worker; `libraries` may
name the modules that it will import, for processes to load them once for all. Neither stages
nor parts know which engine runs them, and fingerprints do not depend on it.
"""
