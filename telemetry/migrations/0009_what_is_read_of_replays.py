"""What SQL users read is what the API reads: of each span the generation that holds in it."""

import importlib

from django.db import migrations, models

_PIECES = """
-- The parts of [since_ns, until_ns) by the generation that is read in each (telemetry/replays).
CREATE FUNCTION telemetry_pieces(satellite_id bigint, since_ns bigint, until_ns bigint)
RETURNS TABLE (first_ns bigint, end_ns bigint, generation integer)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 4
AS $$
    WITH wanted AS (
        SELECT int8multirange(int8range($2, $3)) AS span WHERE $2 < $3
    ), layers AS (
        SELECT p.generation, int8multirange(int8range(r.first_ns, r.end_ns)) AS span,
            coalesce(range_agg(int8range(r.first_ns, r.end_ns)) OVER (
                ORDER BY p.generation DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ), '{}') AS above
        FROM telemetry_replaypart AS p JOIN telemetry_replay AS r ON r.id = p.replay_id
        WHERE p.satellite_id = $1 AND r.state = 'complete' AND r.first_ns < $3 AND r.end_ns > $2
    ), found AS (
        SELECT layers.generation, (layers.span - above) * wanted.span AS span FROM layers, wanted
        UNION ALL
        SELECT 1, wanted.span - coalesce(
            (SELECT range_agg(one) FROM layers, unnest(layers.span) AS one), '{}') FROM wanted
    )
    SELECT lower(one), upper(one), found.generation FROM found, unnest(found.span) AS one
$$;
"""
_HELD = """
-- Samples of one parameter of one satellite, generated in [start_at, end_at): those that hold, or
-- those of one generation.
CREATE OR REPLACE FUNCTION telemetry_samples(
    satellite text, parameter text, start_at timestamptz, end_at timestamptz,
    generation integer DEFAULT NULL
)
RETURNS TABLE (
    generated_at timestamptz, received_at timestamptz, raw numeric, value double precision,
    label text
)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1000
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
    ), asked AS (
        SELECT (extract(epoch FROM start_at) * 1000000000)::bigint AS first_ns,
            (extract(epoch FROM end_at) * 1000000000)::bigint AS end_ns
    ), span AS MATERIALIZED (
        SELECT piece.* FROM asked
            JOIN constellation_satellite AS c ON c.code = telemetry_samples.satellite
            CROSS JOIN LATERAL telemetry_pieces(c.id, asked.first_ns, asked.end_ns) AS piece
            WHERE telemetry_samples.generation IS NULL
        UNION ALL
        SELECT first_ns, end_ns, telemetry_samples.generation FROM asked
            WHERE telemetry_samples.generation IS NOT NULL
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
    FROM span CROSS JOIN described AS d
    JOIN telemetry_segment AS s ON s.shape_id = d.digest
        AND s.satellite_id = (
            SELECT id FROM constellation_satellite WHERE code = telemetry_samples.satellite)
        AND s.generation = span.generation
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


def _first_alone() -> str:
    """Return the function as the migration before has it."""
    before = importlib.import_module("telemetry.migrations.0004_samples_in_sql")
    return before._SAMPLES.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0008_coded_links")]

    operations = [
        migrations.RunSQL(_PIECES, "DROP FUNCTION telemetry_pieces"),
        migrations.RunSQL(_HELD, _first_alone()),
        migrations.AddField(
            model_name="replay",
            name="settled_at",
            field=models.DateTimeField(
                help_text="Since when what was read before may be erased.", null=True
            ),
        ),
        migrations.AddField(
            model_name="replaypart",
            name="cleared",
            field=models.BooleanField(
                default=False, help_text="Of a settled replay: what it hides is erased."
            ),
        ),
    ]
