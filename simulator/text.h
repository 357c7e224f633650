/* Made-up texts, already escaped for JSON: no quotes around them, functions of a hash. Knows no
 * entity. */
#ifndef SIM_TEXT_H
#define SIM_TEXT_H

#include "buf.h"

/* Each writes the inside of a JSON string. `nasty` > 0 takes that entry of the nasty list (1-based,
 * wraps). */
void text_words(struct buf *b, uint64_t hash, uint32_t words);
void text_nasty(struct buf *b, uint32_t number);
void text_company(struct buf *b, uint64_t hash);
void text_first_name(struct buf *b, uint64_t hash);
void text_last_name(struct buf *b, uint64_t hash);
void text_product(struct buf *b, uint64_t hash);
void text_html(struct buf *b, uint64_t hash);
void text_city(struct buf *b, uint64_t hash);
void text_country(struct buf *b, uint64_t hash);
void text_street(struct buf *b, uint64_t hash);
/* lower-case ASCII, for addresses and codes */
void text_slug(struct buf *b, uint64_t hash);
/* With quotes. */
void text_uuid(struct buf *b, uint64_t hash);
uint32_t text_nasty_count(void);

#endif
