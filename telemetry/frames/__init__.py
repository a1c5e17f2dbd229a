"""Transfer frames: bytes to frames to packets, and back. Pure, in batches.

`aos` is one frame and a batch of them, `packing` puts packets into frames, `reassembly` takes them
out again over losses and batches, `tc` is the frame that carries telecommands and `clcw` the word
that answers it.
"""
