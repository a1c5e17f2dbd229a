"""Orbits: pure arithmetic over arrays. No Django, no clock, no network.

elements     element sets out of files (TLE, and OMM as JSON, XML, CSV, KVN)
propagation  SGP4 in bulk: where satellites are, and which of them SGP4 refuses
frames       TEME to ITRS, time scales, sites on the ground
horizon      below which elevation a site does not see, by azimuth
look         azimuth, elevation, range, range rate, Doppler
passes       when satellites stand above stations; its parts are low (the fast way, on nodes),
             sampled (any orbit), skyline (what horizons leave), sky, roots and crew
details      more of some passes: light, azimuth rate and keyhole, sun and moon conjunctions
eclipse      sun, umbra, penumbra; eclipses finds when, with turning and spans, its parts
moon         where it is
isl          laser terminals, and who sees whom (windows over a span in isl_windows, with isl_sight,
             isl_pointing, crossings and spans, its parts)
tracks       orbits as quintics between states of SGP4
ground       subpoints
walker       orbits to plan: sun-synchronous, dawn-dusk, Walker patterns

Instants are POSIX seconds in float arrays, positions are `(..., 3)` metres in ITRS, angles
radians. Element sets alone keep the units of their message, which their fields name.
"""
