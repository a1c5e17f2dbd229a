"""Events get their numbers at the commit, all streams of a transaction in one order.

A transaction that took its counters one by one, as it went along, could wait for another that took
the same ones the other way round. Now `publish` only leaves a row in `live_pending`; at the commit
a deferred trigger numbers all of them, stream by stream in the order of their names.
"""

import django.db.models.deletion
from django.db import migrations, models

NUMBER = """
-- What waits for a commit runs in rounds: foreign keys look at their rows in the first, and what
-- the first round itself puts off comes in the second. Numbering is put off once more, because who
-- holds a counter must wait for nothing but another counter: a foreign key may have to wait for a
-- row that somebody holds who waits for the counter.
CREATE FUNCTION live_wait_for_the_others() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE live_pending SET waited = true
        WHERE id = NEW.id AND NOT EXISTS (SELECT FROM live_pending WHERE waited);
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER live_pending_waits AFTER INSERT ON live_pending
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION live_wait_for_the_others();

-- All events of the transaction at once. Rows of other transactions cannot be seen, since none is
-- left behind by a commit.
CREATE FUNCTION live_number_events() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE CONSTRAINT TRIGGER live_pending_is_numbered AFTER UPDATE ON live_pending
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION live_number_events();

-- No row outlives its transaction, so that none needs to outlive a crash.
ALTER TABLE live_pending SET UNLOGGED;
"""
FORGET = """
DROP TRIGGER live_pending_is_numbered ON live_pending;
DROP TRIGGER live_pending_waits ON live_pending;
DROP FUNCTION live_number_events();
DROP FUNCTION live_wait_for_the_others();
"""


class Migration(migrations.Migration):
    dependencies = [("live", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Pending",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("stream", models.CharField(max_length=100)),
                ("kind", models.CharField(max_length=40)),
                ("payload", models.JSONField()),
                ("waited", models.BooleanField(default=False)),
            ],
        ),
        migrations.AlterField(
            model_name="event",
            name="stream",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="events",
                to="live.stream",
            ),
        ),
        migrations.RunSQL(NUMBER, FORGET),
    ]
