"""The ledger: every frame and packet received is stored, a duplicate, or rejected with a reason.

`counting` sums a batch up by virtual channel and APID, `unwrapping` makes long counts of short
ones (both pure), `origins` tells our packets from those of other makers, `keeping` enters a batch
in the books, `completeness` reads them.
"""
