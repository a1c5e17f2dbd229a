"""Sending of a model only what a satellite lacks: chunks, deltas against a base on board, packs.

Pure, no Django and no clock: the ground encodes with it and the satellites decode with it.

- `cutting` cuts a file into chunks of about 1 MiB that follow its tensors and the blocks of its
  quantisation; what lies between tensors, and files of other kinds, are cut by their content
  (`content`), so that an insertion moves the cuts with it.
- `matching` finds for each chunk where a base may have the same or nearly the same bytes.
- `manifests` names every chunk by its BLAKE3 and says where bases have it; `wants` is what a
  satellite answers: per chunk held, to be had from a base, or lacking.
- `codec` decodes one chunk on its own, in bounded memory; `cheapest` is the search on the ground
  for the shortest encoding; `transforms` is their arithmetic.
- `packs` holds encoded chunks in content-addressed files; `building` fills them for one or many
  satellites at once; `assembling` puts the artefact together on board.

A pack is never trusted: a chunk counts when its bytes have the digest that the manifest names, and
the file when it has the SHA-256 that the release names.
"""
