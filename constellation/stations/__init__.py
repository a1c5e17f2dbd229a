"""How a ground station is reached: one small interface, one module a kind of station."""
