-- migration contenttypes 0001_initial
-- migration contenttypes 0002_remove_content_type_name
-- migration auth 0001_initial
-- migration auth 0002_alter_permission_name_max_length
-- migration auth 0003_alter_user_email_max_length
-- migration auth 0004_alter_user_username_opts
-- migration auth 0005_alter_user_last_login_null
-- migration auth 0006_require_contenttypes_0002
-- migration auth 0007_alter_validators_add_error_messages
-- migration auth 0008_alter_user_username_max_length
-- migration auth 0009_alter_user_last_name_max_length
-- migration auth 0010_alter_group_name_max_length
-- migration auth 0011_update_proxy_permissions
-- migration auth 0012_alter_user_first_name_max_length
-- migration accounts 0001_initial
-- migration constellation 0001_initial
-- migration constellation 0002_limits_carriers_blocks
-- migration constellation 0003_element_sets
-- migration constellation 0004_pass_block_orbit
-- migration constellation 0005_power_of_profiles
-- migration alarms 0001_limits_alarms_and_notices
-- migration alarms 0002_versions_due_with_a_definition
-- migration contacts 0001_initial
-- migration contacts 0002_cancelled_for_want_of_a_pass
-- migration commands 0001_initial
-- migration commands 0002_relayed
-- migration registry 0001_initial
-- migration inference 0001_initial
-- migration inference 0002_only
-- migration live 0001_initial
-- migration live 0002_numbers_at_commit
-- migration ops 0001_initial
-- migration registry 0002_parts_provenance_uploads
-- migration releases 0001_initial
-- migration releases 0002_notices
-- migration transfers 0001_initial
-- migration transfers 0002_packages
-- migration rollouts 0001_initial
-- migration rollouts 0002_spreading
-- migration rollouts 0003_synchronised_rings
-- migration sessions 0001_initial
-- migration telemetry 0001_initial
-- migration telemetry 0002_ledger
-- migration telemetry 0003_segments_in_bits
-- migration telemetry 0004_samples_in_sql
-- migration telemetry 0005_definitions
-- migration telemetry 0006_replays
-- migration telemetry 0007_what_an_activation_left_out
-- migration telemetry 0008_coded_links
-- migration telemetry 0009_what_is_read_of_replays
-- migration telemetry 0010_times_of_other_missions
-- migration telemetry 0011_relayed_packets
-- migration telemetry 0012_definitions_in_several_files
-- migration transfers 0003_carriages_and_forecasts
-- migration transfers 0004_spreading
-- migration transfers 0005_activation_at_an_instant
-- migration transfers 0006_suspension_and_notices
-- migration transfers 0007_releases_over_laser

CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public;

CREATE FUNCTION public.live_number_events() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    one record;
    newest bigint;
BEGIN
    FOR one IN
        SELECT stream, count(*) AS count FROM live_pending GROUP BY stream ORDER BY stream
    LOOP
        INSERT INTO live_stream AS counter (name, last_number) VALUES (one.stream, one.count)
            ON CONFLICT (name) DO UPDATE SET last_number = counter.last_number + one.count
            RETURNING last_number INTO newest;
        INSERT INTO live_event (stream_id, number, kind, payload, written_at)
            SELECT stream, newest - one.count + row_number() OVER (ORDER BY id),
                   kind, payload, clock_timestamp()
            FROM live_pending WHERE stream = one.stream;
    END LOOP;
    DELETE FROM live_pending;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.live_wait_for_the_others() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE live_pending SET waited = true
        WHERE id = NEW.id AND NOT EXISTS (SELECT FROM live_pending WHERE waited);
    RETURN NULL;
END
$$;

CREATE FUNCTION public.telemetry_bits(octets bytea, width integer, n integer) RETURNS TABLE(place integer, number bigint)
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    SELECT place, CASE WHEN width = 0 THEN 0 ELSE
        (substring(bits FROM place * width + 1 FOR width)::bit(64) >> (64 - width))::bigint END
    FROM (SELECT ('x' || encode(octets, 'hex'))::varbit AS bits) AS packed,
        generate_series(0, n - 1) AS place
$$;

CREATE FUNCTION public.telemetry_uint(octets bytea) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ((('x'::text || lpad(encode(octets, 'hex'::text), 16, '0'::text)))::bit(64))::bigint;

CREATE FUNCTION public.telemetry_block(columns bytea, place integer) RETURNS bytea
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (SUBSTRING(columns FROM ((7 * place) + 1) FOR 3) || SUBSTRING(columns FROM ((public.telemetry_uint(SUBSTRING(columns FROM ((7 * place) + 4) FOR 4)))::integer + 1) FOR ((public.telemetry_uint(SUBSTRING(columns FROM ((7 * place) + 11) FOR 4)) - public.telemetry_uint(SUBSTRING(columns FROM ((7 * place) + 4) FOR 4))))::integer));

CREATE FUNCTION public.telemetry_counts_sum(one jsonb, other jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    SELECT coalesce(jsonb_object_agg(key, total), '{}'::jsonb) FROM (
        SELECT key, sum(value::bigint)::bigint AS total FROM (
            SELECT * FROM jsonb_each_text(one) UNION ALL SELECT * FROM jsonb_each_text(other)
        ) AS both_counts GROUP BY key
    ) AS summed
$$;

CREATE FUNCTION public.telemetry_counts_total(counts jsonb) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    SELECT coalesce(sum(value::bigint), 0)::bigint FROM jsonb_each_text(counts)
$$;

CREATE FUNCTION public.telemetry_float(octets bytea) RETURNS double precision
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

CREATE FUNCTION public.telemetry_integers(block bytea, n integer) RETURNS TABLE(place integer, number numeric)
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

CREATE FUNCTION public.telemetry_pieces(satellite_id bigint, since_ns bigint, until_ns bigint) RETURNS TABLE(first_ns bigint, end_ns bigint, generation integer)
    LANGUAGE sql STABLE ROWS 4 PARALLEL SAFE
    AS $_$
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
$_$;

CREATE FUNCTION public.telemetry_samples(satellite text, parameter text, start_at timestamp with time zone, end_at timestamp with time zone, generation integer DEFAULT NULL::integer) RETURNS TABLE(generated_at timestamp with time zone, received_at timestamp with time zone, raw numeric, value double precision, label text)
    LANGUAGE sql STABLE PARALLEL SAFE
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
                THEN convert_from(rtrim(raw.word, '\x00'::bytea), 'UTF8')
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

CREATE FUNCTION public.telemetry_signed(octets bytea) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (((('x'::text || rpad(encode(octets, 'hex'::text), 16, '0'::text)))::bit(64))::bigint >> (64 - (8 * length(octets))));

CREATE FUNCTION public.telemetry_unpacked(block bytea, n integer) RETURNS TABLE(place integer, whole numeric, floating double precision, word bytea)
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

CREATE FUNCTION public.telemetry_words(octets bytea, n integer) RETURNS TABLE(place integer, word bytea)
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    SELECT place::integer, substring(octets
        FROM (4 * n + 1 + sum(size) OVER (ORDER BY place) - size)::integer FOR size::integer)
    FROM (SELECT place, telemetry_uint(substring(octets FROM 4 * place + 1 FOR 4)) AS size
        FROM generate_series(0, n - 1) AS place) AS sizes
$$;

CREATE FUNCTION public.telemetry_wrapped(number numeric) RETURNS numeric
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (mod((mod((number + '9223372036854775808'::numeric), '18446744073709551616'::numeric) + '18446744073709551616'::numeric), '18446744073709551616'::numeric) - '9223372036854775808'::numeric);

CREATE TABLE public.accounts_apikey (
    id uuid NOT NULL,
    name character varying(100) NOT NULL,
    prefix character varying(16) NOT NULL,
    digest character varying(64) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    user_id bigint NOT NULL,
    organisation_id bigint NOT NULL
);

CREATE TABLE public.accounts_organisation (
    id bigint NOT NULL,
    slug character varying(50) NOT NULL,
    name character varying(100) NOT NULL,
    operates_fleet boolean NOT NULL
);

ALTER TABLE public.accounts_organisation ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.accounts_organisation_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.accounts_user (
    id bigint NOT NULL,
    password character varying(128) NOT NULL,
    last_login timestamp with time zone,
    is_superuser boolean NOT NULL,
    username character varying(150) NOT NULL,
    first_name character varying(150) NOT NULL,
    last_name character varying(150) NOT NULL,
    email character varying(254) NOT NULL,
    is_staff boolean NOT NULL,
    is_active boolean NOT NULL,
    date_joined timestamp with time zone NOT NULL,
    role character varying(16) NOT NULL,
    organisation_id bigint NOT NULL
);

CREATE TABLE public.accounts_user_groups (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    group_id integer NOT NULL
);

ALTER TABLE public.accounts_user_groups ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.accounts_user_groups_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE public.accounts_user ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.accounts_user_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.accounts_user_user_permissions (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    permission_id integer NOT NULL
);

ALTER TABLE public.accounts_user_user_permissions ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.accounts_user_user_permissions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.alarms_activation (
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    by character varying(150) NOT NULL,
    reason character varying(300) NOT NULL,
    limit_id uuid NOT NULL,
    version_id bigint
);

ALTER TABLE public.alarms_activation ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.alarms_activation_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.alarms_alarm (
    id uuid NOT NULL,
    rule character varying(100) NOT NULL,
    name character varying(100) NOT NULL,
    parameter character varying(200) NOT NULL,
    state character varying(24) NOT NULL,
    is_active boolean NOT NULL,
    is_acknowledged boolean NOT NULL,
    is_latched boolean NOT NULL,
    is_latching boolean NOT NULL,
    is_suppressed boolean NOT NULL,
    is_removed boolean NOT NULL,
    shelved_until timestamp with time zone,
    level smallint NOT NULL,
    worst smallint NOT NULL,
    occurrence integer NOT NULL,
    value jsonb,
    detail character varying(300) NOT NULL,
    raised_at timestamp with time zone,
    returned_at timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    acknowledged_by character varying(150) NOT NULL,
    acknowledged_at timestamp with time zone,
    inhibited_by character varying(150) NOT NULL,
    inhibited_reason character varying(300) NOT NULL,
    satellite_id bigint NOT NULL,
    limit_id uuid,
    CONSTRAINT alarm_calls_or_is_acknowledged CHECK (((NOT ((state)::text = ANY (ARRAY[('unacknowledged'::character varying)::text, ('returned'::character varying)::text, ('latched'::character varying)::text]))) OR (NOT is_acknowledged))),
    CONSTRAINT alarms_alarm_level_check CHECK ((level >= 0)),
    CONSTRAINT alarms_alarm_occurrence_check CHECK ((occurrence >= 0)),
    CONSTRAINT alarms_alarm_worst_check CHECK ((worst >= 0))
);

CREATE TABLE public.alarms_cadence (
    "group" character varying(200) NOT NULL,
    in_contact_s double precision NOT NULL,
    out_of_contact_s double precision NOT NULL,
    CONSTRAINT cadence_is_longer_out_of_contact CHECK (((in_contact_s > (0.0)::double precision) AND (out_of_contact_s >= in_contact_s)))
);

CREATE TABLE public.alarms_delivery (
    id uuid NOT NULL,
    state character varying(12) NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    attempts integer NOT NULL,
    error character varying(300) NOT NULL,
    sent_at timestamp with time zone,
    subscription_id uuid NOT NULL,
    CONSTRAINT alarms_delivery_attempts_check CHECK ((attempts >= 0))
);

CREATE TABLE public.alarms_deliveryitem (
    id bigint NOT NULL,
    delivery_id uuid NOT NULL,
    subscription_id uuid NOT NULL,
    transition_id bigint NOT NULL
);

ALTER TABLE public.alarms_deliveryitem ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.alarms_deliveryitem_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.alarms_freshness (
    id bigint NOT NULL,
    "group" character varying(200) NOT NULL,
    state character varying(8) NOT NULL,
    since_at timestamp with time zone NOT NULL,
    satellite_id bigint NOT NULL
);

ALTER TABLE public.alarms_freshness ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.alarms_freshness_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.alarms_limit (
    id uuid NOT NULL,
    name character varying(100) NOT NULL,
    parameter character varying(200) NOT NULL,
    source character varying(12) NOT NULL,
    active_id bigint
);

CREATE TABLE public.alarms_limitversion (
    id bigint NOT NULL,
    version integer NOT NULL,
    content jsonb NOT NULL,
    source character varying(12) NOT NULL,
    written_by character varying(150) NOT NULL,
    written_at timestamp with time zone NOT NULL,
    reason character varying(300) NOT NULL,
    limit_id uuid NOT NULL,
    due_at timestamp with time zone,
    CONSTRAINT alarms_limitversion_version_check CHECK ((version >= 0))
);

ALTER TABLE public.alarms_limitversion ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.alarms_limitversion_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.alarms_revision (
    id bigint NOT NULL,
    number bigint NOT NULL,
    looked_at timestamp with time zone
);

ALTER TABLE public.alarms_revision ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.alarms_revision_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.alarms_subscription (
    id uuid NOT NULL,
    name character varying(100) NOT NULL,
    channel character varying(8) NOT NULL,
    target character varying(500) NOT NULL,
    secret character varying(100) NOT NULL,
    minimum_level smallint NOT NULL,
    filter jsonb NOT NULL,
    events jsonb NOT NULL,
    digest_s double precision NOT NULL,
    hourly_most integer NOT NULL,
    quiet_from_min smallint,
    quiet_until_min smallint,
    quiet_except_level smallint NOT NULL,
    is_active boolean NOT NULL,
    created_by character varying(150) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    organisation_id bigint NOT NULL,
    CONSTRAINT alarms_subscription_hourly_most_check CHECK ((hourly_most >= 0)),
    CONSTRAINT alarms_subscription_minimum_level_check CHECK ((minimum_level >= 0)),
    CONSTRAINT alarms_subscription_quiet_except_level_check CHECK ((quiet_except_level >= 0)),
    CONSTRAINT alarms_subscription_quiet_from_min_check CHECK ((quiet_from_min >= 0)),
    CONSTRAINT alarms_subscription_quiet_until_min_check CHECK ((quiet_until_min >= 0)),
    CONSTRAINT subscription_quiet_hours_have_both_ends CHECK ((((quiet_from_min IS NULL) AND (quiet_until_min IS NULL)) OR ((quiet_from_min < 1440) AND (quiet_until_min < 1440)))),
    CONSTRAINT subscription_sends_something CHECK ((hourly_most >= 1))
);

CREATE TABLE public.alarms_transition (
    id bigint NOT NULL,
    event character varying(16) NOT NULL,
    before character varying(24) NOT NULL,
    after character varying(24) NOT NULL,
    level smallint NOT NULL,
    occurrence integer NOT NULL,
    value jsonb,
    at timestamp with time zone NOT NULL,
    generated_at timestamp with time zone,
    by character varying(150) NOT NULL,
    reason character varying(300) NOT NULL,
    is_told boolean NOT NULL,
    alarm_id uuid NOT NULL,
    CONSTRAINT alarms_transition_level_check CHECK ((level >= 0)),
    CONSTRAINT alarms_transition_occurrence_check CHECK ((occurrence >= 0))
);

ALTER TABLE public.alarms_transition ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.alarms_transition_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.alarms_violation (
    id bigint NOT NULL,
    rule character varying(100) NOT NULL,
    name character varying(100) NOT NULL,
    parameter character varying(200) NOT NULL,
    level smallint NOT NULL,
    first_ns bigint NOT NULL,
    last_ns bigint NOT NULL,
    count integer NOT NULL,
    needed integer NOT NULL,
    value jsonb,
    recorded_at timestamp with time zone NOT NULL,
    satellite_id bigint NOT NULL,
    CONSTRAINT alarms_violation_count_check CHECK ((count >= 0)),
    CONSTRAINT alarms_violation_level_check CHECK ((level >= 0)),
    CONSTRAINT alarms_violation_needed_check CHECK ((needed >= 0))
);

ALTER TABLE public.alarms_violation ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.alarms_violation_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.alarms_watch (
    satellite_id bigint NOT NULL,
    newest_ns jsonb NOT NULL,
    heard_ns bigint NOT NULL,
    rules jsonb NOT NULL,
    "values" jsonb NOT NULL,
    histories jsonb NOT NULL
);

CREATE TABLE public.auth_group (
    id integer NOT NULL,
    name character varying(150) NOT NULL
);

ALTER TABLE public.auth_group ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.auth_group_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.auth_group_permissions (
    id bigint NOT NULL,
    group_id integer NOT NULL,
    permission_id integer NOT NULL
);

ALTER TABLE public.auth_group_permissions ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.auth_group_permissions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.auth_permission (
    id integer NOT NULL,
    name character varying(255) NOT NULL,
    content_type_id integer NOT NULL,
    codename character varying(100) NOT NULL
);

ALTER TABLE public.auth_permission ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.auth_permission_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.commands_command (
    id uuid NOT NULL,
    name character varying(40) NOT NULL,
    arguments jsonb NOT NULL,
    source character varying(80) NOT NULL,
    state character varying(12) NOT NULL,
    counter bigint,
    created_at timestamp with time zone NOT NULL,
    sent_at timestamp with time zone,
    finished_at timestamp with time zone,
    code smallint NOT NULL,
    reason character varying(300) NOT NULL,
    contact_id uuid,
    organisation_id bigint NOT NULL,
    satellite_id bigint NOT NULL,
    relay_id bigint,
    relay_until timestamp with time zone,
    CONSTRAINT commands_command_code_check CHECK ((code >= 0))
);

CREATE TABLE public.commands_counter (
    id bigint NOT NULL,
    last bigint NOT NULL,
    satellite_id bigint NOT NULL
);

ALTER TABLE public.commands_counter ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.commands_counter_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.commands_handover (
    id bigint NOT NULL,
    counter bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    until timestamp with time zone,
    ended_at timestamp with time zone,
    outcome character varying(300) NOT NULL,
    command_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    relay_id bigint
);

ALTER TABLE public.commands_handover ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.commands_handover_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.constellation_antenna (
    id bigint NOT NULL,
    code character varying(24) NOT NULL,
    setup_s double precision NOT NULL,
    teardown_s double precision NOT NULL,
    uplink_bit_per_s bigint NOT NULL,
    downlink_bit_per_s bigint NOT NULL,
    is_active boolean NOT NULL,
    station_id bigint NOT NULL,
    azimuth_rate_max_deg_per_s double precision NOT NULL,
    keyhole_deg double precision,
    moon_limit_deg double precision NOT NULL,
    sun_limit_deg double precision NOT NULL,
    CONSTRAINT antenna_keyhole_is_an_elevation CHECK (((keyhole_deg IS NULL) OR ((keyhole_deg > (0.0)::double precision) AND (keyhole_deg <= (90.0)::double precision)))),
    CONSTRAINT antenna_mount_turns CHECK ((azimuth_rate_max_deg_per_s > (0.0)::double precision)),
    CONSTRAINT antenna_rates_are_positive CHECK (((downlink_bit_per_s > 0) AND (uplink_bit_per_s > 0))),
    CONSTRAINT antenna_sky_limits_are_angles CHECK (((sun_limit_deg >= (0.0)::double precision) AND (sun_limit_deg <= (90.0)::double precision) AND (moon_limit_deg >= (0.0)::double precision) AND (moon_limit_deg <= (90.0)::double precision))),
    CONSTRAINT antenna_times_are_not_negative CHECK (((setup_s >= (0.0)::double precision) AND (teardown_s >= (0.0)::double precision)))
);

ALTER TABLE public.constellation_antenna ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.constellation_antenna_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.constellation_calendartoken (
    id uuid NOT NULL,
    name character varying(100) NOT NULL,
    prefix character varying(16) NOT NULL,
    digest character varying(64) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    organisation_id bigint NOT NULL,
    user_id bigint NOT NULL
);

CREATE TABLE public.constellation_carrier (
    id bigint NOT NULL,
    code character varying(16) NOT NULL,
    direction character varying(4) NOT NULL,
    frequency_hz bigint NOT NULL,
    profile_id bigint NOT NULL,
    CONSTRAINT carrier_frequency_is_positive CHECK ((frequency_hz > 0))
);

ALTER TABLE public.constellation_carrier ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.constellation_carrier_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.constellation_elementfile (
    id uuid NOT NULL,
    name character varying(100) NOT NULL,
    given_by character varying(100) NOT NULL,
    sha256 character varying(64) NOT NULL,
    size_bytes bigint NOT NULL,
    priority integer NOT NULL,
    expires_at timestamp with time zone,
    loaded_at timestamp with time zone NOT NULL,
    taken jsonb NOT NULL,
    kept jsonb NOT NULL,
    refused jsonb NOT NULL,
    origin_id uuid,
    CONSTRAINT constellation_elementfile_priority_check CHECK ((priority >= 0))
);

CREATE TABLE public.constellation_elementset (
    id bigint NOT NULL,
    epoch_at timestamp with time zone,
    source character varying(100) NOT NULL,
    omm jsonb,
    state character varying(16) NOT NULL,
    loaded_at timestamp with time zone NOT NULL,
    satellite_id bigint NOT NULL,
    contacts_checked boolean NOT NULL,
    digest character varying(64) NOT NULL,
    drift jsonb,
    expires_at timestamp with time zone,
    given text NOT NULL,
    kind character varying(12) NOT NULL,
    newness_at timestamp with time zone,
    priority integer NOT NULL,
    reason character varying(500) NOT NULL,
    states bytea,
    file_id uuid,
    CONSTRAINT constellation_elementset_priority_check CHECK ((priority >= 0)),
    CONSTRAINT element_set_in_use_has_an_epoch CHECK ((((state)::text = ANY (ARRAY[('INVALID'::character varying)::text, ('ERROR'::character varying)::text])) OR ((epoch_at IS NOT NULL) AND (newness_at IS NOT NULL)))),
    CONSTRAINT element_set_in_use_has_its_orbit CHECK ((((state)::text = ANY (ARRAY[('INVALID'::character varying)::text, ('ERROR'::character varying)::text])) OR (((kind)::text = 'MEAN'::text) AND (omm IS NOT NULL)) OR ((expires_at IS NOT NULL) AND ((kind)::text = 'EPHEMERIS'::text) AND (states IS NOT NULL)))),
    CONSTRAINT element_set_priority_is_at_most_99999 CHECK ((priority <= 99999)),
    CONSTRAINT element_set_that_is_wrong_says_why CHECK (((NOT ((state)::text = ANY (ARRAY[('INVALID'::character varying)::text, ('ERROR'::character varying)::text]))) OR (NOT ((reason)::text = ''::text))))
);

ALTER TABLE public.constellation_elementset ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.constellation_elementset_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.constellation_elementsource (
    id uuid NOT NULL,
    name character varying(60) NOT NULL,
    url character varying(500) NOT NULL,
    form character varying(8) NOT NULL,
    priority integer NOT NULL,
    interval_s integer NOT NULL,
    is_enabled boolean NOT NULL,
    etag character varying(300) NOT NULL,
    last_modified character varying(100) NOT NULL,
    asked_at timestamp with time zone,
    due_at timestamp with time zone NOT NULL,
    answered_at timestamp with time zone,
    failures integer NOT NULL,
    outcome character varying(300) NOT NULL,
    CONSTRAINT constellation_elementsource_failures_check CHECK ((failures >= 0)),
    CONSTRAINT constellation_elementsource_interval_s_check CHECK ((interval_s >= 0)),
    CONSTRAINT constellation_elementsource_priority_check CHECK ((priority >= 0)),
    CONSTRAINT element_source_is_asked_at_most_every_2_hours CHECK ((interval_s >= 7200)),
    CONSTRAINT element_source_priority_is_at_most_99999 CHECK ((priority <= 99999))
);

CREATE TABLE public.constellation_hardwareprofile (
    id bigint NOT NULL,
    code character varying(50) NOT NULL,
    name character varying(100) NOT NULL,
    tops double precision,
    accelerator_memory_bytes bigint,
    storage_bytes bigint NOT NULL,
    isl_bit_per_s bigint NOT NULL,
    isl_terminals smallint NOT NULL,
    runtime character varying(40) NOT NULL,
    battery_j double precision,
    contact_w double precision NOT NULL,
    discharge_most double precision NOT NULL,
    load_w double precision NOT NULL,
    CONSTRAINT constellation_hardwareprofile_isl_terminals_check CHECK ((isl_terminals >= 0)),
    CONSTRAINT profile_power_is_sensible CHECK (((discharge_most > (0.0)::double precision) AND (discharge_most <= (1.0)::double precision) AND (contact_w >= (0.0)::double precision) AND (load_w >= (0.0)::double precision) AND ((battery_j IS NULL) OR (battery_j > (0.0)::double precision))))
);

ALTER TABLE public.constellation_hardwareprofile ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.constellation_hardwareprofile_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.constellation_maintenance (
    id uuid NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    reason character varying(200) NOT NULL,
    antenna_id bigint NOT NULL,
    CONSTRAINT maintenance_ends_after_it_starts CHECK ((ends_at > starts_at))
);

CREATE TABLE public.constellation_passblock (
    id bigint NOT NULL,
    block integer NOT NULL,
    geometry character varying(32) NOT NULL,
    orbit bigint CONSTRAINT constellation_passblock_element_set_id_not_null NOT NULL,
    passes bytea NOT NULL,
    refused text NOT NULL
);

ALTER TABLE public.constellation_passblock ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.constellation_passblock_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.constellation_plane (
    id bigint NOT NULL,
    code character varying(32) NOT NULL,
    shell character varying(40) NOT NULL,
    altitude_km double precision NOT NULL,
    inclination_deg double precision NOT NULL,
    raan_deg double precision NOT NULL
);

ALTER TABLE public.constellation_plane ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.constellation_plane_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.constellation_satellite (
    id bigint NOT NULL,
    code character varying(32) NOT NULL,
    name character varying(100) NOT NULL,
    catalogue_number bigint,
    international_designator character varying(16) NOT NULL,
    slot smallint,
    role character varying(16) NOT NULL,
    spacecraft_id smallint NOT NULL,
    entity_id integer NOT NULL,
    is_active boolean NOT NULL,
    planned boolean NOT NULL,
    launched_on date,
    plane_id bigint,
    profile_id bigint NOT NULL,
    CONSTRAINT constellation_satellite_entity_id_check CHECK ((entity_id >= 0)),
    CONSTRAINT constellation_satellite_slot_check CHECK ((slot >= 0)),
    CONSTRAINT constellation_satellite_spacecraft_id_check CHECK ((spacecraft_id >= 0)),
    CONSTRAINT satellite_entity_id_fits_16_bits CHECK (((entity_id >= 2) AND (entity_id <= 65535))),
    CONSTRAINT satellite_spacecraft_id_fits_a_frame CHECK ((spacecraft_id <= 255))
);

ALTER TABLE public.constellation_satellite ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.constellation_satellite_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.constellation_station (
    id bigint NOT NULL,
    code character varying(16) NOT NULL,
    name character varying(100) NOT NULL,
    country character varying(2) NOT NULL,
    latitude_deg double precision NOT NULL,
    longitude_deg double precision NOT NULL,
    altitude_m double precision NOT NULL,
    mask_deg double precision NOT NULL,
    driver character varying(40) NOT NULL,
    horizon jsonb NOT NULL,
    CONSTRAINT station_is_on_earth CHECK (((latitude_deg >= ('-90.0'::numeric)::double precision) AND (latitude_deg <= (90.0)::double precision) AND (longitude_deg >= ('-180.0'::numeric)::double precision) AND (longitude_deg <= (180.0)::double precision))),
    CONSTRAINT station_mask_is_an_elevation CHECK (((mask_deg >= ('-90.0'::numeric)::double precision) AND (mask_deg <= (90.0)::double precision)))
);

ALTER TABLE public.constellation_station ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.constellation_station_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.contacts_contact (
    id uuid NOT NULL,
    aos_at timestamp with time zone NOT NULL,
    los_at timestamp with time zone NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    tca_at timestamp with time zone NOT NULL,
    max_elevation_deg double precision NOT NULL,
    minimum_viable_s double precision NOT NULL,
    state character varying(20) NOT NULL,
    reason character varying(300) NOT NULL,
    booked_by character varying(100) NOT NULL,
    version integer NOT NULL,
    report jsonb,
    created_at timestamp with time zone NOT NULL,
    owner character varying(100) NOT NULL,
    fencing integer NOT NULL,
    lease_expires_at timestamp with time zone,
    antenna_id bigint NOT NULL,
    organisation_id bigint NOT NULL,
    satellite_id bigint NOT NULL,
    pass_gone boolean NOT NULL,
    CONSTRAINT contact_ends_after_it_starts CHECK ((los_at > aos_at)),
    CONSTRAINT contact_is_padded_outwards CHECK (((ends_at >= los_at) AND (starts_at <= aos_at))),
    CONSTRAINT contacts_contact_fencing_check CHECK ((fencing >= 0)),
    CONSTRAINT contacts_contact_version_check CHECK ((version >= 0))
);

CREATE TABLE public.contacts_contactversion (
    id bigint NOT NULL,
    version integer NOT NULL,
    aos_at timestamp with time zone NOT NULL,
    los_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    antenna_id bigint NOT NULL,
    contact_id uuid NOT NULL,
    CONSTRAINT contacts_contactversion_version_check CHECK ((version >= 0))
);

ALTER TABLE public.contacts_contactversion ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.contacts_contactversion_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.contacts_demand (
    id bigint NOT NULL,
    source character varying(80) NOT NULL,
    up_bytes bigint NOT NULL,
    down_bytes bigint NOT NULL,
    value double precision NOT NULL,
    due_at timestamp with time zone,
    updated_at timestamp with time zone NOT NULL,
    satellite_id bigint
);

ALTER TABLE public.contacts_demand ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.contacts_demand_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.django_content_type (
    id integer NOT NULL,
    app_label character varying(100) NOT NULL,
    model character varying(100) NOT NULL
);

ALTER TABLE public.django_content_type ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.django_content_type_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.django_migrations (
    id bigint NOT NULL,
    app character varying(255) NOT NULL,
    name character varying(255) NOT NULL,
    applied timestamp with time zone NOT NULL
);

ALTER TABLE public.django_migrations ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.django_migrations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.django_session (
    session_key character varying(40) NOT NULL,
    session_data text NOT NULL,
    expire_date timestamp with time zone NOT NULL
);

CREATE TABLE public.inference_attempt (
    id bigint NOT NULL,
    prompts integer NOT NULL,
    prompted_at timestamp with time zone,
    ack_due boolean NOT NULL,
    dismiss_due boolean NOT NULL,
    is_over boolean NOT NULL,
    contact_id uuid,
    satellite_id bigint NOT NULL,
    query_id uuid NOT NULL,
    CONSTRAINT inference_attempt_prompts_check CHECK ((prompts >= 0))
);

ALTER TABLE public.inference_attempt ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.inference_attempt_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.inference_query (
    id uuid NOT NULL,
    messages jsonb NOT NULL,
    max_tokens integer NOT NULL,
    temperature double precision NOT NULL,
    seed bigint NOT NULL,
    state character varying(12) NOT NULL,
    reason character varying(300) NOT NULL,
    model_sha256 character varying(64) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    routed_at timestamp with time zone,
    uplinked_at timestamp with time zone,
    accepted_at timestamp with time zone,
    started_at timestamp with time zone,
    first_token_at timestamp with time zone,
    finished_at timestamp with time zone,
    delivered_at timestamp with time zone,
    prompt_tokens integer,
    completion_tokens integer,
    finish_reason character varying(20) NOT NULL,
    answered_by_id bigint,
    contact_id uuid,
    downlink_contact_id uuid,
    organisation_id bigint NOT NULL,
    satellite_id bigint,
    uplink_station_id bigint,
    user_id bigint,
    version_id bigint NOT NULL,
    only_id bigint,
    CONSTRAINT inference_query_completion_tokens_check CHECK ((completion_tokens >= 0)),
    CONSTRAINT inference_query_max_tokens_check CHECK ((max_tokens >= 0)),
    CONSTRAINT inference_query_prompt_tokens_check CHECK ((prompt_tokens >= 0))
);

CREATE TABLE public.inference_segment (
    id bigint NOT NULL,
    number bigint NOT NULL,
    kind smallint NOT NULL,
    text text NOT NULL,
    received_at timestamp with time zone NOT NULL,
    contact_id uuid,
    query_id uuid NOT NULL,
    satellite_id bigint NOT NULL,
    CONSTRAINT inference_segment_kind_check CHECK ((kind >= 0))
);

ALTER TABLE public.inference_segment ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.inference_segment_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.live_event (
    id bigint NOT NULL,
    number bigint NOT NULL,
    kind character varying(40) NOT NULL,
    payload jsonb NOT NULL,
    written_at timestamp with time zone NOT NULL,
    stream_id character varying(100) NOT NULL
);

ALTER TABLE public.live_event ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.live_event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE UNLOGGED TABLE public.live_pending (
    id bigint NOT NULL,
    stream character varying(100) NOT NULL,
    kind character varying(40) NOT NULL,
    payload jsonb NOT NULL,
    waited boolean NOT NULL
);

ALTER TABLE public.live_pending ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.live_pending_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.live_stream (
    name character varying(100) NOT NULL,
    last_number bigint NOT NULL
);

CREATE TABLE public.ops_clockrow (
    id smallint NOT NULL,
    simulated boolean NOT NULL,
    wall_anchor timestamp with time zone NOT NULL,
    mission_anchor timestamp with time zone NOT NULL,
    rate double precision NOT NULL,
    resume_rate double precision NOT NULL,
    generation bigint NOT NULL,
    CONSTRAINT clock_is_one_row CHECK ((id = 1)),
    CONSTRAINT clock_never_runs_back CHECK ((rate >= (0.0)::double precision)),
    CONSTRAINT clock_real_time_runs_at_1 CHECK ((simulated OR (rate = (1.0)::double precision)))
);

CREATE TABLE public.registry_artefact (
    sha256 character varying(64) NOT NULL,
    size_bytes bigint NOT NULL,
    format character varying(16) NOT NULL,
    header jsonb NOT NULL,
    stored_at timestamp with time zone NOT NULL,
    organisation_id bigint NOT NULL,
    blake3 character varying(64) NOT NULL,
    kind character varying(16) NOT NULL,
    CONSTRAINT artefact_is_not_empty CHECK ((size_bytes > 0)),
    CONSTRAINT artefact_kind_fits_its_format CHECK (((((format)::text = 'file'::text) AND ((kind)::text = 'file'::text)) OR ((NOT ((format)::text = 'file'::text)) AND (NOT ((kind)::text = 'file'::text)))))
);

CREATE TABLE public.registry_goldenprompt (
    id bigint NOT NULL,
    number smallint NOT NULL,
    messages jsonb NOT NULL,
    expect jsonb NOT NULL,
    max_tokens smallint NOT NULL,
    temperature double precision NOT NULL,
    seed integer NOT NULL,
    version_id bigint NOT NULL,
    CONSTRAINT registry_goldenprompt_max_tokens_check CHECK ((max_tokens >= 0)),
    CONSTRAINT registry_goldenprompt_number_check CHECK ((number >= 0)),
    CONSTRAINT registry_goldenprompt_seed_check CHECK ((seed >= 0))
);

ALTER TABLE public.registry_goldenprompt ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.registry_goldenprompt_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.registry_model (
    id bigint NOT NULL,
    name character varying(64) NOT NULL,
    description text NOT NULL,
    organisation_id bigint NOT NULL
);

ALTER TABLE public.registry_model ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.registry_model_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.registry_part (
    id bigint NOT NULL,
    path character varying(200) NOT NULL,
    role character varying(16) NOT NULL,
    artefact_id character varying(64) NOT NULL,
    bundle_id character varying(64) NOT NULL
);

ALTER TABLE public.registry_part ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.registry_part_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.registry_provenance (
    id bigint NOT NULL,
    source_url character varying(500) NOT NULL,
    repository character varying(200) NOT NULL,
    revision character varying(100) NOT NULL,
    tool character varying(200) NOT NULL,
    inputs jsonb NOT NULL,
    registered_by character varying(150) NOT NULL,
    parent_id bigint,
    version_id bigint NOT NULL
);

ALTER TABLE public.registry_provenance ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.registry_provenance_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.registry_upload (
    id uuid NOT NULL,
    length_bytes bigint NOT NULL,
    offset_bytes bigint NOT NULL,
    metadata character varying(4000) NOT NULL,
    name character varying(200) NOT NULL,
    format character varying(16) NOT NULL,
    sha256 character varying(64) NOT NULL,
    state character varying(12) NOT NULL,
    reason character varying(500) NOT NULL,
    fencing integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    artefact_id character varying(64),
    organisation_id bigint NOT NULL,
    user_id bigint,
    CONSTRAINT registry_upload_fencing_check CHECK ((fencing >= 0)),
    CONSTRAINT upload_is_not_empty CHECK ((length_bytes > 0)),
    CONSTRAINT upload_offset_lies_in_its_length CHECK (((offset_bytes >= 0) AND (offset_bytes <= length_bytes)))
);

CREATE TABLE public.registry_version (
    id bigint NOT NULL,
    version character varying(40) NOT NULL,
    licence character varying(100) NOT NULL,
    context_tokens integer NOT NULL,
    system_prompt character varying(2000) NOT NULL,
    registered_at timestamp with time zone NOT NULL,
    artefact_id character varying(64) NOT NULL,
    model_id bigint NOT NULL,
    base_id bigint,
    CONSTRAINT registry_version_context_tokens_check CHECK ((context_tokens >= 0)),
    CONSTRAINT version_is_not_its_own_base CHECK (((base_id IS NULL) OR (NOT ((base_id = id) AND (base_id IS NOT NULL)))))
);

ALTER TABLE public.registry_version ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.registry_version_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.registry_version_profiles (
    id bigint NOT NULL,
    version_id bigint NOT NULL,
    hardwareprofile_id bigint NOT NULL
);

ALTER TABLE public.registry_version_profiles ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.registry_version_profiles_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.releases_assignment (
    id bigint NOT NULL,
    number integer NOT NULL,
    bundle bytea NOT NULL,
    sha256 character varying(64) NOT NULL,
    nonce numeric(20,0) NOT NULL,
    state character varying(12) NOT NULL,
    reason character varying(300) NOT NULL,
    made_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    satellite_id bigint NOT NULL,
    release_id integer,
    bans jsonb NOT NULL,
    snapshot integer NOT NULL,
    CONSTRAINT assignment_refused_with_a_reason CHECK (((NOT ((state)::text = 'REFUSED'::text)) OR (NOT ((reason)::text = ''::text)))),
    CONSTRAINT releases_assignment_number_check CHECK ((number >= 0)),
    CONSTRAINT releases_assignment_snapshot_check CHECK ((snapshot >= 0))
);

ALTER TABLE public.releases_assignment ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.releases_assignment_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.releases_inventory (
    id bigint NOT NULL,
    number bigint NOT NULL,
    volume bigint NOT NULL,
    reported_at timestamp with time zone NOT NULL,
    nonce numeric(20,0) NOT NULL,
    attack character varying(20) NOT NULL,
    root bigint NOT NULL,
    snapshot bigint NOT NULL,
    assignment bigint NOT NULL,
    counter bigint NOT NULL,
    slots jsonb NOT NULL,
    mismatch character varying(300) NOT NULL,
    satellite_id bigint NOT NULL
);

ALTER TABLE public.releases_inventory ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.releases_inventory_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.releases_release (
    counter integer NOT NULL,
    line character varying(64) NOT NULL,
    profiles jsonb NOT NULL,
    document jsonb NOT NULL,
    signed_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    withdrawn_at timestamp with time zone,
    reason character varying(300) NOT NULL,
    artefact_id character varying(64) NOT NULL,
    organisation_id bigint NOT NULL,
    version_id bigint,
    withdrawn_in integer,
    CONSTRAINT releases_release_counter_check CHECK ((counter >= 0)),
    CONSTRAINT releases_release_withdrawn_in_check CHECK ((withdrawn_in >= 0))
);

CREATE TABLE public.releases_root (
    version integer NOT NULL,
    document jsonb NOT NULL,
    made_at timestamp with time zone NOT NULL,
    CONSTRAINT releases_root_version_check CHECK ((version >= 0))
);

CREATE TABLE public.releases_snapshot (
    version integer NOT NULL,
    document jsonb NOT NULL,
    made_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT releases_snapshot_version_check CHECK ((version >= 0))
);

CREATE TABLE public.rollouts_divergence (
    id bigint NOT NULL,
    reported_sha256 character varying(64) NOT NULL,
    since_at timestamp with time zone NOT NULL,
    offers smallint NOT NULL,
    is_flagged boolean NOT NULL,
    reason character varying(500) NOT NULL,
    desired_id character varying(64) NOT NULL,
    satellite_id bigint NOT NULL,
    transfer_id uuid,
    CONSTRAINT rollouts_divergence_offers_check CHECK ((offers >= 0))
);

ALTER TABLE public.rollouts_divergence ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.rollouts_divergence_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.rollouts_measurement (
    id bigint NOT NULL,
    gate smallint NOT NULL,
    taken_at timestamp with time zone NOT NULL,
    value double precision,
    verdict character varying(12) NOT NULL,
    reason character varying(300) NOT NULL,
    target_id bigint NOT NULL,
    CONSTRAINT rollouts_measurement_gate_check CHECK ((gate >= 0))
);

ALTER TABLE public.rollouts_measurement ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.rollouts_measurement_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.rollouts_probe (
    id bigint NOT NULL,
    attempt smallint NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    verdict character varying(12) NOT NULL,
    reason character varying(500) NOT NULL,
    prompt_id bigint NOT NULL,
    query_id uuid NOT NULL,
    target_id bigint NOT NULL,
    CONSTRAINT rollouts_probe_attempt_check CHECK ((attempt >= 0))
);

ALTER TABLE public.rollouts_probe ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.rollouts_probe_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.rollouts_revocation (
    id uuid NOT NULL,
    reason character varying(300) NOT NULL,
    revoked_at timestamp with time zone NOT NULL,
    organisation_id bigint NOT NULL,
    revoked_by_id bigint NOT NULL,
    version_id bigint NOT NULL
);

CREATE TABLE public.rollouts_ring (
    id bigint NOT NULL,
    number smallint NOT NULL,
    name character varying(60) NOT NULL,
    is_canary boolean NOT NULL,
    filter jsonb NOT NULL,
    percentage double precision NOT NULL,
    success jsonb NOT NULL,
    error jsonb NOT NULL,
    on_success character varying(8) NOT NULL,
    on_error character varying(16) NOT NULL,
    golden boolean NOT NULL,
    metrics jsonb NOT NULL,
    soak_orbits double precision NOT NULL,
    soak_contacts smallint NOT NULL,
    together boolean NOT NULL,
    state character varying(16) NOT NULL,
    reason character varying(500) NOT NULL,
    forgiven integer NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    rollout_id uuid NOT NULL,
    activate_at timestamp with time zone,
    armed_by timestamp with time zone,
    synchronise character varying(8) NOT NULL,
    CONSTRAINT rollouts_ring_forgiven_check CHECK ((forgiven >= 0)),
    CONSTRAINT rollouts_ring_number_check CHECK ((number >= 0)),
    CONSTRAINT rollouts_ring_soak_contacts_check CHECK ((soak_contacts >= 0))
);

ALTER TABLE public.rollouts_ring ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.rollouts_ring_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.rollouts_rollout (
    id uuid NOT NULL,
    name character varying(100) NOT NULL,
    kind character varying(16) NOT NULL,
    forced_at timestamp with time zone,
    start_at timestamp with time zone,
    priority smallint NOT NULL,
    safe_window jsonb NOT NULL,
    asked jsonb NOT NULL,
    needs_approval boolean NOT NULL,
    state character varying(20) NOT NULL,
    reason character varying(500) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    decided_at timestamp with time zone,
    remark character varying(500) NOT NULL,
    started_at timestamp with time zone,
    goes_back_only smallint,
    judged_from timestamp with time zone,
    finished_at timestamp with time zone,
    created_by_id bigint NOT NULL,
    decided_by_id bigint,
    organisation_id bigint NOT NULL,
    version_id bigint NOT NULL,
    laser boolean NOT NULL,
    CONSTRAINT rollout_is_decided_by_another CHECK (((decided_by_id IS NULL) OR (NOT ((decided_by_id = created_by_id) AND (decided_by_id IS NOT NULL))))),
    CONSTRAINT rollout_is_forced_at_some_time CHECK (((NOT ((kind)::text = 'TIMEFORCED'::text)) OR (forced_at IS NOT NULL))),
    CONSTRAINT rollout_starts_only_approved CHECK (((NOT needs_approval) OR (started_at IS NULL) OR (decided_by_id IS NOT NULL))),
    CONSTRAINT rollouts_rollout_goes_back_only_check CHECK ((goes_back_only >= 0))
);

CREATE TABLE public.rollouts_target (
    id bigint NOT NULL,
    begun_at timestamp with time zone,
    active_at timestamp with time zone,
    ecc_base double precision,
    waits_for character varying(300) NOT NULL,
    outcome character varying(12) NOT NULL,
    code character varying(40) NOT NULL,
    reason character varying(500) NOT NULL,
    finished_at timestamp with time zone,
    undo_from timestamp with time zone,
    undone_at timestamp with time zone,
    previous_id character varying(64),
    ring_id bigint NOT NULL,
    rollout_id uuid NOT NULL,
    satellite_id bigint NOT NULL,
    transfer_id uuid,
    undo_id uuid,
    CONSTRAINT target_is_finished_with_an_outcome CHECK ((((finished_at IS NULL) AND ((outcome)::text = ''::text)) OR ((NOT ((outcome)::text = ''::text)) AND (finished_at IS NOT NULL))))
);

ALTER TABLE public.rollouts_target ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.rollouts_target_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.telemetry_activation (
    id uuid NOT NULL,
    from_ns bigint NOT NULL,
    activated_by character varying(150) NOT NULL,
    activated_at timestamp with time zone NOT NULL,
    profile_id bigint,
    definition_id uuid NOT NULL,
    left_out jsonb NOT NULL,
    withdrawn_at timestamp with time zone,
    withdrawn_by character varying(150) NOT NULL
);

CREATE TABLE public.telemetry_definitionfile (
    id uuid NOT NULL,
    name character varying(200) NOT NULL,
    version character varying(100) NOT NULL,
    digest character varying(64) NOT NULL,
    xtce bytea NOT NULL,
    source bytea,
    summary jsonb NOT NULL,
    uploaded_by character varying(150) NOT NULL,
    uploaded_at timestamp with time zone NOT NULL,
    organisation_id bigint NOT NULL,
    generation_time jsonb,
    left_out jsonb NOT NULL
);

CREATE TABLE public.telemetry_definitionpart (
    id bigint NOT NULL,
    place integer NOT NULL,
    name character varying(200) NOT NULL,
    xtce bytea NOT NULL,
    definition_id uuid NOT NULL
);

ALTER TABLE public.telemetry_definitionpart ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.telemetry_definitionpart_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.telemetry_frameaccount (
    id bigint NOT NULL,
    day date NOT NULL,
    channel smallint NOT NULL,
    received bigint NOT NULL,
    used bigint NOT NULL,
    rejected bigint NOT NULL,
    reasons jsonb NOT NULL,
    lost bigint NOT NULL,
    reception_id bigint NOT NULL,
    satellite_id bigint NOT NULL,
    corrected_symbols bigint DEFAULT 0 NOT NULL,
    CONSTRAINT frames_received_are_used_or_rejected CHECK ((received = (used + rejected))),
    CONSTRAINT rejected_frames_have_reasons CHECK ((rejected = public.telemetry_counts_total(reasons)))
);

ALTER TABLE public.telemetry_frameaccount ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.telemetry_frameaccount_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.telemetry_gap (
    id bigint NOT NULL,
    volume bigint NOT NULL,
    serials int8range NOT NULL,
    state character varying(8) NOT NULL,
    reason character varying(200) NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    asked_at timestamp with time zone,
    satellite_id bigint NOT NULL,
    contact_id uuid,
    CONSTRAINT gap_is_not_empty CHECK ((NOT isempty(serials)))
);

ALTER TABLE public.telemetry_gap ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.telemetry_gap_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.telemetry_newest (
    id bigint NOT NULL,
    "group" character varying(100) NOT NULL,
    generated_ns bigint NOT NULL,
    received_ns bigint NOT NULL,
    raw jsonb NOT NULL,
    value jsonb NOT NULL,
    satellite_id bigint NOT NULL
);

CREATE VIEW public.telemetry_latest AS
 SELECT ((newest.satellite_id || ' '::text) || one.key) AS id,
    newest.satellite_id,
    newest."group",
    one.key AS parameter,
    newest.generated_ns,
    newest.received_ns,
    (newest.raw -> one.key) AS raw,
    one.value
   FROM public.telemetry_newest newest,
    LATERAL jsonb_each(newest.value) one(key, value);

ALTER TABLE public.telemetry_newest ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.telemetry_newest_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.telemetry_packet (
    id bigint NOT NULL,
    volume bigint NOT NULL,
    serial bigint NOT NULL,
    boot integer NOT NULL,
    apid integer NOT NULL,
    sequence integer NOT NULL,
    generated_ns bigint NOT NULL,
    received_ns bigint NOT NULL,
    channel smallint NOT NULL,
    data bytea NOT NULL,
    contact_id uuid,
    satellite_id bigint NOT NULL
);

ALTER TABLE public.telemetry_packet ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.telemetry_packet_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.telemetry_packetaccount (
    id bigint NOT NULL,
    day date NOT NULL,
    channel smallint NOT NULL,
    apid integer NOT NULL,
    received bigint NOT NULL,
    stored bigint NOT NULL,
    duplicates bigint NOT NULL,
    rejected bigint NOT NULL,
    reasons jsonb NOT NULL,
    unknown bigint NOT NULL,
    bytes bigint NOT NULL,
    expected bigint NOT NULL,
    heard bigint NOT NULL,
    last_sequence integer NOT NULL,
    reception_id bigint NOT NULL,
    satellite_id bigint NOT NULL,
    CONSTRAINT packets_heard_were_expected CHECK ((expected >= heard)),
    CONSTRAINT packets_received_are_stored_duplicate_or_rejected CHECK ((received = ((stored + duplicates) + rejected))),
    CONSTRAINT rejected_packets_have_reasons CHECK ((rejected = public.telemetry_counts_total(reasons)))
);

ALTER TABLE public.telemetry_packetaccount ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.telemetry_packetaccount_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.telemetry_rawbatch (
    id bigint NOT NULL,
    number bigint NOT NULL,
    received_ns bigint NOT NULL,
    frames bytea NOT NULL,
    digest bytea NOT NULL,
    decoded boolean NOT NULL,
    failure character varying(200) NOT NULL,
    contact_id uuid NOT NULL,
    satellite_id bigint NOT NULL,
    station_id bigint NOT NULL,
    coding jsonb,
    relay_id bigint
);
ALTER TABLE ONLY public.telemetry_rawbatch ALTER COLUMN frames SET STORAGE EXTERNAL;

ALTER TABLE public.telemetry_rawbatch ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.telemetry_rawbatch_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.telemetry_reception (
    id bigint NOT NULL,
    channels jsonb NOT NULL,
    dropped jsonb NOT NULL,
    frames bigint NOT NULL,
    frames_rejected bigint NOT NULL,
    frames_lost bigint NOT NULL,
    packets bigint NOT NULL,
    stored bigint NOT NULL,
    duplicates bigint NOT NULL,
    rejected bigint NOT NULL,
    unknown bigint NOT NULL,
    bytes bigint NOT NULL,
    contact_id uuid NOT NULL,
    satellite_id bigint NOT NULL,
    station_id bigint NOT NULL,
    corrected_symbols bigint NOT NULL,
    relocks bigint NOT NULL,
    skipped_bits bigint NOT NULL,
    synchroniser jsonb NOT NULL,
    CONSTRAINT reception_balances CHECK ((packets = ((stored + duplicates) + rejected)))
);

ALTER TABLE public.telemetry_reception ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.telemetry_reception_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.telemetry_rejected (
    id bigint NOT NULL,
    kind character varying(10) NOT NULL,
    reason character varying(200) NOT NULL,
    data bytea NOT NULL,
    batch_id bigint NOT NULL,
    satellite_id bigint NOT NULL,
    apid integer,
    channel smallint,
    code character varying(40) NOT NULL
);

ALTER TABLE public.telemetry_rejected ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.telemetry_rejected_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.telemetry_replay (
    id uuid NOT NULL,
    first_ns bigint NOT NULL,
    end_ns bigint NOT NULL,
    definition uuid,
    state character varying(10) NOT NULL,
    reason character varying(200) NOT NULL,
    asked_by character varying(150) NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    organisation_id bigint NOT NULL,
    settled_at timestamp with time zone,
    CONSTRAINT replay_span_is_not_empty CHECK ((end_ns > first_ns))
);

CREATE TABLE public.telemetry_replaypart (
    id bigint NOT NULL,
    generation integer NOT NULL,
    begun boolean NOT NULL,
    done boolean NOT NULL,
    swept boolean NOT NULL,
    apid integer NOT NULL,
    at_ns bigint NOT NULL,
    packet bigint NOT NULL,
    packets bigint NOT NULL,
    samples bigint NOT NULL,
    unread bigint NOT NULL,
    replay_id uuid NOT NULL,
    satellite_id bigint NOT NULL,
    cleared boolean NOT NULL,
    CONSTRAINT telemetry_replaypart_generation_check CHECK ((generation >= 0))
);

ALTER TABLE public.telemetry_replaypart ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.telemetry_replaypart_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.telemetry_rollup (
    id bigint NOT NULL,
    "group" character varying(100) NOT NULL,
    generation integer NOT NULL,
    width_s integer NOT NULL,
    is_part boolean NOT NULL,
    first_ns bigint NOT NULL,
    end_ns bigint NOT NULL,
    count integer NOT NULL,
    columns bytea NOT NULL,
    satellite_id bigint NOT NULL,
    shape_id character varying(32) NOT NULL,
    CONSTRAINT telemetry_rollup_generation_check CHECK ((generation >= 0))
);
ALTER TABLE ONLY public.telemetry_rollup ALTER COLUMN columns SET STORAGE EXTERNAL;

ALTER TABLE public.telemetry_rollup ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.telemetry_rollup_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.telemetry_segment (
    id bigint NOT NULL,
    "group" character varying(100) NOT NULL,
    generation integer NOT NULL,
    batch bigint,
    first_ns bigint NOT NULL,
    last_ns bigint NOT NULL,
    count integer NOT NULL,
    columns bytea NOT NULL,
    satellite_id bigint NOT NULL,
    shape_id character varying(32) NOT NULL,
    CONSTRAINT telemetry_segment_generation_check CHECK ((generation >= 0))
);
ALTER TABLE ONLY public.telemetry_segment ALTER COLUMN columns SET STORAGE EXTERNAL;

ALTER TABLE public.telemetry_segment ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.telemetry_segment_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.telemetry_segmentshape (
    digest character varying(32) NOT NULL,
    columns jsonb NOT NULL
);

CREATE TABLE public.telemetry_volume (
    id bigint NOT NULL,
    volume bigint NOT NULL,
    following bigint NOT NULL,
    oldest bigint NOT NULL,
    status_ns bigint NOT NULL,
    satellite_id bigint NOT NULL,
    beginning bigint NOT NULL
);

ALTER TABLE public.telemetry_volume ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.telemetry_volume_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.transfers_bulkuplink (
    contact_id uuid NOT NULL,
    los_at timestamp with time zone NOT NULL,
    entered_at timestamp with time zone NOT NULL,
    renewed_at timestamp with time zone NOT NULL,
    granted boolean NOT NULL
);

CREATE TABLE public.transfers_carriage (
    id bigint NOT NULL,
    began_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    sent_bytes bigint NOT NULL,
    arrived_bytes bigint NOT NULL,
    files integer NOT NULL,
    contact_id uuid NOT NULL,
    transfer_id uuid NOT NULL,
    CONSTRAINT transfers_carriage_files_check CHECK ((files >= 0))
);

ALTER TABLE public.transfers_carriage ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.transfers_carriage_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE SEQUENCE public.transfers_cfdp_sequence
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    MAXVALUE 4294967295
    CACHE 1;

CREATE TABLE public.transfers_deployment (
    id bigint NOT NULL,
    active_sha256 character varying(64) NOT NULL,
    slot_a_sha256 character varying(64) NOT NULL,
    slot_b_sha256 character varying(64) NOT NULL,
    reported_ns bigint,
    reported_volume bigint,
    reported_serial bigint,
    desired_id character varying(64),
    satellite_id bigint NOT NULL
);

ALTER TABLE public.transfers_deployment ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.transfers_deployment_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.transfers_forecast (
    transfer_id uuid NOT NULL,
    made_at timestamp with time zone NOT NULL,
    horizon_at timestamp with time zone NOT NULL,
    probability double precision NOT NULL,
    median_at timestamp with time zone,
    by_at timestamp with time zone,
    contacts integer NOT NULL,
    stations jsonb NOT NULL,
    left_bytes bigint NOT NULL,
    carried_bytes bigint NOT NULL,
    legs jsonb NOT NULL,
    reason character varying(300) NOT NULL,
    first_by_at timestamp with time zone,
    basis character varying(32) NOT NULL,
    CONSTRAINT transfers_forecast_contacts_check CHECK ((contacts >= 0))
);

CREATE TABLE public.transfers_holding (
    id bigint NOT NULL,
    packs integer NOT NULL,
    spans jsonb NOT NULL,
    refused jsonb NOT NULL,
    laser_bytes bigint NOT NULL,
    reported_ns bigint NOT NULL,
    artefact_id character varying(64) NOT NULL,
    satellite_id bigint NOT NULL,
    told_by_id bigint NOT NULL,
    CONSTRAINT transfers_holding_packs_check CHECK ((packs >= 0))
);

ALTER TABLE public.transfers_holding ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.transfers_holding_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.transfers_pack (
    id bigint NOT NULL,
    number integer NOT NULL,
    offset_bytes bigint NOT NULL,
    size_bytes integer NOT NULL,
    sha256 character varying(64) NOT NULL,
    crc32c bigint NOT NULL,
    artefact_id character varying(64) NOT NULL,
    CONSTRAINT transfers_pack_number_check CHECK ((number >= 0)),
    CONSTRAINT transfers_pack_size_bytes_check CHECK ((size_bytes >= 0))
);

ALTER TABLE public.transfers_pack ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.transfers_pack_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.transfers_package (
    id bigint NOT NULL,
    state character varying(12) NOT NULL,
    reason character varying(300) NOT NULL,
    manifest bytea NOT NULL,
    chunks integer NOT NULL,
    artefact_id character varying(64) NOT NULL,
    base_id character varying(64) NOT NULL,
    CONSTRAINT package_has_another_base CHECK ((NOT ((artefact_id)::text = (base_id)::text))),
    CONSTRAINT transfers_package_chunks_check CHECK ((chunks >= 0))
);

ALTER TABLE public.transfers_package ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.transfers_package_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.transfers_packagefile (
    id bigint NOT NULL,
    number integer NOT NULL,
    size_bytes integer NOT NULL,
    sha256 character varying(64) NOT NULL,
    crc32c bigint NOT NULL,
    chunks jsonb NOT NULL,
    package_id bigint NOT NULL,
    transfer_id uuid,
    CONSTRAINT transfers_packagefile_number_check CHECK ((number >= 0)),
    CONSTRAINT transfers_packagefile_size_bytes_check CHECK ((size_bytes >= 0))
);

ALTER TABLE public.transfers_packagefile ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.transfers_packagefile_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.transfers_repair (
    id bigint NOT NULL,
    wanted bytea NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    transfer_id uuid NOT NULL
);

ALTER TABLE public.transfers_repair ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.transfers_repair_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.transfers_shipment (
    id bigint NOT NULL,
    number integer NOT NULL,
    name character varying(100) NOT NULL,
    size_bytes integer NOT NULL,
    sha256 character varying(64) NOT NULL,
    crc32c bigint NOT NULL,
    sequence bigint,
    engine jsonb,
    sent_bytes bigint NOT NULL,
    acknowledged_bytes bigint NOT NULL,
    attempts smallint NOT NULL,
    fault character varying(60) NOT NULL,
    delivered boolean NOT NULL,
    delivered_at timestamp with time zone,
    contact_id uuid,
    transfer_id uuid,
    satellite_id bigint,
    relayed_at timestamp with time zone,
    relays smallint NOT NULL,
    CONSTRAINT shipment_is_of_a_transfer_or_a_notice CHECK ((((satellite_id IS NULL) AND (transfer_id IS NOT NULL)) OR ((satellite_id IS NOT NULL) AND (transfer_id IS NULL)))),
    CONSTRAINT transfers_shipment_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT transfers_shipment_relays_check CHECK ((relays >= 0)),
    CONSTRAINT transfers_shipment_size_bytes_check CHECK ((size_bytes >= 0))
);

ALTER TABLE public.transfers_shipment ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.transfers_shipment_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.transfers_spread (
    id bigint NOT NULL,
    planned_at timestamp with time zone,
    uploads jsonb NOT NULL,
    laser jsonb NOT NULL,
    why character varying(120) NOT NULL,
    peers jsonb NOT NULL,
    orders smallint NOT NULL,
    refused jsonb NOT NULL,
    expected_at timestamp with time zone,
    held integer NOT NULL,
    due_at timestamp with time zone,
    left_to_ground_until timestamp with time zone,
    withdrawn_bytes bigint NOT NULL,
    transfer_id uuid NOT NULL,
    without_package boolean NOT NULL,
    CONSTRAINT transfers_spread_held_check CHECK ((held >= 0)),
    CONSTRAINT transfers_spread_orders_check CHECK ((orders >= 0))
);

ALTER TABLE public.transfers_spread ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.transfers_spread_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.transfers_transfer (
    id uuid NOT NULL,
    activate boolean NOT NULL,
    slot smallint,
    priority smallint NOT NULL,
    state character varying(12) NOT NULL,
    reason character varying(300) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone,
    verified_at timestamp with time zone,
    finished_at timestamp with time zone,
    artefact_id character varying(64) NOT NULL,
    organisation_id bigint NOT NULL,
    satellite_id bigint NOT NULL,
    version_id bigint,
    package_id bigint,
    laser boolean NOT NULL,
    activate_at timestamp with time zone,
    waits_for_instant boolean NOT NULL,
    CONSTRAINT transfers_transfer_slot_check CHECK ((slot >= 0))
);

ALTER TABLE ONLY public.accounts_apikey
    ADD CONSTRAINT accounts_apikey_digest_key UNIQUE (digest);

ALTER TABLE ONLY public.accounts_apikey
    ADD CONSTRAINT accounts_apikey_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.accounts_organisation
    ADD CONSTRAINT accounts_organisation_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.accounts_organisation
    ADD CONSTRAINT accounts_organisation_slug_key UNIQUE (slug);

ALTER TABLE ONLY public.accounts_user_groups
    ADD CONSTRAINT accounts_user_groups_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.accounts_user_groups
    ADD CONSTRAINT accounts_user_groups_user_id_group_id_59c0b32f_uniq UNIQUE (user_id, group_id);

ALTER TABLE ONLY public.accounts_user
    ADD CONSTRAINT accounts_user_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.accounts_user_user_permissions
    ADD CONSTRAINT accounts_user_user_permi_user_id_permission_id_2ab516c2_uniq UNIQUE (user_id, permission_id);

ALTER TABLE ONLY public.accounts_user_user_permissions
    ADD CONSTRAINT accounts_user_user_permissions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.accounts_user
    ADD CONSTRAINT accounts_user_username_key UNIQUE (username);

ALTER TABLE ONLY public.alarms_alarm
    ADD CONSTRAINT alarm_once UNIQUE (satellite_id, rule);

ALTER TABLE ONLY public.alarms_activation
    ADD CONSTRAINT alarms_activation_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.alarms_alarm
    ADD CONSTRAINT alarms_alarm_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.alarms_cadence
    ADD CONSTRAINT alarms_cadence_pkey PRIMARY KEY ("group");

ALTER TABLE ONLY public.alarms_delivery
    ADD CONSTRAINT alarms_delivery_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.alarms_deliveryitem
    ADD CONSTRAINT alarms_deliveryitem_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.alarms_freshness
    ADD CONSTRAINT alarms_freshness_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.alarms_limit
    ADD CONSTRAINT alarms_limit_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.alarms_limitversion
    ADD CONSTRAINT alarms_limitversion_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.alarms_revision
    ADD CONSTRAINT alarms_revision_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.alarms_subscription
    ADD CONSTRAINT alarms_subscription_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.alarms_transition
    ADD CONSTRAINT alarms_transition_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.alarms_violation
    ADD CONSTRAINT alarms_violation_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.alarms_watch
    ADD CONSTRAINT alarms_watch_pkey PRIMARY KEY (satellite_id);

ALTER TABLE ONLY public.releases_assignment
    ADD CONSTRAINT assignment_file_once UNIQUE (sha256);

ALTER TABLE ONLY public.releases_assignment
    ADD CONSTRAINT assignment_number_once UNIQUE (satellite_id, number);

ALTER TABLE ONLY public.inference_attempt
    ADD CONSTRAINT attempt_once UNIQUE (query_id, satellite_id);

ALTER TABLE ONLY public.auth_group
    ADD CONSTRAINT auth_group_name_key UNIQUE (name);

ALTER TABLE ONLY public.auth_group_permissions
    ADD CONSTRAINT auth_group_permissions_group_id_permission_id_0cd325b0_uniq UNIQUE (group_id, permission_id);

ALTER TABLE ONLY public.auth_group_permissions
    ADD CONSTRAINT auth_group_permissions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.auth_group
    ADD CONSTRAINT auth_group_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.auth_permission
    ADD CONSTRAINT auth_permission_content_type_id_codename_01ab375a_uniq UNIQUE (content_type_id, codename);

ALTER TABLE ONLY public.auth_permission
    ADD CONSTRAINT auth_permission_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.transfers_carriage
    ADD CONSTRAINT carriage_once UNIQUE (transfer_id, contact_id);

ALTER TABLE ONLY public.constellation_carrier
    ADD CONSTRAINT carrier_code_once_a_profile UNIQUE (profile_id, code);

ALTER TABLE ONLY public.commands_command
    ADD CONSTRAINT command_counter_never_reused UNIQUE (satellite_id, counter);

ALTER TABLE ONLY public.commands_command
    ADD CONSTRAINT commands_command_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.commands_counter
    ADD CONSTRAINT commands_counter_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.commands_counter
    ADD CONSTRAINT commands_counter_satellite_id_key UNIQUE (satellite_id);

ALTER TABLE ONLY public.commands_handover
    ADD CONSTRAINT commands_handover_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.constellation_antenna
    ADD CONSTRAINT constellation_antenna_code_key UNIQUE (code);

ALTER TABLE ONLY public.constellation_antenna
    ADD CONSTRAINT constellation_antenna_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.constellation_calendartoken
    ADD CONSTRAINT constellation_calendartoken_digest_key UNIQUE (digest);

ALTER TABLE ONLY public.constellation_calendartoken
    ADD CONSTRAINT constellation_calendartoken_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.constellation_carrier
    ADD CONSTRAINT constellation_carrier_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.constellation_elementfile
    ADD CONSTRAINT constellation_elementfile_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.constellation_elementset
    ADD CONSTRAINT constellation_elementset_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.constellation_elementsource
    ADD CONSTRAINT constellation_elementsource_name_key UNIQUE (name);

ALTER TABLE ONLY public.constellation_elementsource
    ADD CONSTRAINT constellation_elementsource_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.constellation_elementsource
    ADD CONSTRAINT constellation_elementsource_url_key UNIQUE (url);

ALTER TABLE ONLY public.constellation_hardwareprofile
    ADD CONSTRAINT constellation_hardwareprofile_code_key UNIQUE (code);

ALTER TABLE ONLY public.constellation_hardwareprofile
    ADD CONSTRAINT constellation_hardwareprofile_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.constellation_maintenance
    ADD CONSTRAINT constellation_maintenance_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.constellation_passblock
    ADD CONSTRAINT constellation_passblock_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.constellation_plane
    ADD CONSTRAINT constellation_plane_code_key UNIQUE (code);

ALTER TABLE ONLY public.constellation_plane
    ADD CONSTRAINT constellation_plane_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.constellation_satellite
    ADD CONSTRAINT constellation_satellite_catalogue_number_key UNIQUE (catalogue_number);

ALTER TABLE ONLY public.constellation_satellite
    ADD CONSTRAINT constellation_satellite_code_key UNIQUE (code);

ALTER TABLE ONLY public.constellation_satellite
    ADD CONSTRAINT constellation_satellite_entity_id_key UNIQUE (entity_id);

ALTER TABLE ONLY public.constellation_satellite
    ADD CONSTRAINT constellation_satellite_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.constellation_station
    ADD CONSTRAINT constellation_station_code_key UNIQUE (code);

ALTER TABLE ONLY public.constellation_station
    ADD CONSTRAINT constellation_station_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.contacts_contact
    ADD CONSTRAINT contact_has_its_antenna_alone EXCLUDE USING gist (antenna_id WITH =, tstzrange(starts_at, ends_at, '[)'::text) WITH &&) WHERE (((state)::text = ANY (ARRAY[('SCHEDULING'::character varying)::text, ('SCHEDULED'::character varying)::text, ('PREPASS'::character varying)::text, ('PASS'::character varying)::text, ('POSTPASS'::character varying)::text])));

ALTER TABLE ONLY public.contacts_contact
    ADD CONSTRAINT contact_has_its_satellite_alone EXCLUDE USING gist (satellite_id WITH =, tstzrange(starts_at, ends_at, '[)'::text) WITH &&) WHERE (((state)::text = ANY (ARRAY[('SCHEDULING'::character varying)::text, ('SCHEDULED'::character varying)::text, ('PREPASS'::character varying)::text, ('PASS'::character varying)::text, ('POSTPASS'::character varying)::text])));

ALTER TABLE ONLY public.contacts_contactversion
    ADD CONSTRAINT contact_version_once UNIQUE (contact_id, version);

ALTER TABLE ONLY public.contacts_contact
    ADD CONSTRAINT contacts_contact_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.contacts_contactversion
    ADD CONSTRAINT contacts_contactversion_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.contacts_demand
    ADD CONSTRAINT contacts_demand_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.contacts_demand
    ADD CONSTRAINT contacts_demand_source_key UNIQUE (source);

ALTER TABLE ONLY public.telemetry_definitionpart
    ADD CONSTRAINT definition_part_once UNIQUE (definition_id, name);

ALTER TABLE ONLY public.alarms_deliveryitem
    ADD CONSTRAINT delivery_item_once UNIQUE (subscription_id, transition_id);

ALTER TABLE ONLY public.django_content_type
    ADD CONSTRAINT django_content_type_app_label_model_76bd3d3b_uniq UNIQUE (app_label, model);

ALTER TABLE ONLY public.django_content_type
    ADD CONSTRAINT django_content_type_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.django_migrations
    ADD CONSTRAINT django_migrations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.django_session
    ADD CONSTRAINT django_session_pkey PRIMARY KEY (session_key);

ALTER TABLE ONLY public.live_event
    ADD CONSTRAINT event_number_once UNIQUE (stream_id, number);

ALTER TABLE ONLY public.telemetry_frameaccount
    ADD CONSTRAINT frame_account_once UNIQUE (satellite_id, reception_id, day, channel);

ALTER TABLE ONLY public.alarms_freshness
    ADD CONSTRAINT freshness_once UNIQUE (satellite_id, "group");

ALTER TABLE ONLY public.registry_goldenprompt
    ADD CONSTRAINT golden_prompt_once UNIQUE (version_id, number);

ALTER TABLE ONLY public.commands_handover
    ADD CONSTRAINT handover_once UNIQUE (command_id, counter);

ALTER TABLE ONLY public.transfers_holding
    ADD CONSTRAINT holding_once UNIQUE (satellite_id, artefact_id, told_by_id);

ALTER TABLE ONLY public.inference_attempt
    ADD CONSTRAINT inference_attempt_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.inference_query
    ADD CONSTRAINT inference_query_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.inference_segment
    ADD CONSTRAINT inference_segment_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.alarms_limitversion
    ADD CONSTRAINT limit_version_once UNIQUE (limit_id, version);

ALTER TABLE ONLY public.live_event
    ADD CONSTRAINT live_event_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.live_pending
    ADD CONSTRAINT live_pending_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.live_stream
    ADD CONSTRAINT live_stream_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.telemetry_newest
    ADD CONSTRAINT newest_once UNIQUE (satellite_id, "group");

ALTER TABLE ONLY public.ops_clockrow
    ADD CONSTRAINT ops_clockrow_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.transfers_pack
    ADD CONSTRAINT pack_once UNIQUE (artefact_id, number);

ALTER TABLE ONLY public.transfers_packagefile
    ADD CONSTRAINT package_file_once UNIQUE (package_id, number);

ALTER TABLE ONLY public.transfers_package
    ADD CONSTRAINT package_once UNIQUE (artefact_id, base_id);

ALTER TABLE ONLY public.telemetry_packetaccount
    ADD CONSTRAINT packet_account_once UNIQUE (satellite_id, reception_id, day, channel, apid);

ALTER TABLE ONLY public.telemetry_packet
    ADD CONSTRAINT packet_once UNIQUE (satellite_id, volume, serial);

ALTER TABLE ONLY public.registry_part
    ADD CONSTRAINT part_once_per_path UNIQUE (bundle_id, path);

ALTER TABLE ONLY public.constellation_passblock
    ADD CONSTRAINT pass_block_once UNIQUE (geometry, block, orbit);

ALTER TABLE ONLY public.rollouts_probe
    ADD CONSTRAINT probe_once UNIQUE (target_id, prompt_id, attempt);

ALTER TABLE ONLY public.telemetry_rawbatch
    ADD CONSTRAINT raw_batch_once UNIQUE (contact_id, station_id, number, digest);

ALTER TABLE ONLY public.telemetry_reception
    ADD CONSTRAINT reception_once UNIQUE (contact_id, station_id, satellite_id);

ALTER TABLE ONLY public.registry_artefact
    ADD CONSTRAINT registry_artefact_pkey PRIMARY KEY (sha256);

ALTER TABLE ONLY public.registry_goldenprompt
    ADD CONSTRAINT registry_goldenprompt_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.registry_model
    ADD CONSTRAINT registry_model_name_key UNIQUE (name);

ALTER TABLE ONLY public.registry_model
    ADD CONSTRAINT registry_model_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.registry_part
    ADD CONSTRAINT registry_part_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.registry_provenance
    ADD CONSTRAINT registry_provenance_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.registry_provenance
    ADD CONSTRAINT registry_provenance_version_id_key UNIQUE (version_id);

ALTER TABLE ONLY public.registry_upload
    ADD CONSTRAINT registry_upload_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.registry_version
    ADD CONSTRAINT registry_version_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.registry_version_profiles
    ADD CONSTRAINT registry_version_profile_version_id_hardwareprofi_e359f4f2_uniq UNIQUE (version_id, hardwareprofile_id);

ALTER TABLE ONLY public.registry_version_profiles
    ADD CONSTRAINT registry_version_profiles_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.releases_assignment
    ADD CONSTRAINT releases_assignment_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.releases_inventory
    ADD CONSTRAINT releases_inventory_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.releases_inventory
    ADD CONSTRAINT releases_inventory_satellite_id_key UNIQUE (satellite_id);

ALTER TABLE ONLY public.releases_release
    ADD CONSTRAINT releases_release_pkey PRIMARY KEY (counter);

ALTER TABLE ONLY public.releases_root
    ADD CONSTRAINT releases_root_pkey PRIMARY KEY (version);

ALTER TABLE ONLY public.releases_snapshot
    ADD CONSTRAINT releases_snapshot_pkey PRIMARY KEY (version);

ALTER TABLE ONLY public.telemetry_replaypart
    ADD CONSTRAINT replay_generation_once UNIQUE (satellite_id, generation);

ALTER TABLE ONLY public.telemetry_replaypart
    ADD CONSTRAINT replay_part_once_per_satellite UNIQUE (replay_id, satellite_id);

ALTER TABLE ONLY public.rollouts_ring
    ADD CONSTRAINT ring_once UNIQUE (rollout_id, number);

ALTER TABLE ONLY public.rollouts_divergence
    ADD CONSTRAINT rollouts_divergence_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.rollouts_divergence
    ADD CONSTRAINT rollouts_divergence_satellite_id_key UNIQUE (satellite_id);

ALTER TABLE ONLY public.rollouts_measurement
    ADD CONSTRAINT rollouts_measurement_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.rollouts_probe
    ADD CONSTRAINT rollouts_probe_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.rollouts_revocation
    ADD CONSTRAINT rollouts_revocation_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.rollouts_revocation
    ADD CONSTRAINT rollouts_revocation_version_id_key UNIQUE (version_id);

ALTER TABLE ONLY public.rollouts_ring
    ADD CONSTRAINT rollouts_ring_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.rollouts_rollout
    ADD CONSTRAINT rollouts_rollout_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.rollouts_target
    ADD CONSTRAINT rollouts_target_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.inference_segment
    ADD CONSTRAINT segment_once UNIQUE (query_id, satellite_id, number);

ALTER TABLE ONLY public.telemetry_segment
    ADD CONSTRAINT segment_once_per_batch UNIQUE (satellite_id, "group", generation, batch);

ALTER TABLE ONLY public.transfers_shipment
    ADD CONSTRAINT shipment_once UNIQUE (transfer_id, number);

ALTER TABLE ONLY public.rollouts_target
    ADD CONSTRAINT target_once UNIQUE (rollout_id, satellite_id);

ALTER TABLE ONLY public.telemetry_activation
    ADD CONSTRAINT telemetry_activation_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.telemetry_definitionfile
    ADD CONSTRAINT telemetry_definitionfile_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.telemetry_definitionpart
    ADD CONSTRAINT telemetry_definitionpart_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.telemetry_frameaccount
    ADD CONSTRAINT telemetry_frameaccount_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.telemetry_gap
    ADD CONSTRAINT telemetry_gap_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.telemetry_newest
    ADD CONSTRAINT telemetry_newest_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.telemetry_packet
    ADD CONSTRAINT telemetry_packet_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.telemetry_packetaccount
    ADD CONSTRAINT telemetry_packetaccount_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.telemetry_rawbatch
    ADD CONSTRAINT telemetry_rawbatch_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.telemetry_reception
    ADD CONSTRAINT telemetry_reception_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.telemetry_rejected
    ADD CONSTRAINT telemetry_rejected_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.telemetry_replay
    ADD CONSTRAINT telemetry_replay_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.telemetry_replaypart
    ADD CONSTRAINT telemetry_replaypart_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.telemetry_rollup
    ADD CONSTRAINT telemetry_rollup_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.telemetry_segment
    ADD CONSTRAINT telemetry_segment_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.telemetry_segmentshape
    ADD CONSTRAINT telemetry_segmentshape_pkey PRIMARY KEY (digest);

ALTER TABLE ONLY public.telemetry_volume
    ADD CONSTRAINT telemetry_volume_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.transfers_bulkuplink
    ADD CONSTRAINT transfers_bulkuplink_pkey PRIMARY KEY (contact_id);

ALTER TABLE ONLY public.transfers_carriage
    ADD CONSTRAINT transfers_carriage_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.transfers_deployment
    ADD CONSTRAINT transfers_deployment_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.transfers_deployment
    ADD CONSTRAINT transfers_deployment_satellite_id_key UNIQUE (satellite_id);

ALTER TABLE ONLY public.transfers_forecast
    ADD CONSTRAINT transfers_forecast_pkey PRIMARY KEY (transfer_id);

ALTER TABLE ONLY public.transfers_holding
    ADD CONSTRAINT transfers_holding_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.transfers_pack
    ADD CONSTRAINT transfers_pack_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.transfers_package
    ADD CONSTRAINT transfers_package_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.transfers_packagefile
    ADD CONSTRAINT transfers_packagefile_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.transfers_repair
    ADD CONSTRAINT transfers_repair_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.transfers_repair
    ADD CONSTRAINT transfers_repair_transfer_id_key UNIQUE (transfer_id);

ALTER TABLE ONLY public.transfers_shipment
    ADD CONSTRAINT transfers_shipment_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.transfers_spread
    ADD CONSTRAINT transfers_spread_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.transfers_spread
    ADD CONSTRAINT transfers_spread_transfer_id_key UNIQUE (transfer_id);

ALTER TABLE ONLY public.transfers_transfer
    ADD CONSTRAINT transfers_transfer_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.registry_version
    ADD CONSTRAINT version_once UNIQUE (model_id, version);

ALTER TABLE ONLY public.alarms_violation
    ADD CONSTRAINT violation_once UNIQUE (satellite_id, rule, first_ns);

ALTER TABLE ONLY public.telemetry_volume
    ADD CONSTRAINT volume_once UNIQUE (satellite_id, volume);

CREATE INDEX accounts_apikey_digest_b02b5264_like ON public.accounts_apikey USING btree (digest varchar_pattern_ops);

CREATE INDEX accounts_apikey_organisation_id_6c27dbba ON public.accounts_apikey USING btree (organisation_id);

CREATE INDEX accounts_apikey_user_id_bd902026 ON public.accounts_apikey USING btree (user_id);

CREATE INDEX accounts_organisation_slug_43a9054f_like ON public.accounts_organisation USING btree (slug varchar_pattern_ops);

CREATE INDEX accounts_user_groups_group_id_bd11a704 ON public.accounts_user_groups USING btree (group_id);

CREATE INDEX accounts_user_groups_user_id_52b62117 ON public.accounts_user_groups USING btree (user_id);

CREATE INDEX accounts_user_organisation_id_492f00a6 ON public.accounts_user USING btree (organisation_id);

CREATE INDEX accounts_user_user_permissions_permission_id_113bb443 ON public.accounts_user_user_permissions USING btree (permission_id);

CREATE INDEX accounts_user_user_permissions_user_id_e4f0a161 ON public.accounts_user_user_permissions USING btree (user_id);

CREATE INDEX accounts_user_username_6088629e_like ON public.accounts_user USING btree (username varchar_pattern_ops);

CREATE UNIQUE INDEX activation_once_per_instant ON public.telemetry_activation USING btree (profile_id, from_ns) NULLS NOT DISTINCT WHERE (withdrawn_at IS NULL);

CREATE INDEX alarm_by_change ON public.alarms_alarm USING btree (changed_at DESC, id);

CREATE INDEX alarm_open ON public.alarms_alarm USING btree (rule, level) WHERE ((state)::text = ANY (ARRAY[('unacknowledged'::character varying)::text, ('returned'::character varying)::text, ('latched'::character varying)::text, ('acknowledged'::character varying)::text, ('latched_acknowledged'::character varying)::text]));

CREATE INDEX alarm_shelved ON public.alarms_alarm USING btree (shelved_until) WHERE (shelved_until IS NOT NULL);

CREATE INDEX alarms_activation_limit_id_f59ca23c ON public.alarms_activation USING btree (limit_id);

CREATE INDEX alarms_activation_version_id_3ea8b844 ON public.alarms_activation USING btree (version_id);

CREATE INDEX alarms_alarm_limit_id_b8cbe9c3 ON public.alarms_alarm USING btree (limit_id);

CREATE INDEX alarms_alarm_satellite_id_2e150077 ON public.alarms_alarm USING btree (satellite_id);

CREATE INDEX alarms_cadence_group_f02593ad_like ON public.alarms_cadence USING btree ("group" varchar_pattern_ops);

CREATE INDEX alarms_delivery_subscription_id_ca242b6b ON public.alarms_delivery USING btree (subscription_id);

CREATE INDEX alarms_deliveryitem_delivery_id_818f0f32 ON public.alarms_deliveryitem USING btree (delivery_id);

CREATE INDEX alarms_deliveryitem_subscription_id_a82e4d38 ON public.alarms_deliveryitem USING btree (subscription_id);

CREATE INDEX alarms_deliveryitem_transition_id_b967c95d ON public.alarms_deliveryitem USING btree (transition_id);

CREATE INDEX alarms_freshness_satellite_id_f796a286 ON public.alarms_freshness USING btree (satellite_id);

CREATE INDEX alarms_limit_active_id_e148eb2b ON public.alarms_limit USING btree (active_id);

CREATE INDEX alarms_limitversion_limit_id_86f5e93f ON public.alarms_limitversion USING btree (limit_id);

CREATE INDEX alarms_subscription_organisation_id_3ffa980d ON public.alarms_subscription USING btree (organisation_id);

CREATE INDEX alarms_transition_alarm_id_4fd78bc5 ON public.alarms_transition USING btree (alarm_id);

CREATE INDEX alarms_violation_satellite_id_84cf3427 ON public.alarms_violation USING btree (satellite_id);

CREATE INDEX attempt_to_tell ON public.inference_attempt USING btree (satellite_id) WHERE (ack_due OR dismiss_due);

CREATE INDEX auth_group_name_a6ea08ec_like ON public.auth_group USING btree (name varchar_pattern_ops);

CREATE INDEX auth_group_permissions_group_id_b120cbf9 ON public.auth_group_permissions USING btree (group_id);

CREATE INDEX auth_group_permissions_permission_id_84c5c92e ON public.auth_group_permissions USING btree (permission_id);

CREATE INDEX auth_permission_content_type_id_2f476e4b ON public.auth_permission USING btree (content_type_id);

CREATE INDEX command_relayed ON public.commands_command USING btree (relay_until) WHERE ((relay_id IS NOT NULL) AND ((state)::text = ANY (ARRAY[('SENDING'::character varying)::text, ('SENT'::character varying)::text])));

CREATE INDEX command_waiting ON public.commands_command USING btree (satellite_id, created_at) WHERE ((state)::text = 'RELEASED'::text);

CREATE INDEX commands_command_contact_id_2fb009de ON public.commands_command USING btree (contact_id);

CREATE INDEX commands_command_organisation_id_107e71f5 ON public.commands_command USING btree (organisation_id);

CREATE INDEX commands_command_relay_id_ba1a1e76 ON public.commands_command USING btree (relay_id);

CREATE INDEX commands_command_satellite_id_bbfe0b86 ON public.commands_command USING btree (satellite_id);

CREATE INDEX commands_handover_command_id_28a1342d ON public.commands_handover USING btree (command_id);

CREATE INDEX commands_handover_contact_id_2d330726 ON public.commands_handover USING btree (contact_id);

CREATE INDEX commands_handover_relay_id_28594452 ON public.commands_handover USING btree (relay_id);

CREATE INDEX constellation_antenna_code_9c22ea85_like ON public.constellation_antenna USING btree (code varchar_pattern_ops);

CREATE INDEX constellation_antenna_station_id_76e0930a ON public.constellation_antenna USING btree (station_id);

CREATE INDEX constellation_calendartoken_digest_563bdddb_like ON public.constellation_calendartoken USING btree (digest varchar_pattern_ops);

CREATE INDEX constellation_calendartoken_organisation_id_e84838ab ON public.constellation_calendartoken USING btree (organisation_id);

CREATE INDEX constellation_calendartoken_user_id_0cf9b8f9 ON public.constellation_calendartoken USING btree (user_id);

CREATE INDEX constellation_carrier_code_01f83a5c ON public.constellation_carrier USING btree (code);

CREATE INDEX constellation_carrier_code_01f83a5c_like ON public.constellation_carrier USING btree (code varchar_pattern_ops);

CREATE INDEX constellation_carrier_profile_id_18408022 ON public.constellation_carrier USING btree (profile_id);

CREATE INDEX constellation_elementfile_origin_id_59191832 ON public.constellation_elementfile USING btree (origin_id);

CREATE INDEX constellation_elementset_file_id_de8107f5 ON public.constellation_elementset USING btree (file_id);

CREATE INDEX constellation_elementset_satellite_id_ebe1e8c1 ON public.constellation_elementset USING btree (satellite_id);

CREATE INDEX constellation_elementsource_name_bce290fd_like ON public.constellation_elementsource USING btree (name varchar_pattern_ops);

CREATE INDEX constellation_elementsource_url_2a884ff7_like ON public.constellation_elementsource USING btree (url varchar_pattern_ops);

CREATE INDEX constellation_hardwareprofile_code_15b2a555_like ON public.constellation_hardwareprofile USING btree (code varchar_pattern_ops);

CREATE INDEX constellation_maintenance_antenna_id_4c4f67ca ON public.constellation_maintenance USING btree (antenna_id);

CREATE INDEX constellation_plane_code_0e2bfd49_like ON public.constellation_plane USING btree (code varchar_pattern_ops);

CREATE INDEX constellation_satellite_code_a8fc7353_like ON public.constellation_satellite USING btree (code varchar_pattern_ops);

CREATE INDEX constellation_satellite_plane_id_41e2af98 ON public.constellation_satellite USING btree (plane_id);

CREATE INDEX constellation_satellite_profile_id_63e57015 ON public.constellation_satellite USING btree (profile_id);

CREATE INDEX constellation_station_code_02e6480d_like ON public.constellation_station USING btree (code varchar_pattern_ops);

CREATE INDEX contact_due ON public.contacts_contact USING btree (starts_at) WHERE ((state)::text = ANY (ARRAY[('SCHEDULING'::character varying)::text, ('SCHEDULED'::character varying)::text, ('PREPASS'::character varying)::text, ('PASS'::character varying)::text, ('POSTPASS'::character varying)::text]));

CREATE INDEX contact_of_satellite ON public.contacts_contact USING btree (satellite_id, aos_at);

CREATE INDEX contacts_contact_antenna_id_1a068c00 ON public.contacts_contact USING btree (antenna_id);

CREATE INDEX contacts_contact_organisation_id_d144402a ON public.contacts_contact USING btree (organisation_id);

CREATE INDEX contacts_contact_satellite_id_d947f808 ON public.contacts_contact USING btree (satellite_id);

CREATE INDEX contacts_contactversion_antenna_id_02edacca ON public.contacts_contactversion USING btree (antenna_id);

CREATE INDEX contacts_contactversion_contact_id_cb5fd938 ON public.contacts_contactversion USING btree (contact_id);

CREATE INDEX contacts_demand_satellite_id_9f6a180f ON public.contacts_demand USING btree (satellite_id);

CREATE INDEX contacts_demand_source_cf5f0ac8_like ON public.contacts_demand USING btree (source varchar_pattern_ops);

CREATE UNIQUE INDEX delivery_collects_alone ON public.alarms_delivery USING btree (subscription_id) WHERE ((attempts = 0) AND ((state)::text = 'collecting'::text));

CREATE INDEX delivery_due ON public.alarms_delivery USING btree (due_at) WHERE ((state)::text = ANY (ARRAY[('collecting'::character varying)::text, ('sending'::character varying)::text]));

CREATE INDEX delivery_of ON public.alarms_delivery USING btree (subscription_id, opened_at DESC);

CREATE INDEX django_session_expire_date_a5c62663 ON public.django_session USING btree (expire_date);

CREATE INDEX django_session_session_key_c0390e0f_like ON public.django_session USING btree (session_key varchar_pattern_ops);

CREATE INDEX element_set_choice ON public.constellation_elementset USING btree (satellite_id, priority DESC, newness_at DESC, id DESC) WHERE ((state)::text = ANY (ARRAY[('ENABLED'::character varying)::text, ('EXPIRED'::character varying)::text]));

CREATE INDEX element_set_expiry ON public.constellation_elementset USING btree (expires_at) WHERE ((state)::text = 'ENABLED'::text);

CREATE INDEX element_set_newest ON public.constellation_elementset USING btree (satellite_id, loaded_at DESC, id DESC);

CREATE UNIQUE INDEX element_set_once_per_source ON public.constellation_elementset USING btree (satellite_id, source, digest) WHERE (NOT ((digest)::text = ''::text));

CREATE INDEX element_set_to_look_after ON public.constellation_elementset USING btree (id) WHERE (((state)::text = 'VALIDATING'::text) OR (NOT contacts_checked));

CREATE INDEX event_by_age ON public.live_event USING btree (written_at);

CREATE INDEX frame_account_by_day ON public.telemetry_frameaccount USING btree (satellite_id, day);

CREATE INDEX gap_by_serials ON public.telemetry_gap USING gist (satellite_id, volume, serials);

CREATE INDEX gap_open ON public.telemetry_gap USING btree (satellite_id, volume) WHERE ((state)::text = 'open'::text);

CREATE INDEX inference_attempt_contact_id_55fabff6 ON public.inference_attempt USING btree (contact_id);

CREATE INDEX inference_attempt_query_id_c254c1d5 ON public.inference_attempt USING btree (query_id);

CREATE INDEX inference_attempt_satellite_id_79529ef9 ON public.inference_attempt USING btree (satellite_id);

CREATE INDEX inference_query_answered_by_id_0ffc912d ON public.inference_query USING btree (answered_by_id);

CREATE INDEX inference_query_contact_id_c3156b2c ON public.inference_query USING btree (contact_id);

CREATE INDEX inference_query_downlink_contact_id_87809882 ON public.inference_query USING btree (downlink_contact_id);

CREATE INDEX inference_query_only_id_e9744b9c ON public.inference_query USING btree (only_id);

CREATE INDEX inference_query_organisation_id_1fbdac62 ON public.inference_query USING btree (organisation_id);

CREATE INDEX inference_query_satellite_id_7e75428f ON public.inference_query USING btree (satellite_id);

CREATE INDEX inference_query_uplink_station_id_7171cfa2 ON public.inference_query USING btree (uplink_station_id);

CREATE INDEX inference_query_user_id_338b9b9e ON public.inference_query USING btree (user_id);

CREATE INDEX inference_query_version_id_ad21acb4 ON public.inference_query USING btree (version_id);

CREATE INDEX inference_segment_contact_id_63be518f ON public.inference_segment USING btree (contact_id);

CREATE INDEX inference_segment_query_id_0909bc78 ON public.inference_segment USING btree (query_id);

CREATE INDEX inference_segment_satellite_id_997ca589 ON public.inference_segment USING btree (satellite_id);

CREATE INDEX limit_version_due ON public.alarms_limitversion USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX live_event_stream_id_08c15ee9 ON public.live_event USING btree (stream_id);

CREATE INDEX live_event_stream_id_08c15ee9_like ON public.live_event USING btree (stream_id varchar_pattern_ops);

CREATE INDEX live_stream_name_2452682b_like ON public.live_stream USING btree (name varchar_pattern_ops);

CREATE INDEX measurement_of_gate ON public.rollouts_measurement USING btree (target_id, gate, taken_at);

CREATE UNIQUE INDEX notice_once_at_a_time ON public.transfers_shipment USING btree (satellite_id) WHERE ((NOT delivered) AND (satellite_id IS NOT NULL));

CREATE INDEX packet_account_by_day ON public.telemetry_packetaccount USING btree (satellite_id, day);

CREATE INDEX packet_by_reception ON public.telemetry_packet USING btree (satellite_id, apid, received_ns) WHERE (volume < 0);

CREATE INDEX packet_by_time ON public.telemetry_packet USING btree (satellite_id, apid, generated_ns);

CREATE INDEX query_open ON public.inference_query USING btree (satellite_id, created_at) WHERE (NOT ((state)::text = ANY (ARRAY[('DELIVERED'::character varying)::text, ('FAILED'::character varying)::text, ('CANCELLED'::character varying)::text, ('EXPIRED'::character varying)::text])));

CREATE INDEX raw_batch_undecoded ON public.telemetry_rawbatch USING btree (contact_id, number) WHERE ((NOT decoded) AND ((failure)::text = ''::text));

CREATE INDEX registry_artefact_organisation_id_51c8137d ON public.registry_artefact USING btree (organisation_id);

CREATE INDEX registry_artefact_sha256_d9c0c37c_like ON public.registry_artefact USING btree (sha256 varchar_pattern_ops);

CREATE INDEX registry_goldenprompt_version_id_5669892a ON public.registry_goldenprompt USING btree (version_id);

CREATE INDEX registry_model_name_6f23bafa_like ON public.registry_model USING btree (name varchar_pattern_ops);

CREATE INDEX registry_model_organisation_id_e17b8aba ON public.registry_model USING btree (organisation_id);

CREATE INDEX registry_part_artefact_id_ddfa5545 ON public.registry_part USING btree (artefact_id);

CREATE INDEX registry_part_artefact_id_ddfa5545_like ON public.registry_part USING btree (artefact_id varchar_pattern_ops);

CREATE INDEX registry_part_bundle_id_62aa8bd0 ON public.registry_part USING btree (bundle_id);

CREATE INDEX registry_part_bundle_id_62aa8bd0_like ON public.registry_part USING btree (bundle_id varchar_pattern_ops);

CREATE INDEX registry_provenance_parent_id_0358d2e5 ON public.registry_provenance USING btree (parent_id);

CREATE INDEX registry_upload_artefact_id_bc30f300 ON public.registry_upload USING btree (artefact_id);

CREATE INDEX registry_upload_artefact_id_bc30f300_like ON public.registry_upload USING btree (artefact_id varchar_pattern_ops);

CREATE INDEX registry_upload_expires_at_7795a274 ON public.registry_upload USING btree (expires_at);

CREATE INDEX registry_upload_organisation_id_b7519fb9 ON public.registry_upload USING btree (organisation_id);

CREATE INDEX registry_upload_user_id_c3dea595 ON public.registry_upload USING btree (user_id);

CREATE INDEX registry_version_artefact_id_26edf065 ON public.registry_version USING btree (artefact_id);

CREATE INDEX registry_version_artefact_id_26edf065_like ON public.registry_version USING btree (artefact_id varchar_pattern_ops);

CREATE INDEX registry_version_base_id_62c11474 ON public.registry_version USING btree (base_id);

CREATE INDEX registry_version_model_id_b375f3d4 ON public.registry_version USING btree (model_id);

CREATE INDEX registry_version_profiles_hardwareprofile_id_b988a67e ON public.registry_version_profiles USING btree (hardwareprofile_id);

CREATE INDEX registry_version_profiles_version_id_07c18494 ON public.registry_version_profiles USING btree (version_id);

CREATE INDEX rejected_by_satellite ON public.telemetry_rejected USING btree (satellite_id, id DESC);

CREATE INDEX releases_assignment_release_id_5db2446a ON public.releases_assignment USING btree (release_id);

CREATE INDEX releases_assignment_satellite_id_aac4c2b3 ON public.releases_assignment USING btree (satellite_id);

CREATE INDEX releases_release_artefact_id_ef93d3cd ON public.releases_release USING btree (artefact_id);

CREATE INDEX releases_release_artefact_id_ef93d3cd_like ON public.releases_release USING btree (artefact_id varchar_pattern_ops);

CREATE INDEX releases_release_organisation_id_c4cd0dfa ON public.releases_release USING btree (organisation_id);

CREATE INDEX releases_release_version_id_41c6fc30 ON public.releases_release USING btree (version_id);

CREATE INDEX rollouts_divergence_desired_id_0d8dcab2 ON public.rollouts_divergence USING btree (desired_id);

CREATE INDEX rollouts_divergence_desired_id_0d8dcab2_like ON public.rollouts_divergence USING btree (desired_id varchar_pattern_ops);

CREATE INDEX rollouts_divergence_transfer_id_12aa8e96 ON public.rollouts_divergence USING btree (transfer_id);

CREATE INDEX rollouts_measurement_target_id_6c48338d ON public.rollouts_measurement USING btree (target_id);

CREATE INDEX rollouts_probe_prompt_id_a805c0ec ON public.rollouts_probe USING btree (prompt_id);

CREATE INDEX rollouts_probe_query_id_8ae01914 ON public.rollouts_probe USING btree (query_id);

CREATE INDEX rollouts_probe_target_id_57308b66 ON public.rollouts_probe USING btree (target_id);

CREATE INDEX rollouts_revocation_organisation_id_a7424794 ON public.rollouts_revocation USING btree (organisation_id);

CREATE INDEX rollouts_revocation_revoked_by_id_5611739c ON public.rollouts_revocation USING btree (revoked_by_id);

CREATE INDEX rollouts_ring_rollout_id_6f12e6fc ON public.rollouts_ring USING btree (rollout_id);

CREATE INDEX rollouts_rollout_created_by_id_304480a0 ON public.rollouts_rollout USING btree (created_by_id);

CREATE INDEX rollouts_rollout_decided_by_id_1169e60b ON public.rollouts_rollout USING btree (decided_by_id);

CREATE INDEX rollouts_rollout_organisation_id_395ae500 ON public.rollouts_rollout USING btree (organisation_id);

CREATE INDEX rollouts_rollout_version_id_503cb918 ON public.rollouts_rollout USING btree (version_id);

CREATE INDEX rollouts_target_previous_id_c5317a20 ON public.rollouts_target USING btree (previous_id);

CREATE INDEX rollouts_target_previous_id_c5317a20_like ON public.rollouts_target USING btree (previous_id varchar_pattern_ops);

CREATE INDEX rollouts_target_ring_id_42e8eaf2 ON public.rollouts_target USING btree (ring_id);

CREATE INDEX rollouts_target_rollout_id_980954b5 ON public.rollouts_target USING btree (rollout_id);

CREATE INDEX rollouts_target_satellite_id_1f2fbbca ON public.rollouts_target USING btree (satellite_id);

CREATE INDEX rollouts_target_transfer_id_a61436ad ON public.rollouts_target USING btree (transfer_id);

CREATE INDEX rollouts_target_undo_id_57327444 ON public.rollouts_target USING btree (undo_id);

CREATE INDEX rollup_by_span ON public.telemetry_rollup USING btree (satellite_id, "group", width_s, first_ns, end_ns);

CREATE INDEX rollup_parts ON public.telemetry_rollup USING btree (satellite_id, "group", width_s) WHERE is_part;

CREATE INDEX segment_by_span ON public.telemetry_segment USING btree (satellite_id, "group", first_ns, last_ns);

CREATE INDEX segment_short ON public.telemetry_segment USING btree (satellite_id, "group") WHERE (batch IS NOT NULL);

CREATE UNIQUE INDEX shipment_sequence_never_reused ON public.transfers_shipment USING btree (sequence) WHERE (sequence IS NOT NULL);

CREATE UNIQUE INDEX target_of_one_rollout_at_a_time ON public.rollouts_target USING btree (satellite_id) WHERE ((begun_at IS NOT NULL) AND (finished_at IS NULL));

CREATE INDEX telemetry_activation_definition_id_c489a86e ON public.telemetry_activation USING btree (definition_id);

CREATE INDEX telemetry_activation_profile_id_a1d769e9 ON public.telemetry_activation USING btree (profile_id);

CREATE INDEX telemetry_definitionfile_organisation_id_f2853795 ON public.telemetry_definitionfile USING btree (organisation_id);

CREATE INDEX telemetry_definitionpart_definition_id_9ca6d577 ON public.telemetry_definitionpart USING btree (definition_id);

CREATE INDEX telemetry_frameaccount_reception_id_7a021812 ON public.telemetry_frameaccount USING btree (reception_id);

CREATE INDEX telemetry_frameaccount_satellite_id_b6507786 ON public.telemetry_frameaccount USING btree (satellite_id);

CREATE INDEX telemetry_gap_contact_id_80296a28 ON public.telemetry_gap USING btree (contact_id);

CREATE INDEX telemetry_gap_satellite_id_2d80471f ON public.telemetry_gap USING btree (satellite_id);

CREATE INDEX telemetry_packet_contact_id_70f5364e ON public.telemetry_packet USING btree (contact_id);

CREATE INDEX telemetry_packetaccount_reception_id_faea2314 ON public.telemetry_packetaccount USING btree (reception_id);

CREATE INDEX telemetry_packetaccount_satellite_id_752e9b0a ON public.telemetry_packetaccount USING btree (satellite_id);

CREATE INDEX telemetry_rawbatch_contact_id_09caf3b6 ON public.telemetry_rawbatch USING btree (contact_id);

CREATE INDEX telemetry_rawbatch_satellite_id_968aa701 ON public.telemetry_rawbatch USING btree (satellite_id);

CREATE INDEX telemetry_rawbatch_station_id_3bfd4103 ON public.telemetry_rawbatch USING btree (station_id);

CREATE INDEX telemetry_reception_contact_id_495efc17 ON public.telemetry_reception USING btree (contact_id);

CREATE INDEX telemetry_reception_satellite_id_1d0dbb9a ON public.telemetry_reception USING btree (satellite_id);

CREATE INDEX telemetry_reception_station_id_8824a774 ON public.telemetry_reception USING btree (station_id);

CREATE INDEX telemetry_rejected_batch_id_c1b6305b ON public.telemetry_rejected USING btree (batch_id);

CREATE INDEX telemetry_rejected_satellite_id_f75647b6 ON public.telemetry_rejected USING btree (satellite_id);

CREATE INDEX telemetry_replay_organisation_id_561f815d ON public.telemetry_replay USING btree (organisation_id);

CREATE INDEX telemetry_replay_state_3114e8a1 ON public.telemetry_replay USING btree (state);

CREATE INDEX telemetry_replay_state_3114e8a1_like ON public.telemetry_replay USING btree (state varchar_pattern_ops);

CREATE INDEX telemetry_replaypart_replay_id_42ece6cd ON public.telemetry_replaypart USING btree (replay_id);

CREATE INDEX telemetry_replaypart_satellite_id_93477f73 ON public.telemetry_replaypart USING btree (satellite_id);

CREATE INDEX telemetry_segmentshape_digest_abbde293_like ON public.telemetry_segmentshape USING btree (digest varchar_pattern_ops);

CREATE INDEX telemetry_volume_satellite_id_3b287fd3 ON public.telemetry_volume USING btree (satellite_id);

CREATE UNIQUE INDEX transfer_of_an_artefact_once_at_a_time ON public.transfers_transfer USING btree (satellite_id, artefact_id) WHERE (NOT ((state)::text = ANY (ARRAY[('ACTIVE'::character varying)::text, ('VERIFIED'::character varying)::text, ('FAILED'::character varying)::text, ('CANCELLED'::character varying)::text])));

CREATE INDEX transfer_of_satellite ON public.transfers_transfer USING btree (satellite_id, state);

CREATE INDEX transfers_carriage_contact_id_2e7baff0 ON public.transfers_carriage USING btree (contact_id);

CREATE INDEX transfers_carriage_transfer_id_048c5e98 ON public.transfers_carriage USING btree (transfer_id);

CREATE INDEX transfers_deployment_desired_id_5ee8b8b9 ON public.transfers_deployment USING btree (desired_id);

CREATE INDEX transfers_deployment_desired_id_5ee8b8b9_like ON public.transfers_deployment USING btree (desired_id varchar_pattern_ops);

CREATE INDEX transfers_holding_artefact_id_f7e09ee9 ON public.transfers_holding USING btree (artefact_id);

CREATE INDEX transfers_holding_artefact_id_f7e09ee9_like ON public.transfers_holding USING btree (artefact_id varchar_pattern_ops);

CREATE INDEX transfers_holding_satellite_id_c5984c8c ON public.transfers_holding USING btree (satellite_id);

CREATE INDEX transfers_holding_told_by_id_9a878f28 ON public.transfers_holding USING btree (told_by_id);

CREATE INDEX transfers_pack_artefact_id_ab647312 ON public.transfers_pack USING btree (artefact_id);

CREATE INDEX transfers_pack_artefact_id_ab647312_like ON public.transfers_pack USING btree (artefact_id varchar_pattern_ops);

CREATE INDEX transfers_pack_sha256_f521da05 ON public.transfers_pack USING btree (sha256);

CREATE INDEX transfers_pack_sha256_f521da05_like ON public.transfers_pack USING btree (sha256 varchar_pattern_ops);

CREATE INDEX transfers_package_artefact_id_48f1b6ce ON public.transfers_package USING btree (artefact_id);

CREATE INDEX transfers_package_artefact_id_48f1b6ce_like ON public.transfers_package USING btree (artefact_id varchar_pattern_ops);

CREATE INDEX transfers_package_base_id_ea0c5b6e ON public.transfers_package USING btree (base_id);

CREATE INDEX transfers_package_base_id_ea0c5b6e_like ON public.transfers_package USING btree (base_id varchar_pattern_ops);

CREATE INDEX transfers_packagefile_package_id_4aa0e5b2 ON public.transfers_packagefile USING btree (package_id);

CREATE INDEX transfers_packagefile_transfer_id_6f9fba71 ON public.transfers_packagefile USING btree (transfer_id);

CREATE INDEX transfers_shipment_contact_id_c36e6c4d ON public.transfers_shipment USING btree (contact_id);

CREATE INDEX transfers_shipment_satellite_id_622d2442 ON public.transfers_shipment USING btree (satellite_id);

CREATE INDEX transfers_shipment_transfer_id_dddf2eca ON public.transfers_shipment USING btree (transfer_id);

CREATE INDEX transfers_transfer_artefact_id_cc088f62 ON public.transfers_transfer USING btree (artefact_id);

CREATE INDEX transfers_transfer_artefact_id_cc088f62_like ON public.transfers_transfer USING btree (artefact_id varchar_pattern_ops);

CREATE INDEX transfers_transfer_organisation_id_abd9465d ON public.transfers_transfer USING btree (organisation_id);

CREATE INDEX transfers_transfer_package_id_bd70b5f0 ON public.transfers_transfer USING btree (package_id);

CREATE INDEX transfers_transfer_satellite_id_a48af00c ON public.transfers_transfer USING btree (satellite_id);

CREATE INDEX transfers_transfer_version_id_bd424f62 ON public.transfers_transfer USING btree (version_id);

CREATE INDEX transition_of_alarm ON public.alarms_transition USING btree (alarm_id, id);

CREATE INDEX transition_untold ON public.alarms_transition USING btree (id) WHERE (NOT is_told);

CREATE INDEX violation_by_span ON public.alarms_violation USING btree (satellite_id, rule, last_ns);

CREATE INDEX violation_newest ON public.alarms_violation USING btree (first_ns DESC, id);

CREATE CONSTRAINT TRIGGER live_pending_is_numbered AFTER UPDATE ON public.live_pending DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.live_number_events();

CREATE CONSTRAINT TRIGGER live_pending_waits AFTER INSERT ON public.live_pending DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.live_wait_for_the_others();

ALTER TABLE ONLY public.accounts_apikey
    ADD CONSTRAINT accounts_apikey_organisation_id_6c27dbba_fk_accounts_ FOREIGN KEY (organisation_id) REFERENCES public.accounts_organisation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.accounts_apikey
    ADD CONSTRAINT accounts_apikey_user_id_bd902026_fk_accounts_user_id FOREIGN KEY (user_id) REFERENCES public.accounts_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.accounts_user_groups
    ADD CONSTRAINT accounts_user_groups_group_id_bd11a704_fk_auth_group_id FOREIGN KEY (group_id) REFERENCES public.auth_group(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.accounts_user_groups
    ADD CONSTRAINT accounts_user_groups_user_id_52b62117_fk_accounts_user_id FOREIGN KEY (user_id) REFERENCES public.accounts_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.accounts_user
    ADD CONSTRAINT accounts_user_organisation_id_492f00a6_fk_accounts_ FOREIGN KEY (organisation_id) REFERENCES public.accounts_organisation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.accounts_user_user_permissions
    ADD CONSTRAINT accounts_user_user_p_permission_id_113bb443_fk_auth_perm FOREIGN KEY (permission_id) REFERENCES public.auth_permission(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.accounts_user_user_permissions
    ADD CONSTRAINT accounts_user_user_p_user_id_e4f0a161_fk_accounts_ FOREIGN KEY (user_id) REFERENCES public.accounts_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.alarms_activation
    ADD CONSTRAINT alarms_activation_limit_id_f59ca23c_fk_alarms_limit_id FOREIGN KEY (limit_id) REFERENCES public.alarms_limit(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.alarms_activation
    ADD CONSTRAINT alarms_activation_version_id_3ea8b844_fk_alarms_limitversion_id FOREIGN KEY (version_id) REFERENCES public.alarms_limitversion(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.alarms_alarm
    ADD CONSTRAINT alarms_alarm_limit_id_b8cbe9c3_fk_alarms_limit_id FOREIGN KEY (limit_id) REFERENCES public.alarms_limit(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.alarms_alarm
    ADD CONSTRAINT alarms_alarm_satellite_id_2e150077_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.alarms_delivery
    ADD CONSTRAINT alarms_delivery_subscription_id_ca242b6b_fk_alarms_su FOREIGN KEY (subscription_id) REFERENCES public.alarms_subscription(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.alarms_deliveryitem
    ADD CONSTRAINT alarms_deliveryitem_delivery_id_818f0f32_fk_alarms_delivery_id FOREIGN KEY (delivery_id) REFERENCES public.alarms_delivery(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.alarms_deliveryitem
    ADD CONSTRAINT alarms_deliveryitem_subscription_id_a82e4d38_fk_alarms_su FOREIGN KEY (subscription_id) REFERENCES public.alarms_subscription(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.alarms_deliveryitem
    ADD CONSTRAINT alarms_deliveryitem_transition_id_b967c95d_fk_alarms_tr FOREIGN KEY (transition_id) REFERENCES public.alarms_transition(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.alarms_freshness
    ADD CONSTRAINT alarms_freshness_satellite_id_f796a286_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.alarms_limit
    ADD CONSTRAINT alarms_limit_active_id_e148eb2b_fk_alarms_limitversion_id FOREIGN KEY (active_id) REFERENCES public.alarms_limitversion(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.alarms_limitversion
    ADD CONSTRAINT alarms_limitversion_limit_id_86f5e93f_fk_alarms_limit_id FOREIGN KEY (limit_id) REFERENCES public.alarms_limit(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.alarms_subscription
    ADD CONSTRAINT alarms_subscription_organisation_id_3ffa980d_fk_accounts_ FOREIGN KEY (organisation_id) REFERENCES public.accounts_organisation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.alarms_transition
    ADD CONSTRAINT alarms_transition_alarm_id_4fd78bc5_fk_alarms_alarm_id FOREIGN KEY (alarm_id) REFERENCES public.alarms_alarm(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.alarms_violation
    ADD CONSTRAINT alarms_violation_satellite_id_84cf3427_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.alarms_watch
    ADD CONSTRAINT alarms_watch_satellite_id_8f7b6ff0_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.auth_group_permissions
    ADD CONSTRAINT auth_group_permissio_permission_id_84c5c92e_fk_auth_perm FOREIGN KEY (permission_id) REFERENCES public.auth_permission(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.auth_group_permissions
    ADD CONSTRAINT auth_group_permissions_group_id_b120cbf9_fk_auth_group_id FOREIGN KEY (group_id) REFERENCES public.auth_group(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.auth_permission
    ADD CONSTRAINT auth_permission_content_type_id_2f476e4b_fk_django_co FOREIGN KEY (content_type_id) REFERENCES public.django_content_type(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.commands_command
    ADD CONSTRAINT commands_command_contact_id_2fb009de_fk_contacts_contact_id FOREIGN KEY (contact_id) REFERENCES public.contacts_contact(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.commands_command
    ADD CONSTRAINT commands_command_organisation_id_107e71f5_fk_accounts_ FOREIGN KEY (organisation_id) REFERENCES public.accounts_organisation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.commands_command
    ADD CONSTRAINT commands_command_relay_id_ba1a1e76_fk_constella FOREIGN KEY (relay_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.commands_command
    ADD CONSTRAINT commands_command_satellite_id_bbfe0b86_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.commands_counter
    ADD CONSTRAINT commands_counter_satellite_id_981c703d_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.commands_handover
    ADD CONSTRAINT commands_handover_command_id_28a1342d_fk_commands_command_id FOREIGN KEY (command_id) REFERENCES public.commands_command(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.commands_handover
    ADD CONSTRAINT commands_handover_contact_id_2d330726_fk_contacts_contact_id FOREIGN KEY (contact_id) REFERENCES public.contacts_contact(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.commands_handover
    ADD CONSTRAINT commands_handover_relay_id_28594452_fk_constella FOREIGN KEY (relay_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.constellation_antenna
    ADD CONSTRAINT constellation_antenn_station_id_76e0930a_fk_constella FOREIGN KEY (station_id) REFERENCES public.constellation_station(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.constellation_calendartoken
    ADD CONSTRAINT constellation_calend_organisation_id_e84838ab_fk_accounts_ FOREIGN KEY (organisation_id) REFERENCES public.accounts_organisation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.constellation_calendartoken
    ADD CONSTRAINT constellation_calend_user_id_0cf9b8f9_fk_accounts_ FOREIGN KEY (user_id) REFERENCES public.accounts_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.constellation_carrier
    ADD CONSTRAINT constellation_carrie_profile_id_18408022_fk_constella FOREIGN KEY (profile_id) REFERENCES public.constellation_hardwareprofile(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.constellation_elementset
    ADD CONSTRAINT constellation_elemen_file_id_de8107f5_fk_constella FOREIGN KEY (file_id) REFERENCES public.constellation_elementfile(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.constellation_elementfile
    ADD CONSTRAINT constellation_elemen_origin_id_59191832_fk_constella FOREIGN KEY (origin_id) REFERENCES public.constellation_elementsource(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.constellation_elementset
    ADD CONSTRAINT constellation_elemen_satellite_id_ebe1e8c1_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.constellation_maintenance
    ADD CONSTRAINT constellation_mainte_antenna_id_4c4f67ca_fk_constella FOREIGN KEY (antenna_id) REFERENCES public.constellation_antenna(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.constellation_satellite
    ADD CONSTRAINT constellation_satell_plane_id_41e2af98_fk_constella FOREIGN KEY (plane_id) REFERENCES public.constellation_plane(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.constellation_satellite
    ADD CONSTRAINT constellation_satell_profile_id_63e57015_fk_constella FOREIGN KEY (profile_id) REFERENCES public.constellation_hardwareprofile(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.contacts_contact
    ADD CONSTRAINT contacts_contact_antenna_id_1a068c00_fk_constella FOREIGN KEY (antenna_id) REFERENCES public.constellation_antenna(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.contacts_contact
    ADD CONSTRAINT contacts_contact_organisation_id_d144402a_fk_accounts_ FOREIGN KEY (organisation_id) REFERENCES public.accounts_organisation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.contacts_contact
    ADD CONSTRAINT contacts_contact_satellite_id_d947f808_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.contacts_contactversion
    ADD CONSTRAINT contacts_contactvers_antenna_id_02edacca_fk_constella FOREIGN KEY (antenna_id) REFERENCES public.constellation_antenna(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.contacts_contactversion
    ADD CONSTRAINT contacts_contactvers_contact_id_cb5fd938_fk_contacts_ FOREIGN KEY (contact_id) REFERENCES public.contacts_contact(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.contacts_demand
    ADD CONSTRAINT contacts_demand_satellite_id_9f6a180f_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.inference_attempt
    ADD CONSTRAINT inference_attempt_contact_id_55fabff6_fk_contacts_contact_id FOREIGN KEY (contact_id) REFERENCES public.contacts_contact(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.inference_attempt
    ADD CONSTRAINT inference_attempt_query_id_c254c1d5_fk_inference_query_id FOREIGN KEY (query_id) REFERENCES public.inference_query(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.inference_attempt
    ADD CONSTRAINT inference_attempt_satellite_id_79529ef9_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.inference_query
    ADD CONSTRAINT inference_query_answered_by_id_0ffc912d_fk_constella FOREIGN KEY (answered_by_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.inference_query
    ADD CONSTRAINT inference_query_contact_id_c3156b2c_fk_contacts_contact_id FOREIGN KEY (contact_id) REFERENCES public.contacts_contact(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.inference_query
    ADD CONSTRAINT inference_query_downlink_contact_id_87809882_fk_contacts_ FOREIGN KEY (downlink_contact_id) REFERENCES public.contacts_contact(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.inference_query
    ADD CONSTRAINT inference_query_only_id_e9744b9c_fk_constellation_satellite_id FOREIGN KEY (only_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.inference_query
    ADD CONSTRAINT inference_query_organisation_id_1fbdac62_fk_accounts_ FOREIGN KEY (organisation_id) REFERENCES public.accounts_organisation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.inference_query
    ADD CONSTRAINT inference_query_satellite_id_7e75428f_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.inference_query
    ADD CONSTRAINT inference_query_uplink_station_id_7171cfa2_fk_constella FOREIGN KEY (uplink_station_id) REFERENCES public.constellation_station(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.inference_query
    ADD CONSTRAINT inference_query_user_id_338b9b9e_fk_accounts_user_id FOREIGN KEY (user_id) REFERENCES public.accounts_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.inference_query
    ADD CONSTRAINT inference_query_version_id_ad21acb4_fk_registry_version_id FOREIGN KEY (version_id) REFERENCES public.registry_version(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.inference_segment
    ADD CONSTRAINT inference_segment_contact_id_63be518f_fk_contacts_contact_id FOREIGN KEY (contact_id) REFERENCES public.contacts_contact(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.inference_segment
    ADD CONSTRAINT inference_segment_query_id_0909bc78_fk_inference_query_id FOREIGN KEY (query_id) REFERENCES public.inference_query(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.inference_segment
    ADD CONSTRAINT inference_segment_satellite_id_997ca589_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.registry_artefact
    ADD CONSTRAINT registry_artefact_organisation_id_51c8137d_fk_accounts_ FOREIGN KEY (organisation_id) REFERENCES public.accounts_organisation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.registry_goldenprompt
    ADD CONSTRAINT registry_goldenpromp_version_id_5669892a_fk_registry_ FOREIGN KEY (version_id) REFERENCES public.registry_version(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.registry_model
    ADD CONSTRAINT registry_model_organisation_id_e17b8aba_fk_accounts_ FOREIGN KEY (organisation_id) REFERENCES public.accounts_organisation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.registry_part
    ADD CONSTRAINT registry_part_artefact_id_ddfa5545_fk_registry_artefact_sha256 FOREIGN KEY (artefact_id) REFERENCES public.registry_artefact(sha256) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.registry_part
    ADD CONSTRAINT registry_part_bundle_id_62aa8bd0_fk_registry_artefact_sha256 FOREIGN KEY (bundle_id) REFERENCES public.registry_artefact(sha256) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.registry_provenance
    ADD CONSTRAINT registry_provenance_parent_id_0358d2e5_fk_registry_version_id FOREIGN KEY (parent_id) REFERENCES public.registry_version(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.registry_provenance
    ADD CONSTRAINT registry_provenance_version_id_52fd3c5d_fk_registry_version_id FOREIGN KEY (version_id) REFERENCES public.registry_version(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.registry_upload
    ADD CONSTRAINT registry_upload_artefact_id_bc30f300_fk_registry_ FOREIGN KEY (artefact_id) REFERENCES public.registry_artefact(sha256) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.registry_upload
    ADD CONSTRAINT registry_upload_organisation_id_b7519fb9_fk_accounts_ FOREIGN KEY (organisation_id) REFERENCES public.accounts_organisation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.registry_upload
    ADD CONSTRAINT registry_upload_user_id_c3dea595_fk_accounts_user_id FOREIGN KEY (user_id) REFERENCES public.accounts_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.registry_version
    ADD CONSTRAINT registry_version_artefact_id_26edf065_fk_registry_ FOREIGN KEY (artefact_id) REFERENCES public.registry_artefact(sha256) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.registry_version
    ADD CONSTRAINT registry_version_base_id_62c11474_fk_registry_version_id FOREIGN KEY (base_id) REFERENCES public.registry_version(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.registry_version
    ADD CONSTRAINT registry_version_model_id_b375f3d4_fk_registry_model_id FOREIGN KEY (model_id) REFERENCES public.registry_model(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.registry_version_profiles
    ADD CONSTRAINT registry_version_pro_hardwareprofile_id_b988a67e_fk_constella FOREIGN KEY (hardwareprofile_id) REFERENCES public.constellation_hardwareprofile(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.registry_version_profiles
    ADD CONSTRAINT registry_version_pro_version_id_07c18494_fk_registry_ FOREIGN KEY (version_id) REFERENCES public.registry_version(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.releases_assignment
    ADD CONSTRAINT releases_assignment_release_id_5db2446a_fk_releases_ FOREIGN KEY (release_id) REFERENCES public.releases_release(counter) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.releases_assignment
    ADD CONSTRAINT releases_assignment_satellite_id_aac4c2b3_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.releases_inventory
    ADD CONSTRAINT releases_inventory_satellite_id_f7153596_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.releases_release
    ADD CONSTRAINT releases_release_artefact_id_ef93d3cd_fk_registry_ FOREIGN KEY (artefact_id) REFERENCES public.registry_artefact(sha256) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.releases_release
    ADD CONSTRAINT releases_release_organisation_id_c4cd0dfa_fk_accounts_ FOREIGN KEY (organisation_id) REFERENCES public.accounts_organisation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.releases_release
    ADD CONSTRAINT releases_release_version_id_41c6fc30_fk_registry_version_id FOREIGN KEY (version_id) REFERENCES public.registry_version(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.rollouts_divergence
    ADD CONSTRAINT rollouts_divergence_desired_id_0d8dcab2_fk_registry_ FOREIGN KEY (desired_id) REFERENCES public.registry_artefact(sha256) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.rollouts_divergence
    ADD CONSTRAINT rollouts_divergence_satellite_id_02704917_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.rollouts_divergence
    ADD CONSTRAINT rollouts_divergence_transfer_id_12aa8e96_fk_transfers FOREIGN KEY (transfer_id) REFERENCES public.transfers_transfer(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.rollouts_measurement
    ADD CONSTRAINT rollouts_measurement_target_id_6c48338d_fk_rollouts_target_id FOREIGN KEY (target_id) REFERENCES public.rollouts_target(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.rollouts_probe
    ADD CONSTRAINT rollouts_probe_prompt_id_a805c0ec_fk_registry_goldenprompt_id FOREIGN KEY (prompt_id) REFERENCES public.registry_goldenprompt(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.rollouts_probe
    ADD CONSTRAINT rollouts_probe_query_id_8ae01914_fk_inference_query_id FOREIGN KEY (query_id) REFERENCES public.inference_query(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.rollouts_probe
    ADD CONSTRAINT rollouts_probe_target_id_57308b66_fk_rollouts_target_id FOREIGN KEY (target_id) REFERENCES public.rollouts_target(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.rollouts_revocation
    ADD CONSTRAINT rollouts_revocation_organisation_id_a7424794_fk_accounts_ FOREIGN KEY (organisation_id) REFERENCES public.accounts_organisation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.rollouts_revocation
    ADD CONSTRAINT rollouts_revocation_revoked_by_id_5611739c_fk_accounts_user_id FOREIGN KEY (revoked_by_id) REFERENCES public.accounts_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.rollouts_revocation
    ADD CONSTRAINT rollouts_revocation_version_id_46e55faf_fk_registry_version_id FOREIGN KEY (version_id) REFERENCES public.registry_version(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.rollouts_ring
    ADD CONSTRAINT rollouts_ring_rollout_id_6f12e6fc_fk_rollouts_rollout_id FOREIGN KEY (rollout_id) REFERENCES public.rollouts_rollout(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.rollouts_rollout
    ADD CONSTRAINT rollouts_rollout_created_by_id_304480a0_fk_accounts_user_id FOREIGN KEY (created_by_id) REFERENCES public.accounts_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.rollouts_rollout
    ADD CONSTRAINT rollouts_rollout_decided_by_id_1169e60b_fk_accounts_user_id FOREIGN KEY (decided_by_id) REFERENCES public.accounts_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.rollouts_rollout
    ADD CONSTRAINT rollouts_rollout_organisation_id_395ae500_fk_accounts_ FOREIGN KEY (organisation_id) REFERENCES public.accounts_organisation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.rollouts_rollout
    ADD CONSTRAINT rollouts_rollout_version_id_503cb918_fk_registry_version_id FOREIGN KEY (version_id) REFERENCES public.registry_version(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.rollouts_target
    ADD CONSTRAINT rollouts_target_previous_id_c5317a20_fk_registry_ FOREIGN KEY (previous_id) REFERENCES public.registry_artefact(sha256) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.rollouts_target
    ADD CONSTRAINT rollouts_target_ring_id_42e8eaf2_fk_rollouts_ring_id FOREIGN KEY (ring_id) REFERENCES public.rollouts_ring(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.rollouts_target
    ADD CONSTRAINT rollouts_target_rollout_id_980954b5_fk_rollouts_rollout_id FOREIGN KEY (rollout_id) REFERENCES public.rollouts_rollout(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.rollouts_target
    ADD CONSTRAINT rollouts_target_satellite_id_1f2fbbca_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.rollouts_target
    ADD CONSTRAINT rollouts_target_transfer_id_a61436ad_fk_transfers_transfer_id FOREIGN KEY (transfer_id) REFERENCES public.transfers_transfer(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.rollouts_target
    ADD CONSTRAINT rollouts_target_undo_id_57327444_fk_transfers_transfer_id FOREIGN KEY (undo_id) REFERENCES public.transfers_transfer(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.telemetry_activation
    ADD CONSTRAINT telemetry_activation_definition_id_c489a86e_fk_telemetry FOREIGN KEY (definition_id) REFERENCES public.telemetry_definitionfile(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.telemetry_activation
    ADD CONSTRAINT telemetry_activation_profile_id_a1d769e9_fk_constella FOREIGN KEY (profile_id) REFERENCES public.constellation_hardwareprofile(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.telemetry_definitionpart
    ADD CONSTRAINT telemetry_definition_definition_id_9ca6d577_fk_telemetry FOREIGN KEY (definition_id) REFERENCES public.telemetry_definitionfile(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.telemetry_definitionfile
    ADD CONSTRAINT telemetry_definition_organisation_id_f2853795_fk_accounts_ FOREIGN KEY (organisation_id) REFERENCES public.accounts_organisation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.telemetry_frameaccount
    ADD CONSTRAINT telemetry_frameaccou_reception_id_7a021812_fk_telemetry FOREIGN KEY (reception_id) REFERENCES public.telemetry_reception(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.telemetry_frameaccount
    ADD CONSTRAINT telemetry_frameaccou_satellite_id_b6507786_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.telemetry_gap
    ADD CONSTRAINT telemetry_gap_contact_id_80296a28_fk_contacts_contact_id FOREIGN KEY (contact_id) REFERENCES public.contacts_contact(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.telemetry_gap
    ADD CONSTRAINT telemetry_gap_satellite_id_2d80471f_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.telemetry_newest
    ADD CONSTRAINT telemetry_newest_satellite_id_c19b2b43_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.telemetry_packet
    ADD CONSTRAINT telemetry_packet_contact_id_70f5364e_fk_contacts_contact_id FOREIGN KEY (contact_id) REFERENCES public.contacts_contact(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.telemetry_packet
    ADD CONSTRAINT telemetry_packet_satellite_id_041899aa_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.telemetry_packetaccount
    ADD CONSTRAINT telemetry_packetacco_reception_id_faea2314_fk_telemetry FOREIGN KEY (reception_id) REFERENCES public.telemetry_reception(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.telemetry_packetaccount
    ADD CONSTRAINT telemetry_packetacco_satellite_id_752e9b0a_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.telemetry_rawbatch
    ADD CONSTRAINT telemetry_rawbatch_contact_id_09caf3b6_fk_contacts_contact_id FOREIGN KEY (contact_id) REFERENCES public.contacts_contact(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.telemetry_rawbatch
    ADD CONSTRAINT telemetry_rawbatch_relay_id_9d864e3e_fk_constella FOREIGN KEY (relay_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.telemetry_rawbatch
    ADD CONSTRAINT telemetry_rawbatch_satellite_id_968aa701_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.telemetry_rawbatch
    ADD CONSTRAINT telemetry_rawbatch_station_id_3bfd4103_fk_constella FOREIGN KEY (station_id) REFERENCES public.constellation_station(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.telemetry_reception
    ADD CONSTRAINT telemetry_reception_contact_id_495efc17_fk_contacts_contact_id FOREIGN KEY (contact_id) REFERENCES public.contacts_contact(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.telemetry_reception
    ADD CONSTRAINT telemetry_reception_satellite_id_1d0dbb9a_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.telemetry_reception
    ADD CONSTRAINT telemetry_reception_station_id_8824a774_fk_constella FOREIGN KEY (station_id) REFERENCES public.constellation_station(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.telemetry_rejected
    ADD CONSTRAINT telemetry_rejected_batch_id_c1b6305b_fk_telemetry_rawbatch_id FOREIGN KEY (batch_id) REFERENCES public.telemetry_rawbatch(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.telemetry_rejected
    ADD CONSTRAINT telemetry_rejected_satellite_id_f75647b6_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.telemetry_replay
    ADD CONSTRAINT telemetry_replay_organisation_id_561f815d_fk_accounts_ FOREIGN KEY (organisation_id) REFERENCES public.accounts_organisation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.telemetry_replaypart
    ADD CONSTRAINT telemetry_replaypart_replay_id_42ece6cd_fk_telemetry_replay_id FOREIGN KEY (replay_id) REFERENCES public.telemetry_replay(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.telemetry_replaypart
    ADD CONSTRAINT telemetry_replaypart_satellite_id_93477f73_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.telemetry_rollup
    ADD CONSTRAINT telemetry_rollup_satellite_id_64ef06d4_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.telemetry_rollup
    ADD CONSTRAINT telemetry_rollup_shape_id_7b44da9c_fk_telemetry FOREIGN KEY (shape_id) REFERENCES public.telemetry_segmentshape(digest) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.telemetry_segment
    ADD CONSTRAINT telemetry_segment_satellite_id_291c5500_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.telemetry_segment
    ADD CONSTRAINT telemetry_segment_shape_id_9248adef_fk_telemetry FOREIGN KEY (shape_id) REFERENCES public.telemetry_segmentshape(digest) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.telemetry_volume
    ADD CONSTRAINT telemetry_volume_satellite_id_3b287fd3_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.transfers_bulkuplink
    ADD CONSTRAINT transfers_bulkuplink_contact_id_ffac7138_fk_contacts_contact_id FOREIGN KEY (contact_id) REFERENCES public.contacts_contact(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.transfers_carriage
    ADD CONSTRAINT transfers_carriage_contact_id_2e7baff0_fk_contacts_contact_id FOREIGN KEY (contact_id) REFERENCES public.contacts_contact(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.transfers_carriage
    ADD CONSTRAINT transfers_carriage_transfer_id_048c5e98_fk_transfers FOREIGN KEY (transfer_id) REFERENCES public.transfers_transfer(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.transfers_deployment
    ADD CONSTRAINT transfers_deployment_desired_id_5ee8b8b9_fk_registry_ FOREIGN KEY (desired_id) REFERENCES public.registry_artefact(sha256) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.transfers_deployment
    ADD CONSTRAINT transfers_deployment_satellite_id_23bef599_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.transfers_forecast
    ADD CONSTRAINT transfers_forecast_transfer_id_860a4f80_fk_transfers FOREIGN KEY (transfer_id) REFERENCES public.transfers_transfer(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.transfers_holding
    ADD CONSTRAINT transfers_holding_artefact_id_f7e09ee9_fk_registry_ FOREIGN KEY (artefact_id) REFERENCES public.registry_artefact(sha256) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.transfers_holding
    ADD CONSTRAINT transfers_holding_satellite_id_c5984c8c_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.transfers_holding
    ADD CONSTRAINT transfers_holding_told_by_id_9a878f28_fk_constella FOREIGN KEY (told_by_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.transfers_pack
    ADD CONSTRAINT transfers_pack_artefact_id_ab647312_fk_registry_artefact_sha256 FOREIGN KEY (artefact_id) REFERENCES public.registry_artefact(sha256) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.transfers_package
    ADD CONSTRAINT transfers_package_artefact_id_48f1b6ce_fk_registry_ FOREIGN KEY (artefact_id) REFERENCES public.registry_artefact(sha256) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.transfers_package
    ADD CONSTRAINT transfers_package_base_id_ea0c5b6e_fk_registry_artefact_sha256 FOREIGN KEY (base_id) REFERENCES public.registry_artefact(sha256) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.transfers_packagefile
    ADD CONSTRAINT transfers_packagefil_package_id_4aa0e5b2_fk_transfers FOREIGN KEY (package_id) REFERENCES public.transfers_package(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.transfers_packagefile
    ADD CONSTRAINT transfers_packagefil_transfer_id_6f9fba71_fk_transfers FOREIGN KEY (transfer_id) REFERENCES public.transfers_transfer(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.transfers_repair
    ADD CONSTRAINT transfers_repair_transfer_id_5191c2a7_fk_transfers_transfer_id FOREIGN KEY (transfer_id) REFERENCES public.transfers_transfer(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.transfers_shipment
    ADD CONSTRAINT transfers_shipment_contact_id_c36e6c4d_fk_contacts_contact_id FOREIGN KEY (contact_id) REFERENCES public.contacts_contact(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.transfers_shipment
    ADD CONSTRAINT transfers_shipment_satellite_id_622d2442_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.transfers_shipment
    ADD CONSTRAINT transfers_shipment_transfer_id_dddf2eca_fk_transfers FOREIGN KEY (transfer_id) REFERENCES public.transfers_transfer(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.transfers_spread
    ADD CONSTRAINT transfers_spread_transfer_id_ee1f18ef_fk_transfers_transfer_id FOREIGN KEY (transfer_id) REFERENCES public.transfers_transfer(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.transfers_transfer
    ADD CONSTRAINT transfers_transfer_artefact_id_cc088f62_fk_registry_ FOREIGN KEY (artefact_id) REFERENCES public.registry_artefact(sha256) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.transfers_transfer
    ADD CONSTRAINT transfers_transfer_organisation_id_abd9465d_fk_accounts_ FOREIGN KEY (organisation_id) REFERENCES public.accounts_organisation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.transfers_transfer
    ADD CONSTRAINT transfers_transfer_package_id_bd70b5f0_fk_transfers_package_id FOREIGN KEY (package_id) REFERENCES public.transfers_package(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.transfers_transfer
    ADD CONSTRAINT transfers_transfer_satellite_id_a48af00c_fk_constella FOREIGN KEY (satellite_id) REFERENCES public.constellation_satellite(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.transfers_transfer
    ADD CONSTRAINT transfers_transfer_version_id_bd424f62_fk_registry_version_id FOREIGN KEY (version_id) REFERENCES public.registry_version(id) DEFERRABLE INITIALLY DEFERRED;

