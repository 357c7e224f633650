#include "tsv.h"

#include <string.h>

#define LOADED_AT (INSTANT_SECOND * INT64_C(1790000000))

static void put_cell(FILE *file, const struct cell *cell)
{
    if (cell->kind != CELL_VALUE) {
        fputs("\\N", file);
        return;
    }
    for (uint32_t i = 0; i < cell->length; i++) {
        static const char escaped[] = "\\\t\n\r", letters[] = "\\tnr";
        const char *found = cell->text[i] ? strchr(escaped, cell->text[i]) : NULL;

        if (found)
            fputc('\\', file);
        fputc(found ? letters[found - escaped] : cell->text[i], file);
    }
}

void tsv_write_rows(FILE *file, struct batch *batch)
{
    const struct table *table = batch->table;

    for (unsigned i = 0; i < batch->row_count; i++) {
        struct cell *cells = batch->rows[i].cells;

        cell_set_instant(batch, &cells[table->synced_at], LOADED_AT);
        cell_set_string(batch, &cells[table->run_id], "bench");
        for (unsigned j = 0; j < table->columns->len; j++) {
            if (j)
                fputc('\t', file);
            put_cell(file, &cells[j]);
        }
        fputc('\n', file);
    }
}

char *tsv_columns(const struct table *table)
{
    GString *names = g_string_new(NULL);

    for (unsigned i = 0; i < table->columns->len; i++)
        g_string_append_printf(names, "%s\n", table_column(table, i)->name);
    return g_string_free(names, FALSE);
}
