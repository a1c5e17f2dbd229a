"""Limits and alarms: what is wrong, on how many satellites, who knows, and who was told.

`levels`, `lifecycle`, `limits`, `evaluation` and `grouping` are pure. `watching` judges each batch
of samples as it is decoded; `conditions` looks on beat at what no sample tells (silence, staleness,
the wrong model); `keeping` writes what both found; `operating` is what people do about it;
`notices` and `sending` tell whoever subscribed.
"""
