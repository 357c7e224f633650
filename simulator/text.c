#include "text.h"

#include "hash.h"

#define N_OF(list) ((uint32_t)(sizeof(list) / sizeof((list)[0])))

static const char *const words[] = {
    "renewal",  "pilot",     "licence", "upgrade",  "Berlin", "quarter", "support", "training",
    "north",    "migration", "bundle",  "proposal", "annual", "fleet",   "hosting", "audit",
    "café",     "naïve",     "Straße",  "Łódź",     "šnek",   "žluť",    "Ελλάδα",  "проект",
    "見積もり", "合同",      "계약",    "สัญญา",     "שלום",   "مشروع",   "नमस्ते",    "🚀",
    "50 %",     "A/B",       "v2.0",    "R&D",
};

/* What has broken loaders before: quotes, backslashes, controls, direction marks, combining marks,
 * astral planes, zero width, line separators, SQL, CSV, very long words. */
static const char *const nasty[] = {
    "Quotes \\\" ' ` and \\\\ backslash \\\\n",
    "Tab\\there, newline\\nthere, return\\r\\nend",
    "Control \\u0001\\u0007\\u001f\\u007f bytes",
    "Emoji 👩‍👩‍👧‍👦 🏳️‍🌈 🇪🇪 and \\ud83d\\ude80",
    "Combining e\u0301 a\u0308 Z͑ͫ̓ͪ̂a͔̙l̵g̷o̵",
    "RTL ‮evil‬ שלום مرحبا \u200f\u200e",
    "CJK 漢字かな交じり文 繁體字 한국어 𠜎𠜱",
    "Zero\u200bwidth\u200djoiner\ufeffBOM\u2060",
    "Separators \u2028 and \u2029 and \\u0085",
    "'; DROP TABLE deals; -- \\\"$1\\\" ${x} %s %n {{x}}",
    "csv,\\\"a,b\\\";|\\t=1+1 @SUM(A1)",
    "<script>alert(1)</script> &amp; &lt;b&gt; <b>x</b>",
    " leading and trailing ",
    "NULL",
    "\\\\N",
    "null",
    "\\/slash\\b\\f",
    "Noncharacter \ufffe\uffff and replacement \ufffd",
    "0x1F 1e5 007 1,234.50",
    "İstanbul ıǰß ﬁ Ⅷ ①",
};

static const char *const companies[] = {
    "Acme",  "Globex",     "Initech",  "Umbrella", "Hooli",      "Nordwind", "Blauberg",
    "Maple", "Ōsaka 商事", "Søster",   "Éclair",   "Ångström",   "Zażółć",   "Kalev",
    "Пегас", "Δέλτα",      "大連貿易", "O'Neill",  "Smith & Co", "Öko",
};
static const char *const suffixes[] = {"Ltd", "GmbH", "AS", "OÜ", "Inc.", "S.A.", "株式会社", "AB"};
static const char *const first_names[] = {
    "Ann",   "Bo",   "Carla",  "Dmitri", "Eve",    "Fatima", "Günther", "Hana",   "Ivo",   "José",
    "Kadri", "Liis", "Mårten", "Nia",    "Ólafur", "Priya",  "Quỳnh",   "Rasmus", "Søren", "太郎",
};
static const char *const last_names[] = {
    "Lee",          "Berg",     "García",      "O'Brien", "Müller", "Tamm",    "Kask",
    "Nguyễn",       "Øst",      "山田",        "Novák",   "Silva",  "Иванова", "Šimić",
    "van den Berg", "D'Angelo", "Smith-Jones", "김",      "Ng",     "Å",
};
static const char *const things[] = {"Widget",  "Gadget", "Pencil",          "Server",
                                     "Licence", "Ladder", "Kübel",           "Bolt",
                                     "Router",  "茶",     "Pump \\\"XL\\\"", "Seat"};
static const char *const colours[] = {"red", "blue", "grün", "small", "large", "mk II", "5\\u2033"};
static const char *const cities[] = {"Tallinn", "Paris",     "São Paulo", "Zürich", "東京",
                                     "Kraków",  "Reykjavík", "Lisboa",    "Dublin", "Αθήνα"};
static const char *const countries[] = {"Estonia", "France",  "Brazil",   "Switzerland", "Japan",
                                        "Poland",  "Iceland", "Portugal", "Ireland",     "Greece"};
static const char *const streets[] = {"Harbour St",   "Rue X",   "Mustamäe tee", "Bahnhofstraße",
                                      "Rua da Prata", "Main St", "ul. Długa",    "Laugavegur"};
static const char *const slugs[] = {"oak",  "elm",  "fir",  "ash",  "ivy",  "fern", "moss", "reed",
                                    "rose", "sage", "palm", "pine", "teak", "vine", "yew",  "lime"};

uint32_t text_nasty_count(void)
{
    return N_OF(nasty);
}

void text_nasty(struct buf *b, uint32_t number)
{
    buf_str(b, nasty[(number - 1) % N_OF(nasty)]);
}

void text_words(struct buf *b, uint64_t hash, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (i)
            buf_char(b, ' ');
        hash = mix(hash, i);
        buf_str(b, words[pick(hash, N_OF(words))]);
    }
}

void text_company(struct buf *b, uint64_t hash)
{
    buf_str(b, companies[pick(hash, N_OF(companies))]);
    buf_char(b, ' ');
    buf_str(b, suffixes[pick(mix(hash, 1), N_OF(suffixes))]);
}

void text_first_name(struct buf *b, uint64_t hash)
{
    buf_str(b, first_names[pick(hash, N_OF(first_names))]);
}

void text_last_name(struct buf *b, uint64_t hash)
{
    buf_str(b, last_names[pick(hash, N_OF(last_names))]);
}

void text_product(struct buf *b, uint64_t hash)
{
    buf_str(b, things[pick(hash, N_OF(things))]);
    buf_char(b, ' ');
    buf_str(b, colours[pick(mix(hash, 1), N_OF(colours))]);
}

void text_html(struct buf *b, uint64_t hash)
{
    BUF_LIT(b, "<p>");
    text_words(b, hash, 3 + pick(hash, 9));
    BUF_LIT(b, " <b>");
    text_words(b, mix(hash, 2), 2);
    BUF_LIT(b, "</b></p>");
    if (chance(mix(hash, 3), 30)) {
        BUF_LIT(b, "\\n<ul><li class=\\\"x\\\">");
        text_nasty(b, 1 + pick(mix(hash, 4), N_OF(nasty)));
        BUF_LIT(b, "</li><li>&nbsp;&euro; 5</li></ul>");
    }
}

void text_city(struct buf *b, uint64_t hash)
{
    buf_str(b, cities[pick(hash, N_OF(cities))]);
}

void text_country(struct buf *b, uint64_t hash)
{
    buf_str(b, countries[pick(hash, N_OF(countries))]);
}

void text_street(struct buf *b, uint64_t hash)
{
    buf_str(b, streets[pick(hash, N_OF(streets))]);
}

void text_slug(struct buf *b, uint64_t hash)
{
    buf_str(b, slugs[pick(hash, N_OF(slugs))]);
    buf_char(b, '-');
    buf_int(b, (int64_t)(hash % 9973));
}

void text_uuid(struct buf *b, uint64_t hash)
{
    uint64_t low = mix(hash, 77);
    buf_printf(b, "\"%08x-%04x-4%03x-8%03x-%012llx\"", (unsigned)(hash >> 32),
               (unsigned)(hash >> 16 & 0xffff), (unsigned)(hash & 0xfff), (unsigned)(low >> 52),
               (unsigned long long)(low & 0xffffffffffffu));
}
