"""Functions by which PostgreSQL reads segments (the layout is in telemetry/archive/packing.py)."""

from django.db import migrations

_BLOCK = """
CREATE FUNCTION telemetry_uint(octets bytea) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN ('x' || lpad(encode(octets, 'hex'), 16, '0'))::bit(64)::bigint;

-- One block of packed columns: form, width and base of its entry (a byte each), then the block.
CREATE FUNCTION telemetry_block(columns bytea, place integer) RETURNS bytea
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN substring(columns FROM 7 * place + 1 FOR 3) || substring(
    columns
    FROM telemetry_uint(substring(columns FROM 7 * place + 4 FOR 4))::integer + 1
    FOR (
        telemetry_uint(substring(columns FROM 7 * place + 11 FOR 4))
        - telemetry_uint(substring(columns FROM 7 * place + 4 FOR 4))
    )::integer
);
"""

_NUMBERS = """
-- Numbers of so many bits each, the first of them from an octet on.
CREATE FUNCTION telemetry_bits(octets bytea, width integer, n integer)
RETURNS TABLE (place integer, number bigint)
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT place, CASE WHEN width = 0 THEN 0 ELSE
        (substring(bits FROM place * width + 1 FOR width)::bit(64) >> (64 - width))::bigint END
    FROM (SELECT ('x' || encode(octets, 'hex'))::varbit AS bits) AS packed,
        generate_series(0, n - 1) AS place
$$;

CREATE FUNCTION telemetry_signed(octets bytea) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (('x' || rpad(encode(octets, 'hex'), 16, '0'))::bit(64)::bigint)
    >> (64 - 8 * length(octets));

-- Whole numbers of a block of form INT (0) or STEPS (1). Sums wrap at 64 bits, as they were packed.
CREATE FUNCTION telemetry_integers(block bytea, n integer)
RETURNS TABLE (place integer, number numeric)
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE
    is_step CONSTANT boolean := get_byte(block, 0) = 1;
    width CONSTANT integer := get_byte(block, 1);
    size CONSTANT integer := get_byte(block, 2);
    head CONSTANT integer := 3 + size * (1 + is_step::integer);
    first CONSTANT numeric := telemetry_signed(substring(block FROM 4 FOR size));
    base CONSTANT numeric := telemetry_signed(substring(block FROM head - size + 1 FOR size));
    whole CONSTANT numeric := 18446744073709551616;
BEGIN
    IF NOT is_step THEN
        RETURN QUERY SELECT b.place, telemetry_wrapped(base + mod(b.number::numeric + whole, whole))
            FROM telemetry_bits(substring(block FROM head + 1), width, n) AS b;
    ELSE
        RETURN QUERY SELECT b.place, telemetry_wrapped(first + sum(
                CASE b.place WHEN 0 THEN 0 ELSE base + mod(b.number::numeric + whole, whole) END
            ) OVER (ORDER BY b.place))
            FROM telemetry_bits(substring(block FROM head + 1), width, n) AS b;
    END IF;
END
$$;

CREATE FUNCTION telemetry_wrapped(number numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN mod(mod(number + 9223372036854775808, 18446744073709551616) + 18446744073709551616,
    18446744073709551616) - 9223372036854775808;
"""

_OTHERS = """
-- An IEEE 754 number of 4 or 8 octets.
CREATE FUNCTION telemetry_float(octets bytea) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE
    bits CONSTANT bigint := telemetry_uint(octets);
    is_single CONSTANT boolean := length(octets) = 4;
    digits CONSTANT integer := CASE WHEN is_single THEN 23 ELSE 52 END;
    bias CONSTANT integer := CASE WHEN is_single THEN 127 ELSE 1023 END;
    top CONSTANT integer := CASE WHEN is_single THEN 255 ELSE 2047 END;
    exponent CONSTANT integer := ((bits >> digits) & top)::integer;
    fraction CONSTANT bigint := bits & ((1::bigint << digits) - 1);
    sign CONSTANT double precision := CASE WHEN get_byte(octets, 0) >= 128 THEN -1 ELSE 1 END;
BEGIN
    IF exponent = top THEN
        RETURN CASE WHEN fraction <> 0 THEN 'NaN'::double precision
            ELSE sign * 'Infinity'::double precision END;
    ELSIF exponent = 0 THEN
        RETURN CASE WHEN fraction = 0 THEN sign * 0.0::double precision
            ELSE sign * fraction * 2.0::double precision ^ (1 - bias - digits / 2)
                * 2.0::double precision ^ (-digits + digits / 2) END;
    END IF;
    RETURN sign * ((fraction + (1::bigint << digits))::double precision
        / (1::bigint << digits)::double precision)
        * 2.0::double precision ^ ((exponent - bias) / 2)
        * 2.0::double precision ^ (exponent - bias - (exponent - bias) / 2);
END
$$;

-- Where the n words begin whose lengths (u32) lie from `start` on, their bytes behind them.
CREATE FUNCTION telemetry_words(octets bytea, n integer)
RETURNS TABLE (place integer, word bytea)
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT place::integer, substring(octets
        FROM (4 * n + 1 + sum(size) OVER (ORDER BY place) - size)::integer FOR size::integer)
    FROM (SELECT place, telemetry_uint(substring(octets FROM 4 * place + 1 FOR 4)) AS size
        FROM generate_series(0, n - 1) AS place) AS sizes
$$;

-- Any block: numbers or octets by their place.
CREATE FUNCTION telemetry_unpacked(block bytea, n integer)
RETURNS TABLE (place integer, whole numeric, floating double precision, word bytea)
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE
    form CONSTANT integer := get_byte(block, 0);
    width CONSTANT integer := get_byte(block, 1);
    body CONSTANT bytea := substring(block FROM 4);
    size CONSTANT integer := CASE form WHEN 2 THEN 4 ELSE 8 END;
    different CONSTANT integer :=
        CASE WHEN form IN (5, 6) THEN telemetry_uint(substring(body FOR 4)) ELSE 0 END;
    skipped integer := 0;
BEGIN
    CASE form
        WHEN 0, 1 THEN
            RETURN QUERY SELECT i.place, i.number, NULL::double precision, NULL::bytea
                FROM telemetry_integers(block, n) AS i;
        WHEN 2, 3 THEN
            RETURN QUERY SELECT p, NULL::numeric,
                    telemetry_float(substring(body FROM p * size + 1 FOR size)), NULL::bytea
                FROM generate_series(0, n - 1) AS p;
        WHEN 4 THEN
            RETURN QUERY SELECT w.place, NULL::numeric, NULL::double precision, w.word
                FROM telemetry_words(body, n) AS w;
        WHEN 5 THEN
            RETURN QUERY SELECT b.place, NULL::numeric, d.number, NULL::bytea
                FROM telemetry_bits(substring(body FROM 5 + 8 * different), width, n) AS b
                JOIN (SELECT p, telemetry_float(substring(body FROM 8 * p + 5 FOR 8)) AS number
                    FROM generate_series(0, different - 1) AS p) AS d ON d.p = b.number;
        WHEN 6 THEN
            SELECT coalesce(sum(telemetry_uint(substring(body FROM 4 * p + 5 FOR 4))), 0)
                INTO skipped FROM generate_series(0, different - 1) AS p;
            RETURN QUERY SELECT b.place, NULL::numeric, NULL::double precision, d.word
                FROM telemetry_bits(
                    substring(body FROM 5 + 4 * different + skipped), width, n) AS b
                JOIN telemetry_words(substring(body FROM 5), different) AS d
                    ON d.place = b.number;
    END CASE;
END
$$;
"""

_SAMPLES = """
-- Samples of one parameter of one satellite, generated in [start_at, end_at).
CREATE FUNCTION telemetry_samples(
    satellite text, parameter text, start_at timestamptz, end_at timestamptz,
    generation integer DEFAULT 1
)
RETURNS TABLE (
    generated_at timestamptz, received_at timestamptz, raw numeric, value double precision,
    label text
)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 1000
AS $$
    WITH described AS MATERIALIZED (
        SELECT digest, place + 1 AS place, one ->> 1 AS kind, one -> 2 AS labels, one -> 3 AS terms,
            one ->> 4 AS value_kind, (
                SELECT count(*) FROM jsonb_array_elements(columns)
                    WITH ORDINALITY AS before (each, at)
                WHERE before.at < listed.place AND before.each ->> 4 <> ''
            ) + jsonb_array_length(columns) + 2 AS value_place
        FROM telemetry_segmentshape,
            jsonb_array_elements(columns) WITH ORDINALITY AS listed (one, place)
        WHERE digest IN (
                SELECT DISTINCT shape_id FROM telemetry_segment AS s
                WHERE s.satellite_id = (
                    SELECT id FROM constellation_satellite WHERE code = telemetry_samples.satellite
                )
            )
            AND one ->> 0 = telemetry_samples.parameter
    ), span AS (
        SELECT (extract(epoch FROM start_at) * 1000000000)::bigint AS first_ns,
            (extract(epoch FROM end_at) * 1000000000)::bigint AS end_ns
    )
    SELECT to_timestamp(0) + (at.whole / 1000000000.0)::double precision * interval '1 second',
        to_timestamp(0) + (heard.whole / 1000000000.0)::double precision * interval '1 second',
        CASE WHEN d.kind = 'uint' AND raw.whole < 0 THEN raw.whole + 18446744073709551616
            WHEN raw.floating = 'NaN' THEN 'NaN'::numeric
            WHEN raw.floating = 'Infinity' THEN 'Infinity'::numeric
            WHEN raw.floating = '-Infinity' THEN '-Infinity'::numeric
            ELSE coalesce(raw.whole, raw.floating::numeric) END,
        CASE WHEN jsonb_typeof(d.labels) = 'array' THEN NULL
            WHEN d.value_kind <> '' THEN coalesce(made.whole::double precision, made.floating)
            WHEN jsonb_typeof(d.terms) = 'array' THEN (
                SELECT sum((t ->> 0)::double precision
                    * power(coalesce(raw.whole::double precision, raw.floating),
                        (t ->> 1)::double precision))
                FROM jsonb_array_elements(d.terms) AS t)
            WHEN d.kind = 'uint' AND raw.whole < 0
                THEN (raw.whole + 18446744073709551616)::double precision
            ELSE coalesce(raw.whole::double precision, raw.floating) END,
        CASE WHEN jsonb_typeof(d.labels) = 'array' THEN (
                SELECT l ->> 1 FROM jsonb_array_elements(d.labels) AS l
                WHERE (l ->> 0)::numeric = raw.whole LIMIT 1)
            WHEN d.kind = 'text' AND raw.word IS NOT NULL
                THEN convert_from(rtrim(raw.word, '\\x00'::bytea), 'UTF8')
            WHEN raw.word IS NOT NULL THEN encode(raw.word, 'hex') END
    FROM span, described AS d
    JOIN telemetry_segment AS s ON s.shape_id = d.digest
        AND s.satellite_id = (
            SELECT id FROM constellation_satellite WHERE code = telemetry_samples.satellite)
        AND s.generation = telemetry_samples.generation
    CROSS JOIN LATERAL telemetry_unpacked(telemetry_block(s.columns, 0), s.count) AS at
    JOIN LATERAL telemetry_unpacked(telemetry_block(s.columns, 1), s.count) AS heard
        ON heard.place = at.place
    JOIN LATERAL telemetry_unpacked(telemetry_block(s.columns, d.place::integer), s.count) AS raw
        ON raw.place = at.place
    LEFT JOIN LATERAL telemetry_unpacked(
        telemetry_block(s.columns, CASE WHEN d.value_kind <> '' THEN d.value_place::integer END),
        s.count) AS made ON made.place = at.place
    WHERE s.last_ns >= span.first_ns AND s.first_ns < span.end_ns
        AND at.whole >= span.first_ns AND at.whole < span.end_ns
    ORDER BY at.whole
$$;
"""
_DROP = """
DROP FUNCTION telemetry_samples, telemetry_unpacked, telemetry_words, telemetry_float,
    telemetry_integers, telemetry_wrapped, telemetry_signed, telemetry_bits, telemetry_block,
    telemetry_uint
"""


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0003_segments_in_bits")]

    operations = [
        migrations.RunSQL(_BLOCK, migrations.RunSQL.noop),
        migrations.RunSQL(_NUMBERS, migrations.RunSQL.noop),
        migrations.RunSQL(_OTHERS, migrations.RunSQL.noop),
        migrations.RunSQL(_SAMPLES, _DROP),
    ]
