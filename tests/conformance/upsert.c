/* Which row may overwrite which, and what counts as written. */
#include "fixture.h"

static void older_loses(struct fixture *f)
{
    struct table *t = f->deals;
    prepare(f, t);
    put(f, t, "id", "1", "title", "new", "update_time", "2026-01-02 00:00:00");
    put(f, t, "id", "1", "title", "old", "update_time", "2026-01-01 23:59:59");
    check_counts(f, 0, 1);
    check_dump(f, t, "id,title", "1|new\n");
    put(f, t, "id", "1", "title", "fraction", "update_time", "2026-01-02 00:00:00.000001");
    put(f, t, "id", "1", "title", "old", "update_time", "2026-01-02 00:00:00");
    check_counts(f, 0, 1);
    check_dump(f, t, "id,title", "1|fraction\n");
}

static void equal_and_unknown_apply(struct fixture *f)
{
    struct table *t = f->deals;
    prepare(f, t);
    put(f, t, "id", "1", "title", "a", "update_time", "2026-01-02 00:00:00");
    put(f, t, "id", "1", "title", "b", "update_time", "2026-01-02 00:00:00");
    check_counts(f, 1, 0);
    put(f, t, "id", "1", "title", "c"); /* absent: unknown */
    check_counts(f, 1, 0);
    check_dump(f, t, "title,update_time", "c|2026-01-02 00:00:00\n");
    put(f, t, "id", "1", "title", "d", "update_time", null_cell);
    check_counts(f, 1, 0);
    put(f, t, "id", "1", "title", "e", "update_time", "2020-01-01 00:00:00"); /* stored: unknown */
    check_counts(f, 1, 0);
    check_dump(f, t, "title,update_time", "e|2020-01-01 00:00:00\n");
}

static void identical_writes_nothing(struct fixture *f)
{
    struct table *t = f->deals;
    prepare(f, t);
    for (int i = 0; i < 2; i++) {
        struct batch *batch = batch_of(t);
        batch->asked_at = T0;
        add(batch, "id", "1", "title", "a", "value", "1.50", "update_time", "2026-01-02 00:00:00",
            "_deleted_at", null_cell, "_extra", null_cell, NULL);
        apply(f, batch);
        check_counts(f, i == 0, i == 1);
        f->dest->now += INSTANT_SECOND;
        g_strlcpy(f->dest->run_id, "run-2", sizeof f->dest->run_id);
    }
    check_dump(f, t, "_synced_at,_run_id", T0_TEXT "|run-1\n");
    put(f, t, "id", "1", "title", "b");
    check_dump(f, t, "_synced_at,_run_id", "2027-01-15 08:00:02|run-2\n");
}

static void newer_but_equal_values(struct fixture *f)
{
    struct table *t = f->deals;
    prepare(f, t);
    put(f, t, "id", "1", "title", "a", "update_time", "2026-01-02 00:00:00");
    put(f, t, "id", "1", "title", "a", "update_time", "2026-01-03 00:00:00");
    check_counts(f, 1, 0); /* update_time itself differs */
}

static struct batch *page(struct table *t)
{
    struct batch *batch = batch_of(t);
    for (int i = 1; i <= 3; i++) {
        g_autofree char *id = g_strdup_printf("%d", i);
        add(batch, "id", id, "title", "x", "update_time", "2026-01-02 00:00:00", NULL);
    }
    return batch;
}

static void replay_is_harmless(struct fixture *f)
{
    prepare(f, f->deals);
    apply(f, page(f->deals));
    put(f, f->deals, "id", "2", "title", "newer", "update_time", "2026-01-05 00:00:00");
    apply(f, page(f->deals));
    check_counts(f, 0, 3);
    check_dump(f, f->deals, "id,title", "1|x\n2|newer\n3|x\n");
}

static void same_key_twice(struct fixture *f)
{
    prepare(f, f->deals);
    struct batch *batch = batch_of(f->deals);
    add(batch, "id", "1", "title", "first", "value", "1", NULL);
    add(batch, "id", "1", "title", "second", NULL);
    add(batch, "id", "2", "title", "new", "update_time", "2026-01-02 00:00:00", NULL);
    add(batch, "id", "2", "title", "old", "update_time", "2026-01-01 00:00:00", NULL);
    apply(f, batch);
    check_counts(f, 3, 1);
    check_dump(f, f->deals, "id,title,value", "1|second|1\n2|new|~\n");
}

static void composite_and_text_keys(struct fixture *f)
{
    g_autoptr(Table) t = replicated("lines", "deal_id integer key, code text key, n integer");
    prepare(f, t);
    put(f, t, "deal_id", "1", "code", "a", "n", "1");
    put(f, t, "deal_id", "1", "code", "b", "n", "2");
    put(f, t, "deal_id", "1", "code", "a", "n", "3");
    check_dump(f, t, "deal_id,code,n", "1|a|3\n1|b|2\n");
    g_autoptr(Table) one = replicated("currency", "code text key, name text");
    prepare(f, one);
    put(f, one, "code", "EUR", "name", "Euro");
    put(f, one, "code", "EUR", "name", "Euro");
    check_counts(f, 0, 1);
    put(f, one, "code", "eur", "name", "another");
    check_dump(f, one, "code,name", "EUR|Euro\neur|another\n");
}

static void extra_is_kept_unless_sent(struct fixture *f)
{
    struct table *t = f->deals;
    prepare(f, t);
    put(f, t, "id", "1", "_extra", "{\"a\":1}");
    put(f, t, "id", "1", "title", "x");
    check_dump(f, t, "title,_extra",
               f->subject->ops->caps.keeps_json_text ? "x|{\"a\":1}\n" : "x|{\"a\": 1}\n");
    put(f, t, "id", "1", "_extra", "{\"a\":2}");
    check_counts(f, 1, 0);
    put(f, t, "id", "1", "_extra", null_cell);
    check_counts(f, 1, 0);
    check_dump(f, t, "title,_extra", "x|~\n");
}

static void put_asked(struct fixture *f, instant_t asked_at, const char *title, const char *deleted)
{
    struct batch *batch = batch_of(f->deals);
    batch->asked_at = asked_at;
    add(batch, "id", "1", "title", title, "_deleted_at", deleted, NULL);
    apply(f, batch);
}

static void revival(struct fixture *f)
{
    prepare(f, f->deals);
    put_asked(f, T0, "a", T0_TEXT); /* flagged in a new row */
    check_dump(f, f->deals, "title,_deleted_at", "a|" T0_TEXT "\n");
    put(f, f->deals, "id", "1", "title", "b"); /* absent keeps */
    check_dump(f, f->deals, "title,_deleted_at", "b|" T0_TEXT "\n");
    put_asked(f, T0 - 1, "c",
              null_cell); /* sent before it was flagged: the rest is news all the same */
    check_counts(f, 1, 0);
    check_dump(f, f->deals, "title,_deleted_at", "c|" T0_TEXT "\n");
    put_asked(f, T0 - 1, "c", null_cell); /* and nothing else changed */
    check_counts(f, 0, 1);
    put_asked(f, T0, "c", null_cell); /* not before */
    check_counts(f, 1, 0);
    check_dump(f, f->deals, "title,_deleted_at", "c|~\n");
    put_asked(f, T0, "c", "2027-02-01 00:00:00");
    put_asked(f, INSTANT_NONE, "c", null_cell); /* unknown */
    check_dump(f, f->deals, "title,_deleted_at", "c|~\n");
}

static void tombstones_obey_versions(struct fixture *f)
{
    struct table *t = f->deals;
    prepare(f, t);
    put(f, t, "id", "1", "title", "a", "update_time", "2026-01-02 00:00:00");
    put(f, t, "id", "1", "update_time", "2026-01-01 00:00:00", "_deleted_at", T0_TEXT);
    check_dump(f, t, "title,_deleted_at", "a|~\n");
    put(f, t, "id", "1", "update_time", "2026-01-03 00:00:00", "_deleted_at", T0_TEXT);
    check_dump(f, t, "title,_deleted_at", "a|" T0_TEXT "\n");
    put(f, t, "id", "1", "update_time", "2026-01-02 12:00:00", "_deleted_at", null_cell);
    check_dump(f, t, "title,_deleted_at", "a|" T0_TEXT "\n");
}

static void remove_row(struct fixture *f, const char *id, const char *update_time)
{
    struct batch *batch = batch_of(f->deals);
    add(batch, "id", id, "update_time", update_time, NULL)->remove = true;
    apply(f, batch);
}

static void removal_obeys_versions(struct fixture *f)
{
    struct table *t = f->deals;
    prepare(f, t);
    put(f, t, "id", "1", "title", "a", "update_time", "2026-01-02 00:00:00");
    put(f, t, "id", "2", "title", "no version");
    put(f, t, "id", "3", "title", "c", "update_time", "2026-01-02 00:00:00");
    remove_row(f, "1", "2026-01-01 23:59:59");
    check_counts(f, 0, 1);
    remove_row(f, "2", "2020-01-01 00:00:00");
    check_counts(f, 1, 0);
    remove_row(f, "3", null_cell);
    check_counts(f, 1, 0);
    check_dump(f, t, "id,title", "1|a\n");
    remove_row(f, "1", "2026-01-02 00:00:00");
    check_counts(f, 1, 0);
    remove_row(f, "1", "2026-01-02 00:00:00");
    check_counts(f, 0, 1);
    check_dump(f, t, "id", "");
    struct batch *batch = batch_of(t); /* and comes back in the order of the batch */
    add(batch, "id", "4", "title", "x", NULL);
    add(batch, "id", "4", NULL)->remove = true;
    add(batch, "id", "5", NULL)->remove = true;
    add(batch, "id", "5", "title", "y", NULL);
    apply(f, batch);
    check_counts(f, 3, 1);
    check_dump(f, t, "id,title", "5|y\n");
}

/* The same facts under the names that queries know from elsewhere. */
static void styles_of_metadata(struct fixture *f)
{
    static const struct {
        const char *name, *synced_at, *deleted_at;
    } styles[] = {
        {"native", "_synced_at", "_deleted_at"},
        {"stitch", "_sdc_batched_at", "_sdc_deleted_at"},
        {"fivetran", "_fivetran_synced", "_deleted_at"},
        {"airbyte", "_airbyte_extracted_at", "_ab_cdc_deleted_at"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(styles); i++) {
        enum metadata_style style;
        g_assert_true(metadata_style_from_name(styles[i].name, &style));
        g_autofree char *name = g_strdup_printf("as_%s", styles[i].name);
        g_autofree char *columns =
            g_strdup_printf("id,%s,%s", styles[i].synced_at, styles[i].deleted_at);
        g_autoptr(Table) t = replicated_as(name, "id integer key, title text", style);
        prepare(f, t);
        put(f, t, "id", "1", "title", "a", styles[i].deleted_at, null_cell);
        put(f, t, "id", "2", "title", "b", styles[i].deleted_at, T0_TEXT);
        check_dump(f, t, columns, "1|" T0_TEXT "|~\n2|" T0_TEXT "|" T0_TEXT "\n");
        struct table_info info;
        GError *error = NULL;
        g_assert_true(destination_inspect(f->dest, t, &info, &error));
        g_assert_cmpint(info.rows, ==, 2);
        g_assert_cmpint(info.live_rows, ==, 1);
        table_info_done(&info);
    }
}

static void derived_column(struct fixture *f)
{
    g_autoptr(Table) t = replicated_as("as_fivetran", "id integer key", METADATA_FIVETRAN);
    prepare(f, t);
    put(f, t, "id", "1", "_deleted_at", null_cell);
    check_dump(f, t, "id,_fivetran_deleted", "1|0\n");
    put(f, t, "id", "1", "_deleted_at", T0_TEXT);
    check_dump(f, t, "id,_fivetran_deleted", "1|1\n");
    put(f, t, "id", "1", "_deleted_at", null_cell);
    check_dump(f, t, "id,_fivetran_deleted", "1|0\n");
    g_autoptr(Table) wider =
        replicated_as("as_fivetran", "id integer key, a text", METADATA_FIVETRAN);
    prepare(f, wider);
    prepare(f, wider);
    put(f, wider, "id", "1", "a", "x", "_deleted_at", T0_TEXT);
    check_dump(f, wider, "a,_fivetran_deleted", "x|1\n");
}

static void system_tables(struct fixture *f)
{
    g_autoptr(Table) t = system_table("_penstock_parents", "child text key, deal_id integer key, "
                                                           "update_time timestamp, note text");
    prepare(f, t);
    put(f, t, "child", "dealflow", "deal_id", "1", "update_time", "2026-01-02 00:00:00", "note",
        "a");
    /* no versions here */
    put(f, t, "child", "dealflow", "deal_id", "1", "update_time", "2020-01-01 00:00:00");
    check_dump(f, t, "child,deal_id,update_time,note", "dealflow|1|2020-01-01 00:00:00|a\n");
    struct batch *batch = batch_of(t);
    add(batch, "child", "dealflow", "deal_id", "2", NULL);
    add(batch, "child", "dealflow", "deal_id", "1", NULL)->remove = true;
    add(batch, "child", "dealflow", "deal_id", "9", NULL)->remove = true;
    apply(f, batch);
    check_dump(f, t, "child,deal_id", "dealflow|2\n");
}

/* ── Pages of many rows: drivers take another way than for one ── */

enum {
    PAGE_ROWS = 300
};

static struct row *add_deal(struct batch *batch, unsigned id, const char *title, const char *time)
{
    g_autofree char *text = g_strdup_printf("%u", id);
    return add(batch, "id", text, "title", title, "update_time", time, "_deleted_at", null_cell,
               NULL);
}

static struct batch *long_page(struct table *t, const char *title, const char *time)
{
    struct batch *batch = batch_of(t);
    batch->asked_at = T0;
    for (unsigned i = 0; i < PAGE_ROWS; i++)
        add_deal(batch, i, title, time);
    return batch;
}

static void check_title_count(struct fixture *f, const char *title, const char *expected)
{
    g_autofree char *sql = g_strdup_printf("SELECT count(*) FROM deals WHERE title = '%s'", title);
    g_autofree char *count = f->subject->query(f->url, sql);
    g_assert_cmpstr(count, ==, expected);
}

static void pages(struct fixture *f)
{
    prepare(f, f->deals);
    apply(f, long_page(f->deals, "a", "2026-01-02 00:00:00"));
    check_counts(f, PAGE_ROWS, 0);
    apply(f, long_page(f->deals, "a", "2026-01-02 00:00:00")); /* replayed */
    check_counts(f, 0, PAGE_ROWS);
    apply(f, long_page(f->deals, "old", "2026-01-01 23:59:59"));
    check_counts(f, 0, PAGE_ROWS);
    struct batch *batch = batch_of(f->deals);
    for (unsigned i = 0; i < PAGE_ROWS; i++) /* every third is new, older, identical */
        add_deal(batch, i, i % 3 == 2 ? "a" : "b",
                 i % 3 == 1 ? "2026-01-01 00:00:00" : "2026-01-02 00:00:00");
    apply(f, batch);
    check_counts(f, PAGE_ROWS / 3, PAGE_ROWS / 3 * 2);
    check_title_count(f, "b", "100");
    apply(f, long_page(f->deals, "c", "2026-01-03 00:00:00"));
    check_counts(f, PAGE_ROWS, 0);
    check_title_count(f, "c", "300");
}

/* What is there already turns up among what is new: early in a first load, then late. */
static void pages_that_overlap(struct fixture *f)
{
    prepare(f, f->deals);
    for (unsigned page_number = 0; page_number < 8; page_number++) {
        struct batch *batch = batch_of(f->deals);
        for (unsigned i = 0; i < 20; i++)
            add_deal(batch, page_number * 10 + i, "a", "2026-01-02 00:00:00");
        apply(f, batch);
        check_counts(f, page_number ? 10 : 20, page_number ? 10 : 0);
    }
    check_title_count(f, "a", "90");
    struct batch *batch = batch_of(f->deals); /* twice in one transaction */
    GError *error = NULL;
    for (unsigned i = 100; i < 120; i++)
        add_deal(batch, i, "b", "2026-01-02 00:00:00");
    g_assert_true(destination_begin(f->dest, &error));
    g_assert_true(destination_write(f->dest, batch, &f->counts, &error));
    check_counts(f, 20, 0);
    g_assert_true(destination_write(f->dest, batch, &f->counts, &error));
    check_counts(f, 0, 20);
    destination_rollback(f->dest);
    apply(f, batch);
    check_counts(f, 20, 0); /* nothing of the transaction was left */
    check_title_count(f, "b", "20");
}

static void pages_with_repeats(struct fixture *f)
{
    prepare(f, f->deals);
    struct batch *batch = batch_of(f->deals);
    for (unsigned i = 0; i < 90; i++) { /* each of 30 keys three times: newer, older, partial */
        g_autofree char *id = g_strdup_printf("%u", i % 30);
        if (i < 60)
            add_deal(batch, i % 30, i < 30 ? "new" : "old",
                     i < 30 ? "2026-01-02 00:00:00" : "2026-01-01 00:00:00");
        else
            add(batch, "id", id, "value", "7", NULL);
    }
    apply(f, batch);
    check_counts(f, 60, 30);
    check_title_count(f, "new", "30");
    g_autofree char *sevens =
        f->subject->query(f->url, "SELECT count(*) FROM deals WHERE value = 7");
    g_assert_cmpstr(sevens, ==, "30");
}

static void flag_some(struct fixture *f, unsigned count)
{
    struct batch *batch = batch_of(f->deals);
    for (unsigned i = 0; i < count; i++) {
        g_autofree char *id = g_strdup_printf("%u", i);
        add(batch, "id", id, "_deleted_at", T0_TEXT, NULL);
    }
    apply(f, batch);
    check_counts(f, count, 0);
}

static void pages_that_revive(struct fixture *f)
{
    prepare(f, f->deals);
    flag_some(f, 50);
    struct batch *batch = long_page(f->deals, "x", "2026-01-02 00:00:00");
    batch->asked_at = T0 - 1; /* before they were flagged */
    apply(f, batch);
    check_counts(f, PAGE_ROWS, 0);
    apply(f, long_page(f->deals, "x", "2026-01-02 00:00:00"));
    check_counts(f, 50, PAGE_ROWS - 50);
    g_autofree char *flagged =
        f->subject->query(f->url, "SELECT count(*) FROM deals WHERE _deleted_at IS NOT NULL");
    g_assert_cmpstr(flagged, ==, "0");
    flag_some(f, 50); /* and once more among pages that change little */
    batch = long_page(f->deals, "x", "2026-01-02 00:00:00");
    batch->asked_at = T0 - 1;
    apply(f, batch);
    check_counts(f, 0, PAGE_ROWS);
    apply(f, long_page(f->deals, "x", "2026-01-02 00:00:00"));
    check_counts(f, 50, PAGE_ROWS - 50);
}

static void long_queue(struct fixture *f)
{
    g_autoptr(Table) t = system_table("_penstock_parents", "child text key, deal_id integer key, "
                                                           "update_time timestamp, note text");
    prepare(f, t);
    for (unsigned round = 0; round < 3; round++) {
        struct batch *batch = batch_of(t);
        for (unsigned i = 0; i < PAGE_ROWS; i++) {
            struct row *row = batch_add_row(batch);
            cell_set_string(batch, &row->cells[0], "dealflow");
            cell_set_int(batch, &row->cells[1], i);
            if (round < 2)
                cell_set_string(batch, &row->cells[3], round ? "b" : "a");
            row->remove = round == 2 && i % 3 > 0;
        }
        apply(f, batch);
    }
    g_autofree char *left =
        f->subject->query(f->url, "SELECT count(*) FROM _penstock_parents WHERE note = 'b'");
    g_assert_cmpstr(left, ==, "100");
}

static void many_masks(struct fixture *f)
{
    g_autoptr(Table) t = replicated("masks", "id integer key, a text, b text, c text, d text, "
                                             "e text, f text, g text, h text");
    prepare(f, t);
    struct batch *batch = batch_of(t);
    for (unsigned i = 0; i < 2048; i++) {
        struct row *row = batch_add_row(batch);
        cell_set_int(batch, &row->cells[0], i);
        for (unsigned bit = 0; bit < 8; bit++) {
            if (i & (1u << bit))
                cell_set_int(batch, &row->cells[bit + 1], bit);
        }
    }
    apply(f, batch);
    check_counts(f, 2048, 0);
    g_autofree char *count =
        f->subject->query(f->url, "SELECT count(*) FROM masks WHERE a = '0' AND h IS NULL");
    g_assert_cmpstr(count, ==, "512");
}

const struct test_case upsert_cases[] = {
    {"older-loses", older_loses},
    {"equal-and-unknown-apply", equal_and_unknown_apply},
    {"identical-writes-nothing", identical_writes_nothing},
    {"newer-but-equal-values", newer_but_equal_values},
    {"replay", replay_is_harmless},
    {"same-key-twice", same_key_twice},
    {"composite-and-text-keys", composite_and_text_keys},
    {"extra", extra_is_kept_unless_sent},
    {"revival", revival},
    {"tombstones-obey-versions", tombstones_obey_versions},
    {"removal-obeys-versions", removal_obeys_versions},
    {"styles-of-metadata", styles_of_metadata},
    {"derived-column", derived_column},
    {"system-tables", system_tables},
    {"pages", pages},
    {"pages-that-overlap", pages_that_overlap},
    {"pages-with-repeats", pages_with_repeats},
    {"pages-that-revive", pages_that_revive},
    {"long-queue", long_queue},
    {"many-masks", many_masks},
    {0},
};
