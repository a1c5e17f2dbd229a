"""Transfer frames: bits to frames to packets, and back. Pure, in batches.

Down: `sync` finds the units in a stream, `cadu` undoes their coding (`randomiser`, `reedsolomon`),
`aos`, `tm` and `uslp` read frames into a `batch`, `reassembly` takes packets and units out of it
over losses and batches. `links` is a mission's link as a value, `receiver` the whole way by it.

Up: `packing` puts packets into frames, `tc` is the frame that carries telecommands, `cltu` what it
travels in, and `clcw` the word that answers it; `fop` sends frames once and in order to `farm`,
over whatever the link loses.
"""
