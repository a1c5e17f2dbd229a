"""When a transfer will be there, and how sure that is: estimates of links, and many runs. Pure."""
