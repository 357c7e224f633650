/* Attribute functions that several entities share; each writes one JSON value. `arg` is mostly the
 * purpose of the dice. */
#ifndef SIM_ATTRS_H
#define SIM_ATTRS_H

#include "times.h"
#include "view.h"

attr_fn attr_id, attr_link, attr_add_time, attr_update_time, attr_null, attr_true, attr_false,
    attr_number, /* arg itself */
    attr_empty,  /* "" */
    attr_empty_array, attr_visible_to, attr_visible_to_string, attr_deleted, attr_active,
    attr_dice_id, attr_dice_flag, /* arg: purpose × 100 + percent */
    attr_dice_count,              /* arg: purpose */
    attr_dice_uuid,               /* null in nine of ten; arg: purpose × 100 + percent */
    attr_dice_time, attr_words, attr_name, attr_label_ids, attr_labels, attr_custom_fields,
    attr_custom_fields_flat, attr_smart_bcc, attr_creator, attr_email_array, attr_phone_array,
    attr_currency, attr_html, /* arg: purpose */
    attr_activities_count; /* arg 0: all, 1: done, 2: not done; the first is the sum of the others
                            */

/* {"value":…,"country":…} with or without formatted_address. */
void write_address(struct buf *b, uint64_t hash, bool formatted);
/* One part of the address of a hash, as a JSON value: "value", "country", … */
void write_address_part(struct buf *b, uint64_t hash, const char *part);
/* The dice of the record in view. */
uint64_t view_dice(const struct view *v, const struct record *r, int purpose);
/* When made-up histories end: of rows added by hand, at their start. */
int64_t view_history_end(const struct view *v, const struct record *r);
const char *currency_code(uint32_t number);
enum time_style view_time_style(const struct view *v);
/* The whole text of a record, `nasty` for the first rows; with quotes. */
void write_text(struct buf *b, const struct view *v, const struct record *r, uint32_t purpose,
                uint32_t words);
bool money_literal(struct buf *b, uint64_t hash);

#endif
