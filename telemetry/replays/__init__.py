"""Stored packets decoded anew by another definition, without touching what is read until then.

`asking` begins, cancels and drops replays, `running` moves them on in steps that survive a kill,
`settling` makes them final, `generations` tells readers which generation holds for which part of a
span.
"""
