"""Files of element sets with something wrong in them, what is said about it, and what is not lost.

Every file is about SCS-01 A; what is good in it is of SCS-01 B and must be taken all the same.
"""

import json
from dataclasses import dataclass, replace
from datetime import timedelta

from constellation.orbits import omm, tle
from tests.constellation.orbits import fleet, oems

NEWER = [
    replace(each, epoch_at=each.epoch_at + timedelta(hours=1)) for each in fleet.element_sets()[:2]
]
A, B = ({key: str(value) for key, value in omm.to_fields(each).items()} for each in NEWER)


@dataclass(frozen=True)
class Case:
    """A file, words of what must be said, and whether the element set of B stands in it too."""

    name: str
    data: bytes
    said: str
    has_rest: bool = True


def resummed(line):
    return line[:68] + str(tle.checksum(line))


def lines_of(number):
    """Return name, line 1 and line 2 of the first or second satellite, an hour newer."""
    name, first, second = fleet.TLE.read_text().splitlines()[3 * number : 3 * number + 3]
    day = float(first[20:32]) + 1.0 / 24.0
    return name, resummed(f"{first[:20]}{day:012.8f}{first[32:]}"), second


NAME, FIRST, SECOND = lines_of(0)
REST = "\n".join(lines_of(1)) + "\n"


def tles(first=FIRST, second=SECOND, name=NAME):
    return f"{name}\n{first}\n{second}\n{REST}".encode()


def put(line, column, text):
    return resummed(line[:column] + text + line[column + len(text) :])


def as_json(*many):
    return ("[" + ",\n".join(json.dumps(each) for each in many) + "]").encode()


def as_kvn(*many):
    return "".join(
        f"CCSDS_OMM_VERS = {fields.get('CCSDS_OMM_VERS', '3.0')}\n"
        + "".join(f"{key} = {value}\n" for key, value in fields.items() if key != "CCSDS_OMM_VERS")
        for fields in many
    ).encode()


def as_csv(*many):
    return "\n".join([",".join(B), *(",".join(each[key] for key in B) for each in many)]).encode()


def as_xml(*many, head=""):
    leaves = (
        "<omm><body><segment><data>"
        + "".join(f"<{key}>{value}</{key}>" for key, value in each.items())
        + "</data></segment></body></omm>\n"
        for each in many
    )
    return f'<?xml version="1.0"?>{head}\n<ndm>\n{"".join(leaves)}</ndm>'.encode()


def wrong(name, said, **fields):
    """Yield the same wrong keyword in every form of an OMM."""
    for write in (as_json, as_kvn, as_csv, as_xml):
        form = write.__name__.removeprefix("as_")
        yield Case(f"{name}-{form}", write({**A, **fields}, B), said)


def oem(name, said, lines=None, change=None, **meta):
    """Yield a wrong segment of A before a good message of B, as KVN and as XML."""
    bad = oems.message(oems.segment(oems.states(count=20) if lines is None else lines, **meta))
    good = oems.message(
        oems.segment(oems.states(count=20), OBJECT_NAME="SCS-01 B", OBJECT_ID="2025-100B")
    )
    if change is not None:
        yield Case(f"{name}-oem", change(bad).encode() + b"\n" + good.encode(), said)
        return
    yield Case(f"{name}-oem", f"{bad}\n{good}".encode(), said)
    xml = f"<ndm>{oems.as_xml(bad)}\n{oems.as_xml(good)}</ndm>"
    yield Case(f"{name}-oem-xml", xml.encode(), said)


STATES = oems.states(count=20)
BOMB = (
    '<!DOCTYPE ndm [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]>"
)
MEGABYTES = 10 * 1024 * 1024

CASES = [
    # TLE
    Case("tle-truncated", tles(second=SECOND[:40]), "line 2 has 40 characters; right is 69"),
    Case("tle-swapped", tles(SECOND, FIRST), "line 2 stands before its line 1"),
    Case("tle-checksum", tles(FIRST[:-1] + str((int(FIRST[-1]) + 1) % 10)), "ends in the checksum"),
    Case("tle-other-numbers", tles(second=put(SECOND, 2, "63983")), "right is the same number"),
    Case("tle-letters", tles(second=put(SECOND, 9, "x7.36")), "is not a number"),
    Case("tle-comma", tles(second=put(SECOND, 11, ",")), "is not a number"),
    Case("tle-mean-motion", tles(second=put(SECOND, 52, "35")), "mean motion 35"),
    Case("tle-day-0", tles(put(FIRST, 20, "000")), "day 0"),
    Case(
        "tle-alpha-5",
        tles(put(FIRST, 2, "I3982"), put(SECOND, 2, "I3982")),
        "but I and O before four digits (Alpha-5)",
    ),
    Case("tle-xp", tles(put(FIRST, 62, "4")), "ephemeris type 4 (SGP4-XP); right is 0"),
    Case("tle-alone", f"{NAME}\n{FIRST}\n{REST}".encode(), "line 1 is followed by"),
    Case("tle-nul", tles(name="SCS-01\0A"), "the name holds the character"),
    Case("tle-not-text", tles().replace(b"SCS-01 A", b"SCS-01 \xff"), "bytes that are not UTF-8"),
    Case("tle-long-name", tles(name="A" * 5_000), "the name has 5,000 characters"),
    Case("tle-twice", tles() + f"{NAME}\n{FIRST}\n{SECOND}\n".encode(), "already, with the same"),
    Case("tle-stray", b"# today's catalogue\n" + REST.encode(), "is no part of an element set"),
    # OMM, in each of its forms
    *wrong("eccentricity", "eccentricity 1.5 is wrong; right is 0 to below 1", ECCENTRICITY="1.5"),
    *wrong("negative", "mean motion -15.2 is wrong", MEAN_MOTION="-15.2"),
    *wrong("nan", "MEAN_ANOMALY is 'NaN'; right is a decimal number", MEAN_ANOMALY="NaN"),
    *wrong("infinite", "MEAN_MOTION_DOT is '1e999', which is too large", MEAN_MOTION_DOT="1e999"),
    *wrong("missing", "INCLINATION is missing", INCLINATION=""),
    *wrong("far-future", "is outside of 1957-10-04 to 2057-01-01", EPOCH="2126-01-01T00:00:00"),
    *wrong("far-past", "is outside of 1957-10-04 to 2057-01-01", EPOCH="1857-01-01T00:00:00"),
    *wrong("offset", "EPOCH ends in '+08:00'; right is UTC", EPOCH="2026-08-22T12:00:00+08:00"),
    *wrong("leap", "second must be in 0..59", EPOCH="2026-08-22T12:00:60"),
    *wrong("time-system", "TIME_SYSTEM is TAI; right is UTC", TIME_SYSTEM="TAI"),
    *wrong("frame", "REF_FRAME is EME2000; right is TEME", REF_FRAME="EME2000"),
    *wrong("theory", "MEAN_ELEMENT_THEORY is DSST; right is SGP4", MEAN_ELEMENT_THEORY="DSST"),
    *wrong("bstar", "B* 99.0 is wrong", BSTAR="99"),
    *wrong("huge", "REV_AT_EPOCH is '999999999999'; right is a whole", REV_AT_EPOCH="9" * 12),
    *wrong("hundreds", "REV_AT_EPOCH is '999", REV_AT_EPOCH="9" * 500),
    *wrong("catalogue", "right is up to 20 digits", NORAD_CAT_ID="6398x"),
    *wrong("not-ascii-digits", "INCLINATION is '٩٧'", INCLINATION="٩٧"),
    Case("version-json", as_json({**A, "CCSDS_OMM_VERS": "9.9"}, B), "VERS is 9.9; right is 3.0"),
    Case("version-kvn", as_kvn({**A, "CCSDS_OMM_VERS": "9.9"}, B), "VERS is 9.9; right is 3.0"),
    Case(
        "version-xml",
        as_xml(A, B).replace(b"<omm>", b'<omm version="9.9">', 1),
        "VERS is 9.9; right is 3.0",
    ),
    Case("comma-json", as_json({**A, "INCLINATION": "97,36"}, B), "with a point, not a comma"),
    Case("comma-csv", as_csv({**A, "INCLINATION": "97,36"}, B), "a point in a number, not a comma"),
    Case("twice-json", as_json(A, B, A), "already, with the same elements"),
    Case("keyword-twice", as_kvn(A, B).replace(b"BSTAR", b"ECCENTRICITY", 1), "stands there twice"),
    Case("twice-xml", as_xml(A, B).replace(b"BSTAR", b"ECCENTRICITY", 2), "stands there twice"),
    Case("semicolons", as_csv(A).replace(b",", b";"), "not separated by commas", has_rest=False),
    Case("cut-json", as_json(B, A)[:-40], "not JSON: Unterminated string"),
    Case("cut-xml", as_xml(B, A)[:-90], "not XML"),
    Case("inside-xml", as_xml(A, B).replace(b"</BSTAR>", b"", 1), "not XML"),
    Case("nested", b'[{"a":' + b"[" * 50_000 + b"]}, " + as_json(B)[1:], "JSON"),
    Case("nul-json", as_json({**A, "OBJECT_NAME": "A\0"}, B), "holds the character '\\x00'"),
    Case("half-json", as_json({**A, "OBJECT_NAME": "A\ud800"}, B), "holds the character"),
    Case("objects", as_json({**A, "INCLINATION": {"deg": 97}}, B), "INCLINATION is \"{'deg'"),
    Case("bomb", as_xml({**A, "OBJECT_NAME": "&j;"}, head=BOMB), "entities are refused", False),
    Case(
        "external",
        as_xml(A, head='<!DOCTYPE ndm [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
        "document types and entities are refused",
        has_rest=False,
    ),
    Case("utf-16-cut", as_kvn(A).decode().encode("utf-16-le"), "", has_rest=False),
    Case("opm", b"CCSDS_OPM_VERS = 3.0\nX = 1\n" + as_kvn(B), "another kind of message"),
    # OEM, as KVN and XML
    *oem("one-state", "it has 1 states; LAGRANGE of degree 7 takes at least 8", STATES[:1]),
    *oem("order", "is not after the one before it", [STATES[1], STATES[0], *STATES[2:]]),
    *oem("gap", "540 s pass since the state before", [*STATES[:6], *STATES[14:]]),
    *oem(
        "nan-state",
        "a state's value is 'NaN'",
        [STATES[0].replace("333.7", "NaN ", 1).replace("NaN 20173892", "NaN"), *STATES[1:]],
    ),
    *oem("system", "TIME_SYSTEM is MET; right is UTC", TIME_SYSTEM="MET"),
    *oem("frame", "REF_FRAME is MCI; right is ITRF", REF_FRAME="MCI"),
    *oem("spline", "INTERPOLATION is SPLINE", INTERPOLATION="SPLINE"),
    *oem("no-span", "STOP_TIME is not after START_TIME", STOP_TIME="2026-08-22T11:00:00"),
    *oem("open", "up to META_STOP", change=lambda text: text.replace("META_STOP\n", "")),
    *oem("closed", "META_STOP has no META_START", change=lambda t: t.replace("META_START\n", "")),
    *oem("version", "CCSDS_OEM_VERS is '7'", change=lambda text: text.replace("= 3.0", "= 7")),
    # No file of element sets
    Case("empty", b"", "the file is empty", has_rest=False),
    Case("blank", b"\xef\xbb\xbf \r\n\n", "the file is empty", has_rest=False),
    Case("picture", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "byte 0x89 is not UTF-8", has_rest=False),
    Case("page", b"<!DOCTYPE html><html><body>Sorry</body></html>", "refused", has_rest=False),
    Case("one-long-line", b"x" * MEGABYTES, "is no part of an element set", has_rest=False),
    Case("brackets", b"[" * MEGABYTES, "JSON", has_rest=False),
    Case("units", b"CCSDS_OMM_VERS = 3.0\nA = " + b"[" * MEGABYTES, "characters", has_rest=False),
    Case("numbers", b"[" + b"1" * MEGABYTES, "", has_rest=False),
    Case("tiny-lines", b"x\n" * (MEGABYTES // 2), "not read on", has_rest=False),
    Case("braces", b"[" + b"{x},\n" * (MEGABYTES // 5), "not read on", has_rest=False),
    Case("spaces", b"[{" + b"}" + b" " * MEGABYTES + b"x", "", has_rest=False),
    Case("tags", b"<a>" * (MEGABYTES // 3), "not XML", has_rest=False),
    Case("broken-tags", b"<ndm>" + b"<omm ><" * (MEGABYTES // 7), "not read on", has_rest=False),
    Case("quotes", b"EPOCH,X\n" + b'"' * MEGABYTES, "characters; right is at most", has_rest=False),
    Case(
        "lines", b"all work and no play\n" * (MEGABYTES // 21), "more entries are", has_rest=False
    ),
]

WHOLE = [
    ("bom", b"\xef\xbb\xbf" + as_kvn(A, B)),
    ("utf-16", as_json(A, B).decode().encode("utf-16")),
    ("utf-16-xml", as_kvn(A, B).decode().encode("utf-16")),
    ("mixed-line-ends", as_kvn(A, B).replace(b"\n", b"\r\n", 9).replace(b"\n", b"\r", 3)),
    ("old-line-ends", tles().replace(b"\n", b"\r")),
    ("indented", b"\n\n  " + as_xml(A, B)[21:]),
]
"""Unusual files with nothing wrong in them."""
