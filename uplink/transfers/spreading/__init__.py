"""Spreading over laser links, pure: who holds what, when packs get where, who is to upload them."""
