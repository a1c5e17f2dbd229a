"""The archive: columns of samples in compressed segments, and the latest values.

`columns` packs a group's samples into bytes and back, `writing` keeps what was decoded, `reading`
unites short and long segments, `compaction` swaps the short for long ones.
"""
