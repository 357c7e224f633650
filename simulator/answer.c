#include <stdarg.h>

#include "request.h"

void answer_error(struct answer *a, int status, const char *code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);

    a->status = status;
    a->body.len = 0;
    a->rows = 0;
    BUF_LIT(&a->body, "{\"success\":false,\"error\":");
    buf_json_string(&a->body, text);
    if (code) {
        BUF_LIT(&a->body, ",\"code\":");
        buf_json_string(&a->body, code);
    }
    BUF_LIT(&a->body, ",\"error_info\":\"Please check developers.pipedrive.com\",\"data\":null,"
                      "\"additional_data\":null}");
}

void answer_not_found(struct request *q)
{
    static const char *const names[N_ENTITIES] = {
        [E_ACTIVITY] = "Activity", [E_DEAL] = "Deal",       [E_PERSON] = "Person",
        [E_ORG] = "Organization",  [E_PRODUCT] = "Product", [E_PIPELINE] = "Pipeline",
        [E_STAGE] = "Stage",       [E_NOTE] = "Note",       [E_FILE] = "File",
        [E_FILTER] = "Filter",     [E_USER] = "User",
    };
    const char *name = names[q->endpoint->entity];
    answer_error(q->answer, 404, NULL, "%s not found", name ? name : "Item");
}

void answer_begin(struct answer *a)
{
    a->status = 200;
    BUF_LIT(&a->body, "{\"success\":true,\"data\":");
}

void answer_end_list_v1(struct request *q, size_t bracket)
{
    struct buf *b = &q->answer->body;
    if (q->answer->rows || company_switch(q->company, SW_EMPTY_V1)) {
        buf_char(b, ']');
        return;
    }
    b->len = bracket;
    BUF_LIT(b, "null");
}

void answer_end_v1(struct request *q, int64_t start, int64_t limit, bool more, bool flat_in_spec)
{
    struct buf *b = &q->answer->body;
    int paging = company_switch(q->company, SW_V1_PAGING);
    bool flat = paging == PAGING_FLAT || (paging == PAGING_SPEC && flat_in_spec);

    buf_str(b, flat ? ",\"additional_data\":{" : ",\"additional_data\":{\"pagination\":{");
    buf_printf(b, "\"start\":%lld,\"limit\":%lld,\"more_items_in_collection\":%s", (long long)start,
               (long long)limit, more ? "true" : "false");
    if (more && !flat)
        buf_printf(b, ",\"next_start\":%lld", (long long)(start + limit));
    buf_str(b, flat ? "}}" : "}}}");
}
