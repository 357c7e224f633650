/* Values in PostgreSQL's binary formats, for COPY and for parameters of statements, arrays of rows
 * among them.
 *
 * The formats are those of each type's receive function (int8recv, numeric_recv …), in network
 * order behind a length of four bytes; the frame is that of COPY's documentation, "Binary Format".
 * Nothing is allocated per value. May not know: libpq. */
#ifndef PENSTOCK_DESTINATIONS_POSTGRES_COPY_H
#define PENSTOCK_DESTINATIONS_POSTGRES_COPY_H

#include "model/batch.h"

/* What numeric holds: digits before and after the point. */
#define NUMERIC_INTEGER_DIGITS 131072
#define NUMERIC_SCALE          16383

/* Grows and is used again. All zero = empty. */
struct copy_buffer {
    char *bytes;
    size_t length, room;
};

void copy_buffer_done(struct copy_buffer *buffer);
/* The frame of a COPY: header, number of values before each row, trailer. */
void copy_begin(struct copy_buffer *buffer);
void copy_row(struct copy_buffer *buffer, unsigned columns);
void copy_end(struct copy_buffer *buffer);
/* Length and bytes of a value of this type; null for a cell without value. False when the text is
 * not in the type's form (table.h) or out of its range; then nothing was added. */
bool copy_cell(struct copy_buffer *buffer, enum column_type type, const struct cell *cell);
void copy_int64(struct copy_buffer *buffer, int64_t value);
/* Four bytes without a length, and the same in a place that was left for them. */
void copy_word(struct copy_buffer *buffer, uint32_t value);
void copy_word_at(struct copy_buffer *buffer, size_t place, uint32_t value);
/* What was encoded already, length included. */
void copy_bytes(struct copy_buffer *buffer, const char *bytes, size_t length);

#endif
