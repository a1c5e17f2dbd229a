"""Files that are refused by what they are: those that run code when they are opened, and others.

A pickle is a program for a small machine that may call anything. What torch saves as `.bin`, `.pt`
or `.pth` is a pickle, most of the time inside a zip.
"""

from __future__ import annotations

from pathlib import PurePosixPath

_CONVERT = (
    "Save the weights as safetensors and give that file: "
    "`model.save_pretrained(folder, safe_serialization=True)`, or `safetensors.torch.save_file`."
)
_PICKLE = f"a pickle, which runs code when it is opened, and is never read here. {_CONVERT}"
_ARCHIVE = "an archive. Give the files that are in it."
_OTHER = f"of a format that is not flown. {_CONVERT}"

_SUFFIXES = {
    **dict.fromkeys((".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib"), _PICKLE),
    **dict.fromkeys((".npy", ".npz", ".h5", ".keras", ".msgpack", ".onnx", ".tflite"), _OTHER),
    **dict.fromkeys((".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z"), _ARCHIVE),
    **dict.fromkeys(
        (".py", ".pyc", ".so", ".dll", ".sh", ".exe"),
        "code, and no model brings code into orbit. Leave it out.",
    ),
}
_MAGICS = (
    (b"\x89HDF\r\n\x1a\n", _OTHER),
    (b"\x93NUMPY", _OTHER),
    (b"PK\x03\x04", f"a zip, as torch writes around {_PICKLE}"),
    (b"\x1f\x8b", _ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", _ARCHIVE),
    (b"\xfd7zXZ\x00", _ARCHIVE),
    (b"\x28\xb5\x2f\xfd", _ARCHIVE),
    (b"\x7fELF", "a program."),
)
_PICKLE_PROTOCOLS = range(2, 6)
_GGML = (b"lmgg", b"fmgg", b"tjgg", b"algg")


def of_name(name: str) -> str | None:
    """Return why a file of this name is refused and what to do instead, or None."""
    why = _SUFFIXES.get(PurePosixPath(name).suffix.lower())
    return f"{PurePosixPath(name).name} is {why}" if why else None


def of_bytes(begin: bytes) -> str | None:
    """Return what a file that begins so is, when it is one that is refused by name."""
    for magic, why in _MAGICS:
        if begin.startswith(magic):
            return f"It is {why}"
    if len(begin) > 1 and begin[0] == 0x80 and begin[1] in _PICKLE_PROTOCOLS:
        return f"It is {_PICKLE}"
    if begin[:4] in _GGML:
        return "It is a file of llama.cpp from before GGUF. Convert the original to GGUF again."
    return None
