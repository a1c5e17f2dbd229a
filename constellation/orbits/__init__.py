"""Orbits: pure arithmetic over arrays. No Django, no clock, no network.

elements     element sets out of files (TLE, and OMM as JSON, XML, CSV, KVN)
propagation  SGP4 in bulk: where satellites are, and which of them SGP4 refuses
frames       TEME to ITRS, time scales, sites on the ground
look         azimuth, elevation, range, range rate
passes       when satellites stand above stations (with sky and roots, its parts)
eclipse      sun, umbra, penumbra
isl          who sees whom
ground       subpoints
walker       orbits to plan: sun-synchronous, dawn-dusk, Walker patterns

Instants are POSIX seconds in float arrays, positions are `(..., 3)` metres in ITRS, angles
radians. Element sets alone keep the units of their message, which their fields name.
"""
