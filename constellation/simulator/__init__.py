"""A constellation to fly against: satellites and stations that speak the real protocols.

Its own process (`python -m constellation.simulator`) and a root of the house: nothing imports
it, and it imports pure packages only. All state lies under one folder, journaled before it is
acted on, so that the process can be killed at any moment and started again.

clock, fleet, space   what time it is, who there is, where they truly are
journal, recorder     records on disk that outlive a kill; every downlink packet until released
store                 packs and artefacts of the whole fleet, named by their SHA-256
ground                stations: antennas, contacts, links that carry frames while geometry allows
board                 what is on a satellite: framing, commands, files, queries, housekeeping
runtimes              what answers questions: llama.cpp, an OpenAI-compatible server, an echo
control               the control socket
"""
