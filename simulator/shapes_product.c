/* The v2 shapes of products, product lines, pipelines and stages. Source: openapi-v2.yaml of
 * 2026-08-18, schemas and examples of the lists. */
#include "attrs.h"
#include "shapes.h"
#include "text.h"
#include "times.h"

enum {
    DICE_PRICES = 113,
    DICE_LINE
};

static const char *const frequencies[] = {"one-time",  "annually", "semi-annually",
                                          "quarterly", "monthly",  "weekly"};

/* arg 0 frequency, 1 cycles, 2 start date; of products and lines */
static void billing(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    uint64_t hash = view_dice(v, r, DICE_LINE + 20);
    uint32_t frequency = chance(hash, 60) ? 0 : 1 + pick(mix(hash, 1), 5);
    if (arg == 0)
        buf_printf(b, "\"%s\"", frequencies[frequency]);
    else if (frequency == 0)
        BUF_LIT(b, "null");
    else if (arg == 1)
        buf_int(b, 1 + (int64_t)pick(mix(hash, 2), 24));
    else
        date_write(b, (int64_t)r->add_time + 30 * DAY_S);
}

static int64_t product_price_cents(const struct view *v, const struct record *r)
{
    uint64_t hash = record_hash(v->company, E_PRODUCT, r, DICE_PRICES);
    return pick(hash, 100) < 5 ? 0 : (int64_t)pick(mix(hash, 1), 1000000);
}

static void product_prices(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    uint64_t hash = view_dice(v, r, DICE_PRICES);
    uint32_t n = pick(hash, 3);
    (void)arg;
    buf_char(b, '[');
    for (uint32_t i = 0; i <= n && pick(hash, 100) < 95; i++) {
        buf_printf(b, "%s{\"product_id\":%d,\"price\":", i ? "," : "", r->id);
        buf_decimal(b, product_price_cents(v, r) + i * 10, 2);
        buf_printf(b, ",\"currency\":\"%s\",\"cost\":", currency_code(i));
        buf_decimal(b, product_price_cents(v, r) / 2, 2);
        BUF_LIT(b, ",\"direct_cost\":");
        buf_str(b, chance(mix(hash, i), 50) ? "null" : "1.5");
        BUF_LIT(b, ",\"notes\":\"\"}");
    }
    buf_char(b, ']');
}

/* arg 0 code, 1 unit, 2 tax, 3 category */
static void product_detail(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    static const char *const categories[] = {"\"Retail\"", "\"262\"", "\"Dienstleistung\"", "null"};
    static const char *const taxes[] = {"0", "20", "7.7", "5.5"};
    uint64_t hash = mix(view_dice(v, r, DICE_PRICES + 1), (uint64_t)arg);
    if (arg == 0) {
        buf_char(b, '"');
        text_slug(b, hash);
        buf_char(b, '"');
    } else if (arg == 1) {
        buf_str(b, chance(hash, 50) ? "\"pc\"" : "\"\"");
    } else {
        buf_str(b, (arg == 2 ? taxes : categories)[pick(hash, 4)]);
    }
}

const struct attr product_attrs[] = {
    ID,
    ATTR("name", attr_name, 0),
    ATTR("code", product_detail, 0),
    ATTR("description", attr_html, 64),
    ATTR("unit", product_detail, 1),
    ATTR("tax", product_detail, 2),
    ATTR("category", product_detail, 3),
    ATTR("is_linkable", attr_dice_flag, 4490),
    STORED("is_deleted", attr_deleted, 0, STORE_DELETED),
    STORED("visible_to", attr_visible_to, 0, STORE_VISIBLE_TO),
    STORED("owner_id", attr_link, LINK_OWNER, STORE_LINK0),
    TIMES,
    ATTR("billing_frequency", billing, 0),
    ATTR("billing_frequency_cycles", billing, 1),
    ATTR("prices", product_prices, 0),
    FIXED("custom_fields", attr_custom_fields, 0),
    END,
};

/* Money of a line in exact integers: price in cents, quantity in hundredths, discount in percent.
 */
struct line_money {
    int64_t price, quantity, discount;
};

static struct line_money line_money(const struct view *v, const struct record *r)
{
    uint64_t hash = view_dice(v, r, DICE_LINE);
    struct record product = {.id = r->link[LINE_PRODUCT]};
    struct line_money m = {product_price_cents(v, &product), 100, 0};
    m.quantity = chance(hash, 25) ? 1 + pick(mix(hash, 1), 1000) : 100 * (1 + pick(hash, 9));
    m.discount = chance(mix(hash, 2), 30) ? 10 : 0;
    return m;
}

/* arg 0 sum, 1 quantity, 2 item_price, 3 discount */
static void line_number(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    struct line_money m = line_money(v, r);
    if (arg == 0)
        buf_decimal(b, m.price * m.quantity * (100 - m.discount), 6);
    else if (arg == 1)
        buf_decimal(b, m.quantity, 2);
    else if (arg == 2)
        buf_decimal(b, m.price, 2);
    else
        buf_int(b, m.discount);
}

/* arg 0 product_id, 1 name, both null once the product is purged; 2 product_variation_id */
static void line_product(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    const struct record *product = company_find(v->company, E_PRODUCT, r->link[LINE_PRODUCT]);
    if (!product || record_gone(product, v->now) || (arg == 2 && r->id % 10))
        BUF_LIT(b, "null");
    else if (arg == 1)
        view_other(b, v, E_PRODUCT, product->id, "name");
    else
        buf_int(b, product->id);
}

static void line_word(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    static const char *const methods[] = {"\"inclusive\"", "\"exclusive\"", "\"none\""};
    uint64_t hash = view_dice(v, r, DICE_LINE + 1 + arg);
    if (arg == 0)
        buf_str(b, methods[pick(hash, 3)]);
    else if (chance(hash, 30))
        write_text(b, v, r, 66, 3);
    else
        BUF_LIT(b, "\"\"");
}

static void line_discount_type(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)v, (void)r, (void)arg;
    BUF_LIT(b, "\"percentage\"");
}

const struct attr line_attrs[] = {
    ID,
    ATTR("sum", line_number, 0),
    ATTR("tax", product_detail, 2),
    STORED("deal_id", attr_link, LINE_DEAL, STORE_LINK0),
    ATTR("name", line_product, 1),
    STORED("product_id", line_product, 0, STORE_LINK1),
    ATTR("product_variation_id", line_product, 2),
    STORED("order_nr", attr_link, LINE_ORDER, STORE_LINK2),
    TIMES,
    ATTR("comments", line_word, 1),
    ATTR("currency", attr_currency, 0),
    ATTR("discount", line_number, 3),
    ATTR("quantity", line_number, 1),
    ATTR("item_price", line_number, 2),
    ATTR("tax_method", line_word, 0),
    ATTR("discount_type", line_discount_type, 0),
    ATTR("is_enabled", attr_dice_flag, 4495),
    ATTR("billing_frequency", billing, 0),
    ATTR("billing_frequency_cycles", billing, 1),
    ATTR("billing_start_date", billing, 2),
    END,
};

static void funnel_name(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    static const char *const stages[] = {"Qualified", "Contact made", "Demo \\\"on site\\\"",
                                         "見積もり Proposal", "Negotiation"};
    (void)v;
    if (arg)
        buf_printf(b, "\"%s\"", stages[(r->link[STAGE_ORDER] + 4) % 5]);
    else
        buf_printf(b, "\"Sales %d%s\"", r->id, r->id % 2 ? "" : " – Łódź");
}

static void stage_probability(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)v, (void)arg;
    buf_int(b, 20 * (int64_t)r->link[STAGE_ORDER]);
}

static void stage_rot(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)v;
    if (arg == 0)
        buf_bool(b, r->id % 2 == 0);
    else if (r->id % 2 == 0)
        buf_int(b, 14);
    else
        BUF_LIT(b, "null");
}

const struct attr pipeline_attrs[] = {
    ID,
    ATTR("name", funnel_name, 0),
    STORED("order_nr", attr_link, STAGE_ORDER, STORE_LINK1),
    STORED("is_deleted", attr_deleted, 0, STORE_DELETED),
    ATTR("is_deal_probability_enabled", attr_dice_flag, 4450),
    TIMES,
    END,
};

const struct attr stage_attrs[] = {
    ID,
    STORED("order_nr", attr_link, STAGE_ORDER, STORE_LINK1),
    ATTR("name", funnel_name, 1),
    STORED("is_deleted", attr_deleted, 0, STORE_DELETED),
    ATTR("deal_probability", stage_probability, 0),
    STORED("pipeline_id", attr_link, STAGE_PIPELINE, STORE_LINK0),
    ATTR("is_deal_rot_enabled", stage_rot, 0),
    ATTR("days_to_rotten", stage_rot, 1),
    TIMES,
    END,
};
