/* Rows as text files that the databases' own bulk tools read by default (COPY, LOAD DATA). */
#ifndef PENSTOCK_BENCH_TSV_H
#define PENSTOCK_BENCH_TSV_H

#include <stdio.h>

#include "model/batch.h"

/* What the loader would add (time and run of the sync) is filled in. */
void tsv_write_rows(FILE *file, struct batch *batch);
/* Names in the order of the values, one a line. The caller frees them. */
char *tsv_columns(const struct table *table);

#endif
